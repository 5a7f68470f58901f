"""A store with little room: pulls wait and say so, frames and readers go on."""

import errno
import os
from datetime import timedelta
from io import BytesIO, FileIO

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from imaging import plan, store, work
from imaging.archives import registry
from imaging.frames import batches, make
from imaging.grants import Grant
from imaging.models import Arrival, Asking, Frame, Instance, Job, Series, SeriesVersion, Study
from imaging.pull import spool
from imaging.scp.guests import Guest
from imaging.scp.keeper import Keeper
from imaging.store.base import LowSpaceError, StoreError
from imaging.store.local import LocalStore
from mdt.management.commands.doctor import examine
from tests.dicoms import make_study, study_uid
from tests.factories import ArchiveFactory, SeriesFactory, StudyFactory
from tests.imaging import files
from tests.imaging.fakes import FakeArchive
from tests.imaging.test_frames_make import add

State = Study.State
PULL, FRAMES = (Job.Kind.PULL,), (Job.Kind.FRAMES,)


@pytest.fixture(autouse=True)
def _doors(settings, tmp_path):
    settings.IMAGING_ON_CHANGE = f"{__name__}.door"
    settings.STORE_URL = f"file://{tmp_path}/store"


def door(study):
    """Nobody stands above."""


@pytest.fixture
def free(monkeypatch, settings):
    """Sets how many bytes are free, where 1 MB is kept."""
    settings.STORE_KEEP_FREE_MB = 1

    def are(number):
        monkeypatch.setattr(LocalStore, "free_bytes", lambda _: number)

    are(1 << 30)
    return are


@pytest.fixture
def wanted(db, monkeypatch):
    """A study of three images that shall be fetched."""
    fake = FakeArchive(make_study("full", nhs_number="9990000018"))
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    study = StudyFactory(archive=ArchiveFactory(), study_instance_uid=study_uid("full"))
    plan.want_study(study)
    return study


def run(kinds):
    Job.objects.update(due_at=timezone.now())
    return work.run_next(kinds)


def stands(study):
    study.refresh_from_db()
    return study.state, study.code


def test_with_little_room_a_pull_waits_says_so_and_asks_nobody(wanted, free):
    free(1000)
    for _ in range(9):  # more than it may be tried
        run(PULL)
    assert stands(wanted) == (State.WANTED, "store.low_space")
    assert wanted.message == "The store is nearly full: nothing more is fetched."
    job = wanted.job
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.WAITING, 0)
    assert timedelta(seconds=50) < job.due_at - timezone.now() < timedelta(seconds=70)
    assert not Instance.objects.exists()
    assert not Asking.objects.exists(), "the hour of an archive that was asked nothing is its own"
    free(1 << 30)
    run(PULL)
    assert stands(wanted) == (State.COMPLETE, "")


def test_room_that_ends_within_a_pull_keeps_what_came_and_loses_no_job(wanted, free, monkeypatch):
    check, calls = store.check_space, []

    def full_after_the_first():
        calls.append(1)
        if len(calls) == 3:  # once before the pull, for the first image, for those after it
            raise LowSpaceError
        check()

    monkeypatch.setattr(store, "check_space", full_after_the_first)
    run(PULL)
    assert stands(wanted) == (State.WANTED, "store.low_space")
    run(PULL)
    assert stands(wanted) == (State.COMPLETE, "")
    assert Instance.objects.count() == 3


