from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from imaging import doors, plan, queue, tasks, work
from imaging.models import Archive, Job, Study, Upload
from imaging.pull.receive import LeaseLostError
from imaging.pull.reconcile import Outcome
from imaging.pull.settle import begin, write_end
from imaging.pull.states import hold
from tests.factories import (
    ArchiveFactory,
    InstanceFactory,
    PullJobFactory,
    SearchFactory,
    SeriesFactory,
    StudyFactory,
)

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


def test_who_waits_for_a_picture_waits_for_no_count_of_what_archives_were_asked():
    sql = {kinds: str(queue.due(kinds, timezone.now()).query) for kinds in (work.PULL, work.FRAMES)}
    assert "rests_until" in sql[work.PULL]
    assert "rests_until" not in sql[work.FRAMES]


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


def test_a_job_that_is_cancelled_while_it_is_claimed_is_passed_over(monkeypatch):
    cancelled, other = PullJobFactory(list_position=1), PullJobFactory(list_position=2)
    Archive.objects.update(at_most=2)
    note = queue.budget.note_asking

    def cancel(*asked):
        note(*asked)
        Job.objects.filter(pk=cancelled.pk).update(state=State.DONE, claim=None, lease_until=None)

    monkeypatch.setattr(queue.budget, "note_asking", cancel)
    assert claim() == other


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("processes", [0, 30])
def test_workers_that_claim_at_once_never_share_a_job(processes, settings):
    """Also where the choice asks other tables: what they say is no part of the row that is held."""
    settings.WORKER_PROCESSES = processes
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


def test_frames_put_off_in_the_instant_in_which_a_pull_ends_are_made_at_once(
    monkeypatch, django_capture_on_commit_callbacks
):
    """They waited for what was to come: nothing is. Whoever ends the pull saw them being made."""
    study = PullJobFactory(study__state=Study.State.PULLING).study
    series, pull, now = InstanceFactory(series__study=study).series, claim(), timezone.now()
    Job.objects.create(kind=Job.Kind.FRAMES, series=series, due_at=now, meeting_at=now)
    frames = queue.claim_next(work.FRAMES, timezone.now())

    def put_off(*_):
        queue.let_go(frames, State.WAITING, due_at=now + timedelta(hours=1))

    monkeypatch.setattr(doors, "on_change", put_off)
    with django_capture_on_commit_callbacks(execute=True):
        write_end(pull, study, Outcome(Study.State.COMPLETE))
    frames.refresh_from_db()
    assert (frames.state, frames.due_at <= timezone.now()) == (State.WAITING, True)


@pytest.mark.django_db(transaction=True)
def test_who_takes_a_study_from_the_screens_and_its_worker_do_not_wait_for_each_other():
    """As a correction of the patient does: the study's row first, then its jobs'."""
    PullJobFactory(study__state=Study.State.WANTED)
    job, is_held, ended = claim(), Event(), []

    def work_on():
        is_held.wait(5)
        try:
            begin(job, job.study)
        except Exception as error:
            ended.append(type(error))
        connection.close()

    thread = Thread(target=work_on)
    thread.start()
    with transaction.atomic():
        hold(job.study)
        is_held.set()
        thread.join(0.3)  # it waits for the study, and must not hold the job
        Job.objects.update(state=State.WAITING, claim=None, lease_until=None)
    thread.join()
    assert ended == [LeaseLostError]


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


# Processes: WORKER_PROCESSES of them


@pytest.fixture
def four(settings):
    settings.WORKER_PROCESSES = 4


def claimed():
    """Names of the archives whose jobs can be started, one after another."""
    names = []
    while job := claim():
        names.append(job.archive.name)
    return names


def at(name, jobs=2, **fields):
    archive = ArchiveFactory(name=name, at_most=4, **fields)
    PullJobFactory.create_batch(jobs, study__archive=archive)
    return archive


@pytest.mark.usefixtures("four")
def test_pictures_have_a_process_that_no_archive_can_take():
    for name in ("a", "b", "c", "d"):
        at(name)
    assert len(claimed()) == 3
    waits = Job.objects.create(
        kind=Job.Kind.FRAMES,
        series=SeriesFactory(),
        due_at=timezone.now(),
        meeting_at=timezone.now(),
    )
    assert queue.claim_next(work.FRAMES, timezone.now()) == waits


@pytest.mark.usefixtures("four")
def test_an_upload_that_is_unpacked_takes_no_picture_process_either():
    for name in ("a", "b"):
        at(name, jobs=1)
    archive = at("uploads", jobs=0)
    for _ in range(2):
        plan.unpack(Upload.objects.create(archive=archive, search=SearchFactory(), by="x"))
    kinds = [job.kind for job in iter(claim, None)]
    assert sorted(kinds) == [Job.Kind.PULL, Job.Kind.UNPACK, Job.Kind.UNPACK]


@pytest.mark.usefixtures("four")
def test_the_last_process_is_for_an_archive_that_has_none():
    at("first", jobs=4)
    assert claimed() == ["first", "first"]
    at("other", jobs=3)
    assert claimed() == ["other"]


@pytest.mark.usefixtures("four")
def test_archives_that_do_not_answer_never_have_all_processes():
    for name in ("a", "b", "c"):
        at(name, failures_in_a_row=1)
    assert len(claimed()) == 2
    at("good")
    assert claimed() == ["good"]


@pytest.mark.usefixtures("four")
def test_the_last_process_is_for_no_archive_that_failed_last_whoever_has_the_others():
    for name in ("slow", "slower"):
        at(name, jobs=1)
    assert claimed() == ["slow", "slower"]
    at("failing", failures_in_a_row=1)
    assert claimed() == []
    at("good")
    assert claimed() == ["good"]


@pytest.mark.usefixtures("four")
def test_a_process_whose_worker_is_dead_is_free_again_before_its_job_is():
    for name in ("a", "b", "c"):
        at(name, jobs=1)
    assert len(claimed()) == 3
    good = at("good")
    assert claim() is None
    running = Job.objects.filter(state=State.RUNNING)
    running.update(lease_until=timezone.now() + timedelta(seconds=50))  # renewed no more
    assert claim().archive == good


@pytest.mark.parametrize(("processes", "jobs"), [(0, 4), (1, 1), (2, 1), (3, 2), (9, 4)])
def test_any_number_of_processes_asks_somebody(settings, processes, jobs):
    """0: pictures have workers of their own, and nobody counts."""
    settings.WORKER_PROCESSES = processes
    for name in ("a", "b", "c", "d"):
        at(name, jobs=1)
    assert len(claimed()) == jobs
