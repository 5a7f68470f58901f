"""A report number that comes for another patient: what both reports are in doubt by. Read only.

Within one trust and kind a number is one report's, and a report is one person's. When it comes for
somebody else, one of the two is wrong, and nothing here can say which.
"""

from django.db.models import QuerySet

from mdt.referrals.models import Patient
from mdt.reports.arrived import Arrived, Claimed
from mdt.reports.models import Kind, Report, ReportSource, ReportVersion, Status, UnmatchedReport
from mdt.reports.queries import OTHER, in_force, whose


def is_new_to(patient: Patient, arrived: Arrived, source: ReportSource) -> bool:
    """Whether they have no report under this number that a system sent."""
    return not _under_its_number(arrived, source).filter(patient=patient).exists()


def rivals_of(patient: Patient | None, arrived: Arrived, source: ReportSource) -> list[Report]:
    """What stands here of others under this number. `patient` is whose it is, where that is sure;
    else it is of another than whom it surely is not about.
    """
    if not arrived.number:
        return []
    others = _under_its_number(arrived, source).select_related("patient")
    return [
        one
        for one in others.prefetch_related("versions")
        if in_force(list(one.versions.all())).status != Status.WITHDRAWN
        and _is_anothers(one.patient, patient, arrived, source)
    ]


def came_for_a_stranger(patient: Patient, arrived: Arrived, source: ReportSource) -> bool:
    """Whether this number came about somebody who is surely not this patient, and is kept apart."""
    if not arrived.number:
        return False
    apart = UnmatchedReport.objects.filter(
        source__trust_ods_code=source.trust_ods_code,
        arrived__number=arrived.number,
        arrived__kind=arrived.kind.value,
        about=None,
    ).exclude(arrived__status=Status.WITHDRAWN.value)
    return any(
        whose(patient, Claimed.of(one.arrived["claim"]), one.source) == OTHER
        for one in apart.select_related("source")
    )


def as_it_came(report: Report) -> tuple[Arrived, ReportVersion]:
    """A report that is here as its queue shows it, by the last version that a system sent."""
    last = report.versions.filter(source__isnull=False).select_related("source").last()
    assert last is not None  # noqa: S101  see _under_its_number
    arrived = Arrived(
        kind=Kind(report.kind),
        status=Status(last.status),
        number=report.number,
        issued_at=last.issued_at,
        is_timed=last.is_timed,
        claim=Claimed.of(last.claim),
        service=report.service,
        title=last.title,
    )
    return arrived, last


def _under_its_number(arrived: Arrived, source: ReportSource) -> QuerySet[Report]:
    sent = ReportVersion.objects.filter(source__isnull=False).values("report")
    return Report.objects.filter(
        pk__in=sent,
        kind=arrived.kind,
        number=arrived.number,
        trust_ods_code=source.trust_ods_code,
    )


def _is_anothers(
    theirs: Patient, patient: Patient | None, arrived: Arrived, source: ReportSource
) -> bool:
    if patient is not None:
        return theirs != patient
    return whose(theirs, arrived.claim, source) == OTHER