def test_a_full_disk_leaves_no_half_object(tmp_path, monkeypatch):
    kept = LocalStore(tmp_path)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("imaging.store.local.os.fsync", full)
    with pytest.raises(LowSpaceError):
        kept.put(BytesIO(b"frames"))
    monkeypatch.undo()
    assert list(tmp_path.rglob("*")) == [tmp_path / "incoming"]
    assert kept.read_range(kept.put(BytesIO(b"frames")).key) == b"frames"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "store.low_space"),
        (errno.EDQUOT, "store.low_space"),
        (errno.EIO, "spool.failed"),
        (errno.EACCES, "spool.failed"),
    ],
)
def test_a_disk_that_fails_is_not_said_to_be_full(wanted, monkeypatch, number, code):
    def fails(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(spool, "_new_file", fails)
    run(PULL)
    assert stands(wanted) == (State.WANTED, code)
    assert ("nearly full" in wanted.message) == (code == "store.low_space")


class SmallDisk(FileIO):
    """Has room for so many bytes, and takes what still fits of what does not."""

    room = 0

    def write(self, data):
        left = self.room - self.tell()
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(memoryview(data)[:left])


@pytest.mark.django_db
@pytest.mark.parametrize("room", [120, 113, 108, 104, 100, 3])
def test_an_instance_that_did_not_fit_leaves_nothing_before_the_next_in_the_spool(
    room, settings, tmp_path, monkeypatch
):
    """Its first half and the next one's beginning would be read as one image."""
    settings.SPOOL_DIR, study = tmp_path / "spool", StudyFactory()

    def on_small_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return SmallDisk(path, "xb")

    monkeypatch.setattr(spool, "_new_file", on_small_disk)
    whole, cut, after = b"w" * 92, b"c" * 50, b"a" * 40
    kept, expected = spool.Spool(study), [after]
    if room >= 100:
        monkeypatch.setattr(SmallDisk, "room", 100)
        kept.keep(whole)
        expected = [whole, after]
    monkeypatch.setattr(SmallDisk, "room", room)
    with pytest.raises(LowSpaceError):
        kept.keep(cut)
    monkeypatch.setattr(SmallDisk, "room", 1000)
    assert kept.keep(after).read() == after
    kept.close()
    assert list(spool.Spool(study).left()) == expected


def test_frames_of_what_is_here_are_made_with_little_room_and_wait_while_there_is_none(
    wanted, free, monkeypatch
):
    run(PULL)
    free(512 << 10)  # half of what is kept for pulls
    with monkeypatch.context() as full:
        full.setattr(LocalStore, "put", _no_room)
        run(FRAMES)
        job = Job.objects.get(kind=Job.Kind.FRAMES)
        assert (job.state, job.attempts) == (Job.State.WAITING, 0)
    run(FRAMES)
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert SeriesVersion.objects.exists()


def _no_room(self, stream):
    raise LowSpaceError


def test_a_store_that_does_not_answer_is_waited_for_and_is_no_archives_fault(wanted, monkeypatch):
    def lost(self, stream):
        raise StoreError("store.unreachable", "The store does not answer.")

    with monkeypatch.context() as down:
        down.setattr(LocalStore, "put_all", lost)
        run(PULL)
    assert stands(wanted) == (State.WANTED, "store.unreachable")
    wanted.archive.refresh_from_db()
    assert wanted.archive.failing_since is None
    run(PULL)
    assert stands(wanted) == (State.COMPLETE, "")


@pytest.mark.django_db
def test_readyz_and_the_doctor_say_it_and_pages_are_served(client, free):
    assert client.get("/readyz").content == b"ready"
    free(1000)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"ready, store.low_space")
    assert client.get(reverse("sign-in")).status_code == 200
    (room,) = (finding for finding in examine() if finding.what == "store has room")
    assert (room.is_well, room.needed) == (False, False)
    assert room.advice == "less than 1 MB are free: nothing more is fetched"


def test_the_storage_scp_takes_nothing_it_has_no_room_for(wanted, free):
    """It is not acknowledged: its archive sends it again."""
    free(1000)
    keeper, guest = Keeper(), Guest("PACS", frozenset({wanted.archive_id}))
    try:
        with pytest.raises(LowSpaceError):
            keeper.keep(guest, make_study("full")[0], True)
    finally:
        keeper.close()
    assert (list(store.get().list()), Arrival.objects.count()) == ([], 0)


