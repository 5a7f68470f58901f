"""A patient put right from the case: what is shown, asked for and told anew."""

import pytest
from django.urls import reverse

from imaging.models import Revocation, Study
from mdt.errors import Conflict, NotAllowed, NumberTaken, WrongState
from mdt.identity import services
from mdt.identity.queries import queue_or_404
from mdt.meetings.changes import study_changed
from mdt.meetings.queries import rows_for
from mdt.members import Role
from mdt.referrals.models import Objection, Patient, PatientNumber
from mdt.referrals.queries import sought_of, version_of
from mdt.room_log import log
from tests.factories import (
    ArchiveFactory,
    MembershipFactory,
    PatientFactory,
    PatientNumberFactory,
    ReferralFactory,
    SearchFactory,
    SeriesFactory,
    StudyFactory,
)
from tests.mdt.archive_kit import audited
from tests.mdt.identity_kit import NHS, OTHER, claim, listed_with_search, of_imaging_team

pytestmark = pytest.mark.django_db
State, Verdict = Study.State, Study.Verdict


@pytest.fixture
def referral(meeting, coordinator):
    return listed_with_search(meeting, coordinator)


@pytest.fixture
def shown(referral):
    """A study on the screens: chosen, here, surely hers."""
    study = StudyFactory(
        search=referral.search, state=State.COMPLETE, claims=[claim()], stored_count=1
    )
    SeriesFactory(study=study)
    study_changed(study)
    Referral = type(referral)
    assert Referral.objects.get().found_studies.get().is_chosen
    return study


def correction(patient, **changes):
    facts = {
        "family_name": patient.family_name,
        "given_names": patient.given_names,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "nhs_number": patient.nhs_number,
        "nhs_number_status": patient.nhs_number_status,
        "is_superseded": False,
        "if_version": version_of(patient),
    }
    return facts | changes


def correct(referral, by, **changes):
    patient = Patient.objects.get(pk=referral.patient_id)
    case = referral.listings.get()
    return services.correct_patient(case=case, by=by, **correction(patient, **changes))


def test_a_correction_takes_pictures_off_every_screen(shown, referral, coordinator, meeting):
    born = referral.patient.birth_date.replace(month=12, day=3)
    before = meeting.room_seq
    assert correct(referral, coordinator, birth_date=born) == ["birth_date"]
    shown.refresh_from_db()
    assert (shown.state, shown.verdict) == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    assert Revocation.objects.get(case="").series == shown.series.get().public_id
    events = [event.type for event in log.since(meeting, before)]
    assert events[-2:] == ["case.refreshed", "case.refreshed"]
    assert rows_for(meeting, coordinator)[0].studies == []
    assert [one.study for one in queue_or_404(of_imaging_team("RM3"))] == [shown]
    assert "patient.corrected" in audited()


def test_a_correction_tells_a_room_once_however_many_studies_change(
    shown, referral, coordinator, meeting
):
    for _ in range(3):
        study_changed(StudyFactory(search=referral.search, state=State.COMPLETE, claims=[claim()]))
    meeting.refresh_from_db()
    born = referral.patient.birth_date.replace(month=12, day=3)
    correct(referral, coordinator, birth_date=born)
    assert Study.objects.filter(state=State.WITHHELD).count() == 4
    assert len(log.since(meeting, meeting.room_seq)) == 2  # of the studies, and of the patient


def test_a_correction_asks_the_archives_anew_for_who_it_is_now(shown, referral, coordinator):
    old = referral.search
    correct(referral, coordinator, family_name="Patel")
    referral.refresh_from_db()
    assert referral.search != old
    assert (old.sought["family_name"], referral.search.sought["family_name"]) == ("KHAN", "Patel")
    shown.refresh_from_db()
    assert (shown.state, shown.verdict) == (State.COMPLETE, Verdict.SAME)
    assert shown.search == referral.search
    assert referral.found_studies.get().is_chosen


def test_a_correction_asks_no_trust_the_patient_objects_to(shown, referral, coordinator):
    archive = ArchiveFactory(name="rbv", trust_ods_code="RBV")
    referral.search.answers.create(archive=archive)
    Objection.objects.create(patient=referral.patient, trust_ods_code="RBV")
    correct(referral, coordinator, family_name="Patel")
    referral.refresh_from_db()
    assert archive not in [one.archive for one in referral.search.answers.all()]


