"""Of the processes that carry out jobs, how many may ask archives: not all, and not all one.

One is left for pictures: whoever looks at a blank pane waits for no archive. Of the others the last
is left for an archive that answers and has none yet: those that say nothing hold a process each
until they are given up. All is counted from rows, as conditions of the claim.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan

from imaging.models import Job

LEASE = timedelta(minutes=2)
RENEW_EVERY_S = 30
FORGOTTEN = LEASE - timedelta(seconds=2 * RENEW_EVERY_S)
"""A claim with less left to it was not renewed twice: its worker is dead and holds no process."""


def is_one_free(now: datetime) -> Q:
    """Whether a job that may ask an archive can have a process of WORKER_PROCESSES."""
    most = max(settings.WORKER_PROCESSES - 1, 1)
    asking = Job.objects.filter(state=Job.State.RUNNING, lease_until__gt=now + FORGOTTEN)
    asking = asking.exclude(kind=Job.Kind.FRAMES)
    is_free = Q(LessThan(_count(asking), most))
    if most == 1:
        return is_free
    is_not_the_last = Q(LessThan(_count(asking), most - 1))
    is_failing = Q(archive__failures_in_a_row__gt=0)
    has_none = ~Q(Exists(asking.filter(archive=OuterRef("archive"))))
    return is_free & (is_not_the_last | (~is_failing & has_none))


def _count(jobs: QuerySet[Job]) -> Coalesce:
    """Of all of them together, as an expression."""
    all_of_them = jobs.order_by().annotate(one=Value(1)).values("one")
    return Coalesce(Subquery(all_of_them.annotate(n=Count("pk")).values("n")), 0)
