"""A hundred thousand damaged files through the whole ingest, beside a web process that serves.

MUTANTS (100000) is how many; MUTANTS_SEED where their numbers begin. Writes
bench/results/mutants.json.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import httpx
import pytest
from django.conf import settings
from django.db import connection

from imaging.grants import Grant
from imaging.models import Segment
from tests.mdt.conftest import wait_for
from tests.ports import free_port
from tests.soak import ingest, mutants
from tests.soak.ingest import LOST, NO_PICTURE, NO_REASON, TAKEN, Tally

pytestmark = [pytest.mark.soak, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "mutants.json"
BATCH, SEEDS_A_BATCH = 200, 8
MOST_REASONS, MOST_OF_ONE_PCT, ACCEPTED_PCT = 12, 40, 99
UNSUPPORTED = "frame.unsupported"


class Web:
    """A Daphne on the test's own database and store. `deaths`: how often it ended by itself."""

    def __init__(self):
        self.deaths, self._port = 0, free_port()
        self._start()

    def _start(self):
        command = [*(sys.executable, "-m", "daphne"), "-b", "127.0.0.1", "-v", "0", "-p"]
        self._process = subprocess.Popen(
            [*command, str(self._port), "mdt.asgi:application"], cwd=ROOT, env=_environment()
        )
        wait_for(self._port, self._process)

    def check(self, tally):
        """It lives, is ready, and serves what was just made: its metadata and its segments."""
        if self._process.poll() is not None:
            self.deaths += 1
            self._start()
        with httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=30) as client:
            tally.bad_answers += client.get("/readyz").status_code != 200
            for series in ingest.shown():
                tally.bad_answers += not _serves(client, series)

    def stop(self):
        self._process.kill()
        self._process.wait()


def _serves(client, series):
    grant = {"X-View-Grant": Grant("p", series.public_id, "c", "display").token()}
    path = f"/imaging/series/{series.public_id}"
    metadata = client.get(f"{path}/metadata", headers=grant)
    numbers = Segment.objects.filter(series=series).values_list("number", flat=True)
    answers = [client.get(f"{path}/segments/{number}", headers=grant) for number in numbers]
    return metadata.json()["frames"] and all(answer.is_success for answer in answers)


def _environment():
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        host = f"{database['HOST']}:{database['PORT']}"
        url = f"postgresql://{database['USER']}@{host}/{database['NAME']}"
    return os.environ | {
        **{"DJANGO_SETTINGS_MODULE": "mdt.settings", "DATABASE_URL": url, "DEMO": "0"},
        **{"STORE_URL": settings.STORE_URL, "SECRET_KEY": settings.SECRET_KEY},
        **{"ALLOWED_HOSTS": "127.0.0.1", "REDIS_URL": ""},
    }


@pytest.fixture
def web():
    web = Web()
    yield web
    web.stop()


@pytest.mark.filterwarnings("default")
def test_no_damaged_file_ends_a_process_hangs_one_or_ends_without_a_name(web, tmp_path, settings):
    count = int(os.environ.get("MUTANTS") or 100_000)
    first = int(os.environ.get("MUTANTS_SEED") or 0)
    seeds, left_out = mutants.seeds()
    begun, tally, sound = time.monotonic(), Tally(), Tally()
    with ingest.watched(tally):
        ends = _take_sound(seeds, sound, web)
        for start in range(0, count, BATCH):
            ingest.ingest(_batch(seeds, first + start, min(BATCH, count - start)), tally)
            web.check(tally)
            ingest.clear()
            _say(start, count, tally, begun)
    result = _result(tally, sound, ends, left_out, web, time.monotonic() - begun)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    figures = result["figures"]
    assert tally.faults == sound.faults == []
    assert tally.bad_answers == sound.bad_answers == 0
    assert not tally.ends.keys() & {LOST, NO_REASON}, "each ends with a name"
    assert figures["web_tier_deaths"] == 0
    assert figures["hangs_over_5s"] == 0, tally.hangs
    assert figures["reasons"] <= MOST_REASONS, tally.refusals
    assert figures["largest_reason_pct"] <= MOST_OF_ONE_PCT, tally.refusals
    assert figures["unmutated_accepted_pct"] >= ACCEPTED_PCT


def _take_sound(seeds, sound, web):
    """The seeds as they are; a syntax or kind of pixel without a picture here is taken too."""
    ends = {}
    for start in range(0, len(seeds), BATCH):
        some = seeds[start : start + BATCH]
        files = [(seed.whole(start + n), seed.name) for n, seed in enumerate(some)]
        ends |= ingest.ingest(files, sound)
        web.check(sound)
        ingest.clear()
    return ends


def _batch(seeds, first, count):
    """Mutants of a few seeds, so that a series has several of each."""
    few = Random(first).sample(seeds, SEEDS_A_BATCH)  # noqa: S311
    found = []
    for number in range(first, first + count):
        data, turns = mutants.mutant(few[number % len(few)], number)
        found.append((data, f"{number} {turns}"))
    return found


def _say(start, count, tally, begun):
    if start % (BATCH * 25) == 0:
        each = (time.monotonic() - begun) / max(tally.inputs, 1)
        left = f"{(count - start) * each / 60:.0f} min left"
        sys.stdout.write(f"{tally.inputs} inputs, {each * 1000:.0f} ms each, {left}\n")
        sys.stdout.flush()


def _result(tally, sound, ends, left_out, web, seconds):
    refusals = tally.refusals
    accepted = sum(end in (TAKEN, NO_PICTURE, UNSUPPORTED) for end in ends.values())
    largest = max(refusals.values(), default=0) / max(sum(refusals.values()), 1)
    return {
        "figures": {
            "inputs": tally.inputs,
            "web_tier_deaths": web.deaths,
            "hangs_over_5s": len(tally.hangs),
            "reasons": len(refusals),
            "largest_reason_pct": round(100 * largest, 1),
            "unmutated_accepted_pct": round(100 * accepted / len(ends), 2),
        },
        "notes": {
            "ends": dict(tally.ends.most_common()),
            "seeds": len(ends),
            "seeds_without_a_picture_here": sum(e == UNSUPPORTED for e in ends.values()),
            "seeds_refused": {
                n: e for n, e in ends.items() if e not in (TAKEN, NO_PICTURE, UNSUPPORTED)
            },
            "files_even_pydicom_cannot_write_again": left_out,
            "worker_faults": len(tally.faults) + len(sound.faults),
            "first_faults": [*sound.faults, *tally.faults][:5],
            "answers_of_the_web_tier_that_were_not_right": tally.bad_answers + sound.bad_answers,
            "decoders_replaced": tally.replaced,
            "longest_question_s": round(tally.longest_s, 2),
            "hangs": tally.hangs[:20],
            "ms_per_input": round(1000 * seconds / max(tally.inputs, 1), 1),
            "database": connection.vendor,
            "load_at_end": [round(load, 1) for load in os.getloadavg()],
        },
    }