def test_what_is_here_is_read_while_the_store_does_not_take_more(wanted, free):
    run(PULL)
    run(FRAMES)
    free(0)
    version = SeriesVersion.objects.filter(series=Series.objects.get()).last()
    assert make.metadata.unpacked(store.get().read_range(version.store_key))["is_complete"]


def series_job():
    return Job.objects.get(kind=Job.Kind.FRAMES)


def test_frames_leave_room_for_what_is_written_down_in_a_meeting(wanted, free, client):
    """A quarter of what is kept from pulls; down to a sixteenth for who waits before a screen."""
    run(PULL)
    free((256 << 10) - 1)
    for _ in range(9):  # more than it may be tried
        run(FRAMES)
    assert (series_job().state, series_job().attempts) == (Job.State.WAITING, 0)
    assert not SeriesVersion.objects.exists()
    assert told(client, Series.objects.get()) == (503, "store.low_space")
    plan.want_frames(Series.objects.get(), [1])
    free((64 << 10) - 1)
    run(FRAMES)
    assert not SeriesVersion.objects.exists()
    free(64 << 10)
    run(FRAMES)
    assert SeriesVersion.objects.exists()
    made = Frame.objects.exclude(segment=None).count()
    assert (made, series_job().wanted_frames) == (1, [])
    assert series_job().state == Job.State.WAITING, "the others wait"
    free(256 << 10)
    run(FRAMES)
    assert (Frame.objects.count(), series_job().state) == (3, Job.State.DONE)


def told(client, series):
    url = reverse("series-metadata", kwargs={"series_id": series.public_id})
    token = Grant("p", series.public_id, "c", "display").token()
    answer = client.get(url, headers={"X-View-Grant": token})
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def small(tmp_path):
    """A disk of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o size=8m none {folder} 2>/dev/null"):  # noqa: S605
        pytest.skip("decision 21: this machine lets nobody mount a small disk")
    yield folder
    os.system(f"umount {folder}")  # noqa: S605


@pytest.mark.django_db
@pytest.mark.skipif(os.geteuid() != 0, reason="decision 21: only root mounts a small disk")
def test_frames_on_a_really_small_disk_stop_before_an_outcome_cannot_be_saved(
    small, settings, monkeypatch
):
    settings.STORE_URL, settings.STORE_KEEP_FREE_MB = f"file://{small}/store", 8
    monkeypatch.setattr(batches, "BATCH_FRAMES", 2)
    series, noise = SeriesFactory(), np.random.default_rng(7)
    for number in range(1, 13):
        pixels = noise.integers(0, 1 << 15, (400, 400)).astype("<i2")
        add(series, number, files.made(pixels, InstanceNumber=number))
    job = Job.objects.create(
        kind=Job.Kind.FRAMES, series=series, due_at=timezone.now(), meeting_at=timezone.now()
    )
    run(FRAMES)
    job.refresh_from_db()
    made = Frame.objects.exclude(segment=None).count()
    assert (job.state, 0 < made < 12) == (Job.State.WAITING, True)
    assert store.get().free_bytes() > 1 << 20
    (small / "outcomes").write_bytes(os.urandom(1 << 20))


@pytest.mark.skipif(os.geteuid() != 0, reason="decision 21: only root mounts a small disk")
def test_a_disk_that_is_really_full_leaves_nothing_half_and_serves_what_is_there(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if os.system(f"mount -t tmpfs -o size=1m none {small} 2>/dev/null"):  # noqa: S605
        pytest.skip("decision 21: this machine lets nobody mount a small disk")
    try:
        kept = LocalStore(small)
        key = kept.put(BytesIO(b"frames")).key
        with pytest.raises(LowSpaceError):
            kept.put(BytesIO(os.urandom(2 << 20)))
        assert list(kept.list()) == [key]
        assert list((small / "incoming").iterdir()) == []
        assert kept.read_range(key) == b"frames"
        assert kept.free_bytes() < 1 << 20
    finally:
        os.system(f"umount {small}")  # noqa: S605
