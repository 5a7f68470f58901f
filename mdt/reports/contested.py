"""A report number that comes for another patient: what both reports are in doubt by. Read only.

Within one trust and kind a number is one report's, and a report is one person's. When it comes for
somebody else, one of the two is wrong, and nothing here can say which.
"""

import json
from collections.abc import Iterable

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
    """Whether this number came about somebody who is surely not this patient, is kept apart, and
    was not taken back.
    """
    if not arrived.number:
        return False
    apart = UnmatchedReport.objects.filter(
        source__trust_ods_code=source.trust_ods_code,
        arrived__number=arrived.number,
        arrived__kind=arrived.kind.value,
        about=None,
    )
    return any(
        in_force([_version(row) for row in rows]).status != Status.WITHDRAWN
        and whose(patient, Claimed.of(rows[0].arrived["claim"]), rows[0].source) == OTHER
        for rows in _by_report(apart.select_related("source"))
    )


def _by_report(apart: Iterable[UnmatchedReport]) -> Iterable[list[UnmatchedReport]]:
    """What is kept apart under one number, by whom it names and what was examined."""
    found: dict[str, list[UnmatchedReport]] = {}
    for one in apart:
        named = [one.arrived["claim"], one.arrived["service"]]
        found.setdefault(json.dumps(named, sort_keys=True), []).append(one)
    return found.values()


def _version(apart: UnmatchedReport) -> ReportVersion:
    """As far as `in_force` reads it."""
    arrived = Arrived.of(apart.arrived)
    return ReportVersion(
        number=apart.pk,
        status=arrived.status,
        issued_at=arrived.issued_at,
        is_timed=arrived.is_timed,
        received_at=apart.received_at,
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
