"""Asking one archive for one person's studies: a SEARCH job from its claim to its end."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from imaging import doors, queue
from imaging.archives import registry
from imaging.archives.base import ArchiveError
from imaging.models import ArchiveAnswer, Job, Study
from imaging.pull import health
from imaging.pull.keeping import keep, miss
from imaging.pull.known import Known
from imaging.pull.sifting import Harvest, Sifted, gather


def carry_out(job: Job, wake: Callable[[], None] = lambda: None) -> None:
    """Ask the job's archive, write down what it said, and settle the job."""
    answer = job.answer
    assert answer is not None  # noqa: S101  a_job_has_what_its_kind_works_on
    try:
        _check_attempts(job)
        with registry.connect(answer.archive) as archive:
            harvest = gather(archive, Known.to(answer))
    except ArchiveError as failure:
        _write_failure(job, answer, failure)
    else:
        _write_answer(job, answer, harvest)


def _check_attempts(job: Job) -> None:
    if job.attempts > queue.ATTEMPTS:  # workers died on it
        text = "Asking this archive ended without a word, several times."
        raise ArchiveError("search.gave_up", text, may_retry=False)


def _write_answer(job: Job, answer: ArchiveAnswer, harvest: Harvest) -> None:
    """Each study in a transaction of its own, since everybody else waits meanwhile. Those above are
    told once all are known: they choose among them, and want no more than that. Killed before the
    end, the archive is asked again.
    """
    written = [_write_study(job, answer, sifted) for sifted in harvest.studies]
    written += [_write_gone(job, answer, uid) for uid in harvest.gone]
    for study in filter(None, written):
        _tell(study)
    _write_end(job, answer, harvest)


@transaction.atomic
def _write_study(job: Job, answer: ArchiveAnswer, sifted: Sifted) -> Study | None:
    """None also when the job is another worker's now."""
    return keep(answer, sifted) if queue.renew(job, timezone.now()) else None


@transaction.atomic
def _write_gone(job: Job, answer: ArchiveAnswer, uid: str) -> Study | None:
    return miss(answer, uid) if queue.renew(job, timezone.now()) else None


@transaction.atomic
def _tell(study: Study) -> None:
    study.refresh_from_db()
    doors.on_change(study)


@transaction.atomic
def _write_end(job: Job, answer: ArchiveAnswer, harvest: Harvest) -> None:
    if not queue.let_go(job, Job.State.DONE):
        return
    _write(
        job,
        answer,
        ArchiveAnswer.State.ANSWERED,
        studies_found=sum(one.finding.verdict != "different" for one in harvest.studies),
        studies_rejected=harvest.rejected,
    )


@transaction.atomic
def _write_failure(job: Job, answer: ArchiveAnswer, failure: ArchiveError) -> None:
    """Said at once, and asked again later where that can help."""
    now, asked_s = timezone.now(), failure.retry_after_s
    retry_at = queue.retry_at(job, now, asked_s) if failure.may_retry else None
    if retry_at is None:
        is_mine = queue.let_go(job, Job.State.FAILED)
    else:
        is_mine = queue.let_go(job, Job.State.WAITING, due_at=retry_at)
    if is_mine:
        state = ArchiveAnswer.State.FAILED
        said = {"code": failure.code, "message": failure.message}
        _write(job, answer, state, asked_s, **said)


def _write(
    job: Job,
    answer: ArchiveAnswer,
    state: ArchiveAnswer.State,
    rest_s: float | None = None,
    **changes: object,
) -> None:
    row = ArchiveAnswer.objects.filter(pk=answer.pk)
    texts = {"code": "", "message": ""}
    row.update(state=state, answered_at=timezone.now(), **texts | changes)
    code, message = str(changes.get("code", "")), str(changes.get("message", ""))
    health.note(answer.archive_id, code, message, job.claim, rest_s)
