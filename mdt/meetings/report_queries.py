"""The reports of a case as its readers may have them, with the lamp each kind has. Read only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import Http404

from imaging.models import Study
from imaging.relevance_rules import says_too_little
from mdt.access import WhyWithheld
from mdt.meetings.access_queries import Sharing, case_or_404, sharing_of
from mdt.meetings.models import ListedCase
from mdt.meetings.report_lamps import Lamp, Lamps, Told, lamp
from mdt.members import Person
from mdt.referrals.models import Patient
from mdt.reports.models import Kind, Report, ReportVersion, Status, UnmatchedReport
from mdt.reports.queries import doubted_about, in_force, is_amended, is_theirs
from mdt.teams.queries import trusts_by_code

VERSIONS = "referral__patient__reports__versions"


@dataclass(frozen=True)
class ShownReport:
    """A report with the version that counts first, and the study it belongs to where that is known.

    Of a report that was taken back nothing is to be read: it may be about somebody else.
    """

    report: Report
    trust: str
    versions: Sequence[ReportVersion]
    is_amended: bool
    study: Study | None

    @property
    def current(self) -> ReportVersion:
        return self.versions[0]

    @property
    def earlier(self) -> Sequence[ReportVersion]:
        return () if self.is_withdrawn else self.versions[1:]

    @property
    def is_withdrawn(self) -> bool:
        return self.current.status == Status.WITHDRAWN

    @property
    def status(self) -> Status:
        return Status.AMENDED if self.is_amended else Status(self.current.status)

    @property
    def told(self) -> Told:
        now = self.current
        when = now.issued_at, now.received_at
        return Told(self.trust, self.status, *when, now.is_incomplete, now.is_timed)


@dataclass(frozen=True)
class CaseReports:
    """What may be read, newest first, and of which trusts something may not, and why."""

    shown: Sequence[ShownReport]
    withheld: Sequence[tuple[str, WhyWithheld]]
    lamps: Lamps


def for_lists() -> Prefetch:
    """What the lamps of a list need: everything but the texts."""
    versions = ReportVersion.objects.select_related("source").defer("text")
    return Prefetch(VERSIONS, queryset=versions)


def reports_in(
    case: ListedCase, sharing: Sharing, name: Callable[[str], str], apart: Iterable[UnmatchedReport]
) -> CaseReports:
    """A case's reports, and how many kept `apart` may be its patient's.

    Reads `reports__versions__source` and `report_decisions` of the patient, and `found_studies`.
    """
    patient = case.referral.patient
    shown: list[ShownReport] = []
    withheld: list[tuple[str, Kind, WhyWithheld]] = []
    for report in patient.reports.all():
        why = sharing.why_trust_is_withheld(report.trust_ods_code)
        why = why or (None if is_theirs(report, patient) else "identity")
        if why:
            withheld.append((name(report.trust_ods_code), Kind(report.kind), why))
        elif report.versions.all():
            shown.append(_shown(report, case, sharing, name))
    shown.sort(key=lambda one: one.current.issued_at, reverse=True)
    doubted = [
        (name(code), Kind(one.arrived["kind"]))
        for one in apart
        if sharing.may_ask(code := one.source.trust_ods_code)
    ]
    lamps = Lamps(
        _lamp(Kind.IMAGING, case, shown, withheld, doubted),
        _lamp(Kind.PATHOLOGY, case, shown, withheld, doubted),
    )
    return CaseReports(shown, sorted({(trust, why) for trust, _, why in withheld}), lamps)


def reports_of(case: ListedCase) -> CaseReports:
    """A case's reports with their texts, and who brought them."""
    versions = ReportVersion.objects.select_related("source", "received_from")
    loaded = ListedCase.objects.select_related("meeting", "referral__patient").prefetch_related(
        "referral__patient__numbers",
        "referral__patient__objections",
        "referral__patient__report_decisions",
        "referral__found_studies__study",
        Prefetch(VERSIONS, queryset=versions),
    )
    trusts, read_anew = trusts_by_code(), loaded.get(pk=case.pk)
    patient = read_anew.referral.patient
    return reports_in(
        read_anew,
        sharing_of(case),
        lambda code: trusts[code].short_name if code in trusts else code,
        doubted_about([patient]).get(patient.pk, ()),
    )


