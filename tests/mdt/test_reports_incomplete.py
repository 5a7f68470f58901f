"""Reports of which a part could not be kept: said where they are read, and never green."""

import base64
import json

import pytest
from django.urls import reverse

from mdt.meetings.report_queries import reports_of
from mdt.members import Role
from mdt.reports import fhir, hl7, services
from mdt.reports.kinds import Kinds
from mdt.reports.mllp import answer_to
from mdt.reports.models import Report
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
)
from tests.mdt.report_kit import (
    PDF,
    TOKEN,
    arrived,
    diagnostic_report,
    fhir_source,
    form,
    hl7_source,
    oru,
)

OTHER_PDF = PDF + b"another\n"
AWAY = {"contentType": "application/pdf", "url": "https://lab.example/report.pdf"}
RTF = form("application/rtf", b"{\\rtf1 Glioma.}")
WORDS = "Parts of this report could not be kept: ask the sender"


def obx(kind, value, number=2, status="F"):
    return f"OBX|{number}|{kind}|RPT||{value}||||||{status}"


def ed(data, of="application^pdf", encoding="Base64"):
    return f"RIS^{of}^{encoding}^{base64.b64encode(data).decode()}"


def read(*results, text="No lesion."):
    (report,) = hl7.reports_in(hl7.parse(oru(text, extra=results).encode()), Kinds())
    return report


@pytest.mark.parametrize(
    ("forms", "is_incomplete"),
    [
        ([], False),
        ([form("text/plain; charset=utf-8", b"In full.")], False),
        ([form("Application/PDF", PDF)], False),
        ([form("application/pdf", PDF), form("application/pdf", PDF)], False),
        ([{"contentType": "application/pdf"}], False),
        ([RTF], True),
        ([form("text/html", b"<p>In full.")], True),
        ([form("", b"In full.")], True),
        ([AWAY], True),
        ([{"url": "https://lab.example/report"}], True),
        ([form("application/pdf", PDF), form("application/pdf", OTHER_PDF)], True),
        ([form("application/pdf", PDF), AWAY], True),
    ],
)
def test_a_form_in_fhir_that_is_not_kept_is_told(forms, is_incomplete):
    body = json.dumps(diagnostic_report(presentedForm=forms)).encode()
    assert fhir.report_in(fhir.parse(body), Kinds()).is_incomplete is is_incomplete


@pytest.mark.parametrize(
    ("results", "is_incomplete"),
    [
        ([], False),
        ([obx("ED", ed(PDF))], False),
        ([obx("ED", ed(PDF)), obx("ED", ed(PDF), 3)], False),
        ([obx("NM", "27")], False),
        ([obx("ED", "")], False),
        ([obx("ED", ed(b"{", "text^rtf"), status="D")], False),
        ([obx("ED", ed(b"{", "text^rtf"))], True),
        ([obx("ED", ed(PDF, encoding="Hex"))], True),
        ([obx("RP", "https://lab.example/report^RIS^Application^PDF")], True),
        ([obx("ED", ed(PDF)), obx("ED", ed(OTHER_PDF), 3)], True),
    ],
)
def test_a_result_in_hl7_that_is_not_kept_is_told(results, is_incomplete):
    assert read(*results).is_incomplete is is_incomplete


def test_a_pdf_that_its_sender_has_deleted_is_not_the_reports():
    report = read(obx("ED", ed(OTHER_PDF), status="D"), obx("ED", ed(PDF), 3))
    assert (report.document, report.is_incomplete) == (PDF, False)


@pytest.mark.django_db
def test_what_holds_nothing_that_is_kept_is_refused_by_both_ways(client):
    PatientNumberFactory()
    hl7_source()
    fhir_source()
    message = oru(extra=[obx("ED", ed(b"{", "text^rtf"), 1)])
    answer = answer_to(message.encode(), "127.0.0.1").decode()
    assert "|AE|" in answer
    body = json.dumps(diagnostic_report(conclusion="", presentedForm=[RTF, AWAY]))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = reverse("fhir-diagnostic-report")
    response = client.post(url, body, content_type="application/fhir+json", headers=headers)
    assert response.status_code == 422
    assert "report.empty" in response.json()["issue"][0]["diagnostics"]
    assert not Report.objects.exists()


@pytest.fixture
def case(live_meeting):
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    return ListedCaseFactory(meeting=live_meeting, referral=referral)


@pytest.mark.django_db
def test_the_lamp_and_the_page_say_so_of_the_version_it_is_true_of(case, team, client):
    client.force_login(MembershipFactory(team=team, role=Role.COORDINATOR).person)
    source, page = hl7_source(), reverse("reports", args=[case.public_id])
    part = arrived("final", "No lesion.", is_incomplete=True)
    services.receive(arrived=part, source=source, message_id="M1")
    light = reports_of(case).lamps.imaging.light
    assert light.colour == "amber"
    assert light.text.endswith(f"20 Nov 10:00. {WORDS}")
    said = client.get(page).content.decode()
    assert said.count("report.incomplete") == 1
    assert f"{WORDS}." in said

    whole = arrived("final", "No lesion at all.", at="2026-11-21T10:00")
    services.receive(arrived=whole, source=source, message_id="M2")
    assert reports_of(case).lamps.imaging.light.colour != "grey"
    assert WORDS not in reports_of(case).lamps.imaging.light.text
    assert "Parts of this version could not be kept." in client.get(page).content.decode()


@pytest.mark.django_db
def test_the_same_with_all_its_parts_is_a_newer_version(case):
    """What was sent in part at first is not taken for a repeat when it comes in whole."""
    source = hl7_source()
    for message_id, is_incomplete in (("M1", True), ("M2", False)):
        report = arrived(is_incomplete=is_incomplete)
        services.receive(arrived=report, source=source, message_id=message_id)
    light = reports_of(case).lamps.imaging.light
    assert light.colour == "green"
