"""Making the canonical frames of a series: a FRAMES job from its claim to its end (D7, D9).

What somebody waits for comes first, in a segment and a version of its own; the rest follows
in segments of bounded size. Every row is added, none is changed: who is killed at any instant
leaves frames that count and at most one object of the store that nobody names, and the
next worker makes what is missing.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from itertools import groupby
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from imaging import doors, queue, store
from imaging.frames import batches, lost_segments, metadata
from imaging.frames.failing import AGAIN_AFTER, MOST_ATTEMPTS
from imaging.frames.metadata import Described, Place
from imaging.frames.of_instance import LOST, FrameMaker, Made
from imaging.frames.process import Reader, reader
from imaging.frames.refused import Refused
from imaging.geometry import arrange
from imaging.models import (
    Frame,
    Instance,
    Job,
    Series,
    SeriesVersion,
    Study,
    frame_key,
)
from imaging.store.base import Store, StoreError

log = logging.getLogger(__name__)

HEAD_BYTES = 128 << 10
"""Enough of most files to reach their pixels; the others are read whole."""
VERSION_EVERY = timedelta(seconds=3)
RENEW_EVERY_S = 30
WAIT_BETWEEN_ATTEMPTS = timedelta(seconds=15)
Told = set[tuple[str, str]]
"""Frames by key, and why there is no picture of one: what a version says of them."""


class LeaseLostError(Exception):
    """The job is another worker's now: write nothing more."""


def nobody(lost: Sequence[Instance]) -> None:
    """The `on_lost` of callers who fetch nothing."""


def carry_out(job: Job, on_lost: Callable[[Sequence[Instance]], None] = nobody) -> None:
    """Make every frame of the job's series that is not made, and settle the job.

    `on_lost` is told, outside any transaction, of instances whose bytes the store has not.
    """
    try:
        Making(job, store.get(), reader(), on_lost).run()
    except LeaseLostError:
        log.info("frames job %s: the lease ran out", job.pk)
    except StoreError as error:  # no fault of the job's: it is tried until the store can
        log.warning("frames job %s: %s", job.pk, error.code)
        due_at = timezone.now() + WAIT_BETWEEN_ATTEMPTS
        queue.let_go(job, Job.State.WAITING, due_at=due_at, attempts=job.attempts - 1)
    except Exception:
        log.exception("frames job %s", job.pk)
        _put_back(job)


def _put_back(job: Job) -> None:
    """Later again, unless it has been tried often enough: then much later (failing.py)."""
    if job.attempts >= MOST_ATTEMPTS:
        queue.let_go(job, Job.State.FAILED, due_at=timezone.now() + AGAIN_AFTER)
    else:
        due_at = timezone.now() + WAIT_BETWEEN_ATTEMPTS * job.attempts
        queue.let_go(job, Job.State.WAITING, due_at=due_at)


