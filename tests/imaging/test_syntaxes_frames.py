"""Where the frames of an object begin, and objects that have none to show."""

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended

from imaging.frames.refused import Refused
from tests.imaging import files
from tests.imaging.test_syntaxes import decoded
from tests.imaging.test_syntaxes_made import COLUMNS, LOSSLESS, UIDS, file_of, first, picture

SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


# Where frames begin


def cine(count=3):
    return [picture(8) // (n + 1) for n in range(count)]


def several(frames, pixel_data, **attributes):
    shape = {"NumberOfFrames": len(frames), "PixelData": pixel_data}
    return file_of(frames[0], 8, f"{UIDS}.4.80", None, **shape | attributes)


@pytest.mark.parametrize(
    ("table", "each"),
    [("basic", 1), ("basic", 2), ("basic", 3), ("none", 1), ("none", 2), ("extended", 1)],
)
def test_every_frame_is_found_by_either_table_or_without(decoders, table, each):
    frames = cine()
    streams = [imagecodecs.jpegls_encode(frame) for frame in frames]
    more = {}
    if table == "extended":  # each frame has one fragment then (PS3.5 A.4)
        pixels, offsets, lengths = encapsulate_extended(streams)
        more = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
    else:
        pixels = encapsulate(streams, fragments_per_frame=each, has_bot=table == "basic")
    data = several(frames, pixels, **more)
    with decoders.opened(data) as instance:
        for number, frame in enumerate(frames, 1):
            assert np.array_equal(decoded(instance.frame(number)), frame)


def test_a_table_that_lies_ends_in_a_named_refusal_or_the_right_frame(decoders):
    frames = cine()
    streams = [imagecodecs.jpegls_encode(frame) for frame in frames]
    pixels = bytearray(encapsulate(streams, fragments_per_frame=2))
    pixels[8:20] = b"\xff\xff\xff\xff" + b"\0" * 4 + b"\x10\0\0\0"
    codes = []
    with decoders.opened(several(frames, bytes(pixels))) as instance:
        for number in (1, 3):
            try:
                instance.frame(number)
            except Refused as refused:
                codes.append(refused.code)
    assert set(codes) <= {"frame.damaged", "frame.timeout"}


@pytest.mark.parametrize("syntax", [".1", ".8.1", ".1.98"])
def test_single_bits_of_several_frames_that_end_within_a_byte(decoders, syntax):
    """Uncompressed frames follow bit by bit; encapsulated ones begin a byte each."""
    masks = np.random.default_rng(3).integers(0, 2, (3, 5, 7)).astype("u1")
    if syntax == ".1":
        pixels = np.packbits(masks.ravel(), bitorder="little").tobytes()
    else:
        each = [np.packbits(mask.ravel(), bitorder="little") for mask in masks]
        pixels = encapsulate([LOSSLESS[syntax](one, 1) for one in each])
    shape = {"NumberOfFrames": 3, "PixelData": pixels, "PixelRepresentation": 0}
    bits = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
    data = files.made(masks[0], syntax=UIDS + syntax, **shape | bits)
    with decoders.opened(data) as instance:
        for number, mask in enumerate(masks, 1):
            assert np.array_equal(decoded(instance.frame(number)), mask)


# What has no picture here, and says why

NOBODYS = [".4.92", ".4.93", ".4.110", ".4.112", ".7.1", ".6.1", ".9.9"]


@pytest.mark.parametrize("syntax", NOBODYS)
def test_a_syntax_nobody_reads_has_a_header_and_a_named_state(decoders, syntax):
    data = several(cine(), encapsulate([b"\0\0\0\1 a stream"]), NumberOfFrames=300)
    begins = 144 + int.from_bytes(data[140:144], "little")
    data = files.with_meta(data[begins:], f"{UIDS}{syntax}")
    assert decoders.read_header(data).number_of_frames == 300
    with decoders.opened(data) as instance:
        assert instance.description["code"] == "frame.unsupported"
        for number in (1, 300):
            with pytest.raises(Refused, match="unsupported"):
                instance.frame(number)


def test_the_tiles_of_a_slide_are_no_stack_of_pictures(decoders):
    rgb = picture(8, colours=3)
    tiles = {"SOPClassUID": SLIDE, "TotalPixelMatrixColumns": COLUMNS * 10, "NumberOfFrames": 2}
    tiles["PixelData"] = rgb.tobytes() * 2
    with decoders.opened(files.made(rgb, **tiles)) as instance:
        assert instance.description["code"] == "frame.unsupported"
    label = tiles | {"TotalPixelMatrixColumns": COLUMNS, "NumberOfFrames": 1}
    assert np.array_equal(first(decoders, files.made(rgb, **label)), rgb)
