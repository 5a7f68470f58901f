"""DiagnosticReport sent to us: tokens, what is read, what is refused, and that nobody is named."""

import json

import pytest
from django.urls import reverse

from mdt.reports.models import Kind, Report, ReportSource, ReportVersion, UnmatchedReport
from tests.factories import PatientNumberFactory
from tests.mdt.report_kit import CLINICAL, PDF, TOKEN, diagnostic_report, fhir_source, form

pytestmark = pytest.mark.django_db
PATIENT = diagnostic_report()["contained"][0]
OTHER = {"system": "urn:lab", "value": "H26-2"}


@pytest.fixture
def post(client):
    """Send a report; with the token of the source there is, unless told otherwise."""
    PatientNumberFactory()
    fhir_source()

    def post(body=None, token=TOKEN, **values):
        body = json.dumps(diagnostic_report(**values)) if body is None else body
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = reverse("fhir-diagnostic-report")
        return client.post(url, body, content_type="application/fhir+json", headers=headers)

    return post


def words(response):
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert response["Content-Type"] == "application/fhir+json"
    return outcome["issue"][0]["diagnostics"]


def test_a_report_is_kept_once_however_often_it_is_sent(post):
    assert [post().status_code, post().status_code] == [201, 200]
    version = ReportVersion.objects.get()
    assert (version.text, version.report.kind) == ("Glioma.", Kind.PATHOLOGY)
    assert (version.report.number, version.title) == ("H26-1", "Biopsy")


@pytest.mark.parametrize("text", CLINICAL)
def test_clinical_text_comes_in_byte_for_byte(text, post):
    post(conclusion=text)
    assert ReportVersion.objects.get().text == text


def test_a_newer_version_stands_beside_the_older(post):
    post()
    newer = {"meta": {"versionId": "2"}, "status": "amended", "conclusion": "No glioma."}
    assert post(**newer, issued="2026-11-21T10:00:00Z").status_code == 201
    assert [one.status for one in Report.objects.get().versions.all()] == ["final", "amended"]


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ("registered", None),
        ("partial", "preliminary"),
        ("preliminary", "preliminary"),
        ("final", "final"),
        ("amended", "amended"),
        ("corrected", "amended"),
        ("appended", "amended"),
        ("cancelled", "withdrawn"),
        ("entered-in-error", "withdrawn"),
        ("unknown", "preliminary"),
    ],
)
def test_every_status_of_r4_has_its_meaning_here(status, kept, post):
    assert post(status=status).status_code == (201 if kept else 200)
    found = ReportVersion.objects.first()
    assert (found.status if found else None) == kept


@pytest.mark.parametrize(
    ("category", "default", "kind"),
    [
        ("RAD", "", "imaging"),
        ("CT", "pathology", "imaging"),
        ("LP7839-6", "", "pathology"),
        ("HM", "pathology", None),
        ("HISTO", "pathology", "pathology"),
        ("HAEMATOLOGY", "pathology", None),
        ("", "imaging", "imaging"),
        ("", "", None),
    ],
)
def test_which_kind_it_is(category, default, kind, post):
    ReportSource.objects.update(kind=default)
    post(category=[{"coding": [{"code": category}]}] if category else [])
    found = Report.objects.first()
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
@pytest.mark.parametrize("category", [[], [{"text": "Histology"}]], ids=["none", "no code"])
def test_a_report_taken_back_without_its_category_is_never_silently_kept(category, status, post):
    """Of which kind it is decides what it takes back: the sender must not believe that it did."""
    post()
    taken_back = {"meta": {"versionId": "2"}, "status": status, "issued": "2026-11-21T10:00:00Z"}
    refused = post(**taken_back, category=category)
    assert (refused.status_code, ReportVersion.objects.count()) == (422, 1)
    assert "report.no_kind" in words(refused)
    assert post(**taken_back, category=[{"coding": [{"code": "HM"}]}]).status_code == 200
    ReportSource.objects.update(kind="pathology")
    assert post(**taken_back, category=category).status_code == 201
    assert ReportVersion.objects.last().status == "withdrawn"


