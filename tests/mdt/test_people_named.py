"""Who is named in a referral, typed in while a case is added or later; who may then see it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import Revocation
from mdt.audit.models import AuditEvent
from mdt.errors import Conflict, NotAllowed, WrongState
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.people import name_people, version_of
from mdt.meetings.services import list_case
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.services import record_outcome, step
from mdt.room_log import log
from tests.factories import (
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralFactory,
    TrustFactory,
)

pytestmark = pytest.mark.django_db
Kind = OutcomeStep.Kind
KHAN = {"nhs_number": "9990000018", "birth_date": "1957-03-12"}
ASKED = {"question": "Resectable?", "laterality": "left"}


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
def case(meeting):
    return ListedCaseFactory(meeting=meeting, position=1)


def person_at(trust="RWJ", **names):
    TrustFactory(ods_code=trust)
    return PersonFactory(home_trust_ods_code=trust, **names)


@pytest.fixture
def consultant():
    return person_at(first_name="Paul", last_name="Whitfield", title="Dr")


@pytest.fixture
def colleague():
    return person_at(first_name="Nina", last_name="Foster")


@pytest.fixture
def known():
    return PatientNumberFactory().patient


def add(client, meeting, **more):
    url = reverse("add-known", args=[meeting.public_id])
    return client.post(url, KHAN | ASKED | {"event_id": uuid4()} | more)


def save(client, case, **data):
    page = client.get(reverse("case-people", args=[case.public_id]))
    sent = {"if_version": page.context["form"].initial["if_version"]} | data
    return client.post(reverse("save-people", args=[case.public_id]), sent)


def name(case, by, *, is_restricted=False, if_version=None, **named):
    case = ListedCase.objects.select_related("meeting", "referral").get(pk=case.pk)
    version = if_version or version_of(case.referral, case)
    return name_people(
        case=case, named=named, is_restricted=is_restricted, if_version=version, by=by
    )


def sign(case, chair):
    """The case's outcome as the chair signs it, in an open meeting."""
    Meeting.objects.update(state="live", opened_at=timezone.now(), opened_by=chair)
    case = ListedCase.objects.get(pk=case.pk)
    outcome = record_outcome(
        case=case,
        written_for=case.public_id,
        by=chair,
        event_id=uuid4(),
        if_version=0,
        recommendation="Resect",
        laterality="left",
        discussion_type="1",
    )
    for kind in (Kind.READ_BACK, Kind.CONFIRMED, Kind.SIGNED):
        step(outcome=outcome, kind=kind, by=chair, event_id=uuid4())


def outcome_for(client, person, case):
    client.force_login(person)
    return client.get(reverse("outcome", args=[case.public_id]))


# ---- while a case is added -----------------------------------------------------------------


def test_a_consultant_named_while_adding_finds_the_signed_outcome_and_a_colleague_does_not(
    client, coordinator, meeting, known, chair, consultant, colleague
):
    assert add(client, meeting, responsible_consultant=consultant.public_id).status_code == 200
    case = meeting.cases.get()
    assert case.referral.responsible_consultant == consultant
    received = AuditEvent.objects.get(action="referral.received")
    assert received.detail == {"responsible_consultant": consultant.public_id}
    sign(case, chair)
    read = outcome_for(client, consultant, case)
    assert (read.status_code, b"Resect" in read.content) == (200, True)
    assert b"KHAN" in client.get(reverse("outcomes")).content
    assert outcome_for(client, colleague, case).status_code == 404
    assert b"KHAN" not in client.get(reverse("outcomes")).content


def test_adding_needs_nobody_named(client, coordinator, meeting, known):
    assert add(client, meeting).status_code == 200
    case = meeting.cases.get()
    assert (case.referral.referrer, case.is_restricted) == (None, False)


def test_a_restricted_case_is_added_for_those_named_alone(
    client, coordinator, meeting, known, consultant
):
    add(client, meeting, key_worker=consultant.public_id, is_restricted="on")
    case = meeting.cases.get()
    assert case.is_restricted
    assert "case.restricted" in AuditEvent.objects.values_list("action", flat=True)
    page = client.get(reverse("meeting-list", args=[meeting.public_id])).content.decode()
    assert "A case that you may not see." in page
    assert "KHAN" not in page
    assert outcome_for(client, consultant, case).status_code == 200


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"is_restricted": "on"}, "case.nobody_named"),
        ({"referrer": "nobody"}, "invalid_choice"),
        ({"referrer": "\x00"}, "invalid_choice"),
    ],
)
def test_a_case_that_nobody_could_see_or_a_person_who_is_none_is_refused(
    more, code, client, coordinator, meeting, known
):
    response = add(client, meeting, **more)
    assert (response.status_code, meeting.cases.count()) == (422, 0)
    assert code in response.content.decode()


