"""Doors for Celery. A message carries nothing: it only says that there may be work."""

from celery import shared_task
from django.utils import timezone

from imaging import queue, retention, work
from imaging.frames import failing
from imaging.uploads import retention as upload_retention


@shared_task(ignore_result=True)
def pull() -> None:
    if work.run_next(work.PULL, wake=wake):
        wake()


@shared_task(ignore_result=True)
def frames() -> None:
    if work.run_next(work.FRAMES, wake=wake):
        wake()


@shared_task(ignore_result=True)
def look_again() -> None:
    """Sent by beat: wakes the jobs of dead workers, those that waited, and lost messages."""
    queue.requeue_expired(timezone.now())
    failing.try_again(timezone.now())
    wake()


@shared_task(ignore_result=True)
def remove_pixel_copies() -> None:
    """Sent by beat, at night."""
    retention.carry_out(timezone.now())


@shared_task(ignore_result=True)
def remove_uploads() -> None:
    """Sent by beat, each hour."""
    upload_retention.carry_out(timezone.now())


def wake() -> None:
    """Say that there may be work, to the queues that have some."""
    now = timezone.now()
    if queue.due(work.FRAMES, now).exists():  # first: somebody may be waiting for a picture
        frames.delay()
    if queue.due(work.PULL, now).exists():
        pull.delay()
