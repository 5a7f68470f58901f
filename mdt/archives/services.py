"""What an archive's administrator does. Each service writes and audits in one transaction.

An archive is never deleted, only paused: what was fetched from it stays known by it. No secret
reaches the audit, a log or a page.
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from imaging.archives.probe import Result
from imaging.models import Archive
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import NotAllowed, WrongState
from mdt.members import Person
from mdt.teams.models import Duty
from mdt.teams.queries import trusts_looked_after

Action = AuditEvent.Action
#: Never shown: empty in a form means that they are kept.
SECRETS = frozenset({"password", "token", "client_secret", "client_key"})
#: What the audit says of these is that they changed, never what to. Certificates are only long.
UNSAID = SECRETS | {"ca_certificate", "client_certificate"}
#: What goes with each way of being known; the rest is forgotten when another is chosen.
OF_AUTH: dict[str, tuple[str, ...]] = {
    Archive.Auth.BASIC: ("username", "password"),
    Archive.Auth.BEARER: ("token",),
    Archive.Auth.OAUTH2: ("token_url", "client_id", "client_secret", "scope"),
}
ADDRESS = frozenset({"base_url", "host", "port", "token_url", "folder"})
#: A change of one of these may mend what the breaker rests for.
MENDS = (
    ADDRESS
    | UNSAID
    | {
        *("auth", "username", "client_id", "scope", "is_tls"),
        *("called_ae_title", "calling_ae_title", "move_destination", "retrieve_by"),
    }
)


@transaction.atomic
def add_archive(*, kind: str, by: Person, **fields: Any) -> Archive:
    """A new one, paused until its administrator has tested it and lets it be asked."""
    check_looks_after(by, str(fields["trust_ods_code"]))
    reason = "new, not tested yet"
    archive = Archive(kind=kind, is_paused=True, pause_reason=reason)
    changes = _assign(archive, fields)
    archive.save()
    record(Action.ARCHIVE_ADDED, by=by, target=archive, kind=kind, **changes)
    return archive


@transaction.atomic
def change_archive(*, archive: Archive, by: Person, **fields: Any) -> bool:
    """True when where it is has changed, so that it is to be tested anew."""
    archive = Archive.objects.select_for_update().get(pk=archive.pk)
    check_looks_after(by, archive.trust_ods_code)
    check_looks_after(by, str(fields["trust_ods_code"]))
    changes = _assign(archive, fields)
    if not changes:
        return False
    if MENDS & changes.keys():
        archive.rests_until, archive.failures_in_a_row = None, 0
    archive.save()
    record(Action.ARCHIVE_CHANGED, by=by, target=archive, **changes)
    return bool(ADDRESS & changes.keys())


@transaction.atomic
def pause(*, archive: Archive, by: Person, reason: str) -> None:
    """From the next claim on it is asked nothing; what runs ends by itself."""
    check_looks_after(by, archive.trust_ods_code)
    Archive.objects.filter(pk=archive.pk).update(is_paused=True, pause_reason=reason)
    record(Action.ARCHIVE_PAUSED, by=by, target=archive, reason=reason)


@transaction.atomic
def resume(*, archive: Archive, by: Person) -> None:
    check_looks_after(by, archive.trust_ods_code)
    if not Archive.objects.filter(pk=archive.pk, is_paused=True).update(
        is_paused=False, pause_reason=""
    ):
        raise WrongState("It is not paused.")
    record(Action.ARCHIVE_RESUMED, by=by, target=archive)


@transaction.atomic
def ask_again(*, archive: Archive, by: Person) -> None:
    """End the rest after failures: whoever mended it need not wait."""
    check_looks_after(by, archive.trust_ods_code)
    resting = Archive.objects.filter(pk=archive.pk, rests_until__gt=timezone.now())
    if not resting.update(rests_until=None):
        raise WrongState("It is not at rest.")
    record(Action.ARCHIVE_ASKED_AGAIN, by=by, target=archive)


def note_test(*, archive: Archive, by: Person, result: Result) -> None:
    """That it was tested and how it went; never for whose number."""
    check_looks_after(by, archive.trust_ods_code)
    said = {"step": result.step, "verdict": result.verdict, "code": result.code}
    record(Action.ARCHIVE_TESTED, by=by, target=archive, **said)


def check_looks_after(by: Person, ods_code: str) -> None:
    """Raise NotAllowed unless it is their duty today."""
    kind = Duty.Kind.ARCHIVE_ADMINISTRATOR
    if ods_code not in trusts_looked_after(by, kind, timezone.localdate()):
        raise NotAllowed("You do not look after this trust's archives.")


def _assign(archive: Archive, fields: dict[str, Any]) -> dict[str, str]:
    """Set them, and say what changed: {field: "old -> new"}, of a secret only that it did."""
    wanted = {name: value for name, value in fields.items() if value or name not in SECRETS}
    wanted |= _forgotten(fields)
    changes = {}
    for name, value in wanted.items():
        before = getattr(archive, name)
        if value != before:
            setattr(archive, name, value)
            changes[name] = "changed" if name in UNSAID else f"{before} -> {value}"
    return changes


def _forgotten(fields: dict[str, Any]) -> dict[str, str]:
    """What no longer serves is not kept: credentials of another way, a key without certificate."""
    gone: dict[str, str] = {}
    if "auth" in fields:
        mine = OF_AUTH.get(str(fields["auth"]), ())
        gone = {name: "" for names in OF_AUTH.values() for name in names if name not in mine}
    if "client_certificate" in fields and not fields["client_certificate"]:
        gone["client_key"] = ""
    return gone
