"""Every look at somebody who is known by a number is on record, whichever door showed them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.members import Role
from tests.factories import MeetingFactory, MembershipFactory, PatientNumberFactory

pytestmark = pytest.mark.django_db
KHAN, NOBODY = "9990000018", "9990000026"
ANOTHER = {
    "family_name": "DEAN",
    "given_names": "Ann",
    "birth_date": "1 1 1990",
    "sex": "F",
    "question": "Resectable?",
    "laterality": "left",
}


@pytest.fixture
def coordinator(team, client, settings):
    settings.DEMO = True
    person = MembershipFactory(team=team, role=Role.COORDINATOR).person
    client.force_login(person)
    return person


@pytest.fixture
def meeting(team):
    return MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))


@pytest.fixture
def khan():
    return PatientNumberFactory().patient


def post(client, name, meeting, **data):
    return client.post(reverse(name, args=[meeting.public_id]), data)


def looked_up():
    return list(
        AuditEvent.objects.filter(action="patient.looked-up").values_list("by", "target", "detail")
    )


@pytest.mark.parametrize(
    ("door", "sent"),
    [
        ("add-question", {}),
        ("add-known", {}),
        ("add-known", ANOTHER),
        ("add-new", ANOTHER),
    ],
)
def test_who_is_shown_by_a_number_alone_is_on_record(
    door, sent, client, coordinator, meeting, khan
):
    post(client, door, meeting, nhs_number=KHAN, event_id=uuid4(), **sent)
    seen = (coordinator.public_id, f"mdt.Patient:{khan.public_id}", {"known": "yes"})
    assert looked_up() == [seen]
    assert not meeting.cases.exists()


@pytest.mark.parametrize("door", ["add-question", "add-known"])
def test_that_nobody_is_known_by_a_number_is_on_record_too(door, client, coordinator, meeting):
    assert post(client, door, meeting, nhs_number=NOBODY).status_code == 404
    assert looked_up() == [(coordinator.public_id, "", {"known": "no"})]


def test_the_steps_of_adding_one_patient_are_one_look(client, coordinator, meeting, khan):
    post(client, "add-number", meeting, nhs_number=KHAN)
    post(client, "add-question", meeting, nhs_number=KHAN)
    post(client, "add-known", meeting, nhs_number=KHAN, question="")
    assert len(looked_up()) == 1


def test_the_same_patient_seen_by_another_is_another_look(client, team, coordinator, meeting, khan):
    post(client, "add-question", meeting, nhs_number=KHAN)
    client.force_login(MembershipFactory(team=team, role=Role.CHAIR).person)
    post(client, "add-question", meeting, nhs_number=KHAN)
    assert len(looked_up()) == 2


@pytest.mark.parametrize("door", ["add-question", "add-known", "add-new"])
def test_who_does_not_keep_the_list_is_told_nothing_of_a_number(door, client, team, meeting, khan):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    response = post(client, door, meeting, nhs_number=KHAN)
    assert response.status_code == 403
    assert b"KHAN" not in response.content
    assert looked_up() == []
