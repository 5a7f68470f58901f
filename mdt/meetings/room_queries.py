"""Questions about the room of a meeting: where it stands, who is in it. Read only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from mdt.meetings.models import Attendance, Meeting
from mdt.members import Role
from mdt.protocol import Position

LEASE = timedelta(seconds=10)  # of a presenter, from the last heartbeat
AWAY = timedelta(seconds=30)  # from the last heartbeat: who was connected has left
CONNECTED = Q(source=Attendance.Source.SOCKET)


def present_in(meeting: Meeting) -> QuerySet[Attendance]:
    """The open attendances, by any source, of those who are in the room now.

    A connection not heard of for AWAY counts no longer, even where its row is still open:
    the process that would have closed it may have been killed.
    """
    is_heard = ~CONNECTED | _heard_after(timezone.now() - AWAY)
    return meeting.attendances.filter(is_heard, left_at=None)


def present_between(meeting: Meeting, start: datetime, end: datetime) -> QuerySet[Attendance]:
    """The attendances, by any source, of those who were in the room at some moment of a time.

    By the rule of `present_in`: who counted for the quorum at `start` is among them. A row that
    was no sooner opened than closed was a slip.
    """
    stayed = Q(left_at=None) | Q(left_at__gte=start, left_at__gt=F("joined_at"))
    was_there = (~CONNECTED & stayed) | _heard_after(start - AWAY)
    return meeting.attendances.filter(was_there, joined_at__lte=end)


@dataclass(frozen=True)
class Needed:
    """One rule of a team's quorum, and how it stands."""

    specialty: str
    at_least: int
    here: int

    @property
    def is_met(self) -> bool:
        return self.here >= self.at_least


def specialties_missing_for_quorum(meeting: Meeting) -> frozenset[str]:
    """Specialties of the team's rules with too few in the room now; empty means quorate."""
    return frozenset(need.specialty for need in quorum_of(meeting) if not need.is_met)


def quorum_of(meeting: Meeting) -> list[Needed]:
    """Each rule of the team with how many are in the room now, whichever way that is known.

    Each person counts once for a specialty; who only observes does not count.
    """
    today = timezone.localdate()
    here = meeting.team.memberships.filter(person__in=present_in(meeting).values("person"))
    who: dict[str, set[int]] = {}
    for member in here.exclude(role=Role.OBSERVER):
        if member.is_in_date(today):
            who.setdefault(member.specialty, set()).add(member.person_id)
    return [
        Needed(rule.specialty, rule.at_least, len(who.get(rule.specialty, ())))
        for rule in meeting.team.quorum_rules.order_by("pk")
    ]


def lease_runs(meeting: Meeting) -> bool:
    """Whether somebody presents: their tab was heard of less than LEASE ago."""
    seen_at = meeting.presenter_seen_at
    return seen_at is not None and timezone.now() - seen_at <= LEASE


def position_of(meeting: Meeting) -> Position:
    """Where the room stands: what a browser needs before the first picture."""
    return Position(
        seq=meeting.room_seq,
        case=meeting.case_seq,
        case_id=meeting.case.public_id if meeting.case else None,
        term=meeting.term,
        presenter=meeting.presenter.public_id if meeting.presenter else None,
        tab=meeting.presenter_tab,
    )


def _heard_after(at: datetime) -> Q:
    """Connections only: a killed process closes no row, so theirs say little by `left_at`."""
    return CONNECTED & Q(seen_at__gt=at)
