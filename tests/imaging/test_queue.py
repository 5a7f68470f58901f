from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from imaging import plan, queue, tasks, work
from imaging.models import Archive, Job
from tests.factories import ArchiveFactory, PullJobFactory, SeriesFactory, StudyFactory

pytestmark = pytest.mark.django_db
State = Job.State
PULL = work.PULL


def claim(now=None):
    return queue.claim_next(PULL, now or timezone.now())


@pytest.fixture
def sent(monkeypatch):
    """The messages that have gone to the broker, by queue."""
    messages = []
    monkeypatch.setattr(tasks.pull, "delay", lambda: messages.append("pull"))
    monkeypatch.setattr(tasks.frames, "delay", lambda: messages.append("frames"))
    return messages


def test_the_first_case_of_the_next_meeting_comes_first():
    soon, later = timezone.now(), timezone.now() + timedelta(days=7)
    fourth = PullJobFactory(meeting_at=later, list_position=1)
    third = PullJobFactory(meeting_at=soon, list_position=2)
    second = PullJobFactory(meeting_at=soon, list_position=1)
    first = PullJobFactory(meeting_at=later, list_position=9, rank=0)
    Archive.objects.update(at_most=4)
    assert [claim() for _ in range(4)] == [first, second, third, fourth]


def test_a_meeting_that_is_past_waits_for_those_that_go_on_or_are_to_come():
    now, hour = timezone.now(), timedelta(hours=1)
    past = PullJobFactory(meeting_at=now - 24 * hour)
    coming = PullJobFactory(meeting_at=now + 24 * hour)
    going_on = PullJobFactory(meeting_at=now - hour)
    Archive.objects.update(at_most=3)
    assert [claim() for _ in range(3)] == [going_on, coming, past]


def test_an_archive_is_not_asked_for_more_than_it_allows_at_a_time():
    busy = ArchiveFactory(name="busy", at_most=1)
    PullJobFactory.create_batch(2, study__archive=busy)
    elsewhere = PullJobFactory(study__archive__name="idle", list_position=9)
    first = claim()
    assert (first.archive, claim()) == (busy, elsewhere)
    assert claim() is None
    queue.let_go(first, State.DONE)
    assert claim().archive == busy


def test_a_paused_archive_is_left_alone():
    job = PullJobFactory(study__archive__is_paused=True)
    assert claim() is None
    Archive.objects.update(is_paused=False)
    assert claim() == job


def test_work_that_asks_nobody_waits_for_no_archive():
    PullJobFactory(study__archive__is_paused=True)
    frames = Job.objects.create(
        kind=Job.Kind.FRAMES,
        series=SeriesFactory(),
        due_at=timezone.now(),
        meeting_at=timezone.now(),
    )
    assert queue.claim_next(work.FRAMES, timezone.now()) == frames


def test_only_the_kinds_asked_for_are_claimed():
    PullJobFactory()
    assert queue.claim_next(work.FRAMES, timezone.now()) is None


def test_a_job_is_not_due_before_its_time():
    PullJobFactory(due_at=timezone.now() + timedelta(seconds=5))
    assert claim() is None


def test_who_lost_the_lease_neither_ends_the_job_nor_holds_it():
    """The first worker sleeps through its lease; the second has the job; the first wakes."""
    job = PullJobFactory()
    slow = claim()
    after = timezone.now() + queue.LEASE * 2
    assert queue.requeue_expired(after) == 1
    quick = claim(after)
    assert not queue.let_go(slow, State.FAILED)
    assert not queue.renew(slow, after)
    job.refresh_from_db()
    assert job.state == State.RUNNING
    assert queue.let_go(quick, State.DONE)


def test_a_lease_that_runs_is_left_alone_and_one_that_is_renewed_runs_longer():
    PullJobFactory()
    job, now = claim(), timezone.now()
    assert queue.requeue_expired(now) == 0
    assert queue.renew(job, now + queue.LEASE)
    assert queue.requeue_expired(now + queue.LEASE * 1.5) == 0


@pytest.mark.django_db(transaction=True)
def test_a_job_that_takes_long_keeps_its_claim(monkeypatch):
    monkeypatch.setattr(queue, "RENEW_EVERY_S", 0.02)
    long_ago = timezone.now() - queue.LEASE
    job = PullJobFactory(due_at=long_ago)
    claimed = claim(long_ago)
    with queue.kept(claimed):
        deadline = timezone.now() + timedelta(seconds=5)
        while timezone.now() < deadline:
            job.refresh_from_db()
            if job.lease_until > timezone.now() + queue.LEASE / 2:
                break
    assert job.lease_until > timezone.now() + queue.LEASE / 2
    assert queue.let_go(claimed, State.DONE)


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_never_share_a_job():
    ArchiveFactory(at_most=100)
    jobs = PullJobFactory.create_batch(12)
    barrier, claimed = Barrier(4), []

    def work_through():
        barrier.wait()
        while job := claim():
            claimed.append(job.pk)
        connection.close()

    threads = [Thread(target=work_through) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(claimed) == sorted(job.pk for job in jobs)


def test_every_wait_is_longer_until_there_is_none():
    job, now = PullJobFactory(), timezone.now()
    waits = []
    for job.attempts in range(1, queue.ATTEMPTS + 1):
        at = queue.retry_at(job, now)
        waits.append(at and (at - now).total_seconds())
    assert waits == [5, 10, 20, 40, 80, None]


def test_wanting_a_study_twice_makes_one_job_and_messages_only_after_commit(
    sent, django_capture_on_commit_callbacks
):
    study = StudyFactory()
    with django_capture_on_commit_callbacks(execute=True):
        plan.want_study(study)
        plan.want_study(study)
        assert sent == []
    assert set(sent) == {"pull"}
    assert Job.objects.get().study == study


def test_a_running_job_is_not_started_anew_by_wanting_its_study_again():
    study = StudyFactory()
    plan.want_study(study)
    running = claim()
    plan.want_study(study)
    running.refresh_from_db()
    assert (running.state, running.attempts) == (State.RUNNING, 1)


def test_beat_wakes_what_is_due_and_what_a_dead_worker_left(sent):
    long_ago = timezone.now() - queue.LEASE * 2
    job = PullJobFactory(due_at=long_ago)
    assert claim(long_ago) == job
    tasks.look_again()
    assert sent == ["pull"]
    job.refresh_from_db()
    assert (job.state, job.claim) == (State.WAITING, None)


def test_beat_says_nothing_when_there_is_nothing_to_do(sent):
    tasks.look_again()
    assert sent == []


def test_a_message_that_finds_work_sends_the_next_and_one_that_finds_none_does_not(
    sent, monkeypatch
):
    monkeypatch.setitem(
        work.HANDLERS, Job.Kind.PULL, lambda job, wake: queue.let_go(job, State.DONE)
    )
    PullJobFactory.create_batch(2)
    tasks.pull()
    assert sent == ["pull"]
    tasks.pull()
    tasks.pull()
    assert sent == ["pull"]


def test_every_kind_of_job_has_a_handler():
    assert set(work.HANDLERS) == set(Job.Kind)
    assert {*work.PULL, *work.FRAMES} == set(Job.Kind)
