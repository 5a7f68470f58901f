"""Taking what an archive sends: read, checked, kept, and written down a few at a time.

Threads read the headers (in a decoder process) and make the bytes safe in the store (hands.py),
while the next ones come; then, in the order they came, the caller's thread checks whose each is and
writes its row. The bytes are safe before their row is written, and in the spool until it is, so a
worker that is killed loses only what it had not wholly received.
"""

from collections import Counter
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

from django.db import transaction
from django.utils import timezone

from imaging import queue
from imaging.arrivals import OTHER_PERSON
from imaging.claims import KeptClaim, claims_of, judge_for, kept, with_more
from imaging.frames.header import Header
from imaging.frames.process import reader
from imaging.identity import Finding, Sought
from imaging.models import Instance, Job, Quarantined, Series, Study
from imaging.pull.hands import Arrival, Hands
from imaging.pull.pace import Pace
from imaging.pull.rows import (
    complete_study,
    instance_row,
    note_side,
    series_row,
    want_frames_of,
)
from imaging.pull.spool import Kept, Part, Spool
from imaging.pull.states import hold
from imaging.store.base import Stored

BACK_AGAIN = [
    *("store_key", "sha256", "size", "stored_at", "sop_class_uid", "transfer_syntax_uid"),
    *("instance_number", "frame_count"),
]
BATCH, BATCH_S = 32, 1.0
AHEAD, AHEAD_BYTES = 48, 64 << 20  # instances and bytes in the threads' hands at one time


class LeaseLostError(Exception):
    """The job is another worker's now, or was cancelled: write nothing more."""


class AnotherPersonError(Exception):
    """A header that does not belong to the person sought. The study must not be shown."""

    def __init__(self, finding: Finding, claims: list[KeptClaim]) -> None:
        super().__init__("identity does not agree")
        self.finding, self.claims = finding, claims


