"""What every write to a meeting begins with: the row held, the role and the state looked at."""

from django.utils import timezone

from mdt import access
from mdt.errors import WrongState
from mdt.meetings.models import Meeting
from mdt.members import Person, Role
from mdt.referrals.models import Referral
from mdt.teams.queries import roles_of


def lock(meeting_pk: int) -> Meeting:
    """The meeting as it is now, held until commit. (SQLite locks the whole file at `atomic`.)"""
    return Meeting.objects.select_for_update().get(pk=meeting_pk)


def check_may_steer(meeting: Meeting, by: Person) -> None:
    check_role(meeting, by, access.MAY_STEER_ROOM)
    check_is_live(meeting)


def check_is_live(meeting: Meeting) -> None:
    if not meeting.is_live:
        raise WrongState("The meeting is not open.")


def check_role(meeting: Meeting, by: Person, allowed: frozenset[Role]) -> None:
    access.check_role(roles_today(meeting, by), allowed)


def roles_today(meeting: Meeting, person: Person) -> frozenset[str]:
    return roles_of(person, meeting.team, timezone.localdate())


def check_somebody_may_see(referral: Referral, *, is_restricted: bool) -> None:
    """Raise WrongState for a restricted case of a referral that names nobody."""
    if is_restricted and not access.names_somebody(referral):
        raise WrongState("Name who may see the case: nobody could.")
