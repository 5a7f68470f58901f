"""Studies found for a case: linked, chosen by rule or by hand, fetched, withheld."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from imaging import work
from imaging.archives import registry
from imaging.archives.base import FoundStudy
from imaging.models import Job, Revocation, Study
from imaging.relevance import Choice
from mdt.audit.models import AuditEvent
from mdt.errors import (
    NotAllowed,
    StudyNotOffered,
)
from mdt.meetings import changes, services
from mdt.meetings import choices as choosing
from mdt.meetings.models import Meeting
from mdt.meetings.queries import row_of
from mdt.members import Role
from mdt.referrals.services import refer
from mdt.room_log import log
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientFactory,
    PatientNumberFactory,
    ReferralFactory,
    ReferralStudyFactory,
    SearchFactory,
    SeriesFactory,
    StudyFactory,
)
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
KEEPERS = {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR, Role.CORE}
DAY = timedelta(days=1)


def happened(meeting):
    return [event.type for event in log.since(meeting, 0)]


def audited():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def found(meeting, archive):
    """Make a study of a listed case's patient known, as imaging does."""
    referral = ReferralFactory(search=SearchFactory())
    PatientNumberFactory(patient=referral.patient)
    ListedCaseFactory(meeting=meeting, referral=referral, position=1)

    def found(**of_study):
        of_study = {"archive": archive, "study_date": timezone.localdate()} | of_study
        study = StudyFactory(search=referral.search, **of_study)
        changes.study_changed(study)
        return referral.found_studies.filter(study=study).first()

    return found


def test_a_found_study_is_linked_chosen_and_wanted(found, meeting):
    row = found()
    assert (row.is_chosen, row.reason, row.chosen_by) == (
        True,
        "newest of its kind: last 2 years",
        None,
    )
    row.study.refresh_from_db()
    assert row.study.state == Study.State.WANTED
    assert Job.objects.get(study=row.study).kind == Job.Kind.PULL
    assert happened(meeting) == ["case.refreshed"]


@pytest.mark.parametrize(
    "doubtful",
    [
        {"verdict": Study.Verdict.NEEDS_A_PERSON},
        {"verdict": Study.Verdict.DIFFERENT},
        {"state": Study.State.WITHHELD},
    ],
)
def test_a_study_of_doubtful_identity_is_linked_and_never_fetched(doubtful, found, coordinator):
    row = found(**doubtful)
    assert not row.is_chosen
    assert not Job.objects.exists()
    case = row.referral.listings.get()
    with pytest.raises(StudyNotOffered):
        services.choose_study(case=case, study=row.study, by=coordinator)
    row.refresh_from_db()
    assert not row.is_chosen


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({}, "identity"),
        ({"evidence": ["nhs-number-agrees", "issuer-not-known"]}, "issuer"),
        ({"code": Study.GONE}, "gone"),
    ],
)
def test_what_no_imaging_team_can_settle_is_not_said_to_wait_for_it(about, code, found):
    row = found(verdict=Study.Verdict.NEEDS_A_PERSON, **about)
    (withheld,) = row_of(row.referral.listings.get()).withheld
    assert (withheld.why, withheld.code) == ("identity", code)
    assert ("settled by its imaging team" in withheld.words) == (code == "identity")
    light = row_of(row.referral.listings.get()).light
    said = [light.text, *light.notes]
    assert any("imaging team" in one and "with " in one for one in said) == (code == "identity")
    assert any("Whoever looks after its archive must" in one for one in said) == (code == "issuer")
    assert any("lists it no more" in one for one in said) == (code == "gone")


def test_a_study_of_a_trust_without_agreement_is_withheld(found, team):
    row = found(archive=ArchiveFactory(name="rbv", trust_ods_code="RBV"))
    assert (row.is_chosen, row.reason) == (False, "withheld")
    assert not Job.objects.exists()


def test_a_study_that_failed_is_not_wanted_again_by_its_own_failure(found):
    row = found()
    Study.objects.filter(pk=row.study.pk).update(state=Study.State.FAILED)
    row.study.refresh_from_db()
    changes.study_changed(row.study)
    row.study.refresh_from_db()
    assert row.study.state == Study.State.FAILED


def test_a_newer_study_makes_the_older_one_its_prior(found):
    older = found(study_date=timezone.localdate() - 30 * DAY, body_part="HEAD")
    assert older.reason == "newest of its kind: last 2 years"
    found(body_part="HEAD")
    older.refresh_from_db()
    assert (older.is_chosen, older.reason) == (True, "same body part: last 2 years")


