"""kill -9 in the middle of a pull, and what the archive is asked for again."""

import random
from pathlib import Path
from typing import Any

from bench._pull_study import SLICES
from bench._pull_world import World, forget_everything, kill, python, wait_for, want

KILLS = 4
SEED = 5


def measure(here: World) -> dict[str, Any]:
    """The most instances any one kill had fetched again, by connector and over all."""
    dice = random.Random(SEED)  # noqa: S311  instants, not secrets
    again = {
        kind: [_kill_at(here, kind, dice.randrange(1, SLICES - 1)) for _ in range(KILLS)]
        for kind in ("dicomweb", "dimse")
    }
    worst = max(max(counts) for counts in again.values())
    return {
        "figures": {"instances_refetched_after_kill_per_connection": worst},
        "notes": {"instances_refetched_after_each_kill": again},
    }


def _kill_at(here: World, kind: str, count: int) -> int:
    """Kill a pull when `count` instances have come; how many of those came once more."""
    from django.utils import timezone

    from imaging import queue
    from imaging.models import Job, Study

    forget_everything()
    study = want(here.archives[0], 1, kind)
    before, after = here.folder / "before", here.folder / "after"
    for log in (before, after):
        log.write_bytes(b"")
    first = here.program(*python("-m", "bench._pull_once", str(before)))
    wait_for(lambda: len(_lines(before)) >= count, every_s=0.001)
    kill(first)
    Job.objects.filter(study=study).update(lease_until=timezone.now())
    queue.requeue_expired(timezone.now())
    here.program(*python("-m", "bench._pull_once", str(after))).wait()
    study.refresh_from_db()
    if study.state != Study.State.COMPLETE:
        raise RuntimeError(f"the pull after the kill ended as {study.state}: {study.message}")
    return len(set(_lines(before)) & set(_lines(after)))


def _lines(path: Path) -> list[str]:
    """Whole lines: the last may have been cut by the kill."""
    return path.read_text().split("\n")[:-1]
