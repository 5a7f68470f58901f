"""What the store has lost of a series is made again from its instances, and told as a new version.

A segment that is lost keeps its row and its number, and has no bytes any more, as one that was
removed (imaging/retention.py): its frames are made again, in a segment of another number.
"""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from imaging.models import Frame, Job, Segment, Series

State = Job.State
WAITED_FOR = 0
"""Rank of the job: somebody stands before a pane without a picture."""


@transaction.atomic
def make_again(series_id: str, number: int) -> bool:
    """Forget the bytes of segment `number` of a series (public id) and have its frames made again.

    False where that was done before. A job that runs sees it for itself before it ends.
    """
    segments = Segment.objects.filter(~Q(store_key=""), series__public_id=series_id, number=number)
    if not segments.update(store_key="", size=0):
        return False
    _want(series_id, State.DONE, State.FAILED)
    return True


def describe_again(series_id: str) -> bool:
    """Have another version of a series made: the newest is lost. False: one is on its way, or
    could not be made.
    """
    return _want(series_id, State.DONE)


def frames_to_make(series: Series | Combinable) -> QuerySet[Frame]:
    """Of a series, those that were made once, whose segment is gone and whose instance is here."""
    frames = Frame.objects.filter(instance__series=series, segment__store_key="")
    return frames.exclude(instance__store_key="")


def _want(series_id: str, *states: Job.State) -> bool:
    series = Series.objects.filter(public_id=series_id)
    jobs = Job.objects.filter(series__in=series, state__in=states)
    now = timezone.now()
    return jobs.update(state=State.WAITING, rank=WAITED_FOR, due_at=now, attempts=0) > 0
