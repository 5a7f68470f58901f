"""The imaging team's queue and its decisions."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from time import sleep

import pytest
from django.db import connection, connections, transaction
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from imaging import settle
from imaging.models import Archive, IdentityDecision, Search, Study
from imaging.pull.states import hold
from mdt.errors import Conflict, MdtError, NotAllowed, WrongState
from mdt.identity import services
from mdt.identity.queries import queue_or_404
from mdt.meetings.access_queries import authorise
from mdt.meetings.changes import study_changed
from mdt.meetings.models import Meeting
from mdt.meetings.queries import rows_for
from mdt.members import Role
from mdt.referrals.models import Objection
from mdt.room_log import log
from mdt.teams.models import Duty
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PersonFactory,
    ReferralFactory,
    SearchFactory,
    SeriesFactory,
    StudyFactory,
    TrustFactory,
)
from tests.mdt.archive_kit import audited
from tests.mdt.identity_kit import DAY, NHS, claim, listed_with_search, of_imaging_team

pytestmark = pytest.mark.django_db
Verdict, State = Study.Verdict, Study.State
WAITS_S = 0.5  # how long whoever decides is left to come to the study's row
SAME, ANOTHER = IdentityDecision.Verdict.SAME, IdentityDecision.Verdict.DIFFERENT


@pytest.fixture
def referral(meeting, coordinator):
    return listed_with_search(meeting, coordinator)


@pytest.fixture
def doubtful(referral):
    """A study whose birth date has a slip, as imaging keeps it and the meeting learns of it."""
    study = StudyFactory(
        search=referral.search,
        study_date=timezone.localdate(),
        verdict=Verdict.NEEDS_A_PERSON,
        evidence=["nhs-number-agrees", "birth-date-differs"],
        claims=[claim(birth_date="1975-03-12")],
        doubted_at=timezone.now(),
    )
    with transaction.atomic():
        study_changed(study)
    return study


@pytest.fixture
def namesake(doubtful, meeting, coordinator):
    """A patient on the same list without an NHS number, whose name and birth date it says."""
    sought = doubtful.search.sought | {"nhs_number": "", "birth_date": "1975-03-12"}
    referral = ReferralFactory(search=SearchFactory(sought=sought))
    ListedCaseFactory(meeting=meeting, referral=referral, position=2, listed_by=coordinator)
    doubtful.searches.add(referral.search)
    study_changed(doubtful)
    return referral


@pytest.fixture
def imaging(doubtful):
    return of_imaging_team("RM3")


def url(study):
    return reverse("identity-study", args=[study.public_id])


def decides(study):
    return reverse("identity-decide", args=[study.public_id])


def decision(study, **changes):
    seen = settle.fingerprint(Study.objects.select_related("archive", "search").get(pk=study.pk))
    return {"seen": seen, "verdict": "same", "reason": "slip", "note": "Slip of 2019"} | changes


@pytest.mark.parametrize(
    "changed",
    [{"code": Study.GONE}, {"evidence": ["nhs-number-agrees", "issuer-not-known"]}],
    ids=["gone at its source", "nobody knows whose"],
)
def test_what_nobody_can_decide_on_does_not_wait(changed, client, imaging, doubtful):
    assert [one.study for one in queue_or_404(imaging)] == [doubtful]
    Study.objects.update(**changed)
    assert queue_or_404(imaging) == []
    client.force_login(imaging)
    assert client.get(url(doubtful)).status_code == 404


def test_a_team_is_shown_its_own_trusts_number_and_no_other_trusts(client, imaging, doubtful):
    """One archive may hold several trusts' studies: what another gave the patient is not theirs."""
    Archive.objects.update(trusts_by_issuer={"BOL": "RMC"})
    sought = doubtful.search.sought | {"local_numbers": {"RM3": "S100", "RMC": "B200"}}
    Search.objects.update(sought=sought)
    client.force_login(imaging)
    page = client.get(url(doubtful)).content.decode()
    assert "S100 (RM3)" in page
    assert "999 000 0018" in page
    assert "B200" not in page


def test_the_queue_says_what_a_meeting_waits_for_and_no_name(client, imaging, meeting):
    client.force_login(imaging)
    page = client.get(reverse("identity")).content.decode()
    assert meeting.team.name in page
    assert "Northern Care Alliance" in page
    assert "birth date: another day" in page
    assert "KHAN" not in page
    assert NHS not in page


def test_the_queue_costs_the_same_however_many_wait(imaging, doubtful, referral):
    def cost():
        with CaptureQueriesContext(connection) as asked:
            queue_or_404(imaging)
        return len(asked)

    before = cost()
    for _ in range(3):
        study = StudyFactory(search=referral.search, verdict=Verdict.NEEDS_A_PERSON, evidence=[])
        study_changed(study)
    assert len(queue_or_404(imaging)) == 4
    assert cost() == before


