"""HL7's OBX-11 U: what was sent as preliminary is final now, and is not sent again."""

import pytest
from django.utils import timezone

from mdt.meetings.report_queries import reports_of
from mdt.reports.mllp import answer_to
from mdt.reports.models import Report, ReportVersion, UnmatchedReport
from mdt.reports.services import match_again
from tests.factories import ListedCaseFactory, PatientNumberFactory, ReferralFactory
from tests.mdt.report_kit import hl7_source, oru

pytestmark = pytest.mark.django_db
LATER = "20261121090000"


@pytest.fixture(autouse=True)
def source():
    return hl7_source()


@pytest.fixture
def patient():
    return PatientNumberFactory().patient


def answered(*texts, **values):
    return answer_to(oru(*texts, **values).encode(), "127.0.0.1").decode()


def preliminary(text="27 mm", **values):
    assert "MSA|AA|" in answered(text, status="P", obx="P", **values)


@pytest.mark.parametrize("status", ["F", ""])
def test_the_preliminary_becomes_final_with_the_same_text(status, patient, live_meeting):
    referral = ReferralFactory(patient=patient)
    case = ListedCaseFactory(meeting=live_meeting, referral=referral)
    preliminary()
    assert reports_of(case).lamps.imaging.light.colour == "amber"
    for _ in range(2):
        assert "MSA|AA|" in answered("", status=status, obx="U", issued=LATER, control="M2")
    (shown,) = reports_of(case).shown
    assert (shown.current.text, shown.status, len(shown.versions)) == ("27 mm", "final", 2)
    assert shown.current.issued_at.day == 21
    assert reports_of(case).lamps.imaging.light.colour == "green"


@pytest.mark.usefixtures("patient")
def test_without_a_preliminary_it_is_refused_and_says_what_to_do():
    answer = answered("", obx="U")
    assert "MSA|AE|" in answer
    assert "report.never_came" in answer
    assert not Report.objects.exists()


@pytest.mark.usefixtures("patient")
def test_another_reports_preliminary_is_not_made_final():
    preliminary(accession="A2")
    assert "report.never_came" in answered("", obx="U")
    assert [one.status for one in ReportVersion.objects.all()] == ["preliminary"]


@pytest.mark.parametrize(("text", "status"), [("17 mm", "final"), ("", "withdrawn")])
@pytest.mark.usefixtures("patient")
def test_it_changes_nothing_that_is_further_on(text, status):
    preliminary()
    said = {"final": "F", "withdrawn": "X"}[status]
    answered(text, status=said, obx=said, issued=LATER)
    assert "MSA|AA|" in answered("", obx="U", issued="20261122090000")
    assert ReportVersion.objects.count() == 2


@pytest.mark.usefixtures("patient")
def test_sent_with_its_text_all_the_same_it_is_an_ordinary_final():
    assert "MSA|AA|" in answered("27 mm", obx="U")
    version = ReportVersion.objects.get()
    assert (version.text, version.status, version.is_incomplete) == ("27 mm", "final", False)


@pytest.mark.usefixtures("patient")
def test_beside_results_that_are_sent_what_is_not_is_told():
    preliminary()
    extra = ["OBX|2|TX|RPT||||||||U"]
    assert "MSA|AA|" in answered("17 mm", extra=extra, issued=LATER)
    version = ReportVersion.objects.last()
    assert (version.text, version.status, version.is_incomplete) == ("17 mm", "final", True)


def test_of_somebody_not_known_yet_it_is_the_same():
    preliminary()
    answered("", obx="U", issued=LATER)
    assert "MSA|AA|" in answered("", obx="U", issued=LATER)
    assert UnmatchedReport.objects.count() == 2
    PatientNumberFactory()
    assert match_again(now=timezone.now()) == 2
    versions = ReportVersion.objects.order_by("number")
    assert [(one.text, one.status) for one in versions] == [
        ("27 mm", "preliminary"),
        ("27 mm", "final"),
    ]
