"""Checking in with the code on the screen: who enters it is in the room. Writes, but for the code.

The code is not kept anywhere. It is derived from the server's secret, the meeting and the time,
so that every process shows and knows the same one, and none has to be swept up.
"""

from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import MdtError
from mdt.meetings.attendance import close_rows, open_row
from mdt.meetings.checks import check_is_live, lock
from mdt.meetings.models import Attendance, Meeting
from mdt.members import Person
from mdt.teams.queries import teams_of

Action = AuditEvent.Action
DIGITS = 6
PERIOD = timedelta(minutes=10)  # of one code; the one before it is still taken
MAX_TRIES = 5
TRIES_WITHIN = timedelta(minutes=10)


class WrongCode(MdtError):
    """It fits no meeting of this person's that is open now. It does not say which of these."""

    code = "check_in.wrong_code"
    status = 422


class TooManyTries(MdtError):
    code = "check_in.too_many_tries"
    status = 429


def code_of(meeting: Meeting, at: datetime) -> str:
    """The code of a meeting's room at a moment: six digits, others in the next PERIOD."""
    period = int(at.timestamp() // PERIOD.total_seconds())
    text = f"{meeting.public_id}:{period}"
    mac = salted_hmac("mdt.meetings.check_in", text, algorithm="sha256").digest()
    return f"{int.from_bytes(mac) % 10**DIGITS:0{DIGITS}}"


def changes_at(at: datetime) -> datetime:
    """When the code of this moment gives way to the next."""
    seconds = PERIOD.total_seconds()
    return datetime.fromtimestamp((at.timestamp() // seconds + 1) * seconds, UTC)


def check_in(*, code: str, by: Person) -> Meeting:
    """Be present, from now on, in the open meeting whose screen shows `code`.

    Raises
    ------
    WrongCode
        It fits no open meeting of a team of theirs: whether mistyped, expired or another
        team's, the answer is the same.
    TooManyTries
        MAX_TRIES wrong ones within TRIES_WITHIN, whatever the code is now.
    """
    meeting = _meeting_with(code, by)
    if not _take_try(by, is_right=meeting is not None):
        raise TooManyTries(
            "Too many wrong codes. Wait ten minutes, or ask the coordinator to tick you."
        )
    if meeting is None:
        raise WrongCode("This code does not fit, or it has expired. Type the one on the screen.")
    _arrive(meeting, by)
    return meeting


@transaction.atomic
def check_out(*, meeting: Meeting, by: Person) -> None:
    """Leave the physical room: who goes no longer counts for the quorum."""
    meeting = lock(meeting.pk)
    if close_rows(meeting, by):
        record(Action.CHECKED_OUT, by=by, target=meeting)


def _meeting_with(code: str, person: Person) -> Meeting | None:
    """Only meetings the person may enter are held against the code: others are as if not there."""
    now = timezone.now()
    teams = teams_of(person, timezone.localdate())
    for meeting in Meeting.objects.filter(team__in=teams, state=Meeting.State.LIVE):
        if any(_fits(code, code_of(meeting, at)) for at in (now, now - PERIOD)):
            return meeting
    return None


def _fits(code: str, right: str) -> bool:
    return compare_digest(code.encode(), right.encode())


@transaction.atomic
def _take_try(person: Person, *, is_right: bool) -> bool:
    """Whether one more try is theirs; a wrong one is put on record. One at a time by person.

    Refusing here would undo the record. The lock does not keep others from naming the person.
    """
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    since = timezone.now() - TRIES_WITHIN
    refused = AuditEvent.objects.filter(action=Action.CHECK_IN_REFUSED, at__gte=since)
    if refused.filter(by=person.public_id).count() >= MAX_TRIES:
        return False
    if not is_right:
        record(Action.CHECK_IN_REFUSED, by=person, target=None)
    return True


@transaction.atomic
def _arrive(meeting: Meeting, person: Person) -> None:
    meeting = lock(meeting.pk)
    check_is_live(meeting)
    if open_row(meeting, person, Attendance.Source.CHECK_IN):
        record(Action.CHECKED_IN, by=person, target=meeting)
