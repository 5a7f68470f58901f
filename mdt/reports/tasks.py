"""Doors for Celery."""

from celery import shared_task
from django.utils import timezone

from mdt.reports import services


@shared_task(ignore_result=True)
def match_again() -> None:
    """Sent by beat each minute."""
    services.match_again(now=timezone.now())
