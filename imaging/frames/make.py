"""Making the canonical frames of a series: a FRAMES job from its claim to its end (D7, D9).

What somebody waits for comes first, in a segment and a version of its own; the rest follows
in segments of bounded size. Every row is added, none is changed: who is killed at any instant
leaves frames that count and at most one object of the store that nobody names, and the
next worker makes what is missing.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from itertools import groupby
from time import monotonic

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from imaging import doors, queue, store
from imaging.frames import metadata
from imaging.frames.metadata import Described, Place
from imaging.frames.process import CanonicalFrame, Reader, reader
from imaging.frames.refused import Refused
from imaging.geometry import arrange
from imaging.models import (
    Frame,
    Instance,
    Job,
    Segment,
    Series,
    SeriesVersion,
    Study,
    frame_key,
)
from imaging.store.base import Store

log = logging.getLogger(__name__)

BATCH_FRAMES = 64
BATCH_PIXELS = 16_000_000
HEAD_BYTES = 128 << 10
"""Enough of most files to reach their pixels; the others are read whole."""
VERSION_EVERY = timedelta(seconds=3)
RENEW_EVERY_S = 30
MOST_ATTEMPTS = 5
WAIT_BETWEEN_ATTEMPTS = timedelta(seconds=15)


class LeaseLostError(Exception):
    """The job is another worker's now: write nothing more."""


@dataclass(frozen=True)
class Made:
    """One frame, or why there is none."""

    place: Place
    frame: CanonicalFrame | None
    code: str = ""


def carry_out(job: Job) -> None:
    """Make every frame of the job's series that is not made, and settle the job."""
    try:
        Making(job, store.get(), reader()).run()
    except LeaseLostError:
        log.info("frames job %s: the lease ran out", job.pk)
    except Exception:
        log.exception("frames job %s", job.pk)
        _put_back(job)


def _put_back(job: Job) -> None:
    """Later again, unless it has been tried often enough."""
    if job.attempts >= MOST_ATTEMPTS:
        queue.let_go(job, Job.State.FAILED)
    else:
        due_at = timezone.now() + WAIT_BETWEEN_ATTEMPTS * job.attempts
        queue.let_go(job, Job.State.WAITING, due_at=due_at)


