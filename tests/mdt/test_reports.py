"""Reports kept: whose they are, versions in any order, repeats, what is nobody's, and the lamps."""

import logging
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from imaging import retention, store
from imaging.store.base import StoreError
from mdt.append_only import AppendOnlyError
from mdt.audit.models import AuditEvent
from mdt.demo.reports import REPORTS, seed_reports
from mdt.demo.story import PATIENTS
from mdt.meetings.queries import rows_for
from mdt.meetings.report_queries import reports_of
from mdt.referrals.models import Objection, Patient, PatientNumber
from mdt.reports import queries, services, tasks
from mdt.reports.arrived import NotTaken
from mdt.reports.models import Kind, Report, ReportVersion, UnmatchedReport
from mdt.room_log import log
from tests.factories import (
    ListedCaseFactory,
    MeetingFactory,
    PatientFactory,
    PatientNumberFactory,
    ReferralFactory,
    ReferralStudyFactory,
    TrustFactory,
)
from tests.mdt.report_kit import CLINICAL, PDF, arrived, claimed, fhir_source, hl7_source

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def patient():
    return PatientNumberFactory().patient


@pytest.fixture
def case(patient, live_meeting):
    listed_at = timezone.now() - DAY
    referral = ReferralFactory(patient=patient)
    return ListedCaseFactory(meeting=live_meeting, referral=referral, listed_at=listed_at)


@pytest.fixture
def source():
    return hl7_source()


def receive(source, message_id="M1", **values):
    return services.receive(arrived=arrived(**values), source=source, message_id=message_id)


def lamp(case, kind=Kind.IMAGING):
    lamps = reports_of(case).lamps
    return lamps.imaging if kind == Kind.IMAGING else lamps.pathology


@pytest.mark.parametrize("text", CLINICAL)
def test_a_text_is_kept_byte_for_byte(text, patient, source):
    receive(source, text=text)
    assert ReportVersion.objects.get().text == text


@pytest.mark.parametrize(
    "claim",
    [
        claimed(birth_date="1957-03-13"),
        claimed(birth_date=""),
        claimed(number="9990000026"),
        claimed(number=""),
        claimed(patient_id="9990000018", number=""),
    ],
)
def test_nothing_is_anybodys_but_by_number_and_birth_date(claim, patient, source):
    """The last has the right digits without an issuer; all have the right name."""
    assert receive(source, claim=claim).became == "unmatched"
    assert not Report.objects.exists()


def test_a_trusts_own_number_with_its_issuer_and_birth_date_is_enough(patient, source):
    local = PatientNumber.Issuer.LOCAL
    PatientNumberFactory(patient=patient, issuer=local, trust_ods_code="RM3", value="S04")
    ours = claimed(number="", patient_id="S04", issuer_of_patient_id="RM3")
    theirs = claimed(number="", patient_id="S04", issuer_of_patient_id="RBV")
    assert receive(source, claim=theirs).became == "unmatched"
    assert receive(source, claim=ours).became == "kept"


NUMBERS = [("0123", "123"), ("123", "0123"), ("0123", "0123"), ("rm3-0123", "123")]


@pytest.mark.parametrize(("typed", "sent"), NUMBERS)
def test_a_local_number_is_the_same_with_its_zeros_and_without(typed, sent, source, patient):
    """As imaging.identity holds it against a study; also what waits for who is known later."""
    early = claimed(number="", patient_id=sent, issuer_of_patient_id="RM3")
    theirs = claimed(number="", patient_id=sent, issuer_of_patient_id="RBV")
    assert receive(source, claim=early).became == "unmatched"
    local = {"issuer": PatientNumber.Issuer.LOCAL, "trust_ods_code": "RM3"}
    PatientNumberFactory(patient=patient, value=typed, **local)
    assert receive(source, "M2", number="A2", claim=theirs).became == "unmatched"
    assert receive(source, "M3", number="A3", claim=early).became == "kept"
    assert services.match_again(now=timezone.now()) == 1
    assert set(Report.objects.values_list("patient", "number")) == {
        (patient.pk, "A1"),
        (patient.pk, "A3"),
    }


