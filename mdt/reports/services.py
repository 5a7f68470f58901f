"""Reports kept: what people bring, and what systems send. Writes only.

A PDF goes to the store before the transaction: what no row names is swept from there.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from io import BytesIO
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from imaging import store
from imaging.models import IdentityDecision
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.members import Person
from mdt.referrals.models import Patient
from mdt.reports.arrived import Arrived, Claimed, NotTaken, check
from mdt.reports.contested import as_it_came, came_for_a_stranger, is_new_to, rivals_of
from mdt.reports.models import (
    Report,
    ReportDecision,
    ReportSource,
    ReportVersion,
    Status,
    UnmatchedNumber,
    UnmatchedReport,
)
from mdt.reports.queries import (
    SAME,
    doubted_of,
    found_meanwhile,
    in_force,
    kept_apart,
    numbers_of,
    patient_of,
    question_of,
    question_said,
    settled_of,
)

logger = logging.getLogger(__name__)
Action = AuditEvent.Action
Way = ReportVersion.Way
NEVER_CAME = (
    "report.never_came",
    "It says that a report is final now of which no preliminary came: send it whole.",
)


class Became(StrEnum):
    """What became of a report that was sent or brought. The sender is not told which."""

    KEPT = "kept"
    REPEAT = "repeat"
    UNMATCHED = "unmatched"


@dataclass(frozen=True)
class Kept:
    became: Became
    version: ReportVersion | None = None


def bring(
    *, patient: Patient, trust_ods_code: str, arrived: Arrived, by: Person, of: Report | None = None
) -> Kept:
    """Keep what a person pasted or uploaded for a patient before them: as a version `of` a report,
    of the one with its number, or as a new one.

    Raises NotTaken, StoreError.
    """
    arrived = check(arrived, settings.REPORT_MOST_BYTES)
    version = _unsaved(arrived, way=Way.PDF if arrived.document else Way.PASTED)
    version.received_from = by
    return _keep(patient, trust_ods_code, arrived, version, by, of)


def receive(*, arrived: Arrived, source: ReportSource, message_id: str) -> Kept:
    """Keep what a system sent, with its patient or, where that is nobody's here, apart.

    Sent again it changes nothing, whatever became of the first. Raises NotTaken, StoreError.
    """
    arrived = check(arrived, settings.REPORT_MOST_BYTES)
    version = _sent(arrived, source, message_id.replace("\0", ""))
    patient = patient_of(arrived.claim, source)
    is_contested = _contest(patient, arrived, source)
    if patient is None or is_contested:
        return _keep_apart(arrived, version, source, is_contested)
    kept = _keep(patient, source.trust_ods_code, arrived, version, None, None)
    _contest_what_met(patient, arrived, source, kept)
    return kept


def match_again(*, now: datetime) -> int:
    """Give unmatched reports to patients who became known; forget those that waited too long.

    What may be somebody's here waits until that is said. Returns how many found their patient.
    """
    found = list(found_meanwhile())
    matched = sum(_match(one) for one in found)
    since = now - timedelta(days=settings.REPORTS_UNMATCHED_KEPT_DAYS)
    doubted = [one.pk for one in found if one.received_at < since and doubted_of(one)]
    old = UnmatchedReport.objects.filter(received_at__lt=since).exclude(pk__in=doubted)
    forgotten, _ = old.delete()
    if matched or forgotten:
        logger.info("unmatched reports: %s matched, rows forgotten: %s", matched, forgotten)
    return matched


def settle(
    *,
    unmatched: UnmatchedReport,
    patient: Patient,
    verdict: IdentityDecision.Verdict,
    reason: str,
    note: str,
    by: Person,
) -> ReportDecision:
    """Keep what was said of whose a doubtful report is; `match_decided` follows, after commit.

    Who may say so is the caller's to ask, and that it still is in doubt.
    """
    return ReportDecision.objects.create(
        patient=patient,
        pair=question_of(patient, unmatched),
        verdict=verdict,
        reason=reason,
        note=note,
        by=by,
    )


def match_decided(patient: Patient) -> None:
    """Give a patient every report that was decided to be theirs, and every other that says the
    same of whom it is about: each in a transaction of its own, then told once.

    Killed before its end, the rest is `match_again`'s.
    """
    for one in kept_apart([patient]).get(patient.pk, []):
        _match(one, tells=False)
    with transaction.atomic():
        import_string(settings.REPORTS_ON_CHANGE)(patient)


def _match(unmatched: UnmatchedReport, *, tells: bool = True) -> bool:
    """Give one to whose it is, and say so unless the caller does."""
    arrived, source = Arrived.of(unmatched.arrived), unmatched.source
    patient = _owner_of(unmatched, arrived)
    if patient is None:
        return False
    if unmatched.about:
        return _gives_back(unmatched.about, unmatched, tells)
    version = _sent(arrived, source, unmatched.message_id)
    version.received_at, version.store_key = unmatched.received_at, unmatched.store_key
    with transaction.atomic():
        kept = _keep(patient, source.trust_ods_code, arrived, version, None, None, tells=tells)
        UnmatchedReport.objects.filter(pk=unmatched.pk).delete()
    if not unmatched.is_contested:
        _contest_what_met(patient, arrived, source, kept)
    return True


def _owner_of(unmatched: UnmatchedReport, arrived: Arrived) -> Patient | None:
    """Whose it surely is by now. What turns out to be contested waits for a word on it."""
    if unmatched.is_contested:
        return settled_of(unmatched)
    patient = patient_of(arrived.claim, unmatched.source)
    if patient is None or not _contest(patient, arrived, unmatched.source):
        return patient
    with transaction.atomic():
        unmatched.is_contested = True
        unmatched.save(update_fields=["is_contested"])
        import_string(settings.REPORTS_ON_CHANGE)(patient)
    return None


@transaction.atomic
def _gives_back(report: Report, unmatched: UnmatchedReport, tells: bool) -> bool:
    """Show a contested report again where it is its patient's, and not only somebody's."""
    if question_said(report.patient, unmatched) != SAME:
        return False
    report.is_contested = False
    report.save(update_fields=["is_contested"])
    UnmatchedReport.objects.filter(pk=unmatched.pk).delete()
    if tells:
        import_string(settings.REPORTS_ON_CHANGE)(report.patient)
    return True


def _contest(patient: Patient | None, arrived: Arrived, source: ReportSource) -> bool:
    """Put in doubt what others have under this number. Returns whether this is in doubt by it."""
    if patient is not None and not is_new_to(patient, arrived, source):
        return False
    rivals = rivals_of(patient, arrived, source)
    for report in rivals:
        _doubt(report)
    if patient is None:
        return False
    return bool(rivals) or came_for_a_stranger(patient, arrived, source)


def _contest_what_met(patient: Patient, arrived: Arrived, source: ReportSource, kept: Kept) -> None:
    """Put in doubt what another connection kept under a new report's number in the same instant,
    and that report. Asked after the commit, so that of two the later sees both.
    """
    if kept.version is None or kept.became != Became.KEPT or kept.version.number > 1:
        return
    rivals = rivals_of(patient, arrived, source)
    if rivals or came_for_a_stranger(patient, arrived, source):
        for report in [*rivals, kept.version.report]:
            _doubt(report)


@transaction.atomic
def _doubt(report: Report) -> None:
    """Withhold a report and let its trust's imaging team say, unless they have."""
    arrived, last = as_it_came(report)
    source = last.source
    assert source is not None  # noqa: S101  what was sent has one
    values = {"arrived": arrived.as_json(), "is_contested": True, "about": report}
    waiting = UnmatchedReport(source=source, digest=last.digest, **values)
    if question_said(report.patient, waiting) == SAME:
        return
    report.is_contested = True
    report.save(update_fields=["is_contested"])
    held, is_new = UnmatchedReport.objects.get_or_create(
        source=source, digest=last.digest, defaults=values
    )
    if is_new:
        _let_be_found(held, arrived.claim)
        import_string(settings.REPORTS_ON_CHANGE)(report.patient)


