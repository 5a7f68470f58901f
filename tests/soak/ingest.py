"""Many files through the product's own ingest, and how each of them ended."""

import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from django.utils import timezone

from imaging import plan, queue, store
from imaging.frames import make, process
from imaging.models import Frame, Instance, Job, Quarantined, Series, Study
from imaging.pull.receive import AnotherPersonError, Receiving
from tests.factories import ArchiveFactory, SearchFactory, StudyFactory
from tests.soak.mutants import STUDY

HANG_S = 5
TAKEN, NO_PICTURE = "taken", "taken, without a picture"
LOST, NO_REASON = "lost without a word", "no frame and no reason"


def hang_s():
    """HANG_S on a machine that is not busy with other things."""
    return HANG_S * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass
class Tally:
    """What came of all inputs. Seconds are of one question to a decoder, wall clock."""

    inputs: int = 0
    ends: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    replaced: int = 0
    bad_answers: int = 0

    @property
    def refusals(self):
        return Counter({end: n for end, n in self.ends.items() if end not in (TAKEN, NO_PICTURE)})


@contextmanager
def watched(tally):
    """Measure each question to a decoder process, and count the processes that ended."""
    ask, replace = process.Child.ask, process.Child._replace

    def timed(self, head, body=b"", *, seconds):
        begun = time.monotonic()
        try:
            return ask(self, head, body, seconds=seconds)
        finally:
            spent = time.monotonic() - begun
            tally.longest_s = max(tally.longest_s, spent)
            if spent > hang_s():
                tally.hangs.append(f"{head['ask']} {sha256(body).hexdigest()[:12]} {spent:.1f} s")

    def counted(self, **options):
        tally.replaced += 1
        return replace(self, **options)

    process.Child.ask, process.Child._replace = timed, counted
    try:
        yield
    finally:
        process.Child.ask, process.Child._replace = ask, replace


def ingest(batch: Iterable[tuple[bytes, str]], tally: Tally) -> dict[str, str]:
    """Take a study of these files (bytes, what they are), make its frames, and see how each ended.

    Returns the ends by name; what they left in the database and the store is removed.
    """
    named = {sha256(data).hexdigest(): name for data, name in batch}
    study = StudyFactory(
        archive=ArchiveFactory(), search=SearchFactory(), study_instance_uid=STUDY, modalities=""
    )
    plan.want_study(study)
    job = queue.claim_next([Job.Kind.PULL], timezone.now())
    _receive(job, study, [data for data, _ in batch], tally)
    queue.let_go(job, Job.State.DONE)
    _make_frames(tally)
    ends = {name: _end_of(study, digest) for digest, name in named.items()}
    tally.inputs += len(batch)
    tally.ends.update(ends.values())
    return ends


def shown() -> list[Series]:
    return list(Series.objects.filter(version__gt=0))


def clear() -> None:
    """Nothing of a batch is left for the next."""
    Job.objects.all().delete()
    Study.objects.all().delete()
    for key in store.get().list():
        store.get().delete(key)


class _ReceivingAll(Receiving):
    """A file that is somebody else's is the end of all in the product; here of that file alone."""

    def _sort(self, arrival):
        with suppress(AnotherPersonError):
            super()._sort(arrival)


def _receive(job, study, files, tally):
    with _ReceivingAll(job, study, lambda: None) as receiving:
        for act in (*(partial(receiving.take, data) for data in files), receiving.write):
            try:
                act()
            except Exception as error:
                tally.faults.append(f"{type(error).__name__}: {error}"[:300])


def _make_frames(tally):
    while job := queue.claim_next([Job.Kind.FRAMES], timezone.now()):
        make.carry_out(job)
    for job in Job.objects.filter(kind=Job.Kind.FRAMES).exclude(state=Job.State.DONE):
        tally.faults.append(f"a frames job stays {job.state}")


def _end_of(study, digest) -> str:
    if code := Quarantined.objects.filter(study=study, sha256=digest).values_list("code").first():
        return code[0]
    instance = Instance.objects.filter(series__study=study, sha256=digest).first()
    if instance is None:
        return LOST
    codes = list(Frame.objects.filter(instance=instance).values_list("code", flat=True))
    if not codes:
        return NO_PICTURE if instance.frame_count == 0 else NO_REASON
    return next((code for code in sorted(codes) if code), TAKEN)