def test_what_a_person_left_out_no_rule_chooses_again(found, meeting, coordinator):
    row = found()
    SeriesFactory(study=row.study)
    case = row.referral.listings.get()
    services.unchoose_study(case=case, study=row.study, by=coordinator, reason="another question")
    changes.study_changed(row.study)
    row.refresh_from_db()
    assert (row.is_chosen, row.reason) == (False, "another question")
    assert row.chosen_by == coordinator
    assert audited()[-1] == "study.unchosen"
    assert Revocation.objects.get().case == case.public_id


def test_what_a_person_left_out_while_the_rules_were_asked_stays_left_out(
    found, coordinator, monkeypatch
):
    row = found(description="CT chest")
    row.is_chosen, row.reason = False, "no rule takes it"
    row.save()
    case = row.referral.listings.get()

    def choices(case, studies, sharing, rows):
        """What the rules say, of rows that were read before the person's word was written."""
        said = {"is_chosen": False, "reason": "left out by hand", "chosen_by": coordinator}
        case.referral.found_studies.filter(pk=row.pk).update(**said)
        return {study.pk: Choice(True, "same body part") for study in studies}

    monkeypatch.setattr(choosing, "_choices", choices)
    choosing.choose_studies(case)
    row.refresh_from_db()
    assert (row.is_chosen, row.reason) == (False, "left out by hand")
    assert row.chosen_by == coordinator


def test_what_a_person_chose_is_fetched_and_stays_chosen(found, coordinator):
    old = found(study_date=timezone.localdate() - 4000 * DAY, modalities="US")
    recent = found()
    assert (recent.is_chosen, old.study.state) == (True, Study.State.WANTED)
    changes.study_changed(old.study)
    old.refresh_from_db()
    assert not old.is_chosen
    case = old.referral.listings.get()
    services.choose_study(case=case, study=old.study, by=coordinator)
    changes.study_changed(recent.study)
    old.refresh_from_db()
    assert (old.is_chosen, old.reason) == (True, "chosen by hand")
    assert audited() == ["study.chosen"]


def test_a_partial_study_is_fetched_again(found, coordinator):
    row = found()
    Study.objects.filter(pk=row.study.pk).update(state=Study.State.PARTIAL)
    case = row.referral.listings.get()
    services.retry_study(case=case, study=row.study, by=coordinator)
    row.study.refresh_from_db()
    assert row.study.state == Study.State.WANTED
    assert audited() == ["study.retried"]


def test_a_study_that_is_not_chosen_is_not_fetched_again(found, coordinator):
    row = found(verdict=Study.Verdict.NEEDS_A_PERSON)
    case = row.referral.listings.get()
    with pytest.raises(StudyNotOffered):
        services.retry_study(case=case, study=row.study, by=coordinator)
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", sorted(set(Role) - KEEPERS))
def test_choosing_is_refused_to(role, found, team):
    row = found()
    person = MembershipFactory(team=team, role=role).person
    case = row.referral.listings.get()
    for act in (services.choose_study, services.unchoose_study, services.retry_study):
        with pytest.raises(NotAllowed):
            act(case=case, study=row.study, by=person)
    with pytest.raises(NotAllowed):
        services.search_again(case=case, by=person)
    row.refresh_from_db()
    assert row.chosen_by is None


def test_a_study_known_from_an_earlier_referral_is_linked_at_once(meeting, coordinator, archive):
    patient = PatientNumberFactory().patient
    earlier = ReferralFactory(patient=patient, search=SearchFactory())
    StudyFactory(search=earlier.search, archive=archive, study_date=timezone.localdate())
    referral = ReferralFactory(patient=patient)
    case = services.list_case(meeting=meeting, referral=referral, by=coordinator)
    assert case.referral.found_studies.get().is_chosen


def test_a_patient_of_a_past_meeting_is_listed_again_with_what_is_here(
    meeting, coordinator, archive, team
):
    past = MeetingFactory(team=team, state=Meeting.State.CLOSED)
    patient = PatientNumberFactory().patient
    earlier = ReferralFactory(patient=patient, search=SearchFactory())
    study = StudyFactory(
        search=earlier.search,
        archive=archive,
        study_date=timezone.localdate(),
        state=Study.State.COMPLETE,
    )
    then = ListedCaseFactory(meeting=past, referral=earlier)
    ReferralStudyFactory(referral=earlier, study=study)
    case = services.list_case(
        meeting=meeting, referral=ReferralFactory(patient=patient), by=coordinator
    )
    study.search = case.referral.search
    study.save()
    study.searches.add(study.search)  # its archive has answered again
    changes.study_changed(study)
    for listed in (then, case):
        (row,) = row_of(listed).studies
        assert (row.found.study, row.found.is_chosen) == (study, True)
        assert row.found.study.state == Study.State.COMPLETE
    assert not Job.objects.filter(kind=Job.Kind.PULL).exists()


