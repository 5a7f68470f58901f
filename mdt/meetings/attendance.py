"""Who is in the room, as connections tell: rows opened, kept and closed. Writes only.

Nothing here waits to be told that a socket has closed, because a killed process tells nobody:
a row lives on heartbeats, and any process closes one that has had none for AWAY.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from mdt import protocol
from mdt.meetings.checks import lock
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room_queries import AWAY, present_in
from mdt.members import Person
from mdt.room_log import log

SOCKET = Attendance.Source.SOCKET


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


def _tell(meeting: Meeting, person: Person, *, is_present: bool) -> None:
    event = protocol.AttendanceChanged(
        person=person.public_id, name=person.shown_name, present=is_present
    )
    log.append(meeting, event)


def _open_rows() -> QuerySet[Attendance]:
    return Attendance.objects.filter(source=SOCKET, left_at=None)


def _stale_rows() -> QuerySet[Attendance]:
    return _open_rows().filter(seen_at__lte=timezone.now() - AWAY)