def texts_for(patient: Patient, studies: Iterable[Study], sharing: Sharing) -> dict[int, str]:
    """The imaging reports of those studies whose description says too little, by primary key.

    `studies` are such as may be shown. Three queries, or four; none where no report is needed.
    """
    vague = [study for study in studies if _needs_report(study)]
    if not vague:
        return {}
    versions = ReportVersion.objects.select_related("source").defer("text")
    reports = patient.reports.filter(kind=Kind.IMAGING).prefetch_related(
        Prefetch("versions", queryset=versions)
    )
    return read(speaking_of(reports, patient, vague, sharing))


def texts_in(
    cases: Iterable[ListedCase], sharing_in: Callable[[ListedCase], Sharing]
) -> dict[int, str]:
    """The same of what listed cases show. One query for a whole list, none for none."""
    speaking: dict[int, ReportVersion] = {}
    for case in cases:
        patient, sharing = case.referral.patient, sharing_in(case)
        chosen = [one for one in case.referral.found_studies.all() if one.is_chosen]
        vague = [one.study for one in chosen if _needs_report(one.study)]
        if vague:
            speaking |= speaking_of(patient.reports.all(), patient, vague, sharing)
    return read(speaking)


def speaking_of(
    reports: Iterable[Report], patient: Patient, studies: Iterable[Study], sharing: Sharing
) -> dict[int, ReportVersion]:
    """By study the version in force of its report, where that may be read. See `_names`."""
    found: dict[int, ReportVersion] = {}
    studies = list(studies)
    for report in reports:
        named = [study for study in studies if _names(report, study)]
        if not named or sharing.why_trust_is_withheld(report.trust_ods_code):
            continue
        current = in_force(list(report.versions.all()))
        if current.status != Status.WITHDRAWN and is_theirs(report, patient):
            found |= {study.pk: current for study in named}
    return found


def read(versions: Mapping[int, ReportVersion]) -> dict[int, str]:
    """The title and text of each, by the same keys. One query; none for none."""
    if not versions:
        return {}
    keys = {version.pk for version in versions.values()}
    rows = ReportVersion.objects.filter(pk__in=keys).values_list("pk", "title", "text")
    texts = {pk: f"{title}\n{text}" for pk, title, text in rows}
    return {key: texts[version.pk] for key, version in versions.items()}


def document_or_404(person: Person, case_id: str, version_id: str) -> ReportVersion:
    """A version with a PDF, of a report that may be read in a case this person may see."""
    shown = reports_of(case_or_404(person, case_id)).shown
    standing = (report for report in shown if not report.is_withdrawn)
    readable = (one for report in standing for one in report.versions)
    found = (one for one in readable if one.public_id == version_id and one.store_key)
    if version := next(found, None):
        return version
    raise Http404


def _shown(
    report: Report, case: ListedCase, sharing: Sharing, name: Callable[[str], str]
) -> ShownReport:
    versions = list(report.versions.all())
    current = in_force(versions)
    rest = [one for one in reversed(versions) if one is not current]
    return ShownReport(
        report=report,
        trust=name(report.trust_ods_code),
        versions=[current, *rest],
        is_amended=is_amended(current, versions),
        study=_study_of(report, case, sharing),
    )


def _study_of(report: Report, case: ListedCase, sharing: Sharing) -> Study | None:
    """Among the studies that are surely this patient's and may be shown."""
    for found in case.referral.found_studies.all():
        if _names(report, found.study) and not sharing.why_withheld(found):
            return found.study
    return None


def _needs_report(study: Study) -> bool:
    return bool(study.accession_number) and says_too_little(study)


def _names(report: Report, study: Study) -> bool:
    """By accession number within its trust. Reads `versions`."""
    named = {report.number, *(one.accession_number for one in report.versions.all())} - {""}
    is_its_trusts = study.trust_ods_code == report.trust_ods_code
    return report.kind == Kind.IMAGING and is_its_trusts and study.accession_number in named


def _lamp(
    kind: Kind,
    case: ListedCase,
    shown: Iterable[ShownReport],
    withheld: Iterable[tuple[str, Kind, WhyWithheld]],
    doubted: Iterable[tuple[str, Kind]],
) -> Lamp:
    told = [one.told for one in shown if one.report.kind == kind]
    of_trusts = sorted({trust for trust, of, _ in withheld if of == kind})
    unsure = sorted(trust for trust, of in doubted if of == kind)
    return lamp(kind, told, of_trusts, unsure, case.listed_at)
