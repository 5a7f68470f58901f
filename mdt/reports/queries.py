"""Questions about reports. Read only."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from imaging.claims import pair_of
from imaging.identity import verdict
from imaging.identity_numbers import Source, local_numbers, nhs_numbers
from mdt.referrals.models import Patient, PatientNumber
from mdt.referrals.queries import sought_of
from mdt.reports.arrived import Claimed
from mdt.reports.kinds import Kinds
from mdt.reports.models import (
    Report,
    ReportSource,
    ReportVersion,
    Status,
    UnmatchedNumber,
)
from mdt.reports.models import UnmatchedReport as Unmatched

Number = tuple[str, str, str]  # issuer, ODS code of the trust, value
CLOCKS_DIFFER = timedelta(days=1)
SAME, UNSURE, OTHER = "same", "needs-a-person", "different"
RANKS = (Status.PRELIMINARY, Status.FINAL, Status.AMENDED, Status.WITHDRAWN)


def in_force(versions: Sequence[ReportVersion]) -> ReportVersion:
    """The version that counts, in whatever order they came.

    No preliminary one counts once there is another. Of the rest the last issued does; of those
    issued at the same time, or on one day without saying when, the one that is further on, and then
    the one that came last. None is issued days after it came here: of such a one the time it came
    counts.
    """
    standing = [one for one in versions if one.status != Status.PRELIMINARY] or versions
    last_day = max(_day(one) for one in standing)
    of_day = [one for one in standing if _day(one) == last_day]
    timed = [one for one in of_day if one.is_timed]
    last = [max(timed, key=lambda one: (_believed(one), *_further(one)))] if timed else []
    return max(last + [one for one in of_day if not one.is_timed], key=_further)


def is_amended(current: ReportVersion, versions: Sequence[ReportVersion]) -> bool:
    """Whether what counts says something else than as a final report, whatever it is called."""
    if current.status != Status.FINAL:
        return current.status == Status.AMENDED
    settled = [one for one in versions if _is_settled(one)]
    return any(one.content_sha256 != current.content_sha256 for one in settled)


def is_theirs(report: Report, patient: Patient) -> bool:
    """Whether every version is still surely about this patient, as they are on record now.

    What a person brought for a case is: they had it before them. One whose number came for somebody
    else is not. Reads `versions__source`, and `report_decisions` of the patient.
    """
    return not report.is_contested and all(
        whose(patient, Claimed.of(one.claim), one.source) == SAME
        for one in report.versions.all()
        if one.source is not None
    )


def whose(patient: Patient, claim: Claimed, source: ReportSource) -> str:
    """Whether a report is this patient's. A person's word counts where the rule asks for one, and
    nowhere else. Reads `report_decisions` of the patient.
    """
    found = verdict(sought_of(patient), claim, identity_source(source)).verdict
    if found != UNSURE:
        return found
    return _said(patient, pair_in(patient, claim, source)) or found


def pair_in(patient: Patient, claim: Claimed, source: ReportSource) -> str:
    """What a decision rests on: who the patient is, who the sender says it is about."""
    return pair_of(sought_of(patient), claim, identity_source(source))


def question_of(patient: Patient, unmatched: Unmatched) -> str:
    """What a decision on a report kept apart rests on. Of a contested one that is its number too:
    who it names agrees, and would give them every report.
    """
    pair = pair_in(patient, Claimed.of(unmatched.arrived["claim"]), unmatched.source)
    if not unmatched.is_contested:
        return pair
    named = (unmatched.arrived["kind"], unmatched.arrived["number"])
    return sha256("|".join((pair, unmatched.source.trust_ods_code, *named)).encode()).hexdigest()


def question_said(patient: Patient, unmatched: Unmatched) -> str:
    """The verdict there is on a report kept apart; empty: none."""
    return _said(patient, question_of(patient, unmatched))


def settled_of(unmatched: Unmatched) -> Patient | None:
    """Whose a contested report is by the word of its trust's imaging team."""
    found = _may_be_about(Claimed.of(unmatched.arrived["claim"]), unmatched.source)
    said = (one for one, _ in found if question_said(one, unmatched) == SAME)
    return next(said, None)


def patient_of(claim: Claimed, source: ReportSource) -> Patient | None:
    """The one patient a message is surely about; None for nobody's, and where it is not sure."""
    found = [one for one, is_sure in _may_be_about(claim, source) if is_sure]
    return found[0] if len(found) == 1 else None


def doubted_of(unmatched: Unmatched) -> list[Patient]:
    """Whose a report kept apart may be, for its trust's imaging team to say. Reads `source`."""
    claim, source = Claimed.of(unmatched.arrived["claim"]), unmatched.source
    found = _may_be_about(claim, source)
    if unmatched.is_contested:
        return [one for one, _ in found if not question_said(one, unmatched)]
    is_clear = sum(is_sure for _, is_sure in found) == 1
    return [] if is_clear else [patient for patient, is_sure in found if not is_sure]


def doubted_about(patients: Iterable[Patient]) -> dict[int, list[Unmatched]]:
    """By patient the reports kept apart that may be theirs. One query, however many patients.

    Reads `numbers` and `report_decisions`.
    """
    by_key = {patient.pk: patient for patient in patients}
    apart = kept_apart(by_key.values())
    return {
        pk: doubted
        for pk, reports in apart.items()
        if (doubted := [one for one in reports if _is_doubted(by_key[pk], one)])
    }


