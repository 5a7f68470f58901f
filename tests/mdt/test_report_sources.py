"""Who may send reports: a source has a token or an address, and both are told apart."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from mdt.referrals.models import PatientNumber
from mdt.reports.mllp import answer_to
from mdt.reports.models import Report
from mdt.reports.queries import fhir_source as source_of_token
from mdt.reports.queries import hl7_addresses, patient_of
from mdt.reports.queries import hl7_source as source_of_sender
from tests.factories import PatientNumberFactory, TrustFactory
from tests.mdt.report_kit import (
    TOKEN,
    claimed,
    diagnostic_report,
    fhir_source,
    hl7_source,
    oru,
)

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once_and_kept_as_its_hash(capsys):
    TrustFactory()
    call_command("add_report_source", "lab", way="fhir", trust="RM3")
    token = capsys.readouterr().out.strip().rsplit(" ", 1)[1]
    source = source_of_token(token)
    assert source.name == "lab"
    assert token not in str(vars(source))
    source.is_active = False
    source.save()
    assert source_of_token(token) is None


def test_an_hl7_source_that_is_switched_off_is_not_heard():
    source = hl7_source()
    sender = ("127.0.0.1", "RIS", "RM3")
    assert (source_of_sender(*sender), hl7_addresses()) == (source, {"127.0.0.1"})
    source.is_active = False
    source.save()
    assert (source_of_sender(*sender), hl7_addresses()) == (None, frozenset())


@pytest.mark.parametrize(
    "options",
    [
        {"trust": "ZZ999", "way": "fhir"},
        {"trust": "RM3", "way": "hl7", "application": "RIS"},
        {"trust": "RM3", "way": "hl7", "address": "127.0.0.1"},
        {"trust": "RM3", "way": "hl7", "address": "not one", "application": "RIS"},
    ],
)
def test_a_source_that_could_not_be_told_is_refused(options):
    TrustFactory()
    with pytest.raises(CommandError):
        call_command("add_report_source", "lab", **options)


# ---- what an administrator does with them --------------------------------------------------


def told(capsys, *words):
    """What manage.py report_sources says."""
    call_command("report_sources", *words)
    return capsys.readouterr().out


def test_a_source_is_listed_stopped_and_started_again(capsys):
    hl7_source(issuer_of_patient_id="RM3", kind="imaging")
    listed = told(capsys, "list")
    for said in ("ris", "may send", "RM3", "address=127.0.0.1", "application=RIS", "kind=imaging"):
        assert said in listed
    sender = ("127.0.0.1", "RIS", "RM3")
    assert "STOPPED" in told(capsys, "stop", "ris")
    assert (source_of_sender(*sender), hl7_addresses()) == (None, frozenset())
    assert "MSA|AR|" in answer_to(oru("x").encode(), "127.0.0.1").decode()
    assert "STOPPED" in told(capsys, "list")
    assert "may send" in told(capsys, "start", "ris")
    assert source_of_sender(*sender) is not None


def test_a_token_that_is_renewed_is_shown_once_and_the_old_one_ends(capsys):
    fhir_source()
    token = told(capsys, "renew", "lab").strip().rsplit(" ", 1)[1]
    assert source_of_token(token).name == "lab"
    assert source_of_token(TOKEN) is None
    assert token not in told(capsys, "list")
    hl7_source()
    with pytest.raises(CommandError):
        call_command("report_sources", "renew", "ris")


def test_a_prefix_is_set_and_counts_at_once(capsys):
    patient = PatientNumberFactory(
        issuer=PatientNumber.Issuer.LOCAL, trust_ods_code="RM3", value="451127"
    ).patient
    source = hl7_source(issuer_of_patient_id="RM3")
    claim = claimed(number="", patient_id="S0451127", issuer_of_patient_id="RM3")
    assert patient_of(claim, source) is None
    assert "prefix=S" in told(capsys, "prefix", "ris", "S")
    source.refresh_from_db()
    assert patient_of(claim, source) == patient
    with pytest.raises(CommandError):
        call_command("report_sources", "prefix", "ris", "S" * 17)


@pytest.mark.parametrize("words", [("stop", "nobody"), ("section", "nobody", "HISTO", "imaging")])
def test_a_source_that_is_none_is_said(words):
    with pytest.raises(CommandError):
        call_command("report_sources", *words)


# ---- sections of their own -----------------------------------------------------------------


def hear(section):
    return answer_to(oru("x", section=section).encode(), "127.0.0.1").decode()


def test_a_section_that_is_not_kept_is_counted_logged_and_can_be_mapped(capsys, caplog):
    PatientNumberFactory()
    hl7_source()
    for _ in range(2):
        assert "MSA|AA|" in hear("HISTO")
    assert not Report.objects.exists()
    assert "not kept: section HISTO, 2 times" in told(capsys, "list")
    assert caplog.text.count("reports of ris under section HISTO are not kept") == 1
    for hidden in ("KHAN", "9990000018", "M1"):
        assert hidden not in caplog.text
    assert "sections=HISTO=pathology" in told(capsys, "section", "ris", "HISTO", "pathology")
    assert "MSA|AA|" in hear("HISTO")
    assert Report.objects.get().kind == "pathology"


@pytest.mark.parametrize("section", ["HM", "HAEM", "CHEM1", "LAB", "FBC"])
def test_a_blood_count_lights_no_lamp_whatever_its_sender_else_sends(section, capsys):
    PatientNumberFactory()
    hl7_source(kind="pathology")
    assert "MSA|AA|" in hear(section)
    assert not Report.objects.exists()
    assert f"section {section}, 1 times" in told(capsys, "list")
    assert "MSA|AA|" in hear("HISTO")
    assert Report.objects.get().kind == "pathology"


def test_a_section_that_is_said_to_be_none_is_not_kept_by_default(capsys):
    PatientNumberFactory()
    hl7_source(kind="pathology")
    told(capsys, "section", "ris", "CUT-UP", "none")
    hear("CUT-UP")
    assert not Report.objects.exists()
    told(capsys, "section", "ris", "CUT-UP", "")
    hear("CUT-UP")
    assert Report.objects.get().kind == "pathology"


@pytest.mark.parametrize("section", ["9990000018", "KHAN AMINA", "A" * 40, "12/03/1957"])
def test_what_is_no_code_is_counted_and_not_quoted(section, capsys, caplog):
    hl7_source()
    hear(section)
    assert "section (no code of a section), 1 times" in told(capsys, "list")
    assert section not in caplog.text


def test_by_fhir_it_is_alike(capsys, client):
    PatientNumberFactory()
    fhir_source()
    url, headers = reverse("fhir-diagnostic-report"), {"Authorization": f"Bearer {TOKEN}"}

    def send():
        body = diagnostic_report(category=[{"coding": [{"code": "HISTO"}]}])
        return client.post(url, body, content_type="application/json", headers=headers)

    assert send().status_code == 200
    assert "not kept: section HISTO, 1 times" in told(capsys, "list")
    told(capsys, "section", "lab", "HISTO", "pathology")
    assert send().status_code == 201
