"""The beginning and the end of a PULL job: its study moves in the transaction that moves it."""

from collections.abc import Callable, Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from imaging import budget, queue
from imaging.claims import ISSUER_NOT_KNOWN, TWO_TRUSTS
from imaging.models import Job, Study
from imaging.pull import health
from imaging.pull.doubt import ANOTHER, MIXED, withhold
from imaging.pull.receive import AnotherPersonError, LeaseLostError
from imaging.pull.reconcile import Outcome
from imaging.pull.rows import hurry_frames_of, settle_side, want_frames_of
from imaging.pull.states import hold, move
from imaging.store.base import StoreError

STORE_WAIT = timedelta(minutes=1)
State = Study.State


@transaction.atomic
def begin(job: Job, study: Study) -> bool:
    """False when there is nothing to do any more, or it has been tried too often.

    Raises LeaseLostError where the job was taken away since it was claimed.
    """
    hold(study)
    if not queue.renew(job, timezone.now()):
        raise LeaseLostError
    study.refresh_from_db(fields=["state"])
    if study.state not in (State.WANTED, State.PARTIAL, State.PULLING):
        queue.let_go(job, Job.State.DONE)
        return False
    move(study, State.PULLING, code="", message="", pull_started_at=timezone.now())
    if job.attempts > queue.ATTEMPTS:  # workers died on it
        text = "Fetching this study ended without a word, several times."
        state = State.PARTIAL if study.stored_count else State.FAILED
        write_end(job, study, Outcome(state, "pull.gave_up", text))
        return False
    return True


def settle(job: Job, study: Study, outcome: Outcome, wake: Callable[[], None]) -> None:
    """Again later, or the end."""
    now, asked_s = timezone.now(), outcome.retry_after_s
    retry_at = queue.retry_at(job, now, asked_s) if outcome.may_retry else None
    if retry_at is None:
        write_end(job, study, outcome, wake)
        return
    state = State.WANTED if outcome.state == State.FAILED else outcome.state
    with transaction.atomic():
        hold(study)
        if queue.let_go(job, Job.State.WAITING, due_at=retry_at):
            move(study, state, code=outcome.code, message=outcome.message)
            _note(job, study, outcome)


@transaction.atomic
def write_end(
    job: Job, study: Study, outcome: Outcome, wake: Callable[[], None] = lambda: None
) -> None:
    """The end of the job and of its study together, unless the job is another worker's now."""
    hold(study)
    is_bad = outcome.state == State.FAILED
    if not queue.let_go(job, Job.State.FAILED if is_bad else Job.State.DONE):
        return
    for series in study.series.filter(instances__frame_count__gt=0).distinct():
        want_frames_of(series, job)
    is_whole = outcome.state == State.COMPLETE
    if is_whole:
        settle_side(study)
    completed_at = timezone.now() if is_whole else None
    code, message = outcome.code, outcome.message
    move(study, outcome.state, completed_at=completed_at, code=code, message=message)
    _note(job, study, outcome)

    def hurry() -> None:  # no partial: Django logs the failure of a robust hook by its __qualname__
        hurry_frames_of(study)

    transaction.on_commit(hurry, robust=True)
    transaction.on_commit(wake, robust=True)


def _note(job: Job, study: Study, outcome: Outcome) -> None:
    code, rest_s = outcome.answer_code, outcome.retry_after_s
    health.note(study.archive_id, code, outcome.message, job.claim, rest_s)


@transaction.atomic
def wait_for_the_store(
    job: Job, study: Study, error: StoreError, *, was_asked: bool = True
) -> None:
    """Neither the archive's fault nor an attempt: tried again until the store can take it.

    An archive that was not asked yet has not spent one of its questions an hour.
    """
    hold(study)
    due_at = timezone.now() + STORE_WAIT
    is_mine = queue.let_go(job, Job.State.WAITING, due_at=due_at, attempts=job.attempts - 1)
    if is_mine and job.claim and not was_asked:
        budget.forget_asking(job.claim)
    study.refresh_from_db(fields=["state"])
    if is_mine and study.state in (State.WANTED, State.PULLING, State.PARTIAL):
        move(study, State.WANTED, code=error.code, message=error.message)


@transaction.atomic
def withhold_study(job: Job, study: Study, another: AnotherPersonError) -> None:
    """One header of somebody else's, and nothing of the study is shown: no retry mends that."""
    hold(study)
    if queue.let_go(job, Job.State.DONE):
        message = _why_withheld(another.finding.evidence)
        withhold(study, another.finding, another.claims, message)


def _why_withheld(evidence: Collection[str]) -> str:
    """What is wrong with it, and who can mend that."""
    if TWO_TRUSTS in evidence:
        return MIXED
    return Study.SAID[Study.ISSUER_NOT_KNOWN] if ISSUER_NOT_KNOWN in evidence else ANOTHER
