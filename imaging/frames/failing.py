"""FRAMES jobs that were tried often enough: who sees them, and when they are tried once more."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from imaging.models import Job, Series, Study

MOST_ATTEMPTS = 5
AGAIN_AFTER = timedelta(minutes=30)
ALL_BUT_ONE = MOST_ATTEMPTS - 1
FAILED = Q(state=Job.State.FAILED) | Q(
    attempts__gte=ALL_BUT_ONE, state__in=(Job.State.WAITING, Job.State.RUNNING)
)
"""Also while the last attempt is made, or made again: until it ends well."""


def series_not_made(studies: Iterable[Study]) -> dict[int, int]:
    """By primary key the studies with series of which no more pictures could be made, and how
    many series. One query; none while nothing is here.
    """
    here = [study.pk for study in studies if study.stored_count]
    if not here:
        return {}
    failed = Job.objects.filter(FAILED, kind=Job.Kind.FRAMES, series__study__in=here)
    counted = failed.order_by().values_list("series__study").annotate(Count("pk"))
    return dict(counted)


def is_not_made(series: QuerySet[Series]) -> bool:
    return Job.objects.filter(FAILED, kind=Job.Kind.FRAMES, series__in=series).exists()


def try_again(now: datetime) -> int:
    """Put back, for one attempt each, those that failed AGAIN_AFTER ago; returns how many.

    What was at fault may be gone: a machine without memory, a release with a mistake in it.
    """
    failed = Job.objects.filter(kind=Job.Kind.FRAMES, state=Job.State.FAILED, due_at__lte=now)
    return failed.update(state=Job.State.WAITING, attempts=ALL_BUT_ONE)