def test_the_header_leads_there_whoever_looks_after_a_trust_and_nobody_else(
    client, imaging, coordinator
):
    link = f'href="{reverse("identity")}"'
    client.force_login(imaging)
    assert link in client.get(reverse("home")).content.decode()
    client.force_login(coordinator)
    assert link not in client.get(reverse("home")).content.decode()


def test_a_study_is_shown_side_by_side_and_that_is_on_record(client, imaging, doubtful):
    client.force_login(imaging)
    page = client.get(url(doubtful)).content.decode()
    for value in ("12 Mar 1957", "12 Mar 1975", "999 000 0018", "another day", "KHAN, Amina"):
        assert value in page
    assert audited() == ["identity.viewed"]


def test_a_study_that_agrees_since_the_patient_was_corrected_is_said_to(
    client, imaging, doubtful, referral
):
    Search.objects.update(sought=referral.search.sought | {"birth_date": "1975-03-12"})
    client.force_login(imaging)
    page = client.get(url(doubtful)).content.decode()
    assert "It agrees since the patient was corrected" in page
    assert "has not been kept" not in page
    Study.objects.update(claims=[])
    assert "has not been kept" in client.get(url(doubtful)).content.decode()


OTHERS = {
    "another trust's": lambda: of_imaging_team("RWJ"),
    "one whose duty is over": lambda: of_imaging_team("RM3", to_date=timezone.localdate() - DAY),
    "an archive's administrator": lambda: _administrator(),
    "the coordinator": lambda: MembershipFactory(role=Role.COORDINATOR).person,
}


def _administrator():
    person = PersonFactory()
    Duty.objects.create(
        trust=TrustFactory(),
        person=person,
        kind=Duty.Kind.ARCHIVE_ADMINISTRATOR,
        from_date=timezone.localdate(),
    )
    return person


@pytest.mark.parametrize("who", OTHERS)
def test_to_anybody_else_the_study_does_not_exist(who, client, doubtful):
    client.force_login(OTHERS[who]())
    assert client.get(url(doubtful)).status_code == 404
    assert client.post(decides(doubtful), decision(doubtful)).status_code == 404
    assert not IdentityDecision.objects.exists()
    assert audited() == []


@pytest.mark.parametrize("who", [who for who in OTHERS if who != "another trust's"])
def test_who_looks_after_no_trust_has_no_queue(who, client, doubtful):
    client.force_login(OTHERS[who]())
    assert client.get(reverse("identity")).status_code == 404


def test_another_trusts_team_has_an_empty_queue(client, doubtful):
    client.force_login(of_imaging_team("RWJ"))
    assert (
        "No study and no report waits for you" in client.get(reverse("identity")).content.decode()
    )


def test_the_service_refuses_whoever_is_of_no_such_team(doubtful, coordinator):
    with pytest.raises(NotAllowed):
        services.decide(study=doubtful, by=coordinator, **decision(doubtful))
    assert not IdentityDecision.objects.exists()


@pytest.mark.parametrize("closed", [True, False])
def test_what_no_open_meeting_waits_for_is_not_in_the_queue(closed, imaging, doubtful, referral):
    if closed:
        Meeting.objects.update(state=Meeting.State.CLOSED)
    assert bool(queue_or_404(imaging)) is not closed


def test_a_study_the_patient_does_not_want_shared_is_not_asked_about(imaging, doubtful, referral):
    Objection.objects.create(patient=referral.patient, trust_ods_code="RM3")
    assert queue_or_404(imaging) == []


def test_the_same_person_goes_on_as_any_study(client, imaging, doubtful, meeting, referral):
    client.force_login(imaging)
    response = client.post(decides(doubtful), decision(doubtful))
    assert response.url == reverse("identity")
    doubtful.refresh_from_db()
    assert (doubtful.verdict, doubtful.state) == (Verdict.SAME, State.WANTED)
    assert referral.found_studies.get().is_chosen
    kept = IdentityDecision.objects.get()
    assert (kept.verdict, kept.reason, kept.by) == ("same", "slip", imaging.public_id)
    assert audited() == ["identity.decided"]
    assert [event.type for event in log.since(meeting, 0)][-1] == "case.refreshed"
    assert client.get(url(doubtful)).status_code == 404


def test_another_person_is_offered_no_longer(client, imaging, doubtful, referral):
    client.force_login(imaging)
    client.post(decides(doubtful), decision(doubtful, verdict="different", reason="other-record"))
    doubtful.refresh_from_db()
    assert (doubtful.verdict, doubtful.state) == (Verdict.DIFFERENT, State.WITHHELD)
    assert not referral.found_studies.exists()


