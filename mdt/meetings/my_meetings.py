"""Whose meetings are whose: the page somebody begins at. Read only."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count
from django.utils import timezone

from mdt import access
from mdt.meetings.models import Meeting
from mdt.members import Person
from mdt.teams.models import Membership
from mdt.teams.queries import teams_of


@dataclass(frozen=True)
class MyMeetings:
    """Somebody's meetings by when: today's and those still open, those to come, those past; and
    the keys of those they may enter now.
    """

    today: list[Meeting]
    coming: list[Meeting]
    past: list[Meeting]
    enterable: frozenset[int]


def meetings_of(person: Person) -> MyMeetings:
    """The meetings of the teams a person is in today; the newest 20 of the past."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    meetings = Meeting.objects.filter(team__in=teams_of(person, midnight.date()))
    counted = meetings.select_related("team__site").annotate(case_count=Count("cases"))
    live = counted.filter(state=Meeting.State.LIVE)
    rest = counted.exclude(state=Meeting.State.LIVE)
    tomorrow = midnight + timedelta(days=1)
    today = rest.filter(starts_at__gte=midnight, starts_at__lt=tomorrow)
    past: list[Meeting] = list(rest.filter(starts_at__lt=midnight).order_by("-starts_at")[:20])
    coming: list[Meeting] = list(rest.filter(starts_at__gte=tomorrow))
    now: list[Meeting] = [*live, *today]
    roles = _roles_by_team(person, midnight.date())
    enterable = frozenset(
        one.pk for one in now + coming + past if access.may_enter_room(one, roles[one.team_id])
    )
    return MyMeetings(today=now, coming=coming, past=past, enterable=enterable)


def _roles_by_team(person: Person, day: date) -> dict[int, frozenset[str]]:
    roles: dict[int, list[Membership]] = defaultdict(list)
    for part in person.memberships.all():
        roles[part.team_id].append(part)
    return {team: access.roles_on(day, parts) for team, parts in roles.items()}
