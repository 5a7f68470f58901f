"""Who is in the room, as connections and ticks tell: rows opened, kept, closed. Writes only.

Nothing here waits to be told that a socket has closed, because a killed process tells nobody:
a row lives on heartbeats, and any process closes one that has had none for AWAY.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import NotAllowed
from mdt.meetings.checks import check_is_live, check_role, lock, roles_today
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room_queries import AWAY, present_in
from mdt.members import Person
from mdt.room_log import log

SOCKET, TICK = Attendance.Source.SOCKET, Attendance.Source.TICK
Action = AuditEvent.Action
IN_PERSON = (TICK, Attendance.Source.CHECK_IN)
SLIP = timedelta(seconds=60)  # a tick taken back within this was a slip of the hand


def note_heard(*, meeting_id: str, people: Iterable[str]) -> None:
    """These people (public ids) have been heard of just now: they are in the room.

    Only a live meeting is attended. For who is known already it is one UPDATE without a
    transaction; who comes, or comes back after having left, gets a new row.
    """
    meeting = Meeting.objects.filter(public_id=meeting_id, state=Meeting.State.LIVE).first()
    if meeting is None:
        return
    rows = _open_rows().filter(meeting=meeting, person__public_id__in=list(people))
    fresh = rows.filter(seen_at__gt=timezone.now() - AWAY)
    known = set(fresh.values_list("person__public_id", flat=True))
    fresh.update(seen_at=timezone.now())
    if new := set(people) - known:
        _arrive(meeting.pk, new)


def close_stale() -> None:
    """Close every connection's row not heard of for AWAY, in whichever meeting: they had left."""
    stale = _stale_rows().values_list("meeting", flat=True)
    for meeting_pk in sorted(set(stale)):
        _leave(meeting_pk)


@transaction.atomic
def tick(*, meeting: Meeting, person: Person, by: Person) -> None:
    """Somebody sits in the physical room, and `by` has seen them. Twice is as good as once.

    Raises
    ------
    NotAllowed
        `by` may not take attendance, or the person is not in the team today.
    WrongState
        The meeting is not live.
    """
    meeting = lock(meeting.pk)
    _check_may_tick(meeting, by)
    if not roles_today(meeting, person):
        raise NotAllowed("Only members of this team can be ticked, and they are none today.")
    if open_row(meeting, person, TICK, ticked_by=by):
        record(Action.ATTENDANCE_TICKED, by=by, target=meeting, person=person.public_id)


@transaction.atomic
def untick(*, meeting: Meeting, person: Person, by: Person) -> None:
    """Somebody has left the physical room, by whichever way it was known that they were there.

    Raises as `tick` does.
    """
    meeting = lock(meeting.pk)
    _check_may_tick(meeting, by)
    if close_rows(meeting, person):
        record(Action.ATTENDANCE_UNTICKED, by=by, target=meeting, person=person.public_id)


def open_row(
    meeting: Meeting,
    person: Person,
    source: Attendance.Source,
    *,
    ticked_by: Person | None = None,
) -> bool:
    """They are here from now on; False when this source says so already.

    The caller holds the meeting's lock. The room hears it unless they are here otherwise.
    """
    if meeting.attendances.filter(person=person, source=source, left_at=None).exists():
        return False
    is_news = not present_in(meeting).filter(person=person).exists()
    now = timezone.now()
    meeting.attendances.create(
        person=person, source=source, ticked_by=ticked_by, joined_at=now, seen_at=now
    )
    if is_news:
        _tell(meeting, person, is_present=True)
    return True


def close_rows(meeting: Meeting, person: Person) -> bool:
    """They sit in the physical room no longer; False when nothing said that they do.

    The caller holds the meeting's lock. A tick younger than SLIP was on the wrong line: it
    lasted no time, so that nobody reads later that they were present.
    """
    rows = meeting.attendances.filter(person=person, source__in=IN_PERSON, left_at=None)
    now = timezone.now()
    slips = rows.filter(source=TICK, joined_at__gt=now - SLIP).update(left_at=F("joined_at"))
    left = rows.update(left_at=now)
    if slips + left == 0:
        return False
    if not present_in(meeting).filter(person=person).exists():
        _tell(meeting, person, is_present=False)
    return True


@transaction.atomic
def _arrive(meeting_pk: int, people: set[str]) -> None:
    meeting = lock(meeting_pk)
    if not meeting.is_live:
        return
    _close(meeting)
    here = set(present_in(meeting).values_list("person", flat=True))
    connected = set(_open_rows().filter(meeting=meeting).values_list("person", flat=True))
    now = timezone.now()
    for person in Person.objects.filter(public_id__in=people).exclude(pk__in=connected):
        meeting.attendances.create(person=person, source=SOCKET, joined_at=now, seen_at=now)
        if person.pk not in here:
            _tell(meeting, person, is_present=True)


@transaction.atomic
def _leave(meeting_pk: int) -> None:
    _close(lock(meeting_pk))


def _close(meeting: Meeting) -> None:
    """They left when they were last heard of; the room hears it unless they are here otherwise."""
    stale = _stale_rows().filter(meeting=meeting).select_related("person")
    gone = [row.person for row in stale]
    stale.update(left_at=F("seen_at"))
    here = set(present_in(meeting).values_list("person", flat=True))
    for person in gone:
        if person.pk not in here:
            _tell(meeting, person, is_present=False)


def _check_may_tick(meeting: Meeting, by: Person) -> None:
    check_role(meeting, by, access.MAY_TAKE_ATTENDANCE)
    check_is_live(meeting)


def _tell(meeting: Meeting, person: Person, *, is_present: bool) -> None:
    event = protocol.AttendanceChanged(
        person=person.public_id, name=person.shown_name, present=is_present
    )
    log.append(meeting, event)


def _open_rows() -> QuerySet[Attendance]:
    return Attendance.objects.filter(source=SOCKET, left_at=None)


def _stale_rows() -> QuerySet[Attendance]:
    return _open_rows().filter(seen_at__lte=timezone.now() - AWAY)
