"""The job table as a queue. Every move is one conditional UPDATE: two workers never share a job."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event, Thread
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone

from imaging import budget, places
from imaging.models import Job, Search, Study

LEASE, RENEW_EVERY_S = places.LEASE, places.RENEW_EVERY_S
ATTEMPTS = 6
FIRST_WAIT = timedelta(seconds=5)
LONGEST_ASKED = timedelta(hours=1)
MEETING_LASTS = timedelta(hours=12)  # at most: one that began longer ago is past
Kind, State = Job.Kind, Job.State
ASK_NOBODY = frozenset({Kind.FRAMES, Kind.UNPACK})  # their jobs have no archive


def claim_next(kinds: Iterable[str], now: datetime) -> Job | None:
    """Take the most urgent due job of these kinds for LEASE, or None when there is none.

    The UPDATE repeats every condition of the choice: who finds the row taken
    meanwhile looks again. Two claims in the same instant may put an archive one
    over `at_most` and `per_hour`; they never hold the same job.
    """
    kinds = tuple(kinds)
    while best := due(kinds, now).first():
        claim = uuid4()
        if _take(best, due(kinds, now), claim, now):
            joined = Job.objects.select_related(
                "answer__search", "study__archive", "study__search", "series__study", "archive"
            )
            if job := joined.filter(claim=claim).first():  # else it was cancelled at this instant
                return job
    return None


@transaction.atomic
def _take(best: Job, still_due: QuerySet[Job], claim: UUID, now: datetime) -> bool:
    """The one UPDATE, and what the archive's hourly budget counts. False: taken meanwhile.

    The state is asked of the row itself, beside the choice: who waits for a row that another claims
    is given it as it is by then, and every subquery as it was before (PostgreSQL, READ COMMITTED).
    """
    row = Job.objects.filter(pk=best.pk, state=State.WAITING, due_at__lte=now)
    taken = row.filter(pk__in=still_due.values("pk")).update(
        state=State.RUNNING,
        claim=claim,
        lease_until=now + LEASE,
        attempts=F("attempts") + 1,
        places=1,
    )
    if taken and best.archive_id:
        budget.note_asking(best.archive_id, best.kind, claim, now)
    return taken == 1


def due(kinds: Iterable[str], now: datetime) -> QuerySet[Job]:
    """Jobs that may start, most urgent first: waiting, due, at an archive that may be asked.

    What a meeting that is past still lacks waits for those that go on or are to come.
    """
    kinds, may_start = tuple(kinds), Q(archive=None)
    if set(kinds) - ASK_NOBODY:  # else whoever waits for a picture waits for no archive's budget
        may_start |= Q(archive__in=budget.may_be_asked(now).values("pk"))
    if settings.WORKER_PROCESSES:
        may_start &= Q(kind=Kind.FRAMES) | places.is_one_free(now)
    is_past = Case(When(meeting_at__gte=now - MEETING_LASTS, then=0), default=1)
    return Job.objects.filter(
        may_start, kind__in=kinds, state=State.WAITING, due_at__lte=now
    ).order_by("rank", is_past, "meeting_at", "list_position", "pk")


def bring_forward(study: Study, search: Search, now: datetime) -> None:
    """What is still to be done for a study is as urgent as the next meeting that looks at it."""
    is_past = Q(meeting_at__lt=now - MEETING_LASTS)
    is_later = Q(meeting_at__gt=search.meeting_at)
    if search.meeting_at >= now - MEETING_LASTS:
        Job.objects.filter(Q(study=study) | Q(series__study=study), is_past | is_later).update(
            meeting_at=search.meeting_at, list_position=search.list_position
        )


def renew(job: Job, now: datetime) -> bool:
    """Hold a claim for LEASE more. False when it ran out: the job is another worker's now."""
    held = Job.objects.filter(pk=job.pk, claim=job.claim)
    return held.update(lease_until=now + LEASE) == 1


@contextmanager
def kept(job: Job) -> Iterator[None]:
    """Renew the claim from a thread of its own: one instance alone may take longer than LEASE."""
    is_over = Event()
    thread = Thread(target=_keep_renewing, args=(job, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _keep_renewing(job: Job, is_over: Event) -> None:
    try:
        while not is_over.wait(RENEW_EVERY_S):
            with suppress(DatabaseError):  # it is tried again long before LEASE is over
                renew(job, timezone.now())
    finally:
        connection.close()


def retry_at(job: Job, now: datetime, asked_s: float | None = None) -> datetime | None:
    """When to try again: later each time. None: it has been tried often enough.

    `asked_s`: the archive wants to be left alone for so long. It is, for an hour at most.
    """
    if job.attempts >= ATTEMPTS:
        return None
    wait: timedelta = FIRST_WAIT * 2 ** (job.attempts - 1)
    return now + max(wait, min(timedelta(seconds=asked_s or 0), LONGEST_ASKED))


def let_go(job: Job, state: Job.State, **changes: object) -> bool:
    """End a claim. False when its lease ran out: the job is another's now, so write nothing."""
    held = Job.objects.filter(pk=job.pk, claim=job.claim)
    return held.update(state=state, claim=None, lease_until=None, **changes) == 1


def requeue_expired(now: datetime) -> int:
    """Put back the jobs of workers that died; returns how many."""
    expired = Job.objects.filter(state=State.RUNNING, lease_until__lt=now)
    return expired.update(state=State.WAITING, claim=None, lease_until=None)