class Receiving:
    """Everything that comes for one claimed PULL job. Use with `with`."""

    def __init__(self, job: Job, study: Study, wake: Callable[[], None]) -> None:
        self._job, self._study, self._wake = job, study, wake
        self._judge = judge_for(study, Sought(**study.search.sought))
        self._claims = {one.facts: one for one in claims_of(study) if one.sop_instance_uid}
        self._of_a_trust = [one for one in self._claims.values() if self._judge.trusts(one)][:1]
        self._series = {one.series_instance_uid: one for one in study.series.all()}
        self._same: set[tuple[object, ...]] = set()
        self._spool, self._hands = Spool(study), Hands(reader())
        self._batch: list[tuple[Header, Stored]] = []
        self._to_forget: list[Part] = []
        self._written_at, self._has_written = monotonic(), False
        self._with_frames_job: set[int] = set()
        rows = list(Instance.objects.filter(series__study=study).select_related("series"))
        self._known = {_key(row): row.sha256 for row in rows if row.store_key}
        self._removed = {_key(row): row for row in rows if not row.store_key}
        self._stored_bytes = sum(row.size for row in rows if row.store_key)
        self.refused: Counter[str] = Counter()
        self.sent: set[str] = set()  # SOP Instance UIDs that came in this pull
        self.pace = Pace()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hands.close()
        self._spool.close()
        if error is None or isinstance(error, AnotherPersonError):
            self._spool.clear()  # all that is wanted is written down, or nothing is wanted

    @property
    def stored(self) -> set[str]:
        """SOP Instance UIDs that are here, written down or about to be."""
        return {sop for _, sop in self._known}

    @property
    def series_numbers(self) -> dict[str, int | None]:
        return {uid: series.number for uid, series in self._series.items()}

    def take_what_was_left(self) -> None:
        """First what a worker that died had received: it is not asked for again."""
        for data in self._spool.left():
            self._hand_on(self.spool(data).part, data)
        self.write()

    def take(self, data: bytes) -> None:
        """One file as it came.

        Raises AnotherPersonError, LeaseLostError, StoreError; also about a file before it.
        """
        self.pace.note(len(data))
        self._hand_on(self.spool(data).part, data)

    def take_kept(self, kept: Kept) -> None:
        """One that `spool` has put away already. Raises as `take`."""
        self.pace.note(kept.size)
        self._hand_on(kept.part, kept.read())

    def spool(self, data: bytes) -> Kept:
        """Safe from a kill -9 from here on. Any thread may ask. Raises StoreError."""
        return self._spool.keep(data)

    def write(self) -> None:
        """Write down all that came, and hold the job's lease on."""
        while self._hands.count:
            self._sort_next()
        self._write_batch()

    def _hand_on(self, part: Part, data: bytes) -> None:
        self._hands.give(part, data)
        while self._is_far_ahead() or self._hands.is_one_ready():
            self._sort_next()
        if self._is_due():
            self._write_batch()

    def _is_due(self) -> bool:
        """The first at once: somebody may be waiting for a picture. Then a few at a time."""
        is_full = len(self._batch) >= (BATCH if self._has_written else 1)
        return is_full or monotonic() - self._written_at >= BATCH_S

    def _is_far_ahead(self) -> bool:
        return self._hands.count > AHEAD or self._hands.size > AHEAD_BYTES

    def _sort_next(self) -> None:
        """Those that came first of what is on its way: ours to keep, or to set aside."""
        for arrival in self._hands.take():
            self._to_forget.append(arrival.part)
            self._sort(arrival)

    def _sort(self, arrival: Arrival) -> None:
        if arrival.header is None:
            self._quarantine(arrival.code, arrival.stored)
            return
        self._check_identity(arrival.header, arrival.stored)
        if arrival.header.study_instance_uid != self._study.study_instance_uid:
            self._quarantine("instance.other_study", arrival.stored, arrival.header)
        else:
            self._keep(arrival.header, arrival.stored)

    def _write_batch(self) -> None:
        """In one short transaction. Without anything to write it still asks for the lease."""
        batch, self._batch = self._batch, []
        with transaction.atomic():
            hold(self._study)
            if not queue.renew(self._job, timezone.now()):
                raise LeaseLostError
            if batch:
                self._write(batch)
                self._has_written = True
        self._written_at = monotonic()
        self._spool.forget(self._to_forget)
        self._to_forget = []

    def _check_identity(self, header: Header, stored: Stored) -> None:
        """The same facts are judged once: nothing that the verdict rests on changes meanwhile."""
        claim = kept(header)
        if claim.facts in self._same:
            return
        self._claims.setdefault(claim.facts, claim)
        finding = self._judge.judge(claim, *self._of_a_trust)
        if finding.verdict != "same":
            self._quarantine(OTHER_PERSON, stored, header)
            raise AnotherPersonError(finding, list(self._claims.values()))
        self._same.add(claim.facts)
        if not self._of_a_trust and self._judge.trusts(claim):
            self._of_a_trust = [claim]

    def _keep(self, header: Header, stored: Stored) -> None:
        """Once and for all: the same bytes again change nothing, other bytes are set aside."""
        key = (header.series_instance_uid, header.sop_instance_uid)
        self.sent.add(header.sop_instance_uid)
        if key not in self._known:
            self._known[key] = stored.sha256
            self._stored_bytes += stored.size
            self._batch.append((header, stored))
        elif self._known[key] != stored.sha256:
            self._quarantine("instance.other_bytes", stored, header)

    def _quarantine(self, code: str, stored: Stored, header: Header | None = None) -> None:
        self.refused[code] += 1
        Quarantined.objects.update_or_create(
            study=self._study,
            code=code,
            sha256=stored.sha256,
            defaults={
                "store_key": stored.key,
                "sop_instance_uid": header.sop_instance_uid if header else "",
            },
        )

    def _write(self, batch: list[tuple[Header, Stored]]) -> None:
        rows = [instance_row(self._series_of(header), header, stored) for header, stored in batch]
        for row, (header, _) in zip(rows, batch, strict=True):
            note_side(self._study, row.series, header.laterality)
        back = [row for row in rows if self._was_here(row)]
        Instance.objects.bulk_create([row for row in rows if row.pk is None])
        Instance.objects.bulk_update(back, BACK_AGAIN)
        Study.objects.filter(pk=self._study.pk).update(
            stored_count=len(self._known),
            stored_bytes=self._stored_bytes,
            claims=with_more([], self._claims.values()),
            trust_ods_code=self._trust,
        )
        for row in rows:
            if row.frame_count and row.series_id not in self._with_frames_job:
                self._with_frames_job.add(row.series_id)
                want_frames_of(row.series, self._job)
                transaction.on_commit(self._wake, robust=True)

    @property
    def _trust(self) -> str:
        """Of the first header that names one, and of no later one."""
        stated = self._judge.trusts(*self._of_a_trust)
        return stated[0] if stated else self._study.trust_ods_code

    def _was_here(self, row: Instance) -> bool:
        """Whether it is one whose bytes were removed: its old row, and so its frames' keys, stay.

        Other bytes than were shown then are taken, since there are no others, and set down.
        """
        old = self._removed.pop(_key(row), None)
        if old is None:
            return False
        row.pk, row.stored_at = old.pk, timezone.now()
        if old.sha256 != row.sha256:
            Quarantined.objects.create(
                study=self._study,
                sop_instance_uid=row.sop_instance_uid,
                code="instance.changed_since_shown",
                sha256=old.sha256,
            )
        return True

    def _series_of(self, header: Header) -> Series:
        uid = header.series_instance_uid
        if uid not in self._series:
            complete_study(self._study, header)
            self._series[uid] = series_row(self._study, header)
        return self._series[uid]


def _key(row: Instance) -> tuple[str, str]:
    return row.series.series_instance_uid, row.sop_instance_uid