class Making:
    """One job being carried out. Keeps in memory what was described and made."""

    def __init__(
        self,
        job: Job,
        store: Store,
        decoders: Reader,
        on_lost: Callable[[Sequence[Instance]], None] = nobody,
    ) -> None:
        assert job.series is not None  # noqa: S101  a constraint of the table
        self._job, self._store, self._decoders = job, store, decoders
        self._on_lost = on_lost
        self._series: Series = job.series
        self._maker = FrameMaker(store, decoders)
        self._described: dict[int, Described] = {}
        self._made = {
            frame_key(frame.instance, frame.number): frame
            for frame in Frame.objects.filter(instance__series=self._series)
            .exclude(segment__store_key="")
            .exclude(instance__store_key="")
            .exclude(code=LOST)
            .select_related("instance", "segment")
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
            self._forget_what_was_lost()
            self._places, self._geometry = metadata.in_order(self._described.values())
            wanted = self._wanted()
            batch = self._next_batch(wanted)
            if batch or self._has_news():
                store.check_space_for_frames(are_waited_for=bool(wanted))
            if batch:
                made = self._carry_out_all(batch)
                self._keep(made)
                self._say_lost(made)
            if self._is_version_due(wanted, is_idle=not batch):
                self._publish(wanted)
            elif wanted:
                self._forget(wanted)
            if not batch and (self._come_back() if self._has_news() else self._settle()):
                return

    # ---- what there is -------------------------------------------------------------

    def _describe_what_is_new(self) -> None:
        """An instance whose bytes came again after the store had lost them is new too."""
        at = {pk: one.instance.stored_at for pk, one in self._described.items()}
        rows = _with_frames(self._series.instances.all())
        new = [row for row in rows if at.get(row.pk) != row.stored_at]
        with ThreadPoolExecutor(self._decoders.size) as threads:
            for described in threads.map(self._describe, new):
                if described.instance.pk in at or described.is_lost:
                    self._make_anew(described.instance)
                self._described[described.instance.pk] = described
                self._renew_now_and_then()

    def _make_anew(self, instance: Instance) -> None:
        for number in range(1, instance.frame_count + 1):
            self._made.pop(frame_key(instance, number), None)

    def _forget_what_was_lost(self) -> None:
        """Frames whose segment has no bytes any more (lost_segments.py) are to be made again."""
        gone = self._series.segments.filter(store_key="").values_list("pk", flat=True)
        for key in [key for key, row in self._made.items() if row.segment_id in set(gone)]:
            self._told.discard((key, self._made.pop(key).code))

    def _describe(self, instance: Instance) -> Described:
        """By its first bytes if they suffice."""
        try:
            return Described(instance, self._read(instance))
        except Refused:
            return Described(instance, {})
        except FileNotFoundError:
            return Described(instance, {"code": LOST})

    def _read(self, instance: Instance) -> dict[str, Any]:
        """Raises Refused, FileNotFoundError."""
        head = self._store.read_range(instance.store_key, 0, HEAD_BYTES)
        try:
            return self._decoders.describe(head)
        except Refused:
            if instance.size <= HEAD_BYTES:
                raise
        return self._decoders.describe(self._store.read_range(instance.store_key))

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
        return batches.bounded(urgent or list(missing.values()))

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
            for several in threads.map(self._maker.make, by_instance):
                made += several
                self._renew_now_and_then()
        return made

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
            rows = Frame.objects.bulk_create(
                batches.rows(several, segment),
                update_conflicts=True,  # what lay in a segment whose bytes were removed
                unique_fields=["instance", "number"],
                update_fields=batches.MADE,
            )
        for made, row in zip(several, rows, strict=True):
            self._made[made.place.key] = row

    def _say_lost(self, several: list[Made]) -> None:
        lost = {
            made.place.described.instance.pk: made.place.described.instance
            for made in several
            if made.code == LOST
        }
        if lost:
            log.error("series %s: the store has lost %s", self._series.public_id, len(lost))
            self._on_lost(list(lost.values()))

    def _next_segment(self) -> int:
        """Browsers and web processes take a number for the same bytes for good."""
        last = self._series.segments.aggregate(last=Max("number"))["last"]
        return (last or 0) + 1

    # ---- versions --------------------------------------------------------------------

    def _said_by(self, version: SeriesVersion | None) -> tuple[list[str], Told]:
        """The keys of its frames in order, and those it gives a place that stands or a reason."""
        if version is None:
            return [], set()
        try:
            content = metadata.unpacked(self._store.read_range(version.store_key))
        except FileNotFoundError:  # another is made
            return [], set()
        frames = content["frames"]
        told = {
            (one["key"], one["code"])
            for one in frames
            if one["code"] or (one["segment"] and one["key"] in self._made)
        }
        return [one["key"] for one in frames], told

    def _telling(self) -> Told:
        return {(key, frame.code) for key, frame in self._made.items()}

    def _has_news(self) -> bool:
        """Whether a new version would say more than the last."""
        return bool(self._telling() - self._told) or len(self._places) > len(self._shown)

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
        number = self._series.version + 1
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
        self._series.version = number
        self._shown = [place.key for place in self._places]
        self._told = self._telling()

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
        """Leave the rest for when more has arrived: at once, where the last of it has by then.

        A pull that ends after that look hurries its frames itself.
        """
        due_at = timezone.now() + VERSION_EVERY
        is_put_off = queue.let_go(self._job, Job.State.WAITING, due_at=due_at, attempts=0)
        if is_put_off and not self._is_arriving():
            put_off = Job.objects.filter(pk=self._job.pk, state=Job.State.WAITING)
            put_off.filter(due_at=due_at).update(due_at=timezone.now())
        return is_put_off

    def _settle(self) -> bool:
        """End the job, unless somebody wants a frame, or an instance came or a segment was lost
        since we looked. One conditional UPDATE says all, so that nothing comes in between.
        """
        instances = _with_frames(Instance.objects.filter(series=OuterRef("series")))
        lost = {pk: one.instance.stored_at for pk, one in self._described.items() if one.is_lost}
        new = instances.exclude(pk__in=self._described.keys() - lost.keys())
        if lost:
            new = new.exclude(pk__in=lost, stored_at__lte=max(lost.values()))
        lost_again = lost_segments.frames_to_make(OuterRef("series"))
        job = Job.objects.filter(pk=self._job.pk, claim=self._job.claim)
        settled = job.filter(~Exists(new), ~Exists(lost_again), wanted_frames=[]).update(
            state=Job.State.DONE, claim=None, lease_until=None, attempts=0, rank=10
        )
        if not settled:
            self._hold()
        return settled == 1


def _with_frames(instances: QuerySet[Instance]) -> QuerySet[Instance]:
    """Those that hold an image, and whose bytes are here, or were lost: their place is kept."""
    lost = Exists(Frame.objects.filter(instance=OuterRef("pk"), code=LOST))
    return instances.filter(lost | ~Q(store_key=""), frame_count__gt=0)