def test_a_study_of_two_searches_is_linked_to_every_patient_it_was_found_for(
    meeting, coordinator, archive
):
    """One person registered twice: once by a trust's own number, once by NHS number."""
    study = StudyFactory(archive=archive, study_date=timezone.localdate())
    cases = []
    for position in (1, 2):
        referral = ReferralFactory(patient=PatientFactory(), search=SearchFactory())
        study.searches.add(referral.search)
        cases.append(ListedCaseFactory(meeting=meeting, referral=referral, position=position))
    changes.study_changed(study)
    assert [case.referral.found_studies.get().study for case in cases] == [study, study]
    later = ListedCaseFactory(
        meeting=MeetingFactory(team=meeting.team),
        referral=ReferralFactory(patient=cases[0].referral.patient),
    )
    changes.study_changed(study)
    assert later.referral.found_studies.get().study == study


def test_a_doubted_study_that_is_surely_anothers_is_offered_no_longer(found, meeting):
    row = found(verdict=Study.Verdict.NEEDS_A_PERSON)
    hers = ReferralFactory(patient=PatientFactory(), search=SearchFactory())
    row.study.searches.set([hers.search])
    row.study.verdict = Study.Verdict.SAME
    row.study.save()
    before = meeting.room_events.count()
    changes.study_changed(row.study)
    assert not row.referral.found_studies.exists()
    case_id = row.referral.listings.get().public_id
    assert [e.case_id for e in log.since(meeting, before)] == [case_id]


def test_a_study_withheld_after_its_pull_leaves_every_screen(found):
    row = found()
    series = SeriesFactory(study=row.study)
    Study.objects.filter(pk=row.study.pk).update(state=Study.State.WITHHELD)
    row.study.refresh_from_db()
    changes.study_changed(row.study)
    row.refresh_from_db()
    assert (row.is_chosen, row.reason) == (False, "identity does not agree")
    assert Revocation.objects.get().series == series.public_id


def test_a_changed_study_refreshes_its_cases_in_meetings_that_are_not_over(live_meeting, team):
    study = StudyFactory()
    referral = ReferralFactory(search=study.search)
    here = ListedCaseFactory(meeting=live_meeting, referral=referral)
    over = ListedCaseFactory(
        meeting=MeetingFactory(team=team, state=Meeting.State.CLOSED), referral=referral
    )
    unconcerned = ListedCaseFactory(referral=ReferralFactory(patient=PatientFactory()))
    changes.study_changed(study)
    assert [(e.type, e.case_id) for e in log.since(live_meeting, 0)] == [
        ("case.refreshed", here.public_id)
    ]
    assert log.since(over.meeting, 0) == log.since(unconcerned.meeting, 0) == []


def test_of_many_studies_in_one_answer_no_more_are_fetched_than_are_chosen(
    meeting, archive, coordinator, monkeypatch
):
    """The oldest first, each the newest until the next: and nobody waits for all of them."""
    answer = [
        FoundStudy(
            f"1.2.3.{number}",
            other_patient_ids=(("9990000018", "NHS"),),
            patient_name="KHAN^Amina",
            birth_date="1957-03-12",
            study_date=date(2024, 1, 1) + timedelta(days=30 * number),
            description="CT chest",
            modalities=("CT",),
            body_part="CHEST",
            instance_count=1,
        )
        for number in range(25)
    ]
    monkeypatch.setattr(registry, "connect", lambda _: FakeArchive((), studies=answer))
    patient = PatientFactory()
    PatientNumberFactory(patient=patient, value="9990000018")
    referral = refer(patient=patient, question="?", laterality="not-known", by=coordinator)
    services.list_case(meeting=meeting, referral=referral, by=coordinator)
    work.run_next((Job.Kind.SEARCH,))
    chosen = referral.found_studies.filter(is_chosen=True)
    wanted = Study.objects.filter(state=Study.State.WANTED)
    assert Study.objects.count() == 25
    assert 0 < chosen.count() < 25
    assert set(wanted) == {row.study for row in chosen}
