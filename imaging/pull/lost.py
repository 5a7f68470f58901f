"""What the store has lost is fetched again: the study as it was listed, its old rows kept."""

from collections.abc import Callable, Sequence

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from imaging.models import Instance, Job, Study
from imaging.pull.states import hold, move

MESSAGE = "The store here has lost some of its images: they are fetched again."
FETCHED = (Study.State.COMPLETE, Study.State.PARTIAL, Study.State.FAILED)


@transaction.atomic
def fetch_again(study: Study, lost: Sequence[Instance], wake: Callable[[], None]) -> None:
    """Forget where the lost bytes were, as if they had been removed, and want the study.

    While it is being fetched nothing is done: whoever fetches knows what was here, and the frames
    are looked at again after it. One that a person cancelled, or that is withheld, is not wanted.
    """
    hold(study)
    study.refresh_from_db()
    if study.state in (Study.State.WANTED, Study.State.PULLING):
        return
    if not _forget(lost):
        return
    here = Instance.objects.filter(series__study=study).exclude(store_key="")
    size = here.aggregate(size=Sum("size", default=0))["size"]
    Study.objects.filter(pk=study.pk).update(stored_count=here.count(), stored_bytes=size)
    if study.state in FETCHED and study.verdict == Study.Verdict.SAME:
        _want(study)
        transaction.on_commit(wake, robust=True)


def _forget(lost: Sequence[Instance]) -> int:
    """Unless other bytes came meanwhile. Returns of how many."""
    rows = [Instance.objects.filter(pk=one.pk, store_key=one.store_key) for one in lost]
    return sum(row.exclude(store_key="").update(store_key="") for row in rows)


def _want(study: Study) -> None:
    now = timezone.now()
    jobs = Job.objects.filter(study=study).exclude(state=Job.State.RUNNING)
    if jobs.update(state=Job.State.WAITING, due_at=now, attempts=0):
        move(study, Study.State.WANTED, code="store.lost", message=MESSAGE, completed_at=None)