def kept_apart(patients: Iterable[Patient]) -> dict[int, list[Unmatched]]:
    """By patient the reports kept apart that carry a number of theirs. Reads `numbers`."""
    known: dict[Number, list[Patient]] = {}
    for patient in patients:
        for number in {(n.issuer, n.trust_ods_code, n.compared_as) for n in patient.numbers.all()}:
            known.setdefault(number, []).append(patient)
    numbers = UnmatchedNumber.objects.filter(value__in={value for _, _, value in known})
    joined = numbers.select_related("unmatched__source").order_by("unmatched_id")
    found: dict[int, dict[int, Unmatched]] = {}
    for row in joined:
        for patient in known.get((row.issuer, row.trust_ods_code, row.value), ()):
            found.setdefault(patient.pk, {})[row.unmatched_id] = row.unmatched
    return {pk: list(reports.values()) for pk, reports in found.items()}


def numbers_of(claim: Claimed, source: ReportSource) -> list[Number]:
    """What a patient may be looked for by, as PatientNumber.compared_as: never the name."""
    known_as = identity_source(source)
    nhs = [(str(PatientNumber.Issuer.NHS), "", one) for one in nhs_numbers(claim, known_as)]
    local = [
        (str(PatientNumber.Issuer.LOCAL), trust, one)
        for trust, one in local_numbers(claim, known_as)
    ]
    longest = PatientNumber._meta.get_field("value").max_length or 0
    return sorted(one for one in {*nhs, *local} if len(one[2]) <= longest)


def identity_source(source: ReportSource) -> Source:
    """As imaging.identity asks. A number without an issuer is never taken for an NHS number."""
    return Source(
        trust_ods_code=source.trust_ods_code,
        issuer_of_patient_id=source.issuer_of_patient_id,
        nhs_number_in="not-stored",
        patient_id_prefix=source.patient_id_prefix,
    )


def kinds_of(source: ReportSource) -> Kinds:
    return Kinds(source.kind, source.sections)


def hl7_source(address: str, application: str, facility: str) -> ReportSource | None:
    sources = ReportSource.objects.filter(way=ReportSource.Way.HL7, is_active=True)
    return sources.filter(
        address=address, sending_application=application, sending_facility=facility
    ).first()


def hl7_addresses() -> frozenset[str]:
    """Where HL7 may come from; empty: nobody sends."""
    sources = ReportSource.objects.filter(way=ReportSource.Way.HL7, is_active=True)
    return frozenset(str(address) for address in sources.values_list("address", flat=True))


def fhir_source(token: str) -> ReportSource | None:
    hashed = sha256(token.encode()).hexdigest()
    sources = ReportSource.objects.filter(way=ReportSource.Way.FHIR, is_active=True)
    return sources.filter(token_sha256=hashed).first()


def found_meanwhile() -> QuerySet[Unmatched]:
    """Unmatched reports that carry a number of somebody who is known here by now."""
    known = PatientNumber.objects.filter(
        compared_as=OuterRef("value"),
        issuer=OuterRef("issuer"),
        trust_ods_code=OuterRef("trust_ods_code"),
    )
    numbers = UnmatchedNumber.objects.filter(Exists(known), unmatched=OuterRef("pk"))
    return Unmatched.objects.filter(Exists(numbers)).select_related("source")


def doubtful_of_trusts(trusts: Iterable[str]) -> QuerySet[Unmatched]:
    """What these trusts' systems sent about a number known here, and is nobody's for sure yet."""
    return found_meanwhile().filter(source__trust_ods_code__in=[*trusts]).order_by("received_at")


def _is_doubted(patient: Patient, unmatched: Unmatched) -> bool:
    found = whose(patient, Claimed.of(unmatched.arrived["claim"]), unmatched.source)
    if unmatched.is_contested:
        return found != OTHER and not question_said(patient, unmatched)
    return found == UNSURE


def _said(patient: Patient, question: str) -> str:
    """The last word on it; none yet is empty. Reads `report_decisions` of the patient."""
    said = [one.verdict for one in patient.report_decisions.all() if one.pair == question]
    return said[-1] if said else ""


def _may_be_about(claim: Claimed, source: ReportSource) -> list[tuple[Patient, bool]]:
    """Patients, each with whether it is surely theirs; not those it is surely not about."""
    told = [(one, whose(one, claim, source)) for one in _candidates(numbers_of(claim, source))]
    return [(patient, found == SAME) for patient, found in told if found != OTHER]


def _candidates(numbers: Sequence[Number]) -> list[Patient]:
    found: dict[int, Patient] = {}
    for issuer, trust, value in numbers:
        same = PatientNumber.objects.filter(compared_as=value, issuer=issuer)
        rows = same.filter(trust_ods_code=trust)
        found |= {row.patient_id: row.patient for row in rows.select_related("patient")}
    return list(found.values())


def _is_settled(version: ReportVersion) -> bool:
    return version.status in (Status.FINAL, Status.AMENDED)


def _further(version: ReportVersion) -> tuple[int, int]:
    return RANKS.index(Status(version.status)), version.number


def _day(version: ReportVersion) -> date:
    return timezone.localdate(_believed(version))


def _believed(version: ReportVersion) -> datetime:
    """When it was issued. A slip of a year must not keep every later version from counting."""
    is_too_far = version.issued_at > version.received_at + CLOCKS_DIFFER
    return version.received_at if is_too_far else version.issued_at
