"""Every kind of pixel data pydicom has a file of, against pydicom's own decoders, bit by bit."""

import warnings
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from imaging.frames.refused import Refused
from tests.imaging import files

UNLIKE = {"JPGExtended.dcm": 1}
"""Lossy 12-bit JPEG: two decoders may round a cosine the other way."""
NOBODY_READS = {"JPEG2000-embedded-sequence-delimiter.dcm", "JPEG-lossy.dcm"}
#: pydicom takes a table of words for little-endian whatever the file is: the same image, stored so.
TWINS = {
    "OBXXXX1A_expb.dcm": "OBXXXX1A.dcm",
    "OBXXXX1A_expb_2frame.dcm": "OBXXXX1A_2frame.dcm",
}
MOST_FRAMES = 4


def with_pixels():
    """pydicom's files that have an image of 8 or 16 bits."""
    for path in files.every_part10():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(path, defer_size=1024)
        if "PixelData" in dataset and dataset.get("BitsAllocated") in (1, 8, 16):
            yield path


def expected(path):
    """What pydicom makes of the first frames of a file, in the terms of a canonical frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(path.with_name(TWINS.get(path.name, path.name)))
        count = int(dataset.get("NumberOfFrames") or 1)
        indices = range(min(count, MOST_FRAMES))
        pixels = np.stack([pixel_array(dataset, index=index) for index in indices])
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
            pixels = pixels >> 8 if pixels.dtype.itemsize == 2 else pixels
        elif dataset.SamplesPerPixel == 3:
            pixels = pixels >> max(dataset.BitsStored - 8, 0)
        elif "ModalityLUTSequence" in dataset:
            pixels = apply_modality_lut(pixels, dataset)
    return pixels


def decoded(frame):
    """The samples a browser gets, which must be those whose crc32 was stated."""
    samples = imagecodecs.htj2k_decode(frame.data)
    assert zlib.crc32(np.ascontiguousarray(samples)) == frame.crc32
    assert samples.dtype in (np.dtype("<i2"), np.dtype("<u2"), np.dtype("u1"))
    return samples


@pytest.mark.parametrize("path", list(with_pixels()), ids=lambda path: path.name)
def test_a_canonical_frame_is_what_pydicom_decodes(decoders, path):
    if path.name in NOBODY_READS:
        pytest.skip("decision 21: pydicom has no decoder that reads it")
    try:
        wanted = expected(path)
    except (AttributeError, ValueError):
        with pytest.raises(Refused), decoders.opened(path.read_bytes()) as instance:
            instance.frame(1)
        return
    with decoders.opened(path.read_bytes()) as instance:
        for number, frame in enumerate(wanted, 1):
            samples = decoded(instance.frame(number)).astype(int)
            difference = np.abs(samples - frame.astype(int)).max()
            assert difference <= UNLIKE.get(path.name, 0)


def test_the_examples_cover_the_syntaxes_archives_send():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = {
            dcmread(path, defer_size=1024).file_meta.TransferSyntaxUID for path in with_pixels()
        }
    ours = ("2", "2.1", "2.2", "2.1.99", "2.5")
    jpeg = ("50", "51", "57", "70", "80", "81", "90", "91")
    wanted = {f"1.2.840.10008.1.{end}" for end in ours} | {
        f"1.2.840.10008.1.2.4.{end}" for end in jpeg
    }
    assert wanted - seen <= {"1.2.840.10008.1.2.4.57"}


EXTREMES = np.array([[-32768, 32767, -1, 0], [1, -32767, 255, 256]] * 3, "<i2")


@pytest.mark.parametrize("pixels", [EXTREMES, EXTREMES.view("<u2")], ids=["signed", "unsigned"])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, files.DEFLATED])
def test_sixteen_bits_come_back_as_they_were(decoders, pixels, syntax):
    data = files.made(pixels, syntax=syntax)
    with decoders.opened(data) as instance:
        samples = decoded(instance.frame(1))
    assert samples.dtype == pixels.dtype
    assert np.array_equal(samples, pixels)


def test_bits_above_those_stored_are_overlays_and_fall_away(decoders):
    pixels = np.array([[0x0FFF, 0xF001], [0x8800, 0x1000]], "<u2")
    data = files.made(pixels, BitsStored=12, HighBit=11)
    with decoders.opened(data) as instance:
        assert decoded(instance.frame(1)).tolist() == [[0xFFF, 1], [0x800, 0]]


def test_twelve_signed_bits_keep_their_sign(decoders):
    pixels = np.array([[0x0FFF, 0x0800], [0x07FF, 0xF000]], "<u2")
    data = files.made(pixels, BitsStored=12, HighBit=11, PixelRepresentation=1)
    with decoders.opened(data) as instance:
        assert decoded(instance.frame(1)).tolist() == [[-1, -2048], [2047, 0]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (3, 5), (33, 31)])
def test_images_of_any_size_are_kept_whole(decoders, shape):
    pixels = np.arange(np.prod(shape), dtype="<u2").reshape(shape)
    with decoders.opened(files.made(pixels)) as instance:
        frame = instance.frame(1)
    assert np.array_equal(decoded(frame).reshape(shape), pixels)
    assert frame.ends == sorted(frame.ends)
    assert frame.ends[-1] == len(frame.data)


def test_every_beginning_that_is_stated_decodes_to_a_smaller_picture(decoders):
    rows, columns = np.mgrid[0:512, 0:512]
    noise = np.random.default_rng(7).normal(0, 20, rows.shape)
    pixels = (rows + columns + noise).astype("<i2")
    with decoders.opened(files.made(pixels)) as instance:
        frame = instance.frame(1)
    assert len(frame.ends) == 6
    assert frame.ends[3] < 0.3 * len(frame.data)
    for end in frame.ends:
        assert frame.data[end : end + 2] in (b"\xff\x90", b"")


def test_frames_in_several_fragments_without_a_table_are_found(decoders):
    """Three JPEG-LS frames, each cut in two, and no offset table (PS3.5 A.4)."""
    frames = [np.full((8, 8), value, "<u2") + np.arange(8, dtype="<u2") for value in (5, 6, 7)]
    encoded = [imagecodecs.jpegls_encode(frame) for frame in frames]
    pixels = encapsulate(encoded, fragments_per_frame=2, has_bot=False)
    data = files.made(frames[0], syntax=JPEGLSLossless, NumberOfFrames=3, PixelData=pixels)
    with decoders.opened(data) as instance:
        for number, frame in enumerate(frames, 1):
            assert np.array_equal(decoded(instance.frame(number)), frame)


def test_big_endian_words_are_turned(decoders):
    pixels = np.array([[1, 256], [0x0102, 0x7FFF]], ">i2")
    data = files.made(pixels.astype("<i2"), syntax=ExplicitVRBigEndian, PixelData=pixels.tobytes())
    with decoders.opened(data) as instance:
        assert decoded(instance.frame(1)).tolist() == pixels.tolist()


def test_rle_of_two_bytes_a_sample(decoders):
    pixels = np.arange(-32, 32, dtype="<i2").reshape(8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(files.made(pixels)))
        dataset.compress(RLELossless, generate_instance_uid=False)
        stream = BytesIO()
        dataset.save_as(stream)
    with decoders.opened(stream.getvalue()) as instance:
        assert np.array_equal(decoded(instance.frame(1)), pixels)