def test_a_correction_sent_twice_is_made_once(shown, referral, coordinator):
    first = correction(Patient.objects.get(), family_name="Patel")
    case = referral.listings.get()
    assert services.correct_patient(case=case, by=coordinator, **first) == ["family_name"]
    assert services.correct_patient(case=case, by=coordinator, **first) == []
    assert audited().count("patient.corrected") == 1


def test_a_correction_of_what_somebody_else_corrected_meanwhile_is_refused(referral, coordinator):
    stale = version_of(referral.patient)
    correct(referral, coordinator, family_name="Patel")
    with pytest.raises(Conflict):
        correct(referral, coordinator, family_name="Begum", if_version=stale)
    assert Patient.objects.get().family_name == "Patel"


@pytest.mark.parametrize("role", [Role.EXTENDED, Role.OBSERVER])
def test_who_does_not_keep_the_list_corrects_nobody(role, referral, team, client):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        correct(referral, person, family_name="Patel")
    client.force_login(person)
    page = reverse("case-patient", args=[referral.listings.get().public_id])
    assert client.get(page).status_code in (403, 404)
    assert Patient.objects.get().family_name == "KHAN"


def test_a_superseded_number_is_kept_and_still_means_the_same_person(shown, referral, coordinator):
    correct(referral, coordinator, nhs_number=OTHER, is_superseded=True)
    patient = Patient.objects.get()
    assert (patient.nhs_number, patient.superseded_nhs_numbers) == (OTHER, [NHS])
    shown.refresh_from_db()
    assert (shown.state, shown.verdict) == (State.COMPLETE, Verdict.SAME)
    assert sought_of(patient).superseded_nhs_numbers == [NHS]


def test_a_number_that_was_wrong_means_somebody_else_from_now_on(shown, referral, coordinator):
    correct(referral, coordinator, nhs_number=OTHER)
    patient = Patient.objects.get()
    assert (patient.nhs_number, patient.superseded_nhs_numbers) == (OTHER, [])
    shown.refresh_from_db()
    assert (shown.state, shown.verdict) == (State.WITHHELD, Verdict.DIFFERENT)


def test_numbers_superseded_one_after_another_all_mean_the_same_person(referral, coordinator):
    for number in (OTHER, "9990000034"):
        correct(referral, coordinator, nhs_number=number, is_superseded=True)
    patient = Patient.objects.get()
    assert patient.nhs_number == "9990000034"
    assert set(patient.superseded_nhs_numbers) == {OTHER, NHS}


def test_no_number_needs_a_reason(referral, coordinator):
    with pytest.raises(WrongState):
        correct(referral, coordinator, nhs_number="", nhs_number_status="02")
    correct(referral, coordinator, nhs_number="", nhs_number_status="07")
    patient = Patient.objects.get()
    assert (patient.nhs_number, patient.nhs_number_status) == ("", "07")
    assert not PatientNumber.objects.exists()


def test_a_number_that_is_somebody_elses_is_refused(referral, coordinator):
    PatientNumberFactory(patient=PatientFactory(), value=OTHER)
    with pytest.raises(NumberTaken):
        correct(referral, coordinator, nhs_number=OTHER)
    assert referral.patient.nhs_number == NHS


def test_the_page_corrects_and_says_so(client, referral, coordinator, settings):
    settings.DEMO = True
    client.force_login(coordinator)
    page = reverse("case-patient", args=[referral.listings.get().public_id])
    form = client.get(page).context["form"]
    data = form.initial | {"family_name": "Patel", "is_superseded": "no"}
    response = client.post(page + "/correct", data, follow=True)
    assert "Every study is checked anew" in response.content.decode()
    assert Patient.objects.get().family_name == "Patel"


def test_the_page_keeps_what_was_typed_and_says_what_is_wrong(
    client, referral, coordinator, settings
):
    settings.DEMO = True
    client.force_login(coordinator)
    page = reverse("case-patient", args=[referral.listings.get().public_id])
    data = client.get(page).context["form"].initial | {"is_superseded": "no", "nhs_number": ""}
    response = client.post(page + "/correct", data)
    assert response.status_code == 422
    assert "nhs_number.no_reason" in response.content.decode()
    assert Patient.objects.get().nhs_number == NHS


def test_a_study_that_turns_out_to_be_anothers_is_shown_to_nobody_who_had_it(shown, referral):
    """Corrected at its source: now it is, for certain, of a person another search sought."""
    hers = ReferralFactory(search=SearchFactory(), patient=PatientFactory(family_name="DEAN"))
    shown.searches.set([hers.search])
    study_changed(shown)
    assert not referral.found_studies.exists()
    case = referral.listings.get()
    assert Revocation.objects.filter(case=case.public_id).exists()
