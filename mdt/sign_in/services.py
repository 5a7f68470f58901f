"""Who comes in and who leaves, each on record. Writes only."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.audit.services import record, target_of
from mdt.errors import MdtError
from mdt.members import Person
from mdt.room_log import log

Action = AuditEvent.Action
MAX_TRIES = 10
TRIES_WITHIN = timedelta(minutes=10)
TOO_MANY = "Too many wrong passwords. Wait ten minutes, then try again."


class WrongPassword(MdtError):
    code = "sign_in.wrong"
    status = 401


class TooManyTries(MdtError):
    code = "sign_in.too_many_tries"
    status = 429


def sign_in(request: HttpRequest, *, username: str, password: str) -> Person:
    """Begin a session under a new key.

    Raises WrongPassword, which does not say whether the name is known, or TooManyTries after
    MAX_TRIES refusals within TRIES_WITHIN, whatever the password.
    """
    known = Person.objects.filter(username=username).first()
    if known and _has_too_many(known):  # before the password, which takes long to look at
        raise TooManyTries(TOO_MANY)
    found = authenticate(request, username=username, password=password)
    person = found if isinstance(found, Person) and not _is_the_demos(password) else None
    if not _take_try(known, is_right=person is not None):
        raise TooManyTries(TOO_MANY)
    if person is None:
        raise WrongPassword("User name and password do not fit together.")
    begin_session(request, person=person, way="password")
    return person


@transaction.atomic
def begin_session(request: HttpRequest, *, person: Person, way: str) -> None:
    """Sign somebody in whom another step has vouched for; `way` says which."""
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    record(Action.SIGNED_IN, by=person, target=person, way=way)


@transaction.atomic
def sign_out(request: HttpRequest, *, by: Person) -> None:
    """End a session: within moments its rooms close, and its grants open nothing more."""
    record(Action.SIGNED_OUT, by=by, target=by)
    logout(request)
    log.revoke(by)


def _is_the_demos(password: str) -> bool:
    """Whether it is the password everybody can read about; outside the demo it opens nothing."""
    return not settings.DEMO and password == settings.DEMO_PASSWORD


@transaction.atomic
def _take_try(known: Person | None, *, is_right: bool) -> bool:
    """Whether one more try is theirs; a wrong one is put on record. One at a time by person, so
    that of many passwords sent at once no more are answered than of as many in turn.

    Refusing here would undo the record. The lock does not keep others from naming the person.
    """
    if known:
        Person.objects.select_for_update(no_key=True).get(pk=known.pk)
        if _has_too_many(known):
            return False
    if not is_right:
        record(Action.SIGN_IN_REFUSED, by=None, target=known)
    return True


def _has_too_many(person: Person) -> bool:
    since = timezone.now() - TRIES_WITHIN
    refused = AuditEvent.objects.filter(action=Action.SIGN_IN_REFUSED, at__gte=since)
    return refused.filter(target=target_of(person)).count() >= MAX_TRIES
