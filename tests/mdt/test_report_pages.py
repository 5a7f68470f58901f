"""The pages of a case's reports: who reads, who brings, what is refused, and the lamps in place."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from imaging import store
from imaging.store.base import StoreError
from mdt.audit.models import AuditEvent
from mdt.errors import NotAllowed, WrongState
from mdt.live.case_data import case_json
from mdt.meetings.case_reports import bring_report
from mdt.members import Role
from mdt.referrals.models import Objection
from mdt.reports import services
from mdt.reports.models import Report, ReportVersion
from mdt.teams.models import SharingAgreement
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
    TrustFactory,
)
from tests.mdt.report_kit import CLINICAL, PDF, arrived, hl7_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(live_meeting):
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    return ListedCaseFactory(meeting=live_meeting, referral=referral)


@pytest.fixture
def coordinator(coordinator, client):
    client.force_login(coordinator)
    return coordinator


def url(name, case, *more):
    return reverse(name, args=[case.public_id, *more])


def bring(client, case, **values):
    filled = {
        "kind": "imaging",
        "status": "final",
        "trust": "RM3",
        "of": "",
        "issued_on": "2026-11-20",
        "issued_time": "10:05",
        "number": "A1",
        "text": "No lesion.",
    }
    return client.post(url("report-add", case), filled | values)


def pdf(content=PDF):
    return SimpleUploadedFile("KHAN Amina.pdf", content, "text/html")


def test_a_pasted_report_lights_the_lamp_of_list_room_and_page(case, coordinator, client):
    response = bring(client, case)
    assert (response.status_code, response.url) == (302, url("reports", case))
    page = client.get(response.url).content.decode()
    assert "No lesion." in page
    assert f"pasted by {coordinator.shown_name}" in page
    listed = client.get(reverse("meeting-list", args=[case.meeting.public_id])).content.decode()
    for said in ("imaging report final: ", ", 20 Nov 10:05", "no pathology report"):
        assert said in page
        assert said in listed
    assert "imaging reports 1 of 1" in listed
    assert "pathology 0 of 1" in listed
    lamps = case_json(case)["reports"]
    assert [one["status"] for one in lamps["lamps"]] == ["final", "none"]
    assert lamps["page"] == url("reports", case)


@pytest.mark.parametrize("text", CLINICAL)
def test_a_pasted_text_is_kept_and_shown_letter_for_letter(text, case, coordinator, client):
    bring(client, case, text=text.replace("\n", "\r\n"))
    assert ReportVersion.objects.get().text == text
    page = client.get(url("reports", case))
    assert "<script>alert" not in page.content.decode()
    assert page.context["reports"].shown[0].current.text == text


def test_the_second_enter_makes_no_second_version(case, coordinator, client):
    bring(client, case)
    bring(client, case)
    assert ReportVersion.objects.count() == 1


@pytest.mark.parametrize("by_number", [True, False])
def test_an_amendment_is_a_version_of_its_report(by_number, case, coordinator, client):
    bring(client, case, number="A1" if by_number else "")
    of = "" if by_number else Report.objects.get().public_id
    amended = {"status": "amended", "issued_on": "2026-11-21", "text": "17 mm"}
    bring(client, case, number="A1" if by_number else "", of=of, **amended)
    assert [one.text for one in Report.objects.get().versions.all()] == ["No lesion.", "17 mm"]
    page = client.get(url("reports", case)).content.decode()
    assert "1 other version" in page
    assert "No lesion." in page


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": " \n "}, "Paste its text"),
        ({"kind": "letter"}, "valid choice"),
        ({"status": "withdrawn"}, "valid choice"),
        ({"trust": "ZZ999"}, "valid choice"),
        ({"of": "x" * 16}, "valid choice"),
        ({"issued_on": "31/02/2026"}, "A day is like"),
        ({"issued_on": "2999-01-01"}, "not come yet"),
        ({"issued_time": "25:00"}, "A time is like"),
        ({"document": pdf(b"<html>")}, "no PDF"),
        ({"document": pdf(PDF + b"x" * 200)}, "at most"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    values, said, case, coordinator, client, settings
):
    settings.REPORT_MOST_BYTES = 100
    response = bring(client, case, title="CT <head>", **values)
    page = response.content.decode()
    assert response.status_code == 422
    assert said in page
    assert "CT &lt;head&gt;" in page
    assert not Report.objects.exists()


def test_a_pdf_is_sent_back_as_it_came_shut_in_and_put_on_record(case, coordinator, client):
    bring(client, case, text="", document=pdf())
    version = ReportVersion.objects.get()
    assert version.way == "pdf"
    response = client.get(url("report-document", case, version.public_id))
    assert response.content == PDF
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == 'attachment; filename="report.pdf"'
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-store"
    opened = AuditEvent.objects.get(action="report.document-opened")
    assert (opened.by, opened.detail) == (coordinator.public_id, {"case": case.public_id})


def test_a_pdf_of_another_case_or_withheld_is_not_there(case, coordinator, client):
    bring(client, case, text="", document=pdf())
    version = ReportVersion.objects.get()
    other = ListedCaseFactory(meeting=case.meeting)
    assert client.get(url("report-document", other, version.public_id)).status_code == 404
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    assert client.get(url("report-document", case, version.public_id)).status_code == 404
    assert "the patient objects" in client.get(url("reports", case)).content.decode().lower()


@pytest.mark.parametrize(
    ("why", "code", "status"),
    [
        (StoreError("store.unreachable", "Its own words."), "store.unreachable", 503),
        (FileNotFoundError("a path"), "store.lost", 404),
    ],
    ids=["silent", "lost"],
)
def test_a_pdf_the_store_cannot_give_is_a_sentence_with_its_code_and_was_not_opened(
    case, coordinator, client, monkeypatch, why, code, status
):
    bring(client, case, text="", document=pdf())
    version = ReportVersion.objects.get()

    def cannot(*_):
        raise why

    with monkeypatch.context() as patch:
        patch.setattr(type(store.get()), "read_range", cannot)
        answer = client.get(url("report-document", case, version.public_id))
    page = answer.content.decode()
    assert answer.status_code == status
    assert code in page
    assert "Its own words" not in page
    assert "a path" not in page
    assert not AuditEvent.objects.filter(action="report.document-opened").exists()
    assert client.get(url("report-document", case, version.public_id)).content == PDF
    assert AuditEvent.objects.filter(action="report.document-opened").count() == 1


def test_that_reports_were_read_is_on_record_once_a_day(case, coordinator, client):
    for _ in range(2):
        client.get(url("reports", case))
    row = AuditEvent.objects.get(action="reports.viewed")
    assert (row.by, row.target) == (coordinator.public_id, f"mdt.ListedCase:{case.public_id}")


def test_who_only_sees_the_case_reads_and_brings_nothing(case, team, client):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    page = client.get(url("reports", case))
    assert (page.status_code, "Add a report" in page.content.decode()) == (200, False)
    assert client.get(url("report-new", case)).status_code == 403
    assert bring(client, case).status_code == 403
    assert not Report.objects.exists()


def test_the_service_itself_asks_who_brings_and_whether_it_is_time(case, team):
    values = {"case": case, "trust_ods_code": "RM3", "arrived": arrived()}
    with pytest.raises(NotAllowed):
        bring_report(**values, by=MembershipFactory(team=team, role=Role.EXTENDED).person)
    keeper = MembershipFactory(team=team, role=Role.COORDINATOR).person
    with pytest.raises(NotAllowed):
        bring_report(**values | {"trust_ods_code": "RBV"}, by=keeper)
    case.meeting.state = "closed"
    with pytest.raises(WrongState):
        bring_report(**values, by=keeper)
    assert not Report.objects.exists()


def test_nothing_is_brought_from_a_trust_that_shares_nothing(case, coordinator, client):
    TrustFactory(ods_code="RBV", name="The Christie NHS Foundation Trust")
    assert bring(client, case, trust="RBV").status_code == 422
    assert not Report.objects.exists()


def test_a_report_of_another_patient_is_never_added_to(case, coordinator, client):
    other = ListedCaseFactory(meeting=case.meeting)
    bring(client, other, number="")
    theirs = Report.objects.get()
    assert bring(client, case, of=theirs.public_id).status_code == 422
    assert theirs.versions.count() == 1


def test_the_list_says_that_a_report_was_amended_after_the_listing(case, coordinator, client):
    type(case).objects.update(listed_at=timezone.now() - timedelta(days=1))
    source = hl7_source()
    services.receive(arrived=arrived(), source=source, message_id="M1")
    amended = arrived(status="amended", text="17 mm", at="2026-11-20T11:00")
    services.receive(arrived=amended, source=source, message_id="M2")
    listed = client.get(reverse("meeting-list", args=[case.meeting.public_id])).content.decode()
    assert "amended SINCE THIS CASE WAS LISTED" in listed


def test_a_withdrawn_report_is_said_and_not_shown(case, coordinator, client):
    source = hl7_source()
    services.receive(arrived=arrived(text="of somebody else"), source=source, message_id="M1")
    gone = arrived(status="withdrawn", text="", at="2026-11-20T12:00")
    services.receive(arrived=gone, source=source, message_id="M2")
    page = client.get(url("reports", case)).content.decode()
    assert "has taken this report back" in page
    assert "of somebody else" not in page


def test_a_withdrawn_reports_pdf_is_not_there(case, coordinator, client):
    source, at = hl7_source(), "2026-11-20T12:00"
    gone = arrived(status="withdrawn", text="", at=at, document=PDF)
    version = services.receive(arrived=gone, source=source, message_id="M1").version
    assert client.get(url("report-document", case, version.public_id)).status_code == 404


@pytest.mark.parametrize("other", [{"kind": "pathology"}, {"trust": "RBV"}])
def test_a_newer_version_is_of_the_same_kind_and_trust(other, case, team, coordinator, client):
    holder, day = TrustFactory(ods_code="RBV"), timezone.localdate()
    SharingAgreement.objects.create(holder=holder, receiver=team.site.trust, from_date=day)
    bring(client, case)
    report = Report.objects.get()
    answer = bring(client, case, of=report.public_id, text="17 mm", **other)
    assert (answer.status_code, report.versions.count()) == (422, 1)
    assert "report.another" in answer.content.decode()


def test_without_room_for_a_pdf_what_was_typed_stays(case, coordinator, client, monkeypatch):
    def full(*_):
        raise StoreError("store.low_space", "The store is nearly full.")

    monkeypatch.setattr(type(store.get()), "put", full)
    answer = bring(client, case, number="A7", document=pdf())
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "store.low_space" in page
    assert "A7" in page
