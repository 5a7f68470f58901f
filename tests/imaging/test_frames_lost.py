"""FRAMES jobs that failed, and objects the store has lost: neither is a dead end."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging import plan, store, tasks, work
from imaging.archives import registry
from imaging.frames import batches, failing, make
from imaging.grants import Grant
from imaging.models import Frame, Instance, Job, Study
from imaging.pull import lost
from tests.dicoms import make_study, study_uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging.fakes import FakeArchive
from tests.imaging.test_frames_make import add, claim, document, series, values_of  # noqa: F401

pytestmark = pytest.mark.django_db
State = Study.State
PULL, FRAMES = (Job.Kind.PULL,), (Job.Kind.FRAMES,)
NAME = "lost"


@pytest.fixture(autouse=True)
def _doors(settings, monkeypatch, decoders):
    settings.IMAGING_ON_CHANGE = f"{__name__}.door"
    monkeypatch.setattr(make, "reader", lambda: decoders)
    monkeypatch.setattr(tasks, "wake", lambda: None)


def door(study):
    """Nobody stands above."""


def failed(series, **changes):  # noqa: F811
    now = timezone.now()
    return Job.objects.create(
        kind=Job.Kind.FRAMES,
        series=series,
        meeting_at=now,
        **{"due_at": now, "state": Job.State.FAILED, "attempts": make.MOST_ATTEMPTS} | changes,
    )


def run(kinds):
    Job.objects.filter(state=Job.State.WAITING).update(due_at=timezone.now())
    return work.run_next(kinds)


# A job that failed


def test_who_waits_for_a_frame_of_a_failed_series_has_it_made(series):  # noqa: F811
    add(series, 1)
    failed(series)
    plan.want_frames(series, [1])
    job = Job.objects.get()
    assert (job.state, job.attempts, job.rank) == (Job.State.WAITING, 0, 0)
    run(FRAMES)
    assert values_of(series) == [1]
    assert not failing.series_not_made([series.study])


def test_who_wants_a_study_again_has_its_failed_series_made_again(series):  # noqa: F811
    add(series, 1)
    study = series.study
    Study.objects.update(state=State.COMPLETE, stored_count=1, verdict=Study.Verdict.SAME)
    study.refresh_from_db()
    failed(series)
    assert failing.series_not_made([study]) == {study.pk: 1}
    plan.want_study(study)
    study.refresh_from_db()
    assert study.state == State.COMPLETE
    assert not failing.series_not_made([study])
    run(FRAMES)
    assert values_of(series) == [1]


def test_it_is_tried_once_more_after_a_while_and_is_failed_until_that_ends_well(
    series,  # noqa: F811
):
    add(series, 1)
    Study.objects.update(stored_count=1)
    series.study.refresh_from_db()
    now = timezone.now()
    failed(series, due_at=now + failing.AGAIN_AFTER)
    assert failing.try_again(now) == 0
    assert failing.try_again(now + failing.AGAIN_AFTER) == 1
    job = Job.objects.get()
    assert job.state == Job.State.WAITING
    assert failing.series_not_made([series.study])
    run(FRAMES)
    assert values_of(series) == [1]
    assert not failing.series_not_made([series.study])


def test_beat_tries_it_again(series):  # noqa: F811
    failed(series, due_at=timezone.now() - timedelta(seconds=1))
    tasks.look_again()
    assert Job.objects.get().state == Job.State.WAITING


def test_one_that_fails_once_more_waits_for_as_long(series, monkeypatch):  # noqa: F811
    add(series, 1)
    monkeypatch.setattr(make.Making, "_publish", None)
    make.carry_out(claim(series, attempts=failing.ALL_BUT_ONE))
    job = Job.objects.get()
    assert job.state == Job.State.FAILED
    assert job.due_at > timezone.now() + failing.AGAIN_AFTER - timedelta(minutes=1)


def test_a_viewer_is_told_that_it_was_not_made_and_not_that_it_is_on_its_way(
    client,
    series,  # noqa: F811
):
    def code():
        url = reverse("series-metadata", kwargs={"series_id": series.public_id})
        token = Grant("p", series.public_id, "c", "display").token()
        answer = client.get(url, headers={"X-View-Grant": token})
        return answer.status_code, json.loads(answer.content)["code"]

    assert code() == (404, "series.not_here")
    failed(series)
    assert code() == (404, "series.not_made")


# An object the store has lost


def test_others_of_the_series_are_made_and_the_lost_one_says_so(series):  # noqa: F811
    for number in (1, 2, 3):
        add(series, number)
    gone = Instance.objects.get(instance_number=2)
    store.get().delete(gone.store_key)
    told = []
    make.carry_out(claim(series), told.extend)
    assert sorted(filter(None, values_of(series))) == [1, 3]
    codes = {frame["key"]: frame["code"] for frame in document(series)["frames"]}
    assert codes.pop(f"{gone.public_id}.1") == "frame.lost"
    assert set(codes.values()) == {""}
    assert told == [gone]
    assert Job.objects.get().state == Job.State.DONE


def test_one_that_is_lost_while_frames_are_made_says_so_too(series, monkeypatch):  # noqa: F811
    add(series, 1), add(series, 2)
    job, act = claim(series), make.Making._next_batch

    def lose(self, wanted):
        store.get().delete(Instance.objects.get(instance_number=2).store_key)
        return act(self, wanted)

    monkeypatch.setattr(make.Making, "_next_batch", lose)
    make.carry_out(job)
    assert values_of(series) == [1, None]
    assert Frame.objects.get(instance__instance_number=2).code == "frame.lost"


def test_a_version_that_is_lost_is_made_anew(series):  # noqa: F811
    add(series, 1)
    make.carry_out(claim(series))
    store.get().delete(series.versions.get().store_key)
    add(series, 2)
    make.carry_out(claim(series))
    assert values_of(series) == [1, 2]


@pytest.fixture
def study(monkeypatch):
    """Pulled, its frames made."""
    fake = FakeArchive(make_study(NAME, instances=3, nhs_number="9990000018"))
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    study = StudyFactory(archive=ArchiveFactory(), study_instance_uid=study_uid(NAME))
    plan.want_study(study)
    run(PULL)
    run(FRAMES)
    study.refresh_from_db()
    return study


def lose(study):
    """One object of the three; and something happens that has the series looked at again."""
    gone = Instance.objects.filter(series__study=study).order_by("pk")[1]
    store.get().delete(gone.store_key)
    plan.want_frames(study.series.get(), [1])
    return gone


def lose_unmade(study):
    gone = lose(study)
    Frame.objects.filter(instance=gone).delete()
    return gone


def test_the_study_is_wanted_again_and_the_picture_comes_back(study):
    assert study.state == State.COMPLETE
    gone = lose_unmade(study)
    run(FRAMES)
    study.refresh_from_db()
    assert (study.state, study.code, study.stored_count) == (State.WANTED, "store.lost", 2)
    frames = document(study.series.get())["frames"]
    assert sorted(frame["code"] for frame in frames) == ["", "", "frame.lost"]
    run(PULL)
    study.refresh_from_db()
    assert (study.state, study.code, study.stored_count) == (State.COMPLETE, "", 3)
    run(FRAMES)
    frames = document(study.series.get())["frames"]
    assert [frame["code"] for frame in frames] == ["", "", ""]
    assert f"{gone.public_id}.1" in [frame["key"] for frame in frames]
    assert all(frame["segment"] for frame in frames)


def test_a_frame_made_before_its_instance_was_lost_is_not_described_as_another(study):
    """Its header is gone: a picture without its size and place must not be shown as if it had."""
    gone = lose(study)
    Instance.objects.exclude(pk=gone.pk).first().frames.all().delete()
    run(FRAMES)
    frames = {frame["key"]: frame for frame in document(study.series.get())["frames"]}
    assert (frames[f"{gone.public_id}.1"]["code"], frames[f"{gone.public_id}.1"]["segment"]) == (
        "frame.lost",
        None,
    )


def test_bytes_that_come_back_while_frames_are_made_are_made_in_the_same_job(study, monkeypatch):
    gone = lose_unmade(study)
    settle = make.Making._settle

    def back_and_settle(self):
        if not Instance.objects.exclude(store_key="").filter(pk=gone.pk).exists():
            run(PULL)
        return settle(self)

    monkeypatch.setattr(make.Making, "_settle", back_and_settle)
    run(FRAMES)
    assert [frame["code"] for frame in document(study.series.get())["frames"]] == ["", "", ""]
    assert Job.objects.get(kind=Job.Kind.FRAMES).state == Job.State.DONE


@pytest.mark.parametrize(
    "now", [State.PULLING, State.WANTED, State.CANCELLED, State.WITHHELD], ids=str
)
def test_it_is_not_wanted_while_it_is_fetched_nor_against_a_persons_will(study, now):
    gone = lose(study)
    Study.objects.filter(pk=study.pk).update(state=now)
    lost.fetch_again(study, [gone], lambda: None)
    study.refresh_from_db()
    gone.refresh_from_db()
    assert (study.state, study.code) == (now, "")
    is_left = now in (State.PULLING, State.WANTED)
    assert bool(gone.store_key) == is_left


def test_one_that_came_in_other_bytes_meanwhile_is_not_forgotten(study):
    gone = lose(study)
    Instance.objects.filter(pk=gone.pk).update(store_key="f" * 64)
    lost.fetch_again(study, [gone], lambda: None)
    study.refresh_from_db()
    assert (study.state, Instance.objects.get(pk=gone.pk).store_key) == (State.COMPLETE, "f" * 64)


# A segment, or a version, that the store has lost


def get(client, name, series, **parts):  # noqa: F811
    token = Grant("p", series.public_id, "c", "display").token()
    url = reverse(name, kwargs={"series_id": series.public_id, **parts})
    answer = client.get(url, headers={"X-View-Grant": token})
    if answer["Content-Type"] == "application/json" and answer.status_code != 200:
        return answer.status_code, json.loads(answer.content)["code"]
    return answer.status_code, ""


def lose_segment(series, number):  # noqa: F811
    segment = series.segments.get(number=number)
    store.get().delete(segment.store_key)
    return segment


@pytest.fixture
def told(monkeypatch):
    """Series versions that were announced to whoever stands above."""
    heard = []
    monkeypatch.setattr(make.doors, "on_change", lambda study: heard.append(study.pk))
    return heard


@pytest.fixture
def in_three(series, monkeypatch):  # noqa: F811
    """A series in segments of a frame each."""
    monkeypatch.setattr(batches, "BATCH_FRAMES", 1)
    for number in (1, 2, 3):
        add(series, number)
    make.carry_out(claim(series))
    assert series.segments.count() == 3
    return series


def test_a_lost_segment_is_made_again_and_told_as_a_new_version(client, in_three, told):
    before = document(in_three)
    lost_frame = next(frame for frame in before["frames"] if frame["segment"] == 2)
    lose_segment(in_three, 2)
    assert get(client, "series-segment", in_three, number=2) == (404, "store.lost")
    job = Job.objects.get()
    assert (job.state, job.rank) == (Job.State.WAITING, 0)
    told.clear()
    run(FRAMES)
    after = document(in_three)
    assert (after["version"], after["is_complete"]) == (before["version"] + 1, True)
    assert told == [in_three.study_id]
    assert values_of(in_three) == [1, 2, 3]
    segments = {frame["key"]: frame["segment"] for frame in after["frames"]}
    assert segments.pop(lost_frame["key"]) == 4
    assert set(segments.values()) == {1, 3}, "the others lie where they lay"
    assert get(client, "series-segment", in_three, number=4) == (200, "")
    assert Job.objects.get().state == Job.State.DONE


def test_a_segment_that_is_here_and_one_asked_for_without_a_grant_set_nothing_going(
    client, in_three
):
    assert get(client, "series-segment", in_three, number=2) == (200, "")
    lose_segment(in_three, 2)
    url = reverse("series-segment", args=[in_three.public_id, 2])
    assert client.get(url).status_code == 404
    assert Job.objects.get().state == Job.State.DONE


def test_one_that_is_asked_for_again_and_again_is_made_again_once(client, in_three):
    lose_segment(in_three, 2)
    for _ in range(3):
        assert get(client, "series-segment", in_three, number=2) == (404, "store.lost")
    run(FRAMES)
    version = document(in_three)["version"]
    get(client, "series-segment", in_three, number=2)
    assert Job.objects.get().state == Job.State.DONE
    assert run(FRAMES) is None
    assert document(in_three)["version"] == version


def test_one_that_is_lost_while_the_job_runs_is_made_again_in_the_same_job(
    client, in_three, monkeypatch
):
    add(in_three, 4)
    settle, lost_already = make.Making._settle, []

    def lose_and_settle(self):
        if not lost_already:
            lost_already.append(lose_segment(in_three, 1))
            assert get(client, "series-segment", in_three, number=1) == (404, "store.lost")
        return settle(self)

    monkeypatch.setattr(make.Making, "_settle", lose_and_settle)
    make.carry_out(claim(in_three))
    assert lost_already
    assert values_of(in_three) == [1, 2, 3, 4]
    assert 1 not in {frame["segment"] for frame in document(in_three)["frames"]}
    assert Job.objects.get().state == Job.State.DONE


def test_one_whose_instance_is_lost_too_is_fetched_again(client, study):
    series = study.series.get()  # noqa: F811
    gone = lose(study)
    number = Frame.objects.get(instance=gone).segment.number
    lose_segment(series, number)
    get(client, "series-segment", series, number=number)
    run(FRAMES)
    study.refresh_from_db()
    assert (study.state, study.code) == (State.WANTED, "store.lost")
    run(PULL)
    run(FRAMES)
    frames = document(series)["frames"]
    assert [frame["code"] for frame in frames] == ["", "", ""]
    assert number not in {frame["segment"] for frame in frames}


def test_a_newest_version_that_is_lost_is_made_anew_when_somebody_asks_for_it(client, in_three):
    newest = in_three.versions.order_by("number").last()
    store.get().delete(newest.store_key)
    assert get(client, "series-metadata", in_three) == (404, "store.lost")
    assert Job.objects.get().state == Job.State.WAITING
    run(FRAMES)
    assert get(client, "series-metadata", in_three) == (200, "")
    assert document(in_three)["version"] == newest.number + 1
    assert values_of(in_three) == [1, 2, 3]


def test_behind_a_proxy_a_lost_segment_is_seen_too(client, in_three, settings):
    settings.STORE_LOCATION = "/_store/"
    assert get(client, "series-segment", in_three, number=2) == (200, "")
    lose_segment(in_three, 2)
    assert get(client, "series-segment", in_three, number=2) == (404, "store.lost")
    assert Job.objects.get().state == Job.State.WAITING
