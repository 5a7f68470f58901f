"""Our pull without encoding beside bare tools, in turns, so that the machine's load hits all."""

import time
from statistics import median
from typing import Any

from bench import _pull_peers as peers
from bench._pull_study import SLICES
from bench._pull_world import SOUGHT, World, forget_everything, study_name, want

ROUNDS = 5
SEARCHES = 5


def measure(here: World) -> dict[str, Any]:
    """Seconds of each way in each round; a ratio is the median of the rounds' ratios."""
    peer, name = here.archives[0], study_name(1)
    _ours(here, "dicomweb")  # decoders started, modules read
    rounds = []
    for _ in range(ROUNDS):
        took = {
            "bare_stream": peers.bare_stream(peer, name),
            "ours": _ours(here, "dicomweb"),
            "getscu": peers.getscu(peer, name),
            "ours_dimse": _ours(here, "dimse"),
        }
        rounds.append(took | peers.dicomweb_client(peer, name))
    seconds = {way: round(median(one[way] for one in rounds), 3) for way in rounds[0]}
    return {
        "figures": {
            "plan_ms_per_archive_p50": _plan_ms(here),
            "inst_per_s": round(SLICES / seconds["ours"], 1),
        },
        "ratios": {
            "vs_bare_stream": _ratio(rounds, "ours", "bare_stream"),
            "vs_dicomweb_client": _ratio(rounds, "ours", "iter_study_saved"),
            "vs_getscu": _ratio(rounds, "ours_dimse", "getscu"),
        },
        "notes": {
            "seconds_p50": seconds,
            "vs_dicomweb_client_is": "iter_study, each instance saved as a file, as ours are",
            "ours_over_iter_study": _ratio(rounds, "ours", "iter_study"),
            "ours_over_retrieve_study": _ratio(rounds, "ours", "retrieve_study"),
        },
    }


def _ours(here: World, kind: str) -> float:
    """The job from its claim to its end, in this process: proven and kept, not encoded."""
    from imaging import work
    from imaging.models import Job, Study

    forget_everything()
    study = want(here.archives[0], 1, kind)
    started = time.perf_counter()
    work.run_next((Job.Kind.PULL,))
    took = time.perf_counter() - started
    study.refresh_from_db()
    if study.state != Study.State.COMPLETE:
        raise RuntimeError(f"our pull ended as {study.state}: {study.message}")
    return took


def _plan_ms(here: World) -> float:
    """A person's studies asked of one archive, and the instances of the one found listed."""
    from datetime import timedelta

    from django.utils import timezone

    from imaging import plan, work
    from imaging.archives import registry
    from imaging.identity import Sought
    from imaging.models import Archive, Job

    archives = list(Archive.objects.filter(kind=Archive.Kind.DICOMWEB))
    took = []
    for _ in range(SEARCHES):
        forget_everything()
        at = timezone.now() + timedelta(hours=1)
        search = plan.search_archives(
            sought=Sought(**SOUGHT), archives=archives[:1], meeting_at=at, list_position=1
        )
        started = time.perf_counter()
        work.run_next((Job.Kind.SEARCH,))
        with registry.connect(archives[0]) as archive:
            for study in search.studies.all():
                archive.list_instances(study.study_instance_uid)
        took.append((time.perf_counter() - started) * 1000)
        if search.studies.count() != 1:
            raise RuntimeError("the search did not find the study")
    return round(median(took), 1)


def _ratio(rounds: list[dict[str, float]], ours: str, theirs: str) -> float:
    return round(median(one[ours] / one[theirs] for one in rounds), 3)
