"""A FRAMES job from its claim to its end: order, versions, damage, death and new instances."""

import zlib
from datetime import timedelta
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from django.utils import timezone
from pydicom.encaps import encapsulate

from imaging import queue, store
from imaging.frames import batches, make, metadata, of_instance
from imaging.frames.process import OpenInstance
from imaging.frames.refused import Refused
from imaging.models import Frame, Instance, Job, Segment, SeriesVersion, Study
from tests.factories import InstanceFactory, SeriesFactory
from tests.imaging import files

pytestmark = pytest.mark.django_db
HEARD = []


def hear(study):
    HEARD.append(study.pk)


@pytest.fixture(autouse=True)
def _doors(settings, monkeypatch, decoders):
    settings.IMAGING_ON_CHANGE = f"{__name__}.hear"
    HEARD.clear()
    monkeypatch.setattr(make, "reader", lambda: decoders)


@pytest.fixture
def series():
    return SeriesFactory()


def add(series, number, data=None, **attributes):
    """Store slice `number` of a CT: a millimetre each, all its values the number."""
    pixels = np.full((6, 8), number, "<i2")
    position = {"ImagePositionPatient": [0, 0, number], "InstanceNumber": number}
    data = data or files.made(pixels, **position | attributes)
    kept = store.get().put(BytesIO(data))
    return InstanceFactory(
        series=series,
        instance_number=number,
        store_key=kept.key,
        size=kept.size,
        frame_count=attributes.get("NumberOfFrames", 1),
    )


def claim(series, **changes):
    now = timezone.now()
    job = Job.objects.filter(series=series).first() or Job.objects.create(
        kind=Job.Kind.FRAMES, series=series, due_at=now, meeting_at=now
    )
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.WAITING, due_at=now, claim=None, lease_until=None, **changes
    )
    return queue.claim_next([Job.Kind.FRAMES], timezone.now())


def document(series, number=None):
    versions = SeriesVersion.objects.filter(series=series).order_by("number")
    version = versions.get(number=number) if number else versions.last()
    return metadata.unpacked(store.get().read_range(version.store_key))


def samples(series, frame):
    """What a browser makes of one frame of the document, its checksum compared."""
    segment = Segment.objects.get(series=series, number=frame["segment"])
    data = store.get().read_range(segment.store_key, frame["offset"], frame["length"])
    decoded = imagecodecs.htj2k_decode(data)
    assert zlib.crc32(np.ascontiguousarray(decoded)) == frame["crc32"]
    return decoded


def values_of(series, number=None):
    """The value of each frame in order; None where it has no place."""
    frames = document(series, number)["frames"]
    return [f["segment"] and int(samples(series, f)[0, 0]) for f in frames]


def test_every_frame_of_a_series_is_made_and_the_job_is_done(series):
    for number in (3, 1, 2):
        add(series, number)
    make.carry_out(claim(series))
    assert values_of(series) == [1, 2, 3]
    series.refresh_from_db()
    assert series.version == document(series)["version"] == SeriesVersion.objects.count()
    assert document(series)["is_complete"] is True
    assert Job.objects.get().state == Job.State.DONE


def test_a_series_keeps_the_frame_of_reference_its_frames_share(series):
    add(series, 1, FrameOfReferenceUID="1.2.3")
    make.carry_out(claim(series))
    series.refresh_from_db()
    assert series.frame_of_reference_uid == "1.2.3"
    add(series, 2, FrameOfReferenceUID="1.2.4")
    make.carry_out(claim(series))
    series.refresh_from_db()
    assert series.frame_of_reference_uid == ""


def test_first_and_middle_are_seen_before_the_rest(series):
    for number in range(1, 8):
        add(series, number)
    make.carry_out(claim(series))
    assert values_of(series, 1) == [1, None, None, 4, None, None, None]
    assert document(series, 1)["is_complete"] is False
    assert values_of(series) == [1, 2, 3, 4, 5, 6, 7]


def test_what_somebody_waits_for_is_made_first_and_the_wish_is_forgotten(series):
    for number in range(1, 8):
        add(series, number)
    make.carry_out(claim(series, wanted_frames=[6, 5]))
    assert values_of(series, 1) == [None, None, None, None, 5, 6, None]
    assert Job.objects.get().wanted_frames == []


