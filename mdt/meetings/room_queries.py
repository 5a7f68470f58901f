"""Questions about the room of a meeting: where it stands, who is in it. Read only."""

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from mdt.meetings.models import Attendance, Meeting
from mdt.members import Role
from mdt.protocol import Position

LEASE = timedelta(seconds=10)  # of a presenter, from the last heartbeat
AWAY = timedelta(seconds=30)  # from the last heartbeat: who was connected has left


def present_in(meeting: Meeting) -> QuerySet[Attendance]:
    """The open attendances, by any source, of those who are in the room now.

    A connection not heard of for AWAY counts no longer, even where its row is still open:
    the process that would have closed it may have been killed.
    """
    is_heard = ~Q(source=Attendance.Source.SOCKET) | Q(seen_at__gt=timezone.now() - AWAY)
    return meeting.attendances.filter(is_heard, left_at=None)


def specialties_missing_for_quorum(meeting: Meeting) -> frozenset[str]:
    """Specialties of the team's rules with too few in the room now; empty means quorate.

    Each person counts once for a specialty; who only observes does not count.
    """
    today = timezone.localdate()
    here = meeting.team.memberships.filter(person__in=present_in(meeting).values("person"))
    who: dict[str, set[int]] = {}
    for member in here.exclude(role=Role.OBSERVER):
        if member.is_in_date(today):
            who.setdefault(member.specialty, set()).add(member.person_id)
    rules = meeting.team.quorum_rules.all()
    return frozenset(r.specialty for r in rules if len(who.get(r.specialty, ())) < r.at_least)


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