def test_people_of_no_trust_here_or_who_left_are_not_named(client, coordinator, meeting, known):
    for nobody in (PersonFactory(), person_at(is_active=False)):
        assert add(client, meeting, referrer=nobody.public_id).status_code == 422
    assert not meeting.cases.exists()


def test_a_chosen_person_stands_there_still_when_something_else_is_wrong(
    client, coordinator, meeting, known, consultant
):
    page = add(client, meeting, referrer=consultant.public_id, question="").content.decode()
    assert f'value="{consultant.public_id}" selected' in page
    assert "Dr Paul Whitfield, RWJ" in page


def test_no_service_lists_a_restricted_case_that_nobody_could_see(coordinator, meeting):
    with pytest.raises(WrongState):
        list_case(meeting=meeting, referral=ReferralFactory(), by=coordinator, is_restricted=True)
    assert not meeting.cases.exists()


# ---- found by name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [("whit", True), ("paul whit", True), ("w", False), ("", False), ("foster whit", False)],
)
def test_people_are_found_by_parts_of_their_name(
    typed, found, client, coordinator, meeting, consultant, colleague
):
    url = reverse("find-people", args=[meeting.public_id])
    answer = client.post(url, {"find_key_worker": typed}).content.decode()
    assert (consultant.public_id in answer, colleague.public_id in answer) == (found, False)


def test_who_does_not_keep_the_list_looks_up_nobody(client, team, meeting, consultant):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    url = reverse("find-people", args=[meeting.public_id])
    response = client.post(url, {"find_referrer": "whit"})
    assert (response.status_code, b"Whitfield" in response.content) == (403, False)


# ---- of a case that is listed ----------------------------------------------------------------


def test_people_are_named_later_on_record_and_the_room_is_told(
    client, coordinator, case, consultant, chair
):
    seq = case.meeting.room_seq
    assert save(client, case, referrer=consultant.public_id).status_code == 302
    case.referral.refresh_from_db()
    assert case.referral.referrer == consultant
    event = AuditEvent.objects.get(action="referral.people-named")
    assert event.detail["referrer"] == consultant.public_id
    assert [one.type for one in log.since(case.meeting, seq)] == ["case.refreshed"]
    sign(case, chair)
    assert outcome_for(client, consultant, case).status_code == 200


def test_restricting_a_case_takes_it_off_everybody_elses_screen(
    client, coordinator, case, consultant
):
    save(client, case, referrer=consultant.public_id, is_restricted="on")
    assert Revocation.objects.filter(case=case.public_id).exists()
    assert client.get(reverse("case-people", args=[case.public_id])).status_code == 404
    assert client.get(reverse("case-studies", args=[case.public_id])).status_code == 404
    assert outcome_for(client, consultant, case).status_code == 200


def test_who_is_no_longer_named_finds_nothing_any_more(coordinator, case, consultant, client):
    name(case, coordinator, referrer=consultant)
    name(case, coordinator)
    assert outcome_for(client, consultant, case).status_code == 404


def test_a_restricted_case_names_somebody(client, coordinator, case):
    with pytest.raises(WrongState):
        name(case, coordinator, is_restricted=True)
    assert save(client, case, is_restricted="on").status_code == 422
    case.refresh_from_db()
    assert not case.is_restricted


def test_what_somebody_changed_meanwhile_is_looked_at_again(coordinator, case, consultant):
    stale = version_of(case.referral, case)
    assert name(case, coordinator, referrer=consultant)
    with pytest.raises(Conflict):
        name(case, coordinator, key_worker=consultant, if_version=stale)
    assert not name(case, coordinator, referrer=consultant, if_version=stale)


@pytest.mark.parametrize("role", [Role.EXTENDED, Role.OBSERVER])
def test_who_does_not_keep_the_list_names_nobody(role, client, team, case, consultant):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        name(case, person, referrer=consultant)
    client.force_login(person)
    sent = {"referrer": consultant.public_id, "if_version": "x"}
    url = reverse("save-people", args=[case.public_id])
    assert client.post(url, sent).status_code in (403, 404)
    case.referral.refresh_from_db()
    assert case.referral.referrer is None
