"""Questions about the room of a meeting: where it stands, who is in it. Read only."""

from collections import Counter

from django.utils import timezone

from mdt.meetings.models import Meeting
from mdt.protocol import Position


def specialties_missing_for_quorum(meeting: Meeting) -> frozenset[str]:
    """Specialties of the team's rules with too few in the room now; empty means quorate."""
    in_room = meeting.attendances.filter(left_at=None).values("person")
    today = timezone.localdate()
    here = meeting.team.memberships.filter(person__in=in_room)
    count = Counter(member.specialty for member in here if member.is_in_date(today))
    rules = meeting.team.quorum_rules.all()
    return frozenset(rule.specialty for rule in rules if count[rule.specialty] < rule.at_least)


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