def _let_be_found(unmatched: UnmatchedReport, claim: Claimed) -> None:
    UnmatchedNumber.objects.bulk_create(
        UnmatchedNumber(unmatched=unmatched, issuer=issuer, trust_ods_code=trust, value=one)
        for issuer, trust, one in numbers_of(claim, unmatched.source)
    )


def _sent(arrived: Arrived, source: ReportSource, message_id: str) -> ReportVersion:
    """The row of a version as a system sent it."""
    version = _unsaved(arrived, way=Way(source.way))
    version.source, version.message_id = source, message_id
    version.claim = arrived.as_json()["claim"]
    return version


def _unsaved(arrived: Arrived, *, way: Way) -> ReportVersion:
    """The row of a version, its PDF in the store already."""
    key = store.get().put(BytesIO(arrived.document)).key if arrived.document else ""
    return ReportVersion(
        status=arrived.status,
        title=arrived.title,
        accession_number=arrived.accession_number,
        laboratory=arrived.laboratory,
        issued_at=arrived.issued_at,
        is_timed=arrived.is_timed,
        is_incomplete=arrived.is_incomplete,
        way=way,
        text=arrived.text,
        store_key=key,
        size=arrived.document_size,
        content_sha256=arrived.content_sha256,
        digest=arrived.digest,
    )


