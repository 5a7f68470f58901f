"""Writes the demo's studies to var/demo, once: a folder an archive, a file an instance."""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from mdt.demo.objects import make_study
from mdt.demo.places import BY_NAME, BY_TRUST, DemoArchive
from mdt.demo.story import STUDIES, DemoStudy

GROWS_OLD_AFTER = timedelta(days=60)


def folder() -> Path:
    return Path(settings.VAR_DIR) / "demo"


def made_on() -> date | None:
    """The day from which the demo's studies are counted back; None before they are made."""
    try:
        return date.fromisoformat(json.loads((folder() / "made.json").read_text())["made_on"])
    except (OSError, ValueError, KeyError):
        return None


def is_fresh() -> bool:
    day = made_on()
    return day is not None and timezone.localdate() - day < GROWS_OLD_AFTER


def make_files(studies: Iterable[DemoStudy] = tuple(STUDIES)) -> int:
    """Write every study's files and say last that all are there. Returns how many files."""
    shutil.rmtree(folder(), ignore_errors=True)  # what other programs indexed of it goes too
    today = timezone.localdate()
    written = sum(_write(study, today) for study in studies)
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / "made.json").write_text(json.dumps({"made_on": today.isoformat()}))
    return written


def archive_of(study: DemoStudy) -> DemoArchive:
    """Where a study is held; copies of it may be elsewhere too."""
    return BY_NAME[study.archive] if study.archive else BY_TRUST[study.trust]


def _write(study: DemoStudy, today: date) -> int:
    return sum(_write_copy(copy, today) for copy in _copies(study))


def _copies(study: DemoStudy) -> Iterator[DemoStudy]:
    """The study as each trust that holds it has it: under its own numbers."""
    yield study
    for trust in study.also_at:
        yield replace(study, trust=trust, archive="")


def _write_copy(study: DemoStudy, today: date) -> int:
    target = folder() / archive_of(study).name
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, image in enumerate(make_study(study, today), start=1):
        image.save_as(target / f"{study.key}-{count:04d}.dcm", enforce_file_format=True)
    return count
