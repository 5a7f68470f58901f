"""Tiles of slides and videos: kept in the bytes that came, served by grant and range, said so."""

import imagecodecs
import numpy as np
import pytest
from django.urls import reverse
from pydicom.encaps import encapsulate, encapsulate_extended

from imaging import revocations
from imaging.frames import batches, make
from imaging.frames.metadata import unpacked
from imaging.frames.received import SLIDE
from imaging.frames.refused import Refused
from imaging.frames.syntaxes import VIDEO
from imaging.grants import Grant
from imaging.models import Frame, Job, Segment
from tests.imaging import files, test_frames_make
from tests.imaging.test_frames_make import add, claim, document
from tests.imaging.test_syntaxes_made import UIDS, htj2k, jpeg_2000, picture

pytestmark = pytest.mark.django_db
_doors, series = test_frames_make._doors, test_frames_make.series  # fixtures
TILES = {
    ".4.50": ("image/jpeg", lambda rgb: imagecodecs.jpeg8_encode(rgb, level=90)),
    ".4.90": ("image/j2c", lambda rgb: jpeg_2000(rgb, 8, reversible=True)),
    ".4.91": ("image/j2c", lambda rgb: jpeg_2000(rgb, 8, level=45, reversible=False)),
    ".4.201": ("image/jphc", lambda rgb: htj2k(rgb, 8)),
    ".4.203": ("image/jphc", lambda rgb: htj2k(rgb, 8)),
}
STREAM = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40 + b"\x07"


