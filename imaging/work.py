"""From a claimed job to the function that carries it out. Plain functions: no Celery in sight."""

from collections.abc import Callable, Iterable

from django.utils import timezone

from imaging import queue
from imaging.frames import make
from imaging.models import Job
from imaging.pull import fetch, search

PULL = (Job.Kind.SEARCH, Job.Kind.PULL)
FRAMES = (Job.Kind.FRAMES,)

HANDLERS: dict[str, Callable[[Job], None]] = {
    Job.Kind.SEARCH: search.carry_out,
    Job.Kind.PULL: fetch.carry_out,
    Job.Kind.FRAMES: make.carry_out,
}


def run_next(kinds: Iterable[str] = (*PULL, *FRAMES)) -> Job | None:
    """Carry out the most urgent due job, if there is one, and return it as it was claimed.

    A handler settles its job itself, in the transaction that writes what came of it.
    """
    job = queue.claim_next(kinds, timezone.now())
    if job is not None:
        HANDLERS[job.kind](job)
    return job