def test_two_patients_whose_numbers_differ_by_zeros_alone_have_no_report_by_them(source):
    local = {"issuer": PatientNumber.Issuer.LOCAL, "trust_ods_code": "RM3"}
    two = [PatientNumberFactory(value=value, **local).patient for value in ("0123", "123")]
    claim = claimed(number="", patient_id="0123", issuer_of_patient_id="RM3")
    assert receive(source, claim=claim).became == "unmatched"
    assert not Report.objects.exists()
    assert set(queries.kept_apart(two)) == {one.pk for one in two}


def test_what_comes_again_is_kept_once(patient, source):
    assert receive(source).became == "kept"
    assert receive(source).became == "repeat"
    assert receive(source, message_id="M2").became == "repeat"
    assert receive(source, message_id="M1", text="Another.").became == "kept"
    assert [one.number for one in ReportVersion.objects.all()] == [1, 2]


VERSIONS = [
    {"status": "preliminary", "text": "maybe", "at": "2026-11-20T09:00"},
    {"status": "final", "text": "is", "at": "2026-11-20T10:00"},
    {"status": "amended", "text": "is not", "at": "2026-11-20T11:00"},
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_they_come_the_same_version_counts(order, case, source):
    for at in order:
        receive(source, **VERSIONS[at])
    shown = reports_of(case).shown[0]
    assert (shown.current.text, len(shown.versions)) == ("is not", 3)


def test_a_preliminary_version_sent_late_does_not_take_back_a_final_one(case, source):
    receive(source, status="final", text="is", at="2026-11-20T10:00")
    receive(source, status="preliminary", text="maybe", at="2026-11-20T12:00")
    assert lamp(case).status == "final"


def test_two_finals_that_differ_are_an_amendment_whatever_they_are_called(case, source):
    receive(source, text="27 mm", at="2026-11-20T10:00")
    assert lamp(case).status == "final"
    receive(source, text="17 mm", at="2026-11-20T11:00")
    assert lamp(case).status == "amended"


def test_a_slip_of_a_year_keeps_no_later_version_from_counting(case, source):
    receive(source, text="17 mm", at="2062-11-20T10:00")
    soon = timezone.localtime() + timedelta(minutes=2)
    receive(source, status="amended", text="27 mm", at=f"{soon:%Y-%m-%dT%H:%M}")
    assert reports_of(case).shown[0].current.text == "27 mm"


def test_what_can_be_no_time_of_issue_is_refused(patient, source):
    with pytest.raises(NotTaken) as no:
        receive(source, at="0001-01-01T00:00")
    assert no.value.code == "report.no_such_time"


def test_a_number_longer_than_any_that_is_known_is_looked_for_nowhere(patient, source):
    claim = claimed("", patient_id="9" * 41, issuer_of_patient_id="RM3")
    assert receive(source, claim=claim, message_id="a\0b").became == "unmatched"
    assert not UnmatchedReport.objects.get().looked_for.exists()


def test_what_was_withdrawn_is_not_read_and_not_erased(case, source):
    receive(source, text="of somebody else", at="2026-11-20T10:00")
    receive(source, status="withdrawn", text="", at="2026-11-20T11:00")
    shown = reports_of(case).shown[0]
    assert (shown.is_withdrawn, shown.earlier, lamp(case).is_ready) == (True, (), False)
    assert ReportVersion.objects.count() == 2


def test_a_version_is_never_changed_removed_or_written_over(patient, source):
    version = receive(source).version
    version.text = "another"
    with pytest.raises(AppendOnlyError):
        version.save()
    with pytest.raises(AppendOnlyError):
        ReportVersion.objects.update(text="another")
    with pytest.raises(AppendOnlyError):
        version.delete()
    version.pk, version.public_id, version.digest = None, "x" * 16, "other"
    version._state.adding = True
    with transaction.atomic(), pytest.raises(IntegrityError):
        version.save()


def test_the_database_wants_to_know_from_whom(patient, source):
    version = receive(source).version
    version.pk, version.public_id, version.number, version.digest = None, "x" * 16, 2, "other"
    version._state.adding, version.source = True, None
    with transaction.atomic(), pytest.raises(IntegrityError):
        version.save()


def test_rooms_hear_of_it_and_the_audit_says_how_it_came(case, source):
    before = case.meeting.room_seq
    receive(source)
    assert [event.case_id for event in log.since(case.meeting, before)] == [case.public_id]
    row = AuditEvent.objects.get(action="report.kept")
    assert (row.by, row.detail["way"], row.detail["status"]) == ("", "hl7", "final")
    receive(source)
    assert len(log.since(case.meeting, before)) == 1


def test_what_is_nobodys_waits_shown_to_nobody_and_is_theirs_once_they_are_known(source, caplog):
    caplog.set_level(logging.INFO)
    assert receive(source, document=PDF).became == "unmatched"
    assert receive(source, document=PDF).became == "repeat"
    assert services.match_again(now=timezone.now()) == 0
    patient = PatientNumberFactory().patient
    tasks.match_again()
    version = ReportVersion.objects.get()
    assert (version.report.patient, UnmatchedReport.objects.count()) == (patient, 0)
    assert store.get().read_range(version.store_key) == PDF
    assert "9990000018" not in caplog.text
    assert "KHAN" not in caplog.text


def test_a_known_number_with_another_birth_date_stays_nobodys(source, patient):
    Patient.objects.update(birth_date="1957-03-13")
    assert receive(source).became == "unmatched"
    assert services.match_again(now=timezone.now()) == 0
    assert not Report.objects.exists()


def test_what_stays_nobodys_is_forgotten_with_its_pdf(source, settings):
    receive(source, document=PDF)
    key = UnmatchedReport.objects.get().store_key
    services.match_again(now=timezone.now() + (settings.REPORTS_UNMATCHED_KEPT_DAYS - 1) * DAY)
    assert UnmatchedReport.objects.exists()
    assert retention._named([key]) == {key}
    services.match_again(now=timezone.now() + (settings.REPORTS_UNMATCHED_KEPT_DAYS + 1) * DAY)
    assert not UnmatchedReport.objects.exists()
    assert retention._named([key]) == set()


def test_a_pdf_that_a_report_names_is_never_swept(patient, source):
    key = receive(source, document=PDF).version.store_key
    assert retention._named([key]) == {key}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"text": "  \n"}, "report.empty"),
        ({"text": "", "document": b"MZ\x90"}, "report.not_pdf"),
        ({"document": PDF + b"x" * 100}, "report.too_large"),
        ({"text": "a\0b"}, "report.not_text"),
        ({"number": "9" * 65}, "report.long_number"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(values, code, patient, source, settings):
    settings.REPORT_MOST_BYTES = 100
    with pytest.raises(NotTaken) as refused:
        receive(source, **values)
    assert refused.value.code == code
    assert (Report.objects.count(), UnmatchedReport.objects.count()) == (0, 0)


def test_without_room_in_the_store_nothing_is_half_kept(patient, source, monkeypatch):
    def full(stream):
        raise StoreError("store.low_space", "full")

    monkeypatch.setattr(store.get(), "put", full, raising=False)
    with pytest.raises(StoreError):
        receive(source, document=PDF)
    assert not Report.objects.exists()


# The lamps


def test_a_case_without_reports_has_grey_lamps_in_words(case):
    lights = [one.light for one in reports_of(case).lamps.each]
    texts = [(light.colour, light.text) for light in lights]
    assert texts == [("grey", "no imaging report"), ("grey", "no pathology report")]


def test_a_lamp_says_status_source_and_time_and_names_the_others(case, source):
    TrustFactory(ods_code="RM3", name="Salford NHS Trust")
    receive(source, number="A1", at="2026-11-20T10:05")
    receive(source, number="A2", status="preliminary", at="2026-11-19T00:00", is_timed=False)
    light = lamp(case).light
    assert light.colour == "amber"
    assert light.text.startswith("imaging report preliminary: ")
    assert light.text.endswith(", 19 Nov")
    assert light.notes[0].startswith("imaging report final: ")
    assert light.notes[0].endswith(", 20 Nov 10:05")
    assert lamp(case, Kind.PATHOLOGY).status == "none"


def test_a_report_amended_after_the_listing_says_so(case, source):
    receive(source, status="amended", text="17 mm")
    assert "amended SINCE THIS CASE WAS LISTED" in lamp(case).light.text
    assert lamp(case).light.colour == "amber"
    type(case).objects.update(listed_at=timezone.now() + DAY)
    assert lamp(case).light.colour == "green"


def test_a_patient_put_right_loses_what_does_not_agree_any_more(case, source, patient):
    receive(source)
    Patient.objects.filter(pk=patient.pk).update(birth_date="1961-07-30")
    reports = reports_of(case)
    assert (list(reports.shown), reports.withheld[0][1]) == ([], "identity")
    assert "is withheld" in reports.lamps.imaging.light.notes[0]


def test_a_trust_whose_studies_are_withheld_has_its_reports_withheld(case, patient):
    receive(hl7_source(trust_ods_code="RBV"))
    assert reports_of(case).withheld == [("RBV", "no-agreement")]
    receive(hl7_source(name="own", sending_application="OWN"))
    assert [one.report.trust_ods_code for one in reports_of(case).shown] == ["RM3"]
    Objection.objects.create(patient=patient, trust_ods_code="RM3")
    assert list(reports_of(case).shown) == []


@pytest.mark.parametrize(
    ("accession", "trust", "verdict", "is_linked"),
    [
        ("A1", "RM3", "same", True),
        ("A2", "RM3", "same", False),
        ("A1", "RBV", "same", False),
        ("A1", "RM3", "needs-a-person", False),
        ("", "RM3", "same", False),
    ],
)
def test_a_report_belongs_to_the_study_with_its_accession_number_trust_and_person(
    accession, trust, verdict, is_linked, case, source
):
    study = ReferralStudyFactory(
        referral=case.referral,
        study__accession_number=accession,
        study__trust_ods_code=trust,
        study__verdict=verdict,
    ).study
    receive(source)
    assert reports_of(case).shown[0].study == (study if is_linked else None)


def test_reports_cost_a_list_the_same_however_many(
    case, source, chair, django_assert_max_num_queries
):
    receive(source)
    with CaptureQueriesContext(connection) as one:
        rows_for(case.meeting, chair)
    for number in range(2, 5):
        patient = PatientNumberFactory(value=f"99900000{(18, 26, 34, 42)[number - 1]}").patient
        ListedCaseFactory(meeting=case.meeting, referral=ReferralFactory(patient=patient))
        their = claimed(number=patient.nhs_number)
        receive(source, claim=their, number=f"A{number}", text="a")
        receive(source, claim=their, number=f"A{number}", text="b")
    with django_assert_max_num_queries(len(one)):
        rows = rows_for(case.meeting, chair)
    assert [row.lamps.imaging.status for row in rows] == ["final", *["amended"] * 3]


# Besides


def test_the_demos_reports_are_found_their_patients_and_kept_once():
    for key in {row[0] for row in REPORTS}:
        demo = PATIENTS[key]
        patient = PatientFactory(
            family_name=demo.family_name,
            given_names=demo.given_names,
            birth_date=demo.birth_date,
            sex=demo.sex,
        )
        PatientNumberFactory(patient=patient, value=demo.nhs_number)
    seed_reports()
    seed_reports()
    assert ReportVersion.objects.count() == len(REPORTS)
    assert not UnmatchedReport.objects.exists()


def test_a_meeting_that_is_over_is_told_nothing(source, patient):
    meeting = MeetingFactory(state="closed")
    ListedCaseFactory(meeting=meeting, referral=ReferralFactory(patient=patient))
    receive(source)
    assert log.since(meeting, 0) == []


def test_a_fhir_source_and_an_hl7_source_may_send_the_same_report(case, source):
    receive(source)
    receive(fhir_source())
    assert ReportVersion.objects.count() == 1
