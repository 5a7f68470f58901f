"""FHIR R4 DiagnosticReport read: only what we keep of it, checked; the rest is passed over. Pure.

HL7 FHIR R4 (4.0.1), DiagnosticReport; NHS number as in UK Core.
"""

import base64
import binascii
import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from pydantic import Field, ValidationError

from mdt.reports.arrived import NO_KIND, Arrived, Claimed, NotTaken, states_a_time
from mdt.reports.fhir_results import CodeableConcept, Coding, Part, Pointer, Results
from mdt.reports.kinds import Kinds, as_counted
from mdt.reports.models import Status
from mdt.reports.narrative import plain

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
#: What each status of FHIR is here; None: there is nothing to show yet.
STATUSES: dict[str, Status | None] = {
    "registered": None,
    "partial": Status.PRELIMINARY,
    "preliminary": Status.PRELIMINARY,
    "final": Status.FINAL,
    "amended": Status.AMENDED,
    "corrected": Status.AMENDED,
    "appended": Status.AMENDED,
    "cancelled": Status.WITHDRAWN,  # there will be none: what was shown of it counts no more
    "entered-in-error": Status.WITHDRAWN,  # it may be another patient's
    "unknown": Status.PRELIMINARY,  # its sender does not know how far it is
}
TEXT, PDF = "text/plain", "application/pdf"
SEX = {"female": "F", "male": "M", "other": "O"}


class Named(Part):
    display: str = ""


class Identifier(Part):
    system: str = ""
    value: str = ""
    use: str = ""
    assigner: Named = Named()


class HumanName(Part):
    use: str = ""
    family: str = ""
    given: list[str] = Field(default_factory=list, max_length=20)


class Patient(Part):
    """A contained one. `birthDate` in whole, or it is not stated."""

    resourceType: Literal["Patient"]
    id: str = ""
    identifier: list[Identifier] = Field(default_factory=list, max_length=50)
    name: list[HumanName] = Field(default_factory=list, max_length=20)
    gender: str = ""
    birthDate: str = ""


class Reference(Part):
    reference: str = ""
    identifier: Identifier | None = None
    display: str = ""


class Attachment(Part):
    contentType: str = ""
    data: str = ""
    url: str = ""

    @property
    def type(self) -> str:
        return self.contentType.split(";")[0].strip().lower()


class Narrative(Part):
    status: str = ""
    div: str = ""


class Meta(Part):
    versionId: str = ""
    lastUpdated: datetime | None = None


class DiagnosticReport(Part):
    resourceType: Literal["DiagnosticReport"]
    id: str = ""
    text: Narrative = Narrative()
    meta: Meta = Meta()
    contained: list[dict[str, Any]] = Field(default_factory=list, max_length=200)
    identifier: list[Identifier] = Field(default_factory=list, max_length=50)
    status: str
    category: list[CodeableConcept] = Field(default_factory=list, max_length=20)
    code: CodeableConcept = CodeableConcept()
    subject: Reference
    effectiveDateTime: str = ""
    issued: datetime | None = None
    performer: list[Reference] = Field(default_factory=list, max_length=20)
    result: list[Pointer] = Field(default_factory=list, max_length=200)
    media: list[dict[str, Any]] = Field(default_factory=list, max_length=200)
    conclusion: str = ""
    conclusionCode: list[CodeableConcept] = Field(default_factory=list, max_length=20)
    presentedForm: list[Attachment] = Field(default_factory=list, max_length=10)


def parse(body: bytes) -> DiagnosticReport:
    """Raises NotTaken, which names the element and never quotes what it holds."""
    try:
        return DiagnosticReport.model_validate(json.loads(body, parse_float=Decimal))
    except (ValueError, RecursionError) as error:
        wrong = error.errors() if isinstance(error, ValidationError) else []
        known = DiagnosticReport.model_fields
        names = {str(one["loc"][0]) for one in wrong if one["loc"]} & {*known}
        where = f" Look at: {', '.join(sorted(names))}." if names else ""
        raise NotTaken("fhir.not_read", f"It is no DiagnosticReport of R4.{where}") from None


def message_id(report: DiagnosticReport) -> str:
    """What names one version of it: identifier and versionId."""
    own = _identifier(report)
    return f"{own.system}|{own.value}|{report.meta.versionId}"


def sections_not_kept(report: DiagnosticReport, kinds: Kinds) -> list[str]:
    """Its category, where that is of no kind we keep."""
    sections = _sections(report)
    return [as_counted(sections)] if kinds.of(sections) is None else []


def report_in(report: DiagnosticReport, kinds: Kinds) -> Arrived | None:
    """What to keep; None where it is no result yet, or of a kind we do not keep.

    `kinds` is what its sender's codes mean. Raises NotTaken.
    """
    if report.status not in STATUSES:
        raise NotTaken("fhir.status", "Its status is none of R4.")
    sections, status = _sections(report), STATUSES[report.status]
    kind = kinds.of(sections)
    if kind is None and status == Status.WITHDRAWN and not any(sections):
        raise NotTaken(*NO_KIND)
    if kind is None or status is None:
        return None
    results = Results(report.contained, report.result)
    if status == Status.FINAL and not results.is_settled:
        status = Status.PRELIMINARY
    text = _text(report, results)
    number = _identifier(report).value
    code = report.code.coding[0] if report.code.coding else Coding()
    issued_at, is_timed = _issued(report)
    return Arrived(
        kind=kind,
        status=status,
        number=number,
        issued_at=issued_at,
        is_timed=is_timed,
        claim=_claim(report),
        text=text,
        service=code.code,
        title=report.code.text or code.display,
        accession_number=_accession_number(report) or number,
        laboratory=next((one.display for one in report.performer if one.display), ""),
        document=_document(report),
        is_incomplete=_is_incomplete(report, results),
    )


