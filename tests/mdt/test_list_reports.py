"""Which studies are chosen where their imaging reports say what they are of."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mdt.meetings import changes, choices, services
from mdt.meetings.case_reports import bring_report
from mdt.meetings.models import Meeting
from mdt.meetings.queries import row_of
from mdt.referrals.models import Objection
from mdt.reports import services as reports
from mdt.reports.models import Kind
from mdt.room_log import log
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    PatientNumberFactory,
    ReferralFactory,
    SearchFactory,
    StudyFactory,
)
from tests.mdt.report_kit import arrived, claimed, hl7_source

pytestmark = pytest.mark.django_db
KNEE = "MRI right knee\nMeniscal tear."


@pytest.fixture
def case(team):
    """A question about a brain, asked by a team that has no rules of its own."""
    team.asked_of.add(team.site.trust)
    referral = ReferralFactory(search=SearchFactory(), question="Left frontal glioma, resect?")
    PatientNumberFactory(patient=referral.patient)
    meeting = MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))
    return ListedCaseFactory(meeting=meeting, referral=referral, position=1)


@pytest.fixture
def found(case):
    def found(description="OUTSIDE IMAGES", **fields):
        defaults = {
            "archive": ArchiveFactory(trust_ods_code="RM3"),
            "search": case.referral.search,
            "modalities": "MR",
            "accession_number": "A1",
            "study_date": timezone.localdate(),
        }
        study = StudyFactory(description=description, **defaults | fields)
        changes.study_changed(study)
        return study

    return found


@pytest.fixture
def source():
    return hl7_source()


def send(source, message_id="M1", **values):
    defaults = {"claim": claimed(), "text": KNEE}
    return reports.receive(
        arrived=arrived(**defaults | values), source=source, message_id=message_id
    )


def row(case, study):
    return case.referral.found_studies.get(study=study)


def test_a_study_that_says_nothing_is_left_out_by_what_its_report_speaks_of(case, found, source):
    send(source)
    said = row(case, found())
    assert not said.is_chosen
    assert said.reason == "no rule takes MR: its report speaks of the knee"


def test_a_study_that_says_nothing_is_chosen_by_what_its_report_speaks_of(case, found, source):
    send(source, text="Clinical history: sore knee.\nFrontal glioma, 3 cm.")
    said = row(case, found(body_part="LSPINE"))
    assert said.is_chosen
    assert "its report speaks of the brain" in said.reason


def test_what_a_study_says_of_itself_stands_over_its_report(case, found, source):
    send(source)
    said = row(case, found("MRI head"))
    assert (said.is_chosen, "report" in said.reason) == (True, False)


def test_when_the_report_comes_later_the_choice_is_made_anew(case, found, source):
    study = found()
    assert row(case, study).is_chosen
    before = case.meeting.room_seq
    send(source)
    assert not row(case, study).is_chosen
    assert [event.type for event in log.since(case.meeting, before)][-1] == "case.refreshed"
    send(source, "M2", status="withdrawn", text="", at="2026-11-21T10:00")
    assert row(case, study).is_chosen


def test_also_when_somebody_pastes_it(case, found, coordinator):
    study = found()
    bring_report(case=case, trust_ods_code="RM3", arrived=arrived(text=KNEE), by=coordinator)
    assert not row(case, study).is_chosen


def test_also_when_its_patient_becomes_known_later(case, found, source):
    study = found()
    number = case.referral.patient.numbers.get()
    number.delete()
    send(source)
    assert row(case, study).is_chosen
    PatientNumberFactory(patient=case.referral.patient)
    reports.match_again(now=timezone.now())
    assert not row(case, study).is_chosen


def test_a_report_touches_nothing_that_a_person_chose(case, found, source, coordinator):
    study = found()
    services.choose_study(case=case, study=study, by=coordinator)
    send(source)
    assert (row(case, study).is_chosen, row(case, study).chosen_by) == (True, coordinator)


def test_after_the_meeting_a_report_changes_no_choice(case, found, source):
    study = found()
    Meeting.objects.filter(pk=case.meeting_id).update(state=Meeting.State.CLOSED)
    send(source)
    assert row(case, study).is_chosen


@pytest.mark.parametrize(
    "other",
    [
        {"number": "A2"},
        {"kind": Kind.PATHOLOGY},
        {"claim": claimed(number="9990000026")},
        {"status": "withdrawn", "text": ""},
    ],
)
def test_another_report_says_nothing_of_the_study(other, case, found, source):
    send(source, **other)
    assert row(case, found()).is_chosen


def test_the_same_accession_number_in_another_trust_is_another_study(case, found):
    send(hl7_source(name="other", trust_ods_code="RBV"))
    assert row(case, found()).is_chosen


def test_a_withheld_report_is_not_read(case, found, source):
    """The patient objected meanwhile, or is no longer whom the report claims it is about."""
    send(source)
    case.referral.patient.numbers.update(value="9990000034")
    study = found()
    assert row(case, study).is_chosen
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    changes.study_changed(study)
    assert row(case, study).reason == choices.WITHHELD


def test_studies_are_paired_by_what_their_reports_speak_of(case, found, source):
    send(source, text="MRI brain\nStable glioma.")
    old = found(study_date=timezone.localdate() - timedelta(days=90))
    new = found("MRI head", accession_number="A9")
    roles = {shown.study.pk: shown.role for shown in row_of(case).studies}
    assert roles == {new.pk: "current", old.pk: "prior"}