class Making:
    """One job being carried out. Keeps in memory what was described and made."""

    def __init__(self, job: Job, store: Store, decoders: Reader) -> None:
        assert job.series is not None  # noqa: S101  a constraint of the table
        self._job, self._store, self._decoders = job, store, decoders
        self._series: Series = job.series
        self._described: dict[int, Described] = {}
        self._made = {
            frame_key(frame.instance, frame.number): frame
            for frame in Frame.objects.filter(instance__series=self._series).select_related(
                "instance", "segment"
            )
        }
        self._last = self._series.versions.order_by("-number").first()
        self._shown, self._told = self._said_by(self._last)
        self._places: list[Place] = []
        self._geometry = arrange([])
        self._renewed_at = monotonic()

    def run(self) -> None:
        """Until nothing is missing and nobody wants more, or until more has arrived."""
        while True:
            self._describe_what_is_new()
            self._places, self._geometry = metadata.in_order(self._described.values())
            wanted = self._wanted()
            batch = self._next_batch(wanted)
            if batch:
                self._keep(self._carry_out_all(batch))
            if self._is_version_due(wanted, is_idle=not batch):
                self._publish(wanted)
            elif wanted:
                self._forget(wanted)
            if not batch and (self._come_back() if self._has_news() else self._settle()):
                return

    # ---- what there is -------------------------------------------------------------

    def _describe_what_is_new(self) -> None:
        instances = self._series.instances.filter(frame_count__gt=0)
        new = list(instances.exclude(pk__in=self._described))
        with ThreadPoolExecutor(self._decoders.size) as threads:
            for described in threads.map(self._describe, new):
                self._described[described.instance.pk] = described
                self._renew_now_and_then()

    def _describe(self, instance: Instance) -> Described:
        """By its first bytes if they suffice."""
        head = self._store.read_range(instance.store_key, 0, HEAD_BYTES)
        try:
            return Described(instance, self._decoders.describe(head))
        except Refused:
            if instance.size <= HEAD_BYTES:
                return Described(instance, {})
        try:
            whole = self._store.read_range(instance.store_key)
            return Described(instance, self._decoders.describe(whole))
        except Refused:
            return Described(instance, {})

    def _wanted(self) -> list[int]:
        """Numbers of frames, from 1, in the newest version: people wait for them, newest first."""
        found = Job.objects.filter(pk=self._job.pk).values_list("wanted_frames", flat=True).first()
        return list(found or [])

    def _next_batch(self, wanted: list[int]) -> list[Place]:
        """What is wanted; else, for the first version, first and middle; else the next in order."""
        missing = {place.key: place for place in self._places if place.key not in self._made}
        first = self._keys_of(wanted)
        if not first and self._last is None and self._places:
            first = [self._places[0].key, self._places[len(self._places) // 2].key]
        urgent = [missing[key] for key in dict.fromkeys(first) if key in missing]
        return _bounded(urgent or list(missing.values()))

    def _keys_of(self, wanted: list[int]) -> list[str]:
        keys = self._shown or [place.key for place in self._places]
        return [keys[number - 1] for number in wanted if 1 <= number <= len(keys)]

    # ---- making ----------------------------------------------------------------------

    def _carry_out_all(self, batch: list[Place]) -> list[Made]:
        by_instance = [
            list(places) for _, places in groupby(batch, lambda place: place.described.instance.pk)
        ]
        made: list[Made] = []
        with ThreadPoolExecutor(self._decoders.size) as threads:
            for several in threads.map(self._make, by_instance):
                made += several
                self._renew_now_and_then()
        return made

    def _make(self, places: list[Place]) -> list[Made]:
        """Frames of one instance. Runs in a thread and asks no database."""
        data = self._store.read_range(places[0].described.instance.store_key)
        try:
            with self._decoders.opened(data) as instance:
                return [_made(place, instance.frame) for place in places]
        except Refused as refused:
            return [Made(place, None, _as_frame_code(refused.code)) for place in places]

    def _keep(self, several: list[Made]) -> None:
        """One segment and its frames, in one short transaction."""
        data = b"".join(made.frame.data for made in several if made.frame)
        stored = self._store.put(BytesIO(data)) if data else None
        segment = None
        with transaction.atomic():
            self._hold()
            if stored:
                segment = self._series.segments.create(
                    number=self._next_segment(), store_key=stored.key, size=stored.size
                )
            rows = Frame.objects.bulk_create(_rows(several, segment))
        for made, row in zip(several, rows, strict=True):
            self._made[made.place.key] = row

    def _next_segment(self) -> int:
        numbers = (row.segment.number for row in self._made.values() if row.segment)
        return max(numbers, default=0) + 1

    # ---- versions --------------------------------------------------------------------

    def _said_by(self, version: SeriesVersion | None) -> tuple[list[str], int]:
        """The keys of its frames in order, and how many of them it gives a place or a reason."""
        if version is None:
            return [], 0
        frames = metadata.unpacked(self._store.read_range(version.store_key))["frames"]
        told = [frame for frame in frames if frame["segment"] or frame["code"]]
        return [frame["key"] for frame in frames], len(told)

    def _has_news(self) -> bool:
        """Whether a new version would say more than the last."""
        return len(self._made) > self._told or len(self._places) > len(self._shown)

    def _is_version_due(self, wanted: list[int], *, is_idle: bool) -> bool:
        """At once when somebody waits, every few seconds while it goes on, and at the end.

        An archive that sends an image a second must not make a version of each.
        """
        if self._last is None or wanted:
            return self._has_news()
        is_due = timezone.now() - self._last.made_at > VERSION_EVERY
        return self._has_news() and (is_due or (is_idle and not self._is_arriving()))

    def _is_arriving(self) -> bool:
        """Whether the study is still being pulled."""
        studies = Study.objects.filter(pk=self._series.study_id, state=Study.State.PULLING)
        return studies.exists()

    def _publish(self, wanted: list[int]) -> None:
        """Put the document in the store, then name it, and tell whoever stands above."""
        number = self._last.number + 1 if self._last else 1
        content = metadata.document(self._series, number, self._places, self._geometry, self._made)
        stored = self._store.put(metadata.packed(content))
        with transaction.atomic():
            self._hold()
            self._last = SeriesVersion.objects.create(
                series=self._series,
                number=number,
                store_key=stored.key,
                is_complete=content["is_complete"],
            )
            uid = metadata.frame_of_reference_uid(self._places)
            row = Series.objects.filter(pk=self._series.pk)
            row.update(version=number, frame_of_reference_uid=uid)
            self._forget(wanted)
            doors.on_change(self._series.study)
        self._shown = [place.key for place in self._places]
        self._told = len(self._made)

    def _forget(self, wanted: list[int]) -> None:
        """Those that are made, or cannot be; the others by their numbers in the newest order.

        A wish that came meanwhile stays as it is.
        """
        numbers = {
            place.key: number
            for number, place in enumerate(self._places, 1)
            if place.key not in self._made
        }
        left = [numbers[key] for key in self._keys_of(wanted) if key in numbers]
        Job.objects.filter(pk=self._job.pk, wanted_frames=wanted).update(wanted_frames=left)

    # ---- the lease -------------------------------------------------------------------

    def _hold(self) -> None:
        if not queue.renew(self._job, timezone.now()):
            raise LeaseLostError
        self._renewed_at = monotonic()

    def _renew_now_and_then(self) -> None:
        if monotonic() - self._renewed_at > RENEW_EVERY_S:
            self._hold()

    def _come_back(self) -> bool:
        """Leave the rest for when more has arrived."""
        due_at = timezone.now() + VERSION_EVERY
        return queue.let_go(self._job, Job.State.WAITING, due_at=due_at, attempts=0)

    def _settle(self) -> bool:
        """End the job, unless somebody wants a frame or an instance came since we looked.

        One conditional UPDATE says both, so that nothing comes in between.
        """
        instances = Instance.objects.filter(series=OuterRef("series"), frame_count__gt=0)
        new = instances.exclude(pk__in=self._described)
        job = Job.objects.filter(pk=self._job.pk, claim=self._job.claim)
        settled = job.filter(~Exists(new), wanted_frames=[]).update(
            state=Job.State.DONE, claim=None, lease_until=None, attempts=0, rank=10
        )
        if not settled:
            self._hold()
        return settled == 1


def _made(place: Place, make: Callable[[int], CanonicalFrame]) -> Made:
    try:
        return Made(place, make(place.number))
    except Refused as refused:
        return Made(place, None, refused.code)


def _as_frame_code(code: str) -> str:
    """A header that cannot be opened gives no frame: 'header.damaged' is 'frame.damaged'."""
    kind = code.rpartition(".")[2]
    return f"frame.{kind}" if kind in ("damaged", "too_large", "timeout") else "frame.damaged"


def _rows(several: list[Made], segment: Segment | None) -> Iterator[Frame]:
    """Frames one after another, in the order their bytes were joined."""
    offset = 0
    for made in several:
        row = Frame(instance=made.place.described.instance, number=made.place.number)
        if made.frame:
            row.segment, row.offset, row.length = segment, offset, len(made.frame.data)
            row.ends, row.crc32 = made.frame.ends, made.frame.crc32
            row.spread = made.frame.spread
            offset += row.length
        row.code = made.code
        yield row


def _bounded(places: list[Place]) -> list[Place]:
    """The first of them that make a segment of a size that is soon read and soon made."""
    pixels = 0
    for count, place in enumerate(places[:BATCH_FRAMES], 1):
        image = place.described.image_of(place.number)
        pixels += image["rows"] * image["columns"]
        if pixels > BATCH_PIXELS:
            return places[:count]
    return places[:BATCH_FRAMES]
