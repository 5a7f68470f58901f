"""Whole pulls by the product's own worker: first frame, 300 slices, several archives, memory."""

import os
import re
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

from bench._pull_study import SLICES
from bench._pull_world import World, forget_everything, wait_for, want, worker

ROUNDS = 3
LOOK_S = 0.005


def measure(here: World) -> dict[str, Any]:
    """The worker is started once; its first pull, cold, is told apart."""
    with worker(here) as process:
        cold = _pull_from(here, 1)
        warm = [_pull_from(here, 1) for _ in range(ROUNDS)]
        several = {count: _pull_from(here, count)["all_s"] for count in (2, 4)}
        dimse = _pull_from(here, 1, "dimse")
        rss = _peaks_mb(process)
    return {
        "figures": {
            "first_frame_ms": _median(warm, "first_frame_ms"),
            "slices300_s": _median(warm, "all_s"),
            "worker_rss_mb": max(rss["celery"]),
            "two_archives_s": several[2],
            "four_archives_s": several[4],
        },
        "notes": {
            "worker_cold": cold,
            "worker_warm": warm,
            "worker_dimse": dimse,
            "worker_peak_mb": rss,
        },
    }


def _pull_from(here: World, count: int, kind: str = "dicomweb") -> dict[str, float]:
    """One study from each of `count` archives at once, from the first pull's start.

    The first frame counts when somebody else can read its version, up to LOOK_S late: it is dated
    before the commit that lets anybody ask for it. All is here when it is made, and proven whole.
    """
    from django.db import transaction
    from django.utils import timezone

    from imaging.models import SeriesVersion, Study

    forget_everything()
    with transaction.atomic():
        studies = [want(peer, n, kind) for n, peer in enumerate(here.archives[:count], 1)]
    wait_for(SeriesVersion.objects.exists, every_s=LOOK_S)
    first = timezone.now()
    wait_for(lambda: _are_whole(count), every_s=0.05)
    rows = Study.objects.filter(pk__in=[study.pk for study in studies])
    started = min(rows.values_list("pull_started_at", flat=True))
    proven = max(rows.values_list("completed_at", flat=True))
    made = max(SeriesVersion.objects.values_list("made_at", flat=True))
    return {
        "first_frame_ms": _ms(first - started),
        "proven_s": _ms(proven - started) / 1000,
        "all_s": _ms(max(proven, made) - started) / 1000,
    }


def _are_whole(count: int) -> bool:
    """Every study is complete, and all its frames are in its newest version."""
    from imaging.models import Frame, Job, Study

    is_here = Study.objects.filter(state=Study.State.COMPLETE).count() == count
    frames = Frame.objects.filter(segment__isnull=False).count()
    is_made = frames == count * SLICES
    settled = Job.objects.filter(kind=Job.Kind.FRAMES, state=Job.State.DONE).count() == count
    return is_here and is_made and settled


def _peaks_mb(process: subprocess.Popen[bytes]) -> dict[str, list[int]]:
    """The most memory each process of the worker's group ever held: Celery's, and decoders."""
    peaks: dict[str, list[int]] = {"celery": [], "decoders": []}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) != process.pid:
                continue
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_text()
        except (OSError, ProcessLookupError):
            continue
        peak = re.search(r"VmHWM:\s+(\d+)", status)
        kind = "decoders" if "frames.decoder" in command else "celery"
        peaks[kind].append(int(peak[1]) // 1024 if peak else 0)
    return {kind: sorted(values) for kind, values in peaks.items()}


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return round(median(one[name] for one in rounds), 2)


def _ms(span: Any) -> float:
    return round(span.total_seconds() * 1000, 1)