def _keep(
    patient: Patient,
    trust_ods_code: str,
    arrived: Arrived,
    version: ReportVersion,
    by: Person | None,
    of: Report | None,
    *,
    tells: bool = True,
) -> Kept:
    """Once more when another connection wrote the same in the same instant."""
    try:
        return _kept(patient, trust_ods_code, arrived, version, by, of, tells)
    except IntegrityError:
        version.pk, version._state.adding = None, True
        return _kept(patient, trust_ods_code, arrived, version, by, of, tells)


@transaction.atomic
def _kept(
    patient: Patient,
    trust_ods_code: str,
    arrived: Arrived,
    version: ReportVersion,
    by: Person | None,
    of: Report | None,
    tells: bool,
) -> Kept:
    report = of or _report(patient, trust_ods_code, arrived)
    held = Report.objects.select_for_update().get(pk=report.pk)
    if repeat := held.versions.filter(digest=version.digest).first():
        return Kept(Became.REPEAT, repeat)
    if arrived.is_sent_before and (standing := _made_final(version, held)):
        return Kept(Became.REPEAT, standing)
    version.report, version.number = held, held.versions.count() + 1
    version.save()
    detail = {"report": held.public_id, "status": version.status, "way": version.way}
    record(Action.REPORT_KEPT, by=by, target=version, **detail)
    if tells:
        import_string(settings.REPORTS_ON_CHANGE)(patient)
    return Kept(Became.KEPT, version)


def _made_final(version: ReportVersion, report: Report) -> ReportVersion | None:
    """Give a version what its report's preliminary says; what is further on stays, and is told."""
    versions = list(report.versions.all())
    if not versions:
        raise NotTaken(*NEVER_CAME)
    standing = in_force(versions)
    if standing.status != Status.PRELIMINARY:
        return standing
    for name in ("text", "store_key", "size", "content_sha256", "title", "is_incomplete"):
        setattr(version, name, getattr(standing, name))
    return None


def _apart_made_final(arrived: Arrived, source: ReportSource) -> dict[str, Any]:
    """What is kept apart of it: what its preliminary says, there too."""
    named = {"number": arrived.number, "kind": arrived.kind.value, "service": arrived.service}
    apart = UnmatchedReport.objects.filter(
        source=source, arrived__status=Status.PRELIMINARY, **_in_json(named)
    )
    found = next((one for one in apart.order_by("-pk") if _claim_of(one) == arrived.claim), None)
    if found is None:
        raise NotTaken(*NEVER_CAME)
    now = {"status": arrived.status.value, "issued_at": arrived.issued_at.isoformat()}
    values = found.arrived | now | {"is_timed": arrived.is_timed}
    return {"arrived": values, "store_key": found.store_key}


def _in_json(values: dict[str, str]) -> dict[str, str]:
    return {f"arrived__{name}": value for name, value in values.items()}


def _claim_of(unmatched: UnmatchedReport) -> Claimed:
    return Claimed.of(unmatched.arrived["claim"])


def _report(patient: Patient, trust_ods_code: str, arrived: Arrived) -> Report:
    """The report with this number; what has none is found again only as the same once more."""
    reports = Report.objects.filter(patient=patient, number=arrived.number, kind=arrived.kind)
    same = reports.filter(trust_ods_code=trust_ods_code, service=arrived.service)
    if not arrived.number:
        same = same.filter(versions__digest=arrived.digest)
    return same.first() or Report.objects.create(
        patient=patient,
        kind=arrived.kind,
        trust_ods_code=trust_ods_code,
        number=arrived.number,
        service=arrived.service,
    )


def _keep_apart(
    arrived: Arrived, version: ReportVersion, source: ReportSource, is_contested: bool
) -> Kept:
    with transaction.atomic():
        values: dict[str, Any] = {
            "message_id": version.message_id,
            "arrived": arrived.as_json(),
            "store_key": version.store_key,
            "is_contested": is_contested,
        }
        if arrived.is_sent_before:
            values |= _apart_made_final(arrived, source)
        unmatched, is_new = UnmatchedReport.objects.get_or_create(
            source=source, digest=arrived.digest, defaults=values
        )
        if is_new:
            _let_be_found(unmatched, arrived.claim)
            for patient in doubted_of(unmatched):
                import_string(settings.REPORTS_ON_CHANGE)(patient)
    if is_new:
        logger.info("a report of %s is of nobody known here for sure", source.name)
    return Kept(Became.UNMATCHED if is_new else Became.REPEAT)


def receive_all(*, reports: Iterable[Arrived], source: ReportSource, message_id: str) -> list[Kept]:
    """Keep all reports of one message, or none of those that cannot be: looked at before any is.

    Each is a transaction of its own; who is interrupted is sent the message again, and what was
    kept is a repeat then. Raises NotTaken, StoreError.
    """
    looked_at = [check(one, settings.REPORT_MOST_BYTES) for one in reports]
    return [receive(arrived=one, source=source, message_id=message_id) for one in looked_at]