def test_what_is_one_patients_is_shown_to_nobody_else_who_doubted_it(
    imaging, doubtful, referral, namesake, coordinator
):
    series = SeriesFactory(study=doubtful)
    services.decide(study=doubtful, by=imaging, **decision(doubtful))
    assert referral.found_studies.get().is_chosen
    assert not namesake.found_studies.exists()
    asked = {"person": coordinator, "series": series, "purpose": "display"}
    assert authorise(case_id=referral.listings.get().public_id, **asked)
    with pytest.raises(Http404):
        authorise(case_id=namesake.listings.get().public_id, **asked)


def test_what_is_not_one_patients_waits_on_for_another_who_doubted_it(
    imaging, doubtful, referral, namesake
):
    other = {"verdict": "different", "reason": "other-record"}
    services.decide(study=doubtful, by=imaging, **decision(doubtful, **other))
    doubtful.refresh_from_db()
    assert (doubtful.verdict, doubtful.search) == (Verdict.NEEDS_A_PERSON, namesake.search)
    assert not referral.found_studies.exists()
    assert [one.cases for one in queue_or_404(imaging)] == [[namesake.listings.get()]]
    services.decide(study=doubtful, by=imaging, **decision(doubtful))
    assert namesake.found_studies.get().is_chosen
    assert not referral.found_studies.exists()


def test_a_study_waits_for_the_case_of_whoever_is_shown_beside_it(
    imaging, doubtful, referral, namesake
):
    assert [one.cases for one in queue_or_404(imaging)] == [[referral.listings.get()]]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"verdict": ""}, "Say whether it is the same person"),
        ({"reason": ""}, "Choose the reason"),
        ({"reason": "other-record"}, "This reason belongs to the other decision"),
    ],
)
def test_a_decision_without_its_reason_is_none(wrong, words, client, imaging, doubtful):
    client.force_login(imaging)
    response = client.post(decides(doubtful), decision(doubtful, **wrong))
    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert "Slip of 2019" in page
    assert not IdentityDecision.objects.exists()


def test_the_service_refuses_a_reason_that_belongs_to_the_other_decision(imaging, doubtful):
    with pytest.raises(MdtError, match="Choose a reason"):
        services.decide(study=doubtful, by=imaging, **decision(doubtful, reason="other-record"))
    assert not IdentityDecision.objects.exists()


def test_what_changed_since_it_was_shown_is_to_be_looked_at_again(client, imaging, doubtful):
    client.force_login(imaging)
    begun = decision(doubtful)
    Study.objects.update(claims=[claim(birth_date="1975-03-13")])
    response = client.post(decides(doubtful), begun, follow=True)
    assert "has changed since you looked" in response.content.decode()
    assert not IdentityDecision.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_decides_while_the_patient_is_corrected_is_told_to_look_again(doubtful, imaging):
    if connection.vendor != "postgresql":
        pytest.skip("decision 125: SQLite locks the whole file")
    begun = decision(doubtful)
    holds_it, tries = Event(), Event()

    def correct():
        with ExitStack() as at_last, transaction.atomic():
            at_last.callback(connections.close_all)
            hold(doubtful)
            sought = doubtful.search.sought | {"given_names": "Amina Bibi"}
            Study.objects.filter(pk=doubtful.pk).update(search=SearchFactory(sought=sought))
            holds_it.set()
            tries.wait(5)
            sleep(WAITS_S)

    with ThreadPoolExecutor(1) as other:
        correcting = other.submit(correct)
        holds_it.wait(5)
        tries.set()
        with pytest.raises(Conflict):
            services.decide(study=doubtful, by=imaging, **begun)
        correcting.result(10)
    assert not IdentityDecision.objects.exists()


def test_there_is_no_way_to_override_that_a_study_is_another_persons(client, imaging, doubtful):
    client.force_login(imaging)
    begun = decision(doubtful)
    Study.objects.update(verdict=Verdict.DIFFERENT)
    assert client.post(decides(doubtful), begun).status_code == 404
    with pytest.raises(WrongState):
        services.decide(study=doubtful, by=imaging, **begun)
    doubtful.refresh_from_db()
    assert doubtful.verdict == Verdict.DIFFERENT


def test_the_coordinator_reads_with_whom_it_is_and_since_when(doubtful, meeting, coordinator):
    TrustFactory._meta.model.objects.update(imaging_contact="ext. 0000")
    light = rows_for(meeting, coordinator)[0].light
    said = " ".join([light.text, *light.notes])
    since = f"{timezone.localtime(doubtful.doubted_at):%H:%M}"
    assert f"with Northern Care Alliance's imaging team since {since}. Ring ext. 0000" in said