def test_forms_in_the_message_are_read_and_addresses_are_not_followed(post):
    away = {"contentType": "application/pdf", "url": "http://127.0.0.1:1/report.pdf"}
    forms = [away, form("text/plain; charset=utf-8", b"In full."), form("application/pdf", PDF)]
    assert post(presentedForm=forms).status_code == 201
    version = ReportVersion.objects.get()
    assert (version.text, version.size) == ("Glioma.\n\nIn full.", len(PDF))
    assert post(identifier=[OTHER], conclusion="", presentedForm=[away]).status_code == 422


def test_the_sender_does_not_learn_who_is_known_here(post):
    stranger = PATIENT | {"birthDate": "1990-01-01"}
    answers = post(), post(identifier=[OTHER], contained=[stranger])
    assert answers[0].status_code == answers[1].status_code == 201
    assert answers[0].content == answers[1].content
    assert UnmatchedReport.objects.count() == 1


@pytest.mark.parametrize(
    "patient",
    [
        {"subject": {"identifier": PATIENT["identifier"][0]}, "contained": []},
        {"contained": [PATIENT | {"birthDate": "1957-03"}]},
        {"contained": [PATIENT | {"id": "q"}]},
        {"contained": [PATIENT | {"identifier": [{"system": "", "value": "9990000018"}]}]},
    ],
    ids=["number alone", "half a birth date", "another's", "number without issuer"],
)
def test_it_is_nobodys_but_by_number_with_issuer_and_birth_date(patient, post):
    assert post(**patient).status_code == 201
    assert (Report.objects.count(), UnmatchedReport.objects.count()) == (0, 1)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": "KHAN"}, "fhir.status"),
        ({"identifier": []}, "fhir.no_identifier"),
        ({"issued": None, "meta": {}}, "fhir.no_time"),
        ({"conclusion": ""}, "report.empty"),
        ({"presentedForm": [form("application/pdf", b"MZ KHAN")]}, "report.not_pdf"),
        ({"presentedForm": [form("text/plain", b"\xff\xfe")]}, "fhir.charset"),
        ({"presentedForm": [{"contentType": "text/plain", "data": "@"}]}, "fhir.not_base64"),
        ({"contained": [PATIENT | {"identifier": "KHAN"}]}, "fhir.not_read"),
        ({"resourceType": "Observation"}, "fhir.not_read"),
        ({"identifier": [{"value": "9" * 65}]}, "report.long_number"),
        ({"conclusion": "a\0b"}, "report.not_text"),
    ],
)
def test_what_cannot_be_kept_says_why_and_quotes_nothing(values, code, post):
    response = post(**values)
    assert response.status_code == 422
    assert code in words(response)
    assert "KHAN" not in words(response)
    assert (Report.objects.count(), UnmatchedReport.objects.count()) == (0, 0)


def test_without_a_time_it_is_refused(post):
    body = diagnostic_report()
    del body["issued"]
    assert "fhir.no_time" in words(post(json.dumps(body)))
    body["effectiveDateTime"] = "2026-11-20"
    assert post(json.dumps(body)).status_code == 201


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a":' * 5000])
def test_what_is_no_report_is_refused(body, post):
    assert post(body).status_code == 422


def test_too_much_is_not_read(post, settings, monkeypatch):
    settings.REPORT_MOST_BYTES = 0
    monkeypatch.setattr("mdt.reports.api.ROOM_FOR_JSON", 100)
    assert post().status_code == 413


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), f"{TOKEN} x"])
def test_without_the_right_token_there_is_nothing_to_learn(token, post):
    response = post("no report at all", token=token)
    assert response.status_code == 401
    assert words(response) == "This needs a bearer token that is known here."
    assert not Report.objects.exists()


def test_a_source_that_is_switched_off_or_of_hl7_has_no_token(post):
    ReportSource.objects.update(is_active=False)
    assert post().status_code == 401


def test_it_is_for_sending_only(client):
    assert client.get(reverse("fhir-diagnostic-report")).status_code == 405
