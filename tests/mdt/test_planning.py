"""Planning a meeting: by who keeps the team's list, for a time to come, once."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.meetings.models import Meeting
from mdt.members import Role
from tests.factories import MembershipFactory, PersonFactory, TeamFactory

pytestmark = pytest.mark.django_db
URL, PAGE = "/meetings/plan", "/meetings/new"
MAY = {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR, Role.CORE}


@pytest.fixture
def typed(team):
    day = timezone.localdate() + timedelta(days=7)
    return {
        "team": team.public_id,
        "day": f"{day.day} {day.month} {day.year}",
        "starts": "14:00",
        "minutes": "90",
    }


def sign_in(client, team, role):
    person = MembershipFactory(team=team, role=role).person
    client.force_login(person)
    return person


@pytest.mark.parametrize("role", sorted(MAY))
def test_who_keeps_the_list_plans_the_meeting_and_stands_on_its_list(role, team, client, typed):
    person = sign_in(client, team, role)
    answer = client.post(URL, typed)
    meeting = Meeting.objects.get()
    assert (answer.status_code, answer.url) == (302, reverse("meeting", args=[meeting.public_id]))
    local = timezone.localtime(meeting.starts_at)
    assert (local.hour, local.minute, meeting.planned_minutes) == (14, 0, 90)
    assert local.date() == timezone.localdate() + timedelta(days=7)
    assert meeting.state == Meeting.State.PLANNED
    event = AuditEvent.objects.get(action="meeting.planned")
    assert (event.by, event.target) == (person.public_id, f"mdt.Meeting:{meeting.public_id}")
    assert PAGE in client.get("/").content.decode()
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize("role", sorted(set(Role) - MAY))
def test_planning_is_hidden_from(role, team, client, typed):
    sign_in(client, team, role)
    assert client.get(PAGE).status_code == 404
    assert client.post(URL, typed).status_code == 404
    assert not Meeting.objects.exists()
    assert "Plan a meeting" not in client.get("/").content.decode()


def test_another_teams_meeting_cannot_be_planned(team, client, typed):
    sign_in(client, team, Role.CHAIR)
    other = TeamFactory(name="Another")
    answer = client.post(URL, typed | {"team": other.public_id})
    assert answer.status_code == 422
    assert not Meeting.objects.exists()


def test_a_part_that_is_over_plans_nothing(team, client, typed):
    yesterday = timezone.localdate() - timedelta(days=1)
    over = MembershipFactory(
        team=team, role=Role.CHAIR, from_date=yesterday - timedelta(days=9), to_date=yesterday
    )
    client.force_login(over.person)
    assert client.post(URL, typed).status_code == 404
    assert not Meeting.objects.exists()


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"day": "32 1 2027"}, "Type the day"),
        ({"starts": "25:00"}, "Type the time"),
        ({"minutes": "0"}, "greater than or equal to 5"),
        ({"day": ""}, "Type the day"),
    ],
)
def test_a_slip_keeps_its_place_with_a_sentence(slip, said, team, client, typed):
    sign_in(client, team, Role.COORDINATOR)
    answer = client.post(URL, typed | slip)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Meeting.objects.exists()


def test_a_time_that_is_over_is_refused(team, client, typed):
    sign_in(client, team, Role.COORDINATOR)
    yesterday = timezone.localdate() - timedelta(days=1)
    answer = client.post(URL, typed | {"day": f"{yesterday:%d/%m/%Y}"})
    assert answer.status_code == 409
    assert "mdt.wrong_state" in answer.content.decode()
    assert not Meeting.objects.exists()


def test_the_same_meeting_is_planned_once(team, client, typed):
    sign_in(client, team, Role.COORDINATOR)
    client.post(URL, typed)
    answer = client.post(URL, typed)
    assert answer.status_code == 409
    assert "meets at that time already" in answer.content.decode()
    assert Meeting.objects.count() == 1


def test_who_is_in_no_team_is_told_who_adds_them(client):
    client.force_login(PersonFactory())
    assert "adds you to a team" in client.get("/").content.decode()
