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
    if known and _refusals(known) >= MAX_TRIES:
        raise TooManyTries("Too many wrong passwords. Wait ten minutes, then try again.")
    person = authenticate(request, username=username, password=password)
    if not isinstance(person, Person) or _is_the_demos(password):
        record(Action.SIGN_IN_REFUSED, by=None, target=known)
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


def _refusals(person: Person) -> int:
    since = timezone.now() - TRIES_WITHIN
    refused = AuditEvent.objects.filter(action=Action.SIGN_IN_REFUSED, at__gte=since)
    return refused.filter(target=target_of(person)).count()