def tiles(syntax=".4.50", count=4):
    """Encoded tiles, each with the byte that makes its length even."""
    rgb = picture(8, colours=3)
    encoded = [bytes(TILES[syntax][1](rgb // (n + 1))) for n in range(count)]
    return [one + b"\0" * (len(one) % 2) for one in encoded]


def slide(fragments, syntax=".4.50", *, pixels=None, **more):
    rgb = picture(8, colours=3)
    attributes = {
        "SOPClassUID": SLIDE,
        "Modality": "SM",
        "TotalPixelMatrixColumns": rgb.shape[1] * 2,
        "TotalPixelMatrixRows": rgb.shape[0] * 2,
        "NumberOfFrames": len(fragments),
        "ImageOrientationPatient": None,
        "ImagePositionPatient": None,
        "PixelData": encapsulate(fragments) if pixels is None else pixels,
    }
    return files.made(rgb, syntax=UIDS + syntax, **attributes | more)


def video(stream=STREAM, syntax=f"{UIDS}.4.102", frames=300, **more):
    """As an endoscope's: 300 pictures in one stream."""
    pixels = np.zeros((4, 6, 3), "u1")
    attributes = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.1.1",
        "Modality": "ES",
        "PhotometricInterpretation": "YBR_PARTIAL_420",
        "NumberOfFrames": frames,
        "CineRate": 25,
        "PixelData": encapsulate([stream]),
    }
    data = files.made(pixels, syntax=f"{UIDS}.4.50", **attributes | more)
    begins = 144 + int.from_bytes(data[140:144], "little")
    return files.with_meta(data[begins:], syntax)


def frames_of(decoders, data, numbers):
    with decoders.opened(data) as instance:
        return [instance.frame(number).data for number in numbers]


# What comes out of the decoder process


@pytest.mark.parametrize("syntax", TILES)
@pytest.mark.parametrize(("table", "each"), [("basic", 1), ("basic", 3), ("none", 2)])
def test_every_tile_is_the_bytes_that_came(decoders, syntax, table, each):
    kept = tiles(syntax)
    pixels = encapsulate(kept, fragments_per_frame=each, has_bot=table == "basic")
    data = slide(kept, syntax, pixels=pixels)
    assert frames_of(decoders, data, range(1, 5)) == kept


def test_an_extended_table_finds_them_too(decoders):
    kept = tiles()
    pixels, offsets, lengths = encapsulate_extended(kept)
    more = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
    assert frames_of(decoders, slide(kept, pixels=pixels, **more), range(1, 5)) == kept


@pytest.mark.parametrize("syntax", VIDEO)
@pytest.mark.parametrize("fragments", [1, 3])
def test_a_video_is_one_item_whatever_number_of_pictures_it_shows(decoders, syntax, fragments):
    stream = STREAM + b"\0" * (len(STREAM) % 2)
    pixels = encapsulate([stream], fragments_per_frame=fragments)
    data = video(syntax=syntax, PixelData=pixels)
    assert decoders.read_header(data).number_of_frames == 1
    with decoders.opened(data) as instance:
        assert instance.frame(1).data == stream
        assert instance.description["code"] == ""
        (image,) = instance.description["images"]
        assert (image["encoding"], image["frame_rate"]) == ("as-received", 25)
        assert image["media_type"] == VIDEO[syntax]
        assert image["transfer_syntax_uid"] == syntax
        with pytest.raises(Refused, match="damaged"):
            instance.frame(2)


def test_a_video_longer_than_any_stack_is_no_more_than_one_item(decoders):
    assert decoders.read_header(video(frames=90_000)).number_of_frames == 1
    with pytest.raises(Refused, match="too_large"):
        decoders.read_header(slide(tiles(), NumberOfFrames=90_000))


@pytest.mark.parametrize("syntax", [".1", ".4.80", ".5"])
def test_tiles_nobody_can_draw_as_they_come_are_refused_as_before(decoders, syntax):
    rgb = picture(8, colours=3)
    pixels = rgb.tobytes() * 2 if syntax == ".1" else encapsulate([b"\xff\xd8"] * 2)
    data = slide([b""] * 2, syntax, pixels=pixels)
    with decoders.opened(data) as instance:
        assert instance.description["code"] == "frame.unsupported"
        with pytest.raises(Refused, match="unsupported"):
            instance.frame(1)


# Bytes that are missing


def cut(data, pixels, length):
    """The file, ended so many bytes after its pixel data begins."""
    return data[: data.index(pixels) + length]


@pytest.mark.parametrize("left", ["half", "all but its end", "all but a byte"])
def test_of_a_video_that_was_cut_off_nothing_is_kept(decoders, left):
    pixels = encapsulate([STREAM + b"\0"])
    ends = len(pixels) // 2, len(pixels), len(pixels) - 1
    length = dict(zip(("half", "all but its end", "all but a byte"), ends, strict=True))[left]
    with pytest.raises(Refused, match=r"frame\.damaged"):
        frames_of(decoders, cut(video(PixelData=pixels), pixels, length), [1])


@pytest.mark.parametrize("each", [1, 2])
def test_of_a_slide_that_was_cut_off_what_came_whole_is_kept_and_no_more(decoders, each):
    kept = tiles()
    pixels = encapsulate(kept, fragments_per_frame=each)
    two = encapsulate(kept[:2], fragments_per_frame=each)
    data = cut(slide(kept, pixels=pixels), pixels, len(two) + 8 + 40)  # two more in the table
    assert frames_of(decoders, data, [1, 2]) == kept[:2]
    for number in (3, 4):
        with pytest.raises(Refused, match=r"frame\.damaged"):
            frames_of(decoders, data, [number])


@pytest.mark.parametrize("bad", [b"\0\0", b"\xff\xd8 no end of image", b"no image \xff\xd9"])
def test_a_tile_that_is_no_whole_image_is_refused_and_its_neighbours_are_not(decoders, bad):
    kept = tiles()
    data = slide(kept, pixels=encapsulate([kept[0], bad + b"\0" * (len(bad) % 2), *kept[2:]]))
    assert frames_of(decoders, data, [1, 3]) == [kept[0], kept[2]]
    with pytest.raises(Refused, match=r"frame\.damaged"):
        frames_of(decoders, data, [2])


def test_a_table_that_lies_gives_no_tile_that_is_not_one(decoders):
    kept = tiles()
    pixels = bytearray(encapsulate(kept, fragments_per_frame=2))
    pixels[8:24] = b"\0" * 4 + b"\x10\0\0\0" + b"\xff" * 8
    given, refused = [], []
    for number in range(1, 5):
        try:
            given += frames_of(decoders, slide(kept, pixels=bytes(pixels)), [number])
        except Refused as why:
            refused.append(why.code)
    assert set(refused) == {"frame.damaged"}
    assert all(data.startswith(b"\xff\xd8") for data in given)


# The series


def get(client, name, series, **parts):
    token = Grant("p", series.public_id, "c", "display").token()
    headers = {"X-View-Grant": token} | parts.pop("headers", {})
    url = reverse(name, kwargs={"series_id": series.public_id, **parts})
    return client.get(url, headers=headers)


def test_a_slide_is_served_tile_by_tile_as_it_came(client, series):
    kept = tiles()
    add(series, 1, slide(kept), NumberOfFrames=4)
    make.carry_out(claim(series))
    told = unpacked(get(client, "series-metadata", series).content)
    (image,) = told["images"]
    assert (image["encoding"], image["media_type"]) == ("as-received", "image/jpeg")
    assert image["transfer_syntax_uid"] == f"{UIDS}.4.50"
    assert (told["is_complete"], len(told["frames"])) == (True, 4)
    for frame, tile in zip(told["frames"], kept, strict=True):
        assert (frame["crc32"], frame["code"]) == (None, "")
        assert frame["ends"] == [frame["length"]] == [len(tile)]
        first, last = frame["offset"], frame["offset"] + frame["length"] - 1
        headers = {"Range": f"bytes={first}-{last}"}
        answer = get(client, "series-segment", series, number=frame["segment"], headers=headers)
        assert (answer.status_code, answer.content) == (206, tile)
    refused = client.get(reverse("series-segment", args=[series.public_id, 1]))
    assert refused.status_code == 404


def test_a_grant_that_is_taken_back_takes_the_video_too(client, series, monkeypatch):
    add(series, 1, video())
    make.carry_out(claim(series))
    headers = {"Range": "bytes=4-11"}
    answer = get(client, "series-segment", series, number=1, headers=headers)
    assert (answer.status_code, answer.content) == (206, STREAM[4:12])
    token = {"X-View-Grant": Grant("p", series.public_id, "c", "display").token()}
    revocations.revoke(series=series.public_id)
    later = revocations.monotonic() + 2
    monkeypatch.setattr(revocations, "monotonic", lambda: later)
    url = reverse("series-segment", args=[series.public_id, 1])
    assert client.get(url, headers=token | headers).status_code == 404


def test_a_cut_video_leaves_a_named_state_and_the_job_is_done(series):
    pixels = encapsulate([STREAM + b"\0"])
    add(series, 1, cut(video(PixelData=pixels), pixels, 500))
    make.carry_out(claim(series))
    (frame,) = document(series)["frames"]
    assert (frame["segment"], frame["code"]) == (None, "frame.damaged")
    assert Job.objects.get().state == Job.State.DONE


def test_what_is_decoded_and_what_is_not_stand_in_one_series(series):
    add(series, 1)
    add(series, 2, slide(tiles()), NumberOfFrames=4)
    make.carry_out(claim(series))
    told = document(series)
    as_received = [told["images"][one["image"]].get("encoding") for one in told["frames"]]
    assert as_received == [None, *["as-received"] * 4]
    assert [one["crc32"] is None for one in told["frames"]] == [False, *[True] * 4]


def test_many_tiles_and_few_bytes_make_one_segment(series, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_RECEIVED_FRAMES", 64)
    monkeypatch.setattr(batches, "BATCH_FRAMES", 2)
    kept = tiles(count=20)
    add(series, 1, slide(kept), NumberOfFrames=20)
    make.carry_out(claim(series))
    assert Frame.objects.exclude(segment=None).count() == 20
    assert Segment.objects.count() == 2, "first and middle, then the rest"


def test_a_long_video_is_a_segment_of_its_own(series, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_RECEIVED_BYTES", 1000)
    for number in (1, 2, 3):
        add(series, number, video(InstanceNumber=number))
    make.carry_out(claim(series))
    assert sorted(Segment.objects.values_list("size", flat=True)) == [len(STREAM) + 1] * 3
