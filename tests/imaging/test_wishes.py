"""Several people wait for unmade frames of one series: no wish undoes another."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from imaging import plan
from imaging.frames import batches, make
from imaging.models import Frame, Job
from tests.factories import SeriesFactory
from tests.imaging import test_frames_make
from tests.imaging.test_frames_make import add, claim, values_of

_doors = test_frames_make._doors  # a fixture


@pytest.fixture
def series():
    return SeriesFactory()


@pytest.fixture
def job(series):
    now = timezone.now()
    return Job.objects.create(kind=Job.Kind.FRAMES, series=series, due_at=now, meeting_at=now)


def wanted(job):
    job.refresh_from_db()
    return job.wanted_frames


@pytest.mark.django_db(transaction=True)
def test_two_people_who_want_frames_in_the_same_instant_both_get_them(series, job):
    together = Barrier(2)

    def want(frames):
        together.wait(10)
        try:
            plan.want_frames(series, frames)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as people:
        list(people.map(want, ([10, 11], [200, 201])))
    assert wanted(job) in ([10, 11, 200, 201], [200, 201, 10, 11])
    assert job.rank == 0


@pytest.mark.django_db
def test_the_newest_wish_is_first_and_no_frame_is_wanted_twice(series, job):
    for frames in ([1, 2, 3], [7, 2], [9]):
        plan.want_frames(series, frames)
    assert wanted(job) == [9, 7, 2, 1, 3]


@pytest.mark.django_db
def test_wishes_are_bounded_and_the_oldest_gives_way(series, job):
    for start in range(0, 640, 64):
        plan.want_frames(series, list(range(start + 1, start + 65)))
    assert len(wanted(job)) == plan.MOST_WANTED
    assert wanted(job)[0] == 577
    assert min(wanted(job)) == 385


@pytest.mark.django_db
def test_what_gave_way_is_made_all_the_same(series, monkeypatch):
    monkeypatch.setattr(plan, "MOST_WANTED", 2)
    for number in range(1, 8):
        add(series, number)
    running = claim(series)
    for frames in ([7, 6], [3]):
        plan.want_frames(series, frames)
    assert wanted(running) == [3, 7]
    make.carry_out(running)
    assert values_of(series) == [1, 2, 3, 4, 5, 6, 7]
    assert (Job.objects.get().state, wanted(running)) == (Job.State.DONE, [])


@pytest.mark.django_db
def test_everybodys_wish_is_made_before_the_rest_a_batch_at_a_time(series, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_FRAMES", 2)
    for number in range(1, 10):
        add(series, number)
    running = claim(series)
    for frames in ([6, 5], [9]):
        plan.want_frames(series, frames)
    make.carry_out(running)
    assert [value for value in values_of(series, 1) if value] == [6, 9]
    assert [value for value in values_of(series, 2) if value][:3] == [5, 6, 9]
    assert values_of(series) == list(range(1, 10))


@pytest.mark.django_db
def test_a_wish_means_the_same_frame_though_an_image_came_in_before_it(series, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_FRAMES", 1)
    for number in (3, 4, 5, 6):
        add(series, number)
    running, keep = claim(series, wanted_frames=[2, 4, 3]), make.Making._keep

    def keep_and_receive(self, several):
        keep(self, several)
        if series.instances.count() == 4:
            add(series, 1)

    monkeypatch.setattr(make.Making, "_keep", keep_and_receive)
    make.carry_out(running)
    made = Frame.objects.order_by("segment__number").values_list("instance__instance_number")
    assert [number for (number,) in made] == [4, 6, 5, 1, 3]
