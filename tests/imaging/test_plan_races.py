"""What is asked for or wanted again in the instant in which a worker begins or ends with it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event
from uuid import uuid4

import pytest
from django.db import connections, transaction
from django.utils import timezone

from imaging import plan, queue
from imaging.frames.failing import ALL_BUT_ONE
from imaging.models import Archive, ArchiveAnswer, Job, Study
from imaging.pull import search as searching
from imaging.pull.sifting import Harvest
from tests.factories import ArchiveFactory, SearchFactory, SeriesFactory

pytestmark = pytest.mark.django_db(transaction=True)
State, Answer = Job.State, ArchiveAnswer.State
HOLDS_S = 0.5  # how long a worker leaves the other to come so far as to wait for its row


def while_uncommitted(work, act, then=lambda: None):
    """`act` in the instant in which what a worker wrote is not committed, `then` what it writes
    last; what either came to.
    """
    is_written = Event()

    def worker():
        with ExitStack() as at_last, transaction.atomic():
            at_last.callback(connections.close_all)
            work()
            is_written.set()
            time.sleep(HOLDS_S)
            then()

    def person():
        with ExitStack() as at_last:
            at_last.callback(connections.close_all)
            is_written.wait(5)
            act()

    with ThreadPoolExecutor(2) as both:
        done = [both.submit(worker), both.submit(person)]
        return [one.exception(20) for one in done]


@pytest.fixture
def answer():
    """Of an archive that is being asked."""
    search, archive = SearchFactory(), ArchiveFactory()
    plan.search_again(search, archives=[archive])
    queue.claim_next((Job.Kind.SEARCH,), timezone.now())
    return search.answers.get()


def asked_again(answer):
    plan.search_again(answer.search, archives=Archive.objects.all())


def now(answer):
    answer = ArchiveAnswer.objects.get(pk=answer.pk)
    return answer.state, answer.job.state


def test_asking_again_as_an_archive_answers_leaves_no_answer_waiting_without_a_job(answer):
    def write_answer():
        searching._write_end(answer.job, answer, Harvest())

    assert while_uncommitted(write_answer, lambda: asked_again(answer)) == [None, None]
    assert now(answer) in {(Answer.ANSWERED, State.DONE), (Answer.WAITING, State.WAITING)}


def test_asking_again_as_an_archive_fails_leaves_it_to_be_asked(answer):
    def write_failure():
        failure = searching.ArchiveError("archive.silent", "The archive stopped answering.")
        searching._write_failure(answer.job, answer, failure)

    assert while_uncommitted(write_failure, lambda: asked_again(answer)) == [None, None]
    assert now(answer) in {(Answer.FAILED, State.WAITING), (Answer.WAITING, State.WAITING)}


def test_asking_again_and_who_ends_a_search_do_not_wait_for_each_other(answer):
    """As for a trust that may not be asked any more: whoever does that holds no meeting."""
    queue.let_go(answer.job, State.WAITING)

    def end_job():
        Job.objects.filter(answer=answer).update(state=State.DONE)

    def end_answer():
        ArchiveAnswer.objects.filter(pk=answer.pk).update(state=Answer.NOT_ASKED)

    came_to = while_uncommitted(end_job, lambda: asked_again(answer), then=end_answer)
    assert came_to == [None, None]


def test_an_archive_that_is_being_asked_once_more_is_said_to_be(answer):
    ArchiveAnswer.objects.update(state=Answer.FAILED, answered_at=timezone.now())
    asked_again(answer)
    assert now(answer) == (Answer.WAITING, State.RUNNING)


@pytest.fixture
def series():
    return SeriesFactory(study__state=Study.State.COMPLETE, study__stored_count=1)


def wanted(series):
    plan.want_study(series.study)


def lost(series):
    plan.make_again(series.public_id, None)


@pytest.mark.parametrize(
    ("again", "state", "attempts"),
    [(wanted, State.WAITING, ALL_BUT_ONE), (wanted, State.FAILED, 5), (lost, State.DONE, 1)],
)
def test_pictures_wanted_again_as_they_are_claimed_end_nobodys_request(
    again, state, attempts, series
):
    at = timezone.now()
    job = Job.objects.create(
        kind=Job.Kind.FRAMES,
        series=series,
        state=state,
        attempts=attempts,
        due_at=at,
        meeting_at=at,
    )

    def claim():
        held = {"claim": uuid4(), "lease_until": at + timedelta(minutes=1)}
        Job.objects.filter(pk=job.pk).update(state=State.RUNNING, **held)

    assert while_uncommitted(claim, lambda: again(series)) == [None, None]
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.RUNNING, attempts)
