"""How hard an archive may be asked, and why work for it waits.

Its hours, its jobs at one time, its questions and studies an hour, its administrator's pause, and
the rest after failures (imaging/pull/health.py): as conditions of the claim, and in words. All is
counted from rows, so it holds over restarts and over any number of workers.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from imaging.clock import clock_time
from imaging.models import Archive, Asking, Job

FAILURES_TO_REST = 5
HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)


def may_be_asked(now: datetime) -> QuerySet[Archive]:
    """Archives that have a place free at `now`: neither paused, at rest, closed nor used up.

    One that failed last is asked by one worker at a time until it answers: a second one that
    hangs would be taken from the others.
    """
    running = Job.objects.filter(archive=OuterRef("pk"), state=Job.State.RUNNING)
    taken = running.order_by().values("archive").annotate(sum=Sum("places")).values("sum")
    lately = Asking.objects.filter(archive=OuterRef("pk"), at__gt=now - HOUR)
    return Archive.objects.annotate(
        running=Coalesce(Subquery(taken), 0), lately=_count(lately)
    ).filter(
        _is_open(now),
        Q(rests_until=None) | Q(rests_until__lte=now),
        Q(per_hour=None) | Q(lately__lt=F("per_hour")),
        Q(failures_in_a_row=0) | Q(running=0),
        running__lt=F("at_most"),
        is_paused=False,
    )


@transaction.atomic
def take_second_place(job: Job) -> bool:
    """Let a running job use another connection, which counts as one more job at its archive.

    False where none is free. Every archive's are given away one at a time.
    """
    if job.archive_id is None:
        return False
    archive = Archive.objects.select_for_update().get(pk=job.archive_id)
    running = Job.objects.filter(archive=archive, state=Job.State.RUNNING)
    taken = running.aggregate(sum=Sum("places"))["sum"] or 0
    mine = running.filter(pk=job.pk, claim=job.claim, places=1)
    return taken < archive.at_most and mine.update(places=2) == 1


def give_second_place_back(job: Job) -> None:
    Job.objects.filter(pk=job.pk, claim=job.claim).update(places=1)


def note_asking(archive_id: int, kind: str, claim: UUID, now: datetime) -> None:
    """Count one asking, in the claim's transaction; those of yesterday are let go."""
    Asking.objects.filter(archive=archive_id, at__lt=now - KEPT).delete()
    Asking.objects.create(archive_id=archive_id, kind=kind, claim=claim, at=now)


def forget_asking(claim: UUID) -> None:
    """Nothing was asked after all: the archive's hour is as it was."""
    Asking.objects.filter(claim=claim).delete()


def why_waiting(archive: Archive, now: datetime) -> tuple[str, str] | None:
    """(stable code, words for "waiting: ...") while it may not be asked; None when it may.

    Asks the database only of an archive with a limit an hour.
    """
    if archive.is_paused:
        reason = f": {archive.pause_reason}" if archive.pause_reason else ""
        return "archive.paused", f"paused by its administrator{reason}"
    if archive.rests_until and archive.rests_until > now:
        return "archive.rests", f"resting until {clock_time(archive.rests_until)}{_after(archive)}"
    if not is_open(archive, now):
        return "archive.closed", f"the archive opens at {archive.opens_at:%H:%M}"
    if archive.per_hour is not None and (until := _used_up_until(archive, now)):
        words = f"asked {archive.per_hour} times this hour, which is its limit, until "
        return "archive.used_up", words + clock_time(until)
    return None


def is_open(archive: Archive, now: datetime) -> bool:
    """Whether local time is within its hours; they may go past midnight. Equal ends: always."""
    opens, closes = archive.opens_at, archive.closes_at
    if opens is None or closes is None:
        return True
    clock = timezone.localtime(now).time()
    return opens <= clock < closes if opens < closes else clock >= opens or clock < closes


def _is_open(now: datetime) -> Q:
    """The same for the database."""
    clock = timezone.localtime(now).time()
    within, past_midnight = Q(opens_at__lt=F("closes_at")), Q(opens_at__gte=F("closes_at"))
    has_opened, has_not_closed = Q(opens_at__lte=clock), Q(closes_at__gt=clock)
    return (
        Q(opens_at=None)
        | Q(closes_at=None)
        | (within & has_opened & has_not_closed)
        | (past_midnight & (has_opened | has_not_closed))
    )


def _used_up_until(archive: Archive, now: datetime) -> datetime | None:
    """When the oldest asking of those that fill its hour is an hour old."""
    limit = archive.per_hour or 0
    newest = Asking.objects.filter(archive=archive, at__gt=now - HOUR).order_by("-at")
    filling = list(newest.values_list("at", flat=True)[:limit])
    return filling[-1] + HOUR if limit and len(filling) == limit else None


def _after(archive: Archive) -> str:
    if archive.failures_in_a_row < FAILURES_TO_REST:  # one is enough when it says so
        return ": it refuses us, or asked to be left alone"
    return f" after {archive.failures_in_a_row} failures"


def _count(rows: QuerySet[Any]) -> Coalesce:
    of_each = rows.order_by().values("archive").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(of_each), 0)
