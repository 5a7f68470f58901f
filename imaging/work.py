"""From a claimed job to the function that carries it out. Plain functions: no Celery in sight."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.utils import timezone

from imaging import queue
from imaging.frames import make
from imaging.models import Job
from imaging.pull import fetch, lost, search
from imaging.uploads import unpack

log = logging.getLogger(__name__)
PULL = (Job.Kind.SEARCH, Job.Kind.UNPACK, Job.Kind.PULL)
FRAMES = (Job.Kind.FRAMES,)
AFTER_A_FAULT = timedelta(seconds=30)

Wake = Callable[[], None]
HANDLERS: dict[str, Callable[[Job, Wake], None]] = {
    Job.Kind.SEARCH: search.carry_out,
    Job.Kind.UNPACK: unpack.carry_out,
    Job.Kind.PULL: fetch.carry_out,
    Job.Kind.FRAMES: lambda job, wake: _make_frames(job, wake),
}


def _make_frames(job: Job, wake: Wake) -> None:
    assert job.series is not None  # noqa: S101  a constraint of the table
    study = job.series.study
    make.carry_out(job, lambda instances: lost.fetch_again(study, instances, wake))


def nobody() -> None:
    """The wake of callers who look for work themselves."""


def run_next(kinds: Iterable[str] = (*PULL, *FRAMES), *, wake: Wake = nobody) -> Job | None:
    """Carry out the most urgent due job, if there is one, and return it as it was claimed.

    A handler settles its job itself, in the transaction that writes what came of it. `wake`
    is called when it makes work for others. A fault of ours puts the job back for later.
    """
    job = queue.claim_next(kinds, timezone.now())
    if job is None:
        return None
    try:
        with queue.kept(job):
            HANDLERS[job.kind](job, wake)
    except Exception:
        queue.let_go(job, Job.State.WAITING, due_at=timezone.now() + AFTER_A_FAULT)
        log.exception("%s job %s", job.kind, job.pk)
    return job
