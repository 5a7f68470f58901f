"""Bringing one study here: a PULL job from its claim to its end. Plain functions: no Celery.

What is missing is always computed anew (expected minus stored), so a pull may be broken off at any
instant and carried on by anybody. The archive is asked outside any transaction.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from imaging import queue
from imaging.archives import registry
from imaging.archives.base import Archive, ArchiveError, Level, Listed, Wanted
from imaging.identity import Finding
from imaging.models import ExpectedInstance, Job, Study
from imaging.pull import health
from imaging.pull.receive import AnotherPersonError, LeaseLostError, Receiving, want_frames_of
from imaging.pull.reconcile import Came, Outcome, reckon
from imaging.pull.states import move

log = logging.getLogger(__name__)
ROWS = 500
ROUNDS = 3  # how often a study that grows while it is fetched is followed before a pause
State = Study.State
Row = TypeVar("Row")


def carry_out(job: Job, wake: Callable[[], None] = lambda: None) -> None:
    """Fetch what is missing of the job's study, and settle the job.

    `wake` is called, after commit, when frames can be made.
    """
    study = job.study
    assert study is not None  # noqa: S101  a PULL job has a study: a_job_has_what_its_kind_works_on
    try:
        if not _begin(job, study):
            return
        receiving = Receiving(job, study, wake)
        with registry.connect(study.archive) as archive:
            outcome = _pull(archive, study, receiving)
        _settle(job, study, outcome)
    except AnotherPersonError as another:
        _withhold(job, study, another.finding)
    except LeaseLostError:
        log.warning("pull job %s: the lease ran out", job.pk)


@transaction.atomic
def _begin(job: Job, study: Study) -> bool:
    """False when there is nothing to do any more, or it has been tried too often."""
    if study.state not in (State.WANTED, State.PARTIAL, State.PULLING):
        queue.let_go(job, Job.State.DONE)
        return False
    if job.attempts > queue.ATTEMPTS:  # workers died on it
        text = "Fetching this study ended without a word, several times."
        state = State.PARTIAL if study.stored_count else State.FAILED
        _write_end(job, study, Outcome(state, "pull.gave_up", text))
        return False
    move(study, State.PULLING, code="", message="", pull_started_at=timezone.now())
    return True


def _pull(archive: Archive, study: Study, receiving: Receiving) -> Outcome:
    """Ask, retrieve, ask again, until two listings in a row agree and there is no more to come."""
    listed: list[Listed] = []
    again: list[Listed] | None = None
    failure: ArchiveError | None = None
    try:
        again = archive.list_instances(study.study_instance_uid)
        for _ in range(ROUNDS):
            listed, again = again, None
            _expect(study, listed)
            failure = _retrieve(archive, study, listed, receiving)
            again = archive.list_instances(study.study_instance_uid)
            if again == listed:
                break
    except ArchiveError as lost:
        failure = failure or lost
    receiving.write()
    numbers = receiving.series_numbers
    return reckon(Came(listed, again, receiving.stored, receiving.refused, failure, numbers))


def _retrieve(
    archive: Archive, study: Study, listed: list[Listed], receiving: Receiving
) -> ArchiveError | None:
    """Take all that is listed and not here. What single requests lack is told, not raised."""
    failure = None
    for wanted in requests(study.study_instance_uid, listed, receiving.stored):
        try:
            for data in archive.retrieve(wanted):
                receiving.take(data)
        except ArchiveError as lost:
            failure = lost
            if lost.code != "archive.not_there":
                break
    return failure


def requests(study_uid: str, listed: list[Listed], stored: Iterable[str]) -> Iterator[Wanted]:
    """The whole study when nothing of it is here, else whole series, else single instances."""
    here = set(stored)
    missing = [one for one in listed if one.sop_instance_uid not in here]
    if missing and len(missing) == len(listed):
        yield Wanted(study_uid, Level.STUDY, missing)
        return
    sizes = Counter(one.series_instance_uid for one in listed)
    for series_uid, group in groupby(missing, lambda one: one.series_instance_uid):
        instances = list(group)
        is_whole = len(instances) == sizes[series_uid]
        yield Wanted(study_uid, Level.SERIES if is_whole else Level.IMAGE, instances)


def _expect(study: Study, listed: list[Listed]) -> None:
    """The expected set is what the archive lists now. Written a part at a time: it may be long."""
    rows = dict(study.expected_instances.values_list("sop_instance_uid", "pk"))
    gone = rows.keys() - {one.sop_instance_uid for one in listed}
    new = [
        ExpectedInstance(
            study=study,
            series_instance_uid=one.series_instance_uid,
            sop_instance_uid=one.sop_instance_uid,
        )
        for one in listed
        if one.sop_instance_uid not in rows
    ]
    for some in batched(new, ROWS):
        ExpectedInstance.objects.bulk_create(some, ignore_conflicts=True)
    for keys in batched([rows[uid] for uid in gone], ROWS):
        ExpectedInstance.objects.filter(pk__in=keys).delete()
    expected_count = study.expected_instances.count()
    Study.objects.filter(pk=study.pk).update(expected_count=expected_count)


def batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Lists of at most `size`, in order."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some


def _settle(job: Job, study: Study, outcome: Outcome) -> None:
    """Again later, or the end."""
    retry_at = queue.retry_at(job, timezone.now()) if outcome.may_retry else None
    if retry_at is None:
        _write_end(job, study, outcome)
        return
    state = State.WANTED if outcome.state == State.FAILED else outcome.state
    with transaction.atomic():
        if queue.let_go(job, Job.State.WAITING, due_at=retry_at):
            move(study, state, code=outcome.code, message=outcome.message)
            health.note(study.archive_id, outcome.code)


@transaction.atomic
def _write_end(job: Job, study: Study, outcome: Outcome) -> None:
    """The end of the job and of its study together, unless the job is another worker's now."""
    is_bad = outcome.state == State.FAILED
    if not queue.let_go(job, Job.State.FAILED if is_bad else Job.State.DONE):
        return
    for series in study.series.filter(instances__frame_count__gt=0).distinct():
        want_frames_of(series, job)
    completed_at = timezone.now() if outcome.state == State.COMPLETE else None
    code, message = outcome.code, outcome.message
    move(study, outcome.state, completed_at=completed_at, code=code, message=message)
    health.note(study.archive_id, outcome.code)


@transaction.atomic
def _withhold(job: Job, study: Study, finding: Finding) -> None:
    """One header of somebody else's, and nothing of the study is shown: no retry mends that."""
    if queue.let_go(job, Job.State.DONE):
        text = "An image in this study carries another identity. Its imaging team must look."
        move(
            study,
            State.WITHHELD,
            code="identity.differs",
            message=text,
            verdict=finding.verdict,
            evidence=finding.evidence,
        )
