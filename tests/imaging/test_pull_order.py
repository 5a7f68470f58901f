"""In which order a study comes, and what is safe of it at which instant."""

import os
import time
from pathlib import Path
from threading import Event

import pytest
from django.conf import settings
from django.utils import timezone

from imaging import plan, queue, retention, work
from imaging.archives.base import ArchiveError, Level, Listed
from imaging.models import Instance, Job, Quarantined, Study
from imaging.pull import receive, spool
from imaging.pull.requests import LARGE, first_slices
from imaging.pull.spool import Spool
from imaging.store.base import ABANDONED_S
from tests.dicoms import OTHER_PATIENT, make_instance, make_study, uid
from tests.factories import StudyFactory
from tests.imaging.test_pull import NHS, PULL, at_fake, run_next, stands

pytestmark = pytest.mark.django_db
State = Study.State


@pytest.fixture(autouse=True)
def _own_spool(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"


def listed(series, count):
    """Instances whose UIDs are in another order than their numbers."""
    return [Listed(series, f"9.{count - number}", "", number) for number in range(count, 0, -1)]


def spooled():
    return [path for path in settings.SPOOL_DIR.rglob("*") if path.is_file()]


def leave(study, *files):
    """As a worker that was killed leaves them; the path of the last."""
    dead = Spool(study)
    parts = [dead.keep(file).part for file in files]
    dead.close()
    return parts[-1].path


# The first and the middle slice


def test_the_first_and_the_middle_slice_are_asked_for_by_their_numbers():
    (asked,) = first_slices("1.2", listed("1.3", 300), set())
    assert asked.level == Level.IMAGE
    assert [one.number for one in asked.instances] == [1, 151]


def test_a_series_that_is_small_is_not_worth_a_request_of_its_own():
    assert list(first_slices("1.2", listed("1.3", LARGE - 1), set())) == []


def test_a_slice_that_is_here_is_not_asked_for_again():
    slices = listed("1.3", LARGE)
    first = next(one.sop_instance_uid for one in slices if one.number == 1)
    (asked,) = first_slices("1.2", slices, {first})
    assert [one.number for one in asked.instances] == [LARGE // 2 + 1]


def test_where_the_archive_says_no_numbers_any_two_slices_do():
    (asked,) = first_slices("1.2", [Listed("1.3", f"9.{n}") for n in range(LARGE)], set())
    assert len(asked.instances) == 2


def test_over_dimse_they_come_before_the_study(monkeypatch):
    files = make_study("first", instances=10, nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "first", files)
    monkeypatch.setattr("imaging.pull.fetch.may_stream_at_once", lambda *_: False)
    run_next()
    levels = [(asked.level, len(asked.instances)) for asked in fake.asked]
    assert levels == [(Level.IMAGE, 2), (Level.STUDY, 10)]
    assert stands(study) == (State.COMPLETE, "", 10, 10)
    assert not Quarantined.objects.exists()


def test_an_archive_that_sends_no_single_instances_sends_them_with_the_study(monkeypatch):
    fake, study, _ = at_fake(
        monkeypatch, "no singles", make_study("no singles", instances=10, nhs_number=NHS)
    )
    monkeypatch.setattr("imaging.pull.fetch.may_stream_at_once", lambda *_: False)
    retrieve = fake.retrieve

    def only_whole_studies(wanted):
        if wanted.level == Level.IMAGE:
            raise ArchiveError("archive.failed", "It cannot.")
        return retrieve(wanted)

    monkeypatch.setattr(fake, "retrieve", only_whole_studies)
    run_next()
    assert stands(study) == (State.COMPLETE, "", 10, 10)


def test_a_study_of_which_nothing_is_here_streams_while_it_is_listed(monkeypatch):
    fake, study, _ = at_fake(monkeypatch, "beside", make_study("beside", nhs_number=NHS))
    has_begun = Event()
    retrieve = fake.retrieve

    def begun(wanted):
        has_begun.set()
        return retrieve(wanted)

    monkeypatch.setattr(fake, "retrieve", begun)
    fake.before_listing = [lambda: has_begun.wait(5) or 1 / 0]
    run_next()
    assert stands(study) == (State.COMPLETE, "", 3, 3)


def test_an_archive_with_one_connection_to_spare_is_listed_first(monkeypatch):
    fake, study, _ = at_fake(monkeypatch, "one by one", make_study("one by one", nhs_number=NHS))
    type(study.archive).objects.update(at_most=1)
    fake.before_listing = [lambda: fake.asked.append("listing")]
    run_next()
    assert fake.asked[0] == "listing"
    assert stands(study)[0] == State.COMPLETE


def test_the_first_image_is_written_down_at_once(monkeypatch):
    files = make_study("at once", nhs_number=NHS)
    fake, _, _ = at_fake(monkeypatch, "at once", files)
    seen = []

    def one_by_one(wanted):
        for file in files:
            yield file
            seen.append((Instance.objects.count(), Job.objects.filter(kind="frames").count()))

    monkeypatch.setattr(fake, "retrieve", one_by_one)
    run_next()
    assert seen[0] == (1, 1)


def test_a_study_that_came_and_could_not_be_listed_is_not_complete(monkeypatch):
    fake, study, job = at_fake(monkeypatch, "unlisted", make_study("unlisted", nhs_number=NHS))
    failure = ArchiveError("archive.failed", "The archive is in trouble.")

    def fail():
        raise failure

    fake.before_listing = [fail]
    run_next()
    assert stands(study)[:3] == (State.PARTIAL, "archive.failed", 3)
    assert study.message.startswith("3 images came. Whether that is all is not known.")
    job.refresh_from_db()
    assert job.state == Job.State.WAITING


# What a worker that is killed leaves


def test_what_a_killed_worker_had_received_is_not_asked_for_again(monkeypatch):
    files = make_study("left", instances=4, nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "left", files)
    leave(study, *files[:3])
    run_next()
    assert stands(study) == (State.COMPLETE, "", 4, 4)
    asked = [one.sop_instance_uid for wanted in fake.asked for one in wanted.instances]
    assert asked == [uid("left", 1, 4)]
    assert spooled() == []


def test_an_instance_cut_by_the_kill_is_asked_for_again(monkeypatch):
    files = make_study("cut by kill", instances=2, nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "cut by kill", files)
    path = leave(study, *files)
    os.truncate(path, path.stat().st_size - 1)
    run_next()
    assert stands(study) == (State.COMPLETE, "", 2, 2)
    asked = [one.sop_instance_uid for wanted in fake.asked for one in wanted.instances]
    assert asked == [uid("cut by kill", 1, 2)]


def test_what_is_written_down_leaves_the_spool(monkeypatch):
    _, study, _ = at_fake(monkeypatch, "forgotten", make_study("forgotten", nhs_number=NHS))
    monkeypatch.setattr(spool, "FULL", 1)
    most = []
    monkeypatch.setattr(receive, "BATCH", 1)
    monkeypatch.setattr(receive, "AHEAD", 0)
    keep = Spool.keep
    monkeypatch.setattr(
        Spool, "keep", lambda self, data: (most.append(len(spooled())), keep(self, data))[1]
    )
    run_next()
    assert stands(study)[0] == State.COMPLETE
    assert (max(most), spooled()) == (0, [])


def test_first_slices_that_come_after_the_whole_study_leave_the_spool_too(monkeypatch):
    files = make_study("late slices", instances=10, nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "late slices", files)
    retrieve, is_over = fake.retrieve, Event()

    def slices_last(wanted):
        if wanted.level == Level.IMAGE:
            is_over.wait(5)
            yield from retrieve(wanted)
            return
        for file in retrieve(wanted):
            time.sleep(0.02)  # time to list it and ask for its first slices
            yield file
        is_over.set()

    monkeypatch.setattr(fake, "retrieve", slices_last)
    run_next()
    assert stands(study) == (State.COMPLETE, "", 10, 10)
    assert Level.IMAGE in [wanted.level for wanted in fake.asked]
    assert spooled() == []


def test_what_turns_out_to_be_another_persons_leaves_the_spool_too(monkeypatch):
    files = make_study("not hers", instances=3, **OTHER_PATIENT)
    _, study, _ = at_fake(monkeypatch, "not hers", files)
    run_next()
    assert stands(study)[0] == State.WITHHELD
    assert spooled() == []


def test_a_folder_that_is_swept_while_a_part_is_made_is_made_anew(monkeypatch):
    study, sweeps, opened = StudyFactory(), [spool.sweep], Path.open

    def sweep_first(self, *how, **options):
        while sweeps:
            sweeps.pop()()
        return opened(self, *how, **options)

    monkeypatch.setattr(Path, "open", sweep_first)
    leave(study, b"kept")
    assert list(Spool(study).left()) == [b"kept"]


def test_what_nobody_came_back_for_is_removed_after_a_day():
    study = StudyFactory()
    old, young = leave(study, b"old"), leave(study, b"young")
    long_ago = time.time() - ABANDONED_S - 60
    os.utime(old, (long_ago, long_ago))
    spool.sweep()
    assert spooled() == [young]
    assert list(Spool(study).left()) == [b"young"]


def test_it_is_removed_at_night_too_where_nothing_more_is_fetched():
    old = leave(StudyFactory(), b"old")
    long_ago = time.time() - ABANDONED_S - 60
    os.utime(old, (long_ago, long_ago))
    retention.carry_out(timezone.now())
    assert spooled() == []


# Other bytes under a known identifier


def test_other_bytes_in_a_later_pull_never_replace_what_was_shown(monkeypatch):
    files = make_study("shown", instances=2, nhs_number=NHS)
    fake, study, job = at_fake(monkeypatch, "shown", files[:1])
    run_next()
    shown = Instance.objects.get()
    changed = make_instance("shown", number=1, nhs_number=NHS, SeriesDescription="changed")
    fake.add(files[1])
    monkeypatch.setattr(fake, "retrieve", lambda wanted: iter([changed, files[1]]))
    Study.objects.update(state=State.WANTED)
    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING, due_at=timezone.now())
    run_next()
    assert stands(study) == (State.COMPLETE, "pull.other_bytes", 2, 2)
    kept = Instance.objects.get(sop_instance_uid=shown.sop_instance_uid)
    assert (kept.pk, kept.sha256, kept.store_key) == (shown.pk, shown.sha256, shown.store_key)
    assert Quarantined.objects.get().code == "instance.other_bytes"


# Cancelled by a person


def test_a_cancelled_pull_stops_and_keeps_what_came(monkeypatch):
    files = make_study("cancelled", instances=6, nhs_number=NHS)
    fake, study, job = at_fake(monkeypatch, "cancelled", files)
    monkeypatch.setattr(receive, "AHEAD", 0)
    monkeypatch.setattr(receive, "BATCH_S", 0.0)
    sent = []

    def cancelled_after_two(wanted):
        for file in files:
            if len(sent) == 2:
                assert plan.cancel_study(study, by="Jo Brown")
            sent.append(file)
            yield file

    monkeypatch.setattr(fake, "retrieve", cancelled_after_two)
    run_next()
    assert (stands(study)[:3], len(sent)) == ((State.CANCELLED, "pull.cancelled", 2), 3)
    assert study.message == "Cancelled by Jo Brown."
    job.refresh_from_db()
    assert (job.state, job.claim) == (Job.State.DONE, None)
    assert run_next() is None


def test_a_cancelled_study_is_fetched_when_a_person_asks_again(monkeypatch):
    files = make_study("again", instances=2, nhs_number=NHS)
    _, study, _ = at_fake(monkeypatch, "again", files)
    assert plan.cancel_study(study, by="Jo Brown")
    assert run_next() is None
    assert plan.want_study(study)
    run_next()
    assert stands(study) == (State.COMPLETE, "", 2, 2)


def test_a_pull_cancelled_as_it_was_claimed_does_not_begin(monkeypatch, caplog):
    fake, study, _ = at_fake(monkeypatch, "claimed", make_study("claimed", nhs_number=NHS))
    claim_next = queue.claim_next

    def claimed_then_cancelled(kinds, now):
        job = claim_next(kinds, now)
        plan.cancel_study(study, by="Jo Brown")
        return job

    monkeypatch.setattr(queue, "claim_next", claimed_then_cancelled)
    run_next()
    assert (stands(study)[0], fake.asked) == (State.CANCELLED, [])
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize("state", [State.FOUND, State.COMPLETE, State.FAILED, State.WITHHELD])
def test_where_nothing_is_fetched_nothing_is_cancelled(state):
    study = StudyFactory(state=state)
    assert not plan.cancel_study(study, by="Jo Brown")
    study.refresh_from_db()
    assert study.state == state


def test_a_partial_study_with_no_job_on_its_way_is_not_cancelled(monkeypatch):
    _, study, job = at_fake(monkeypatch, "settled", make_study("settled", nhs_number=NHS))
    Study.objects.filter(pk=study.pk).update(state=State.PARTIAL)
    queue.claim_next(PULL, timezone.now())
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, claim=None, lease_until=None)
    assert not plan.cancel_study(study, by="Jo Brown")


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_a_pull_has_ended_keeps_no_worker_from_being_woken(monkeypatch):
    woken, woken_before = [], []

    def failing(_):
        woken_before.append(len(woken))
        raise ZeroDivisionError

    monkeypatch.setattr("imaging.pull.settle.hurry_frames_of", failing)
    _, study, job = at_fake(monkeypatch, "hook", make_study("hook", nhs_number=NHS))
    work.run_next(PULL, wake=lambda: woken.append(1))
    study.refresh_from_db()
    job.refresh_from_db()
    assert (study.state, study.code, job.state) == (State.COMPLETE, "", Job.State.DONE)
    assert len(woken) > woken_before[0]