def _identifier(report: DiagnosticReport) -> Identifier:
    own = next((one for one in report.identifier if one.value), Identifier(value=report.id))
    if not own.value:
        raise NotTaken("fhir.no_identifier", "It has no identifier: it could not be told again.")
    return own


def _accession_number(report: DiagnosticReport) -> str:
    """The identifier whose system says that it is one."""
    found = (one.value for one in report.identifier if "accession" in one.system.lower())
    return next(found, "")


def _sections(report: DiagnosticReport) -> list[str]:
    return [coding.code for concept in report.category for coding in concept.coding]


def _claim(report: DiagnosticReport) -> Claimed:
    """From the contained patient the subject refers to, and the subject's own identifier."""
    patient = _contained(report)
    identifiers = [*(patient.identifier if patient else [])]
    if report.subject.identifier:
        identifiers.append(report.subject.identifier)
    numbers = [(one.value.strip(), _issuer(one)) for one in identifiers if one.value.strip()]
    local = next((pair for pair in numbers if pair[1] != "NHS"), ("", ""))
    others = [pair for pair in numbers if pair is not local]
    if patient is None:
        return Claimed(*local, other_patient_ids=others)
    return Claimed(
        *local,
        other_patient_ids=others,
        patient_name=_name(patient),
        birth_date=patient.birthDate if len(patient.birthDate) == len("YYYY-MM-DD") else "",
        sex=SEX.get(patient.gender, ""),
    )


def _contained(report: DiagnosticReport) -> Patient | None:
    wanted = report.subject.reference
    for resource in report.contained:
        if resource.get("resourceType") == "Patient" and f"#{resource.get('id')}" == wanted:
            try:
                return Patient.model_validate(resource)
            except ValidationError:
                raise NotTaken(
                    "fhir.not_read", "The contained Patient could not be read."
                ) from None
    return None


def _issuer(identifier: Identifier) -> str:
    if identifier.system == NHS_NUMBER:
        return "NHS"
    return identifier.assigner.display or identifier.system.rstrip("/").rsplit("/", 1)[-1]


def _name(patient: Patient) -> str:
    names = sorted(patient.name, key=lambda name: name.use not in ("official", "usual"))
    return f"{names[0].family}^{' '.join(names[0].given)}" if names else ""


def _issued(report: DiagnosticReport) -> tuple[datetime, bool]:
    """When this version was made available, and whether a time is stated beside the day.

    An instant with its offset, or it is not believed.
    """
    for at in (report.issued, report.meta.lastUpdated):
        if at is not None and at.tzinfo:
            return at, states_a_time(at)
    try:
        effective = datetime.fromisoformat(report.effectiveDateTime)
    except ValueError:
        raise NotTaken("fhir.no_time", "Neither issued nor effectiveDateTime says when.") from None
    is_timed = states_a_time(effective)
    zone = effective.tzinfo or ZoneInfo(settings.TIME_ZONE)
    return effective.replace(tzinfo=zone), is_timed


def _text(report: DiagnosticReport, results: Results) -> str:
    """The conclusion, every form in plain text, the results and the narrative: each once."""
    codes = "\n".join(filter(None, [one.words for one in report.conclusionCode]))
    forms = [_plain(_decoded(one)) for one in report.presentedForm if one.type == TEXT]
    parts = [report.conclusion, codes, *forms, "\n".join(results.lines)]
    text = "\n\n".join(dict.fromkeys(filter(None, parts)))
    said = _narrative(report) or ""
    is_new = " ".join(said.split()) not in " ".join(text.split())
    return "\n\n".join(filter(None, [text, said])) if is_new else text


def _narrative(report: DiagnosticReport) -> str | None:
    return "" if report.text.status == "empty" else plain(report.text.div)


def _plain(data: bytes) -> str:
    """Raises NotTaken rather than change a letter."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotTaken("fhir.charset", "The text of a presentedForm is not UTF-8.") from None


def _document(report: DiagnosticReport) -> bytes:
    """The first PDF that is in the message: addresses are not followed."""
    documents = _documents(report)
    return _decoded(documents[0]) if documents else b""


def _documents(report: DiagnosticReport) -> list[Attachment]:
    return [one for one in report.presentedForm if one.type == PDF and one.data]


def _is_incomplete(report: DiagnosticReport, results: Results) -> bool:
    """Whether a part is in no way kept: a result elsewhere, a picture, such a form or narrative."""
    if not results.is_whole or report.media or _narrative(report) is None:
        return True
    return _lacks_a_form(report)


def _lacks_a_form(report: DiagnosticReport) -> bool:
    """Of another type, at an address only, or a second PDF."""
    kept = {one.data for one in _documents(report)[:1]}
    return any(
        one.data not in kept if one.data and one.type != TEXT else bool(one.url and not one.data)
        for one in report.presentedForm
    )


def _decoded(form: Attachment) -> bytes:
    try:
        return base64.b64decode("".join(form.data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotTaken("fhir.not_base64", "The data of a presentedForm is no Base64.") from None
