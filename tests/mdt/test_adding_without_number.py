"""Patients without an NHS number, and numbers of trusts, while a case is added."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.live.case_data import patient_json
from mdt.members import Role
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient, PatientNumber
from tests.factories import (
    ArchiveFactory,
    MeetingFactory,
    MembershipFactory,
    PatientFactory,
    PatientNumberFactory,
    TrustFactory,
)

pytestmark = pytest.mark.django_db
KEY = {"nhs_number": "", "trust": "RM3", "local_number": "s1 "}
ASKED = {"question": "Resectable?", "laterality": "left"}
NEW = (
    KEY
    | ASKED
    | {
        "family_name": "KHAN",
        "given_names": "Amina",
        "birth_date": "12 3 1957",
        "sex": "F",
        "nhs_number_status": "06",
    }
)
WHY = "no NHS number: trace in progress"


@pytest.fixture
def coordinator(team, client, settings):
    settings.DEMO = True
    person = MembershipFactory(team=team, role=Role.COORDINATOR).person
    client.force_login(person)
    return person


@pytest.fixture
def meeting(team):
    team.asked_of.add(TrustFactory())
    ArchiveFactory(trust_ods_code="RM3")
    return MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))


@pytest.fixture
def unnumbered(meeting):
    patient = PatientFactory(nhs_number_status="06")
    PatientNumber.objects.create(patient=patient, issuer="local", trust_ods_code="RM3", value="S1")
    return patient


def post(client, name, meeting, **data):
    return client.post(reverse(name, args=[meeting.public_id]), data)


def text(response):
    return response.content.decode()


def test_somebody_without_an_nhs_number_is_listed_by_a_trusts_own(client, coordinator, meeting):
    assert 'name="local_number"' in text(post(client, "add-without-number", meeting))
    asked = text(post(client, "add-local-number", meeting, **KEY))
    for part in ("RM3 number S1 is new here", 'name="nhs_number_status"', 'value="S1"'):
        assert part in asked
    assert post(client, "add-new", meeting, event_id=uuid4(), **NEW).status_code == 200
    case = meeting.cases.get()
    patient = case.referral.patient
    assert (patient.nhs_number, patient.nhs_number_status) == ("", "06")
    assert patient.all_local_numbers == [LocalNumber("RM3", "S1")]
    sought = case.referral.search.sought
    assert (sought["nhs_number"], sought["local_numbers"]) == ("", {"RM3": "S1"})


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"nhs_number_status": ""}, "required"),
        ({"nhs_number_status": "01"}, "invalid_choice"),
        ({"local_number": "", "trust": ""}, "local_number.needed"),
        ({"local_number": "*"}, "local_number.letters"),
    ],
)
def test_without_a_reason_or_a_number_nobody_is_listed(wrong, code, client, coordinator, meeting):
    response = post(client, "add-new", meeting, event_id=uuid4(), **NEW | wrong)
    assert response.status_code == 422
    assert code in text(response)
    assert (meeting.cases.count(), Patient.objects.count()) == (0, 0)


def test_the_same_patient_is_found_again_by_trust_and_number_and_on_record(
    client, coordinator, meeting, unnumbered
):
    shown = text(post(client, "add-local-number", meeting, **KEY))
    for part in ("Is this the patient?", "KHAN, Amina", WHY, "RM3 number"):
        assert part in shown
    asked = text(post(client, "add-question", meeting, **KEY))
    assert 'name="question"' in asked
    sent = KEY | ASKED | {"birth_date": "1957-03-12", "event_id": uuid4()}
    assert post(client, "add-known", meeting, **sent).status_code == 200
    assert meeting.cases.get().referral.patient == unnumbered
    assert Patient.objects.count() == 1
    looks = AuditEvent.objects.filter(action="patient.looked-up")
    assert [one.target for one in looks] == [f"mdt.Patient:{unnumbered.public_id}"]


def test_the_same_number_of_another_trust_is_another_patient(
    client, coordinator, meeting, unnumbered
):
    TrustFactory(ods_code="RBV")
    answer = text(post(client, "add-local-number", meeting, **KEY | {"trust": "RBV"}))
    assert "is new here" in answer
    assert post(client, "add-question", meeting, **KEY | {"trust": "RBV"}).status_code == 404


def test_another_birth_date_is_refused(client, coordinator, meeting, unnumbered):
    sent = NEW | {"birth_date": "1958-03-12", "event_id": uuid4()}
    response = post(client, "add-new", meeting, **sent)
    assert (response.status_code, meeting.cases.count()) == (409, 0)
    assert "referral.other_birth_date" in text(response)


def test_why_there_is_no_number_stands_wherever_a_number_stands(
    client, coordinator, meeting, unnumbered
):
    sent = KEY | ASKED | {"birth_date": "1957-03-12", "event_id": uuid4()}
    post(client, "add-known", meeting, **sent)
    case = meeting.cases.get()
    assert WHY in text(client.get(reverse("meeting", args=[meeting.public_id])))
    assert WHY in text(client.get(reverse("case-patient", args=[case.public_id])))
    assert WHY in text(client.get(reverse("outcome", args=[case.public_id])))
    assert WHY in text(client.get(reverse("room-api", args=[meeting.public_id])))
    assert patient_json(unnumbered)["nhs_number"] == WHY
    known = PatientNumberFactory().patient
    assert patient_json(known)["nhs_number"] == "999 000 0018"


# ---- a trust's number beside an NHS number ---------------------------------------------------


def test_a_trusts_number_is_kept_with_somebody_new(client, coordinator, meeting):
    sent = NEW | {"nhs_number": "9990000018", "nhs_number_status": "", "event_id": uuid4()}
    assert post(client, "add-new", meeting, **sent).status_code == 200
    patient = Patient.objects.get()
    assert (patient.nhs_number, patient.local_numbers) == ("9990000018", {"RM3": "S1"})
    assert patient.nhs_number_status == "02"


def test_a_trusts_number_is_learnt_of_somebody_known(client, coordinator, meeting):
    patient = PatientNumberFactory().patient
    sent = ASKED | {"nhs_number": "9990000018", "birth_date": "1957-03-12", "event_id": uuid4()}
    sent |= {"trust": "RM3", "local_number": "S1"}
    assert post(client, "add-known", meeting, **sent).status_code == 200
    assert Patient.objects.get().local_numbers == {"RM3": "S1"}
    assert meeting.cases.get().referral.search.sought["local_numbers"] == {"RM3": "S1"}
    corrected = AuditEvent.objects.get(action="patient.corrected")
    assert corrected.target == f"mdt.Patient:{patient.public_id}"
    assert "S1" not in str(corrected.detail)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"trust": "RM3"}, 422, "local_number.none"),
        ({"local_number": "S1"}, 422, "local_number.no_trust"),
        ({"trust": "RM3", "local_number": "S1"}, 409, "referral.number_taken"),
    ],
)
def test_a_trusts_number_that_is_half_or_anothers_keeps_its_place(
    sent, status, code, client, coordinator, meeting, unnumbered
):
    PatientNumberFactory(patient=PatientFactory(family_name="DEAN"))
    facts = {"nhs_number": "9990000018", "birth_date": "1957-03-12", "event_id": uuid4()}
    response = post(client, "add-known", meeting, **facts | ASKED | sent)
    assert (response.status_code, meeting.cases.count()) == (status, 0)
    assert code in text(response)
    assert "<details" in text(response)
    assert "open" in text(response).split("<details")[1].split(">")[0]
