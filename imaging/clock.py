"""A moment as people read it: Europe/London, and no day where it is today's."""

from datetime import datetime

from django.utils import timezone


def clock_time(moment: datetime) -> str:
    """'09:12'; of another day '26 Nov 09:12'."""
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return local.strftime("%H:%M" if is_today else "%-d %b %H:%M")
