"""Meetings to come. Writes only."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from mdt import access
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, WrongState
from mdt.meetings.models import Meeting
from mdt.members import Person
from mdt.teams.models import Team
from mdt.teams.queries import roles_of


@transaction.atomic
def plan_meeting(*, team: Team, starts_at: datetime, minutes: int, by: Person) -> Meeting:
    """The team's next sitting, to which cases can be listed from now on.

    Raises NotAllowed for whoever does not keep the team's list, WrongState for a time that is
    over, Conflict where the team meets at that time already.
    """
    access.check_role(roles_of(by, team, timezone.localdate()), access.MAY_KEEP_LIST)
    if starts_at < timezone.now():
        raise WrongState("A meeting is planned for a time to come.")
    held = Team.objects.select_for_update().get(pk=team.pk)  # two who plan the same one
    if held.meetings.filter(starts_at=starts_at).exists():
        raise Conflict("The team meets at that time already.")
    meeting = Meeting.objects.create(team=held, starts_at=starts_at, planned_minutes=minutes)
    record(AuditEvent.Action.MEETING_PLANNED, by=by, target=meeting)
    return meeting
