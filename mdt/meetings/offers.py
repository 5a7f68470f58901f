"""What to offer a person on a meeting's pages. The services ask again."""

from django.utils import timezone

from mdt import access
from mdt.meetings.models import Meeting
from mdt.members import Person
from mdt.teams.queries import roles_of


def may_keep_list(person: Person, meeting: Meeting) -> bool:
    """Whether to offer what changes the list."""
    return meeting.state != Meeting.State.CLOSED and may_fetch_again(person, meeting)


def may_fetch_again(person: Person, meeting: Meeting) -> bool:
    """Whether to offer to fetch a study again, which a closed meeting's list offers too."""
    return not _roles(person, meeting).isdisjoint(access.MAY_KEEP_LIST)


def may_open_room(person: Person, meeting: Meeting) -> bool:
    may_open = not _roles(person, meeting).isdisjoint(access.MAY_RECORD_OUTCOME)
    return meeting.state == Meeting.State.PLANNED and may_open


def _roles(person: Person, meeting: Meeting) -> frozenset[str]:
    return roles_of(person, meeting.team, timezone.localdate())
