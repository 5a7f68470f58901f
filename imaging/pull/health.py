"""How an archive has been answering, for whoever looks after it."""

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from imaging.models import Archive


def note(archive_id: int, code: str) -> None:
    """Write down how asking an archive ended: `code` is "archive..." when it failed."""
    now = timezone.now()
    archive = Archive.objects.filter(pk=archive_id)
    if code.startswith("archive.") and code != "archive.not_there":
        archive.update(failing_since=Coalesce(F("failing_since"), now))
    else:
        archive.update(last_answer_at=now, failing_since=None)
