"""Reports as systems send them, and the rows they need."""

import base64
import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from mdt.reports.arrived import Arrived, Claimed
from mdt.reports.models import Kind, ReportSource, Status

PDF = b"%PDF-1.4\n%made up\n%%EOF\n"
TOKEN = "a-token-of-the-test"  # noqa: S105  of no source but the tests'
NHS_NUMBER, BIRTH_DATE = "9990000018", "1957-03-12"
VECTORS = Path(__file__).parents[1] / "vectors/clinical_text.json"
CLINICAL = json.loads(VECTORS.read_text())["strings"]
SIGNS = {"\\": "E", "|": "F", "^": "S", "~": "R", "&": "T", "\n": ".br"}


def hl7_source(**values):
    defaults = {
        "name": "ris",
        "way": "hl7",
        "trust_ods_code": "RM3",
        "address": "127.0.0.1",
        "sending_application": "RIS",
        "sending_facility": "RM3",
    }
    return ReportSource.objects.create(**defaults | values)


def fhir_source(**values):
    hashed = sha256(TOKEN.encode()).hexdigest()
    defaults = {"name": "lab", "way": "fhir", "trust_ods_code": "RM3", "token_sha256": hashed}
    return ReportSource.objects.create(**defaults | values)


def claimed(number=NHS_NUMBER, birth_date=BIRTH_DATE, **values):
    others = [(number, "NHS")] if number else []
    return Claimed(
        other_patient_ids=others, birth_date=birth_date, patient_name="KHAN^Amina", **values
    )


def arrived(status="final", text="No lesion.", at="2026-11-20T10:00", **values):
    issued_at = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/London"))
    defaults = {"kind": Kind.IMAGING, "number": "A1", "issued_at": issued_at, "claim": claimed()}
    return Arrived(status=Status(status), text=text, **defaults | values)


def escaped(text):
    return "".join(f"\\{SIGNS[sign]}\\" if sign in SIGNS else sign for sign in text)


def oru(
    *texts,
    status="F",
    section="RAD",
    issued="20261120100000",
    control="M1",
    obx="F",
    charset="UNICODE UTF-8",
    born="19570312",
    number=NHS_NUMBER,
    sender="RIS|RM3",
    mode="P",
    kind="ORU^R01",
    accession="A1",
    extra=(),
):
    """An ORU^R01 as text, each of `texts` an OBX, escaped already."""
    lines = [
        f"MSH|^~\\&|{sender}|LIGHTBOX||20261120101500||{kind}|{control}|{mode}|2.4||||||{charset}",
        f"PID|1||{number}^^^NHS^NH~S0451127^^^RM3^PI||KHAN^Amina||{born}|F",
        f"OBR|1||{accession}|CTHEA^CT head||||||||||||||||||{issued}||{section}|{status}",
        *(f"OBX|{at}|TX|RPT||{text}||||||{obx}" for at, text in enumerate(texts, start=1)),
        *extra,
    ]
    return "\r".join(lines) + "\r"


def diagnostic_report(**values):
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER}],
        "birthDate": BIRTH_DATE,
        "name": [{"family": "KHAN", "given": ["Amina"]}],
    }
    return {
        "resourceType": "DiagnosticReport",
        "meta": {"versionId": "1"},
        "contained": [patient],
        "identifier": [{"system": "urn:lab", "value": "H26-1"}],
        "status": "final",
        "category": [{"coding": [{"code": "SP"}]}],
        "code": {"text": "Biopsy"},
        "subject": {"reference": "#p"},
        "issued": "2026-11-20T10:00:00Z",
        "conclusion": "Glioma.",
    } | values


def form(content_type, data):
    return {"contentType": content_type, "data": base64.b64encode(data).decode()}
