"""Uploads go from the disk days after the meeting, like every copy; abandoned ones after a day.

What was fetched from them by then lies in the store. Killed at any instant, it is done next time.
"""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet

from imaging.archives.base import ArchiveError
from imaging.archives.folder_index import FolderIndex
from imaging.models import Upload
from imaging.uploads import places
from imaging.uploads.receive import refuse_all
from imaging.uploads.refusals import refused

ABANDONED_AFTER = timedelta(days=1)
State = Upload.State


def carry_out(now: datetime) -> None:
    """What is done every hour."""
    receiving = Upload.objects.filter(state=State.RECEIVING)
    abandoned = receiving.filter(created_at__lt=now - ABANDONED_AFTER)
    refuse_all(abandoned, refused("upload.cut_off"))
    for upload in _over(now).select_related("archive"):
        places.remove(upload)
        _forget_headers(upload)
        Upload.objects.filter(pk=upload.pk).update(removed_at=now)
    _remove_leftovers()


def _over(now: datetime) -> QuerySet[Upload]:
    """Those of which nothing should be on disk any more, and something may be."""
    since = now - timedelta(days=settings.UPLOADS_KEPT_DAYS)
    is_past = Q(state=State.TAKEN, search__meeting_at__lt=since, created_at__lt=since)
    return Upload.objects.filter(is_past | Q(state=State.REFUSED), removed_at=None)


def _forget_headers(upload: Upload) -> None:
    """What was known of its files goes from the index of their archive."""
    folder = Path(upload.archive.folder)
    try:
        FolderIndex(folder, places.root() / "index").refresh()
    except ArchiveError:  # nothing was ever taken for this trust
        return


def _remove_leftovers() -> None:
    """What came in for uploads that have ended, or that nobody knows of any more."""
    folder = places.root() / "incoming"
    if not folder.is_dir():
        return
    found = list(folder.iterdir())  # before it is asked who is under way: one may begin now
    under_way = Upload.objects.filter(state__in=(State.RECEIVING, State.WAITING))
    wanted = set(under_way.values_list("public_id", flat=True))
    for one in found:
        if one.name.partition(".")[0] not in wanted:
            shutil.rmtree(one, ignore_errors=True)
