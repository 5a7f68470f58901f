"""Taking what an archive sends: read, checked, kept, and written down a few at a time.

The bytes are safe in the store before their row is written, so a worker that is killed loses
at most one batch of rows, and the next one asks for just those instances again.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date, time
from io import BytesIO
from time import monotonic

from django.db import transaction
from django.utils import timezone

from imaging import queue, store
from imaging.frames.header import Header
from imaging.frames.process import reader
from imaging.frames.refused import Refused
from imaging.identity import Finding, Sought, Source, verdict
from imaging.models import Archive, Instance, Job, Quarantined, Series, Study
from imaging.store.base import Stored

BATCH = 16
BATCH_S = 1.0


class LeaseLostError(Exception):
    """The job is another worker's now: write nothing more."""


class AnotherPersonError(Exception):
    """A header that does not belong to the person sought. The study must not be shown."""

    def __init__(self, finding: Finding) -> None:
        super().__init__("identity does not agree")
        self.finding = finding


def source_of(archive: Archive) -> Source:
    return Source(archive.trust_ods_code, archive.issuer_of_patient_id, archive.nhs_number_in)


class Receiving:
    """Everything that comes for one claimed PULL job."""

    def __init__(self, job: Job, study: Study, wake: Callable[[], None]) -> None:
        self._job, self._study, self._wake = job, study, wake
        self._sought = Sought(**study.search.sought)
        self._source = source_of(study.archive)
        self._series = {one.series_instance_uid: one for one in study.series.all()}
        self._batch: list[tuple[Header, Stored]] = []
        self._written_at = monotonic()
        self._with_frames_job: set[int] = set()
        rows = Instance.objects.filter(series__study=study)
        self._known = {
            (series, sop): sha256
            for series, sop, sha256 in rows.values_list(
                "series__series_instance_uid", "sop_instance_uid", "sha256"
            )
        }
        self.refused: Counter[str] = Counter()

    @property
    def stored(self) -> set[str]:
        """SOP Instance UIDs that are here, written down or about to be."""
        return {sop for _, sop in self._known}

    @property
    def series_numbers(self) -> dict[str, int | None]:
        return {uid: series.number for uid, series in self._series.items()}

    def take(self, data: bytes) -> None:
        """One file as it came. Raises AnotherPersonError, LeaseLostError."""
        try:
            header = reader().read_header(data)
        except Refused as refused:
            self._quarantine(refused.code, data)
            return
        self._check_identity(header, data)
        if header.study_instance_uid != self._study.study_instance_uid:
            self._quarantine("instance.other_study", data, header)
            return
        self._keep(header, data)
        if len(self._batch) >= BATCH or monotonic() - self._written_at >= BATCH_S:
            self.write()

    def write(self) -> None:
        """Write down what is kept, in one short transaction, and hold the job's lease on."""
        batch, self._batch = self._batch, []
        with transaction.atomic():
            if not queue.renew(self._job, timezone.now()):
                raise LeaseLostError
            if batch:
                self._write(batch)
        self._written_at = monotonic()

    def _check_identity(self, header: Header, data: bytes) -> None:
        finding = verdict(self._sought, header, self._source)
        if finding.verdict != "same":
            self._quarantine("instance.other_person", data, header)
            raise AnotherPersonError(finding)

    def _keep(self, header: Header, data: bytes) -> None:
        """Once and for all: the same bytes again change nothing, other bytes are set aside."""
        stored = store.get().put(BytesIO(data))
        key = (header.series_instance_uid, header.sop_instance_uid)
        if key not in self._known:
            self._known[key] = stored.sha256
            self._batch.append((header, stored))
        elif self._known[key] != stored.sha256:
            self._quarantine("instance.other_bytes", data, header)

    def _quarantine(self, code: str, data: bytes, header: Header | None = None) -> None:
        self.refused[code] += 1
        stored = store.get().put(BytesIO(data))
        Quarantined.objects.get_or_create(
            study=self._study,
            code=code,
            sha256=stored.sha256,
            defaults={
                "store_key": stored.key,
                "sop_instance_uid": header.sop_instance_uid if header else "",
            },
        )

    def _write(self, batch: list[tuple[Header, Stored]]) -> None:
        rows = [_instance(self._series_of(header), header, kept) for header, kept in batch]
        Instance.objects.bulk_create(rows)
        Study.objects.filter(pk=self._study.pk).update(stored_count=len(self._known))
        for row in rows:
            if row.frame_count and row.series_id not in self._with_frames_job:
                self._with_frames_job.add(row.series_id)
                want_frames_of(row.series, self._job)
                transaction.on_commit(self._wake, robust=True)

    def _series_of(self, header: Header) -> Series:
        uid = header.series_instance_uid
        if uid not in self._series:
            _complete_study(self._study, header)
            self._series[uid] = Series.objects.create(
                study=self._study,
                series_instance_uid=uid,
                modality=header.modality,
                number=header.series_number,
                description=header.series_description,
                body_part=header.body_part,
                laterality=header.laterality[:1],
            )
        return self._series[uid]


def want_frames_of(series: Series, pull: Job) -> None:
    """A FRAMES job as urgent as the pull; one that was done is due again for what came since."""
    job, is_new = Job.objects.get_or_create(
        series=series,
        defaults={
            "kind": Job.Kind.FRAMES,
            "due_at": timezone.now(),
            "meeting_at": pull.meeting_at,
            "list_position": pull.list_position,
        },
    )
    if not is_new:
        ended = Job.objects.filter(pk=job.pk, state__in=(Job.State.DONE, Job.State.FAILED))
        ended.update(state=Job.State.WAITING, due_at=timezone.now(), attempts=0)


def _instance(series: Series, header: Header, stored: Stored) -> Instance:
    return Instance(
        series=series,
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.instance_number,
        frame_count=header.number_of_frames,
        store_key=stored.key,
        sha256=stored.sha256,
        size=stored.size,
    )


def _complete_study(study: Study, header: Header) -> None:
    """What the archive left out at study level, from the first header of each series."""
    said = {
        "study_date": date.fromisoformat(header.study_date) if header.study_date else None,
        "study_time": time.fromisoformat(header.study_time) if header.study_time else None,
        "description": header.study_description,
        "body_part": header.body_part,
        "laterality": header.laterality if header.laterality in ("L", "R") else "",
        "accession_number": header.accession_number,
        "modalities": header.modality,
    }
    news = {name: value for name, value in said.items() if value and not getattr(study, name)}
    known = study.modalities.split(",") if study.modalities else []
    if header.modality and header.modality not in known:
        news["modalities"] = ",".join(sorted([*known, header.modality]))
    if news:
        for name, value in news.items():
            setattr(study, name, value)
        Study.objects.filter(pk=study.pk).update(**news)
