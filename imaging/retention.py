"""Pixel copies go, days after the last meeting; what was seen, said and decided stays.

Rows first, objects after: a study is emptied in one short transaction, and what the store still
holds of it is swept away once no row names it. Who is killed between the two leaves objects for
the next night, and no row that names what is gone. Instances keep their rows, so that what is
fetched again is held against what was shown, and marks find their frames again.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

from imaging import doors, store
from imaging.models import (
    Frame,
    Instance,
    Job,
    Quarantined,
    Segment,
    SeriesVersion,
    Study,
)
from imaging.pull import spool
from imaging.pull.states import move
from imaging.store.base import ABANDONED_S

log = logging.getLogger(__name__)
MESSAGE = "Its pictures were removed from here after the meeting. They can be fetched again."
ROWS = 500
NAMED = ~Q(store_key="")
BUSY_STUDY = (Study.State.WANTED, Study.State.PULLING)
BUSY_JOB = (Job.State.WAITING, Job.State.RUNNING)
Row = TypeVar("Row")


def carry_out(now: datetime) -> None:
    """What is done every night."""
    studies = evict(now)
    objects = sweep()
    spool.sweep()
    log.info("removed the pixel copies of %s studies, %s objects in all", studies, objects)


def evict(now: datetime) -> int:
    """Empty the studies whose time is over; returns how many."""
    since = now - timedelta(days=settings.PIXELS_KEPT_DAYS)
    evicted = 0
    for some in _batched(_over(since).values_list("pk", flat=True)):
        pinned = doors.pinned(some, since=since)
        evicted += sum(_evict(pk, since) for pk in some if pk not in pinned)
    _forget_frames()
    return evicted


def sweep() -> int:
    """Delete the objects that no row names, a day after they were put; returns how many.

    Nothing is swept under a database that knows of no instance: it is not this store's.
    """
    kept, removed = store.get(), 0
    kept.sweep()
    if not Instance.objects.exists():
        return 0
    for keys in _batched(kept.list(older_than_s=ABANDONED_S)):
        for key in set(keys) - _named(keys):
            kept.delete(key, older_than_s=ABANDONED_S)
            removed += 1
    return removed


def _over(since: datetime) -> models.QuerySet[Study]:
    """Studies with copies here, none of which came later than `since`."""
    instances = Instance.objects.filter(NAMED, series__study=OuterRef("pk"))
    refused = Quarantined.objects.filter(NAMED, study=OuterRef("pk"))
    segments = Segment.objects.filter(NAMED, series__study=OuterRef("pk"))
    new = Exists(instances.filter(stored_at__gt=since)) | Exists(refused.filter(at__gt=since))
    studies = Study.objects.filter(Exists(instances) | Exists(refused) | Exists(segments))
    return studies.exclude(state__in=BUSY_STUDY).filter(~new).order_by("pk")


@transaction.atomic
def _evict(pk: int, since: datetime) -> bool:
    """Empty one study, unless somebody needs or works on it. Those above are not told.

    They would want what is chosen again, for a meeting that was planned once and never held.
    """
    study = Study.objects.select_for_update().get(pk=pk)
    jobs = Job.objects.filter(Q(study=study) | Q(series__study=study), state__in=BUSY_JOB)
    if study.state in BUSY_STUDY or jobs.exists() or doors.pinned([pk], since=since):
        return False
    if study.state != Study.State.WITHHELD:  # whose it is must still be settled
        move(
            study,
            Study.State.FOUND,
            tell=False,
            code=Study.EVICTED,
            message=MESSAGE,
            completed_at=None,
        )
    Study.objects.filter(pk=pk).update(stored_count=0, stored_bytes=0)
    Instance.objects.filter(NAMED, series__study=study).update(store_key="")
    Segment.objects.filter(NAMED, series__study=study).update(store_key="", size=0)
    Quarantined.objects.filter(NAMED, study=study).update(store_key="")
    SeriesVersion.objects.filter(series__study=study).delete()
    Frame.objects.filter(segment=None, instance__series__study=study).delete()  # tried anew
    return True


def _forget_frames() -> None:
    """Places in segments whose bytes are gone. One that was made anew meanwhile stays."""
    gone = Frame.objects.filter(segment__store_key="")
    while keys := list(gone.values_list("pk", flat=True)[:ROWS]):
        gone.filter(pk__in=keys).delete()


def _named(keys: list[str]) -> set[str]:
    """Those that a row names: of any table that has a `store_key`, whoever made it."""
    named: set[str] = set()
    for model in apps.get_models():
        if any(field.name == "store_key" for field in model._meta.get_fields()):
            rows = model._default_manager.filter(store_key__in=keys)
            named.update(rows.values_list("store_key", flat=True))
    return named


def _batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while some := list(islice(rest, ROWS)):
        yield some