def test_a_wish_that_comes_while_frames_are_made_is_next(series, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_FRAMES", 2)
    for number in range(1, 10):
        add(series, number)
    job, keep = claim(series), make.Making._keep

    def keep_and_wish(self, several):
        keep(self, several)
        if Segment.objects.count() == 1:
            Job.objects.update(wanted_frames=[9])

    monkeypatch.setattr(make.Making, "_keep", keep_and_wish)
    make.carry_out(job)
    assert [v for v in values_of(series, 2) if v] == [1, 5, 9]
    assert Job.objects.get().state == Job.State.DONE


def test_a_wish_beyond_the_last_frame_does_no_harm(series):
    add(series, 1)
    make.carry_out(claim(series, wanted_frames=[99]))
    assert values_of(series) == [1]
    assert (Job.objects.get().state, Job.objects.get().wanted_frames) == (Job.State.DONE, [])


def test_each_new_version_is_told_upwards(series):
    for number in range(1, 5):
        add(series, number)
    make.carry_out(claim(series))
    assert [series.study_id] * SeriesVersion.objects.count() == HEARD
    assert HEARD


def test_a_second_job_makes_nothing_twice(series):
    add(series, 1)
    make.carry_out(claim(series))
    before = list(Frame.objects.values()), SeriesVersion.objects.count()
    make.carry_out(claim(series))
    assert (list(Frame.objects.values()), SeriesVersion.objects.count()) == before
    assert Job.objects.get().state == Job.State.DONE


def test_an_instance_that_comes_late_makes_a_new_version_and_the_old_one_stands(series):
    add(series, 1), add(series, 3)
    make.carry_out(claim(series))
    first, version = document(series), SeriesVersion.objects.count()
    add(series, 2)
    make.carry_out(claim(series))
    assert values_of(series) == [1, 2, 3]
    assert document(series, version) == first
    keys = [frame["key"] for frame in document(series)["frames"]]
    assert [keys[0], keys[2]] == [frame["key"] for frame in first["frames"]]


def test_while_a_study_arrives_not_every_image_makes_a_version(series):
    Study.objects.update(state=Study.State.PULLING)
    add(series, 1)
    make.carry_out(claim(series))
    for number in (2, 3):
        add(series, number)
        make.carry_out(claim(series))
    assert SeriesVersion.objects.count() == 1
    assert Frame.objects.count() == 3
    job = Job.objects.get()
    assert (job.state, job.due_at > timezone.now()) == (Job.State.WAITING, True)
    Study.objects.update(state=Study.State.COMPLETE)
    make.carry_out(claim(series))
    assert values_of(series) == [1, 2, 3]
    assert Job.objects.get().state == Job.State.DONE


def test_what_is_put_off_as_the_last_image_arrives_waits_for_nothing(series, monkeypatch):
    Study.objects.update(state=Study.State.PULLING)
    add(series, 1)
    make.carry_out(claim(series))
    add(series, 2)
    let_go = queue.let_go

    def as_the_pull_ends(job, state, **changes):
        Study.objects.update(state=Study.State.COMPLETE)
        return let_go(job, state, **changes)

    monkeypatch.setattr(queue, "let_go", as_the_pull_ends)
    make.carry_out(claim(series))
    job = Job.objects.get()
    assert (job.state, job.due_at <= timezone.now()) == (Job.State.WAITING, True)
    make.carry_out(claim(series))
    assert values_of(series) == [1, 2]


def test_an_instance_that_comes_while_frames_are_made_is_made_too(series, monkeypatch):
    add(series, 1)
    job, publish = claim(series), make.Making._publish

    def publish_and_receive(self, wanted):
        publish(self, wanted)
        if Instance.objects.count() == 1:
            add(series, 2)

    monkeypatch.setattr(make.Making, "_publish", publish_and_receive)
    make.carry_out(job)
    assert values_of(series) == [1, 2]
    assert Job.objects.get().state == Job.State.DONE


def test_an_instance_that_comes_after_the_last_look_is_not_forgotten(series, monkeypatch):
    add(series, 1)
    job, settle = claim(series), make.Making._settle

    def receive_and_settle(self):
        if Instance.objects.count() == 1:
            add(series, 2)
        return settle(self)

    monkeypatch.setattr(make.Making, "_settle", receive_and_settle)
    make.carry_out(job)
    assert values_of(series) == [1, 2]


def test_a_damaged_frame_has_a_code_and_the_others_a_picture(series):
    add(series, 1)
    add(series, 2, PixelData=bytes(10))
    add(series, 3)
    make.carry_out(claim(series))
    assert values_of(series) == [1, None, 3]
    damaged = document(series)["frames"][1]
    assert (damaged["code"], damaged["length"], damaged["ends"]) == ("frame.damaged", 0, [])
    assert document(series)["is_complete"] is True


def test_an_instance_that_cannot_be_opened_keeps_its_place_with_a_code(series):
    add(series, 1)
    add(series, 2, data=b"no DICOM")
    make.carry_out(claim(series))
    codes = [frame["code"] for frame in document(series)["frames"]]
    assert sorted(codes) == ["", "frame.damaged"]
    assert Job.objects.get().state == Job.State.DONE


def test_an_instance_whose_frames_take_too_long_is_given_up_soon(series, monkeypatch):
    pixels = np.stack([np.full((6, 8), value, "<i2") for value in range(9)])
    add(series, 1, NumberOfFrames=9, Rows=6, Columns=8, PixelData=pixels.tobytes())
    asked = []

    def never(self, number):
        asked.append(number)
        raise Refused("frame.timeout", "Reading it took too long.")

    monkeypatch.setattr(OpenInstance, "frame", never)
    monkeypatch.setattr(batches, "BATCH_FRAMES", 3)
    make.carry_out(claim(series))
    assert len(asked) == of_instance.MOST_SLOW
    assert {frame["code"] for frame in document(series)["frames"]} == {"frame.timeout"}
    assert document(series)["is_complete"]


def test_a_kind_nobody_can_show_has_named_frames_and_is_never_opened(series, decoders, monkeypatch):
    unknown = files.made(
        syntax="1.2.840.10008.1.2.4.110", NumberOfFrames=70, PixelData=encapsulate([b"stream"])
    )
    add(series, 1, data=unknown)
    Instance.objects.update(frame_count=70)
    monkeypatch.setattr(decoders, "opened", None)
    make.carry_out(claim(series))
    assert {frame["code"] for frame in document(series)["frames"]} == {"frame.unsupported"}
    assert Job.objects.get().state == Job.State.DONE


def test_a_multi_frame_object_has_a_frame_for_each(series):
    pixels = np.stack([np.full((6, 8), value, "<i2") for value in (5, 6, 7)])
    changes = {"NumberOfFrames": 3, "Rows": 6, "Columns": 8, "PixelData": pixels.tobytes()}
    add(series, 1, **changes, ImagePositionPatient=None)
    make.carry_out(claim(series))
    assert values_of(series) == [5, 6, 7]
    assert [frame["label"] for frame in document(series)["frames"]] == ["1:1", "1:2", "1:3"]


def test_a_series_without_pixels_is_done_and_has_no_version(series):
    InstanceFactory(series=series, frame_count=0)
    make.carry_out(claim(series))
    assert not SeriesVersion.objects.exists()
    assert Job.objects.get().state == Job.State.DONE


@pytest.mark.parametrize("fatal", ["_keep", "_publish"])
@pytest.mark.parametrize("after", [False, True])
def test_who_is_killed_anywhere_loses_nothing_and_the_next_finishes(
    series, monkeypatch, fatal, after
):
    """A worker that dies runs no handler: its lease runs out and another takes the job."""
    for number in range(1, 6):
        add(series, number)
    job, act = claim(series), getattr(make.Making, fatal)

    class Killed(BaseException):
        pass

    def die(self, *arguments):
        if after:
            act(self, *arguments)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(make.Making, fatal, die)
        with pytest.raises(Killed):
            make.carry_out(job)
    kept = list(Frame.objects.values())
    assert queue.requeue_expired(timezone.now() + timedelta(hours=1)) == 1
    make.carry_out(queue.claim_next([Job.Kind.FRAMES], timezone.now()))
    assert values_of(series) == [1, 2, 3, 4, 5]
    assert list(Frame.objects.values()[: len(kept)]) == kept
    assert Job.objects.get().state == Job.State.DONE


def test_who_lost_the_lease_writes_nothing_more(series):
    add(series, 1)
    job = claim(series)
    newer = claim(series)
    make.carry_out(job)
    assert not Frame.objects.exists()
    assert Job.objects.get().claim == newer.claim


def test_what_fails_again_and_again_is_put_back_until_it_has_been_tried_enough(
    series, monkeypatch, caplog
):
    def fails(self, wanted):
        raise RuntimeError("a mistake of ours")

    add(series, 1)
    monkeypatch.setattr(make.Making, "_publish", fails)
    make.carry_out(claim(series))
    job = Job.objects.get()
    assert job.state == Job.State.WAITING
    assert job.due_at > timezone.now()
    make.carry_out(claim(series, attempts=make.MOST_ATTEMPTS))
    assert Job.objects.get().state == Job.State.FAILED
    assert "RuntimeError" in caplog.text


def test_segments_are_bounded_and_numbered_from_one(series, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_PIXELS", 6 * 8 * 2)
    for number in range(1, 10):
        add(series, number)
    make.carry_out(claim(series))
    numbers = list(Segment.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert max(segment.frames.count() for segment in Segment.objects.all()) <= 3
    assert values_of(series) == list(range(1, 10))
