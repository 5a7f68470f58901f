"""What the rounds ask of the database, for all rooms of a process at once. Plain functions."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.utils import timezone

from mdt import access
from mdt.meetings import attendance
from mdt.meetings.models import Meeting
from mdt.members import Person
from mdt.protocol import MAX_MISSED, CloseCode, DurableEvent
from mdt.room_log import log
from mdt.teams.models import Membership


@dataclass(frozen=True)
class Guest:
    """Somebody in a room, by a session (empty: none known)."""

    room_id: str
    person: str
    session_key: str


def missed(room_id: str, seq: int) -> list[DurableEvent]:
    """What the record has after `seq`, the oldest MAX_MISSED of it."""
    meeting = Meeting.objects.get(public_id=room_id)
    return log.since(meeting, seq, at_most=MAX_MISSED)


def heads(room_ids: Iterable[str]) -> dict[str, int]:
    """The newest seq of each room."""
    meetings = Meeting.objects.filter(public_id__in=list(room_ids))
    return dict(meetings.values_list("public_id", "room_seq"))


def keep_attendance(heard: dict[str, set[str]]) -> None:
    """Those heard of by room; then whoever has not been for too long, in any room at all."""
    for room_id, people in heard.items():
        attendance.note_heard(meeting_id=room_id, people=people)
    attendance.close_stale()


def refusals(guests: Iterable[Guest]) -> dict[Guest, CloseCode]:
    """Those who may be where they are no longer, and why. A fixed number of queries."""
    guests = list(guests)
    sessions = _living_sessions(guests)
    meetings = {m.public_id: m for m in _meetings(guests)}
    active = set(
        Person.objects.filter(public_id__in={g.person for g in guests}, is_active=True).values_list(
            "public_id", flat=True
        )
    )
    memberships = _memberships(guests, meetings.values())
    refused: dict[Guest, CloseCode] = {}
    for guest in guests:
        is_signed_in = not guest.session_key or guest.session_key in sessions
        if not is_signed_in or guest.person not in active:
            refused[guest] = CloseCode.SIGN_IN
        elif not _may_stay(guest, meetings.get(guest.room_id), memberships):
            refused[guest] = CloseCode.NOT_FOUND
    return refused


def _may_stay(
    guest: Guest, meeting: Meeting | None, memberships: dict[tuple[int, str], list[Membership]]
) -> bool:
    if meeting is None:
        return False
    theirs = memberships.get((meeting.team_id, guest.person), [])
    return access.may_enter_room(meeting, access.roles_on(timezone.localdate(), theirs))


def _living_sessions(guests: list[Guest]) -> set[str]:
    keys = {guest.session_key for guest in guests}
    living = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return set(living.values_list("session_key", flat=True))


def _meetings(guests: list[Guest]) -> Iterable[Meeting]:
    return Meeting.objects.filter(public_id__in={guest.room_id for guest in guests})


def _memberships(
    guests: list[Guest], meetings: Iterable[Meeting]
) -> dict[tuple[int, str], list[Membership]]:
    """By team and person."""
    rows = Membership.objects.filter(
        team__in={meeting.team_id for meeting in meetings},
        person__public_id__in={guest.person for guest in guests},
    )
    found: dict[tuple[int, str], list[Membership]] = {}
    for row in rows.select_related("person"):
        found.setdefault((row.team_id, row.person.public_id), []).append(row)
    return found
