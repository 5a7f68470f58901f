"""Doors for Celery."""

from celery import shared_task
from django.utils import timezone

from mdt.meetings import sweeps


@shared_task(ignore_result=True)
def sweep() -> None:
    """Sent by beat every few minutes; what is not due is left alone."""
    sweeps.sweep(now=timezone.now())
