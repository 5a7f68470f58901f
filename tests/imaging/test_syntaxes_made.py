"""Every transfer syntax with every kind of pixel it may hold, made here, against another decoder.

The other decoder is pydicom with GDCM, pylibjpeg or its own code: none of them is in the product.
"""

import warnings
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from tests.imaging import files
from tests.imaging.test_syntaxes import decoded

UIDS = "1.2.840.10008.1.2"
ROWS, COLUMNS = 21, 34


def first(decoders, data):
    with decoders.opened(data) as instance:
        return decoded(instance.frame(1))


def picture(bits, *, is_signed=False, colours=1):
    """Slopes with some noise, using all of `bits`."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    planes = [(y * 7 + x * (5 + 3 * n)) % (1 << min(bits, 8)) for n in range(colours)]
    noise = np.random.default_rng(bits).integers(0, 1 << max(bits - 8, 0), (ROWS, COLUMNS, colours))
    grey = (np.stack(planes, axis=-1) << max(bits - 8, 0)) + noise
    grey = grey - (1 << (bits - 1)) if is_signed else grey
    kind = ("<i" if is_signed else "<u") + ("1" if bits <= 8 else "2")
    return np.ascontiguousarray(grey[..., 0] if colours == 1 else grey).astype(kind)


def file_of(pixels, bits, syntax, encoded, **attributes):
    fragments = {"PixelData": encapsulate([encoded])} if encoded is not None else {}
    stored = {"BitsStored": bits, "HighBit": bits - 1, "SamplesPerPixel": pixels.ndim - 1 or 1}
    if pixels.ndim == 3:
        stored["SamplesPerPixel"] = 3
    return files.made(pixels, syntax=syntax, **stored | fragments | attributes)


def unsigned(pixels):
    return pixels.view(pixels.dtype.str.replace("i", "u"))


def lossless_jpeg(pixels, bits):
    return imagecodecs.jpeg8_encode(
        unsigned(pixels), lossless=True, predictor=1, bitspersample=bits
    )


def deflated(pixels, bits):
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(pixels.tobytes()) + packer.flush()


def run_length(pixels, bits):
    """pydicom's own encoder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(file_of(pixels, bits, f"{UIDS}.1", None)))
        dataset.compress(RLELossless, generate_instance_uid=False)
    return next(generate_frames(dataset.PixelData, number_of_frames=1))


def jpeg_2000(pixels, bits, **options):
    return imagecodecs.jpeg2k_encode(
        pixels, codecformat="j2k", bitspersample=bits, mct=False, **options
    )


def htj2k(pixels, bits):
    """Without a transform of colours, as Photometric Interpretation RGB says."""
    return imagecodecs.htj2k_encode(pixels, reversible=True, rgb=False, planar=False)


LOSSLESS = {
    ".4.57": lossless_jpeg,
    ".4.70": lossless_jpeg,
    ".4.80": lambda pixels, bits: imagecodecs.jpegls_encode(unsigned(pixels)),
    ".4.90": lambda pixels, bits: jpeg_2000(pixels, bits, reversible=True),
    ".4.201": htj2k,
    ".4.202": htj2k,
    ".4.203": htj2k,
    ".5": run_length,
    ".1.98": lambda pixels, bits: pixels.tobytes(),
    ".8.1": deflated,
}
KINDS = {
    "8": picture(8),
    "10": picture(10),
    "12": picture(12),
    "16": picture(16),
    "12-signed": picture(12, is_signed=True),
    "16-signed": picture(16, is_signed=True),
    "rgb": picture(8, colours=3),
}
OTHERS = {".1.98", ".8.1"}
"""Too new, or too rare, for any other decoder here: what was put in is what must come out."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_what_was_encoded_without_loss_comes_back(decoders, syntax, kind):
    pixels, bits = KINDS[kind], int(kind.split("-")[0]) if kind != "rgb" else 8
    data = file_of(pixels, bits, UIDS + syntax, LOSSLESS[syntax](pixels, bits))
    ours = first(decoders, data)
    assert np.array_equal(ours, pixels)
    if syntax not in OTHERS:
        assert np.array_equal(ours, by_another(data))


def by_another(data):
    """The first frame by a decoder that is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(data))
        decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
        pixels, _ = decoder.as_array(dataset, index=0, as_rgb=True)
    return pixels


LOSSY = {
    ".4.50": (8, lambda pixels: imagecodecs.jpeg8_encode(pixels, level=90)),
    ".4.51": (12, lambda pixels: imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=12)),
    ".4.81": (12, lambda pixels: imagecodecs.jpegls_encode(pixels, level=3)),
    ".4.91": (12, lambda pixels: jpeg_2000(pixels, 12, level=45, reversible=False)),
    ".4.203": (
        12,
        lambda pixels: imagecodecs.htj2k_encode(pixels, level=0.001, reversible=False),
    ),
}


ROUNDED = {".4.51": 2}
"""Cosines of 12 bits: two decoders may round each of them the other way."""


@pytest.mark.parametrize("syntax", LOSSY)
def test_what_was_encoded_with_loss_is_what_another_decoder_sees_and_is_said_to_be_lossy(
    decoders, syntax
):
    bits, encode = LOSSY[syntax]
    pixels = picture(bits)
    data = file_of(pixels, bits, UIDS + syntax, encode(pixels), LossyImageCompressionRatio=7)
    with decoders.opened(data) as instance:
        ours = decoded(instance.frame(1)).astype(int)
        lossy = instance.description["images"][0]["lossy"]
    assert np.abs(ours - by_another(data).astype(int)).max() <= ROUNDED.get(syntax, 1)
    assert not np.array_equal(ours, pixels)
    assert lossy["ratio"] == 7
    assert lossy["method"].startswith("ISO_1")


def test_twelve_bits_in_a_stream_of_sixteen_are_twelve(decoders):
    """GDCM and others keep a 12-bit image in a 16-bit codestream."""
    pixels = picture(12)
    data = file_of(pixels, 12, f"{UIDS}.4.90", jpeg_2000(pixels, 16, reversible=True))
    assert np.array_equal(first(decoders, data), pixels)


@pytest.mark.parametrize("is_signed_stream", [True, False])
def test_the_header_says_the_sign_whatever_the_stream_says(decoders, is_signed_stream):
    pixels = picture(16, is_signed=True)
    stream = pixels if is_signed_stream else unsigned(pixels)
    data = file_of(pixels, 16, f"{UIDS}.4.90", jpeg_2000(stream, 16, reversible=True))
    assert np.array_equal(first(decoders, data), pixels)


# Colour


def rgb_near(ours, rgb, off):
    return np.abs(ours.astype(int) - rgb.astype(int)).max() <= off


def ybr(pixels):
    from_rgb = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    return np.clip(np.rint(pixels @ np.array(from_rgb).T + [0, 128, 128]), 0, 255).astype("u1")


def test_ybr_full_is_turned_into_rgb(decoders):
    rgb = picture(8, colours=3)
    data = file_of(ybr(rgb), 8, f"{UIDS}.1", None, PhotometricInterpretation="YBR_FULL")
    ours = first(decoders, data)
    assert np.array_equal(ours, by_another(data))
    assert rgb_near(ours, rgb, off=2)


def test_ybr_422_uncompressed_shares_its_chroma(decoders):
    full = np.repeat(ybr(picture(8, colours=3))[:, ::2], 2, axis=1)
    full[..., 0] = picture(8)
    pairs = np.concatenate([full[:, 0::2, :1], full[:, 1::2, :1], full[:, 0::2, 1:]], axis=-1)
    data = file_of(
        full,
        8,
        f"{UIDS}.1",
        None,
        PhotometricInterpretation="YBR_FULL_422",
        PixelData=pairs.tobytes(),
    )
    assert np.array_equal(first(decoders, data), by_another(data))


@pytest.mark.parametrize("syntax", ["", ".1", ".1.99", ".2"])
def test_colour_by_plane_is_colour_by_pixel(decoders, syntax):
    rgb = picture(8, colours=3)
    by_plane = np.moveaxis(rgb, -1, 0).tobytes()
    data = file_of(rgb, 8, UIDS + syntax, None, PlanarConfiguration=1, PixelData=by_plane)
    assert np.array_equal(first(decoders, data), rgb)


@pytest.mark.parametrize("photometric", ["YBR_RCT", "RGB"])
def test_the_reversible_transform_of_jpeg_2000_is_undone(decoders, photometric):
    rgb = picture(8, colours=3)
    stream = imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", mct=True, reversible=True)
    data = file_of(rgb, 8, f"{UIDS}.4.90", stream, PhotometricInterpretation=photometric)
    assert np.array_equal(first(decoders, data), rgb)


def test_the_irreversible_transform_of_jpeg_2000_is_undone(decoders):
    rgb = picture(8, colours=3)
    stream = imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", mct=True, level=60, reversible=False)
    data = file_of(rgb, 8, f"{UIDS}.4.91", stream, PhotometricInterpretation="YBR_ICT")
    assert rgb_near(first(decoders, data), by_another(data), off=1)


@pytest.mark.parametrize("photometric", ["YBR_RCT", "RGB"])
def test_the_transform_of_htj2k_is_undone(decoders, photometric):
    rgb = picture(8, colours=3)
    stream = imagecodecs.htj2k_encode(rgb, reversible=True, rgb=True, planar=False)
    data = file_of(rgb, 8, f"{UIDS}.4.201", stream, PhotometricInterpretation=photometric)
    assert np.array_equal(first(decoders, data), rgb)


@pytest.mark.parametrize(
    ("space", "photometric"),
    [("YCBCR", "YBR_FULL_422"), ("YCBCR", "RGB"), ("RGB", "RGB"), ("RGB", "YBR_FULL")],
)
def test_a_jpeg_is_of_the_colours_its_stream_says(decoders, space, photometric):
    """The header is right in two of the four: the stream's own marker counts."""
    rgb = np.zeros((16, 16, 3), "u1")
    rgb[...] = (200, 90, 30)
    stream = imagecodecs.jpeg8_encode(rgb, level=98, colorspace="RGB", outcolorspace=space)
    data = file_of(rgb, 8, f"{UIDS}.4.50", stream, PhotometricInterpretation=photometric)
    assert rgb_near(first(decoders, data), rgb, off=3)


def test_rle_of_ybr_is_turned_into_rgb(decoders):
    rgb = picture(8, colours=3)
    stream = run_length(ybr(rgb), 8)
    data = file_of(rgb, 8, f"{UIDS}.5", stream, PhotometricInterpretation="YBR_FULL")
    assert rgb_near(first(decoders, data), rgb, off=2)


@pytest.mark.parametrize(
    ("syntax", "stated"),
    [("", 16), (".1", 16), (".2", 16), (".5", 16), (".4.80", 16), (".1", 8), (".2", 8)],
)
def test_a_palette_of_sixteen_bits_is_coloured(decoders, syntax, stated):
    """Also one that is stated to have eight, when its words hold more."""
    index = picture(8)
    ramps = {
        "Red": np.arange(256) << 8,
        "Green": (255 - np.arange(256)) << 8,
        "Blue": np.full(256, 77 << 8),
    }
    tables = {}
    order = ">u2" if syntax == ".2" else "<u2"
    for name, ramp in ramps.items():
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, stated]
        tables[f"{name}PaletteColorLookupTableData"] = ramp.astype(order).tobytes()
    encoded = LOSSLESS[syntax](index, 8) if syntax in LOSSLESS else None
    data = file_of(
        index, 8, UIDS + syntax, encoded, PhotometricInterpretation="PALETTE COLOR", **tables
    )
    wanted = np.stack([index, 255 - index, np.full_like(index, 77)], axis=-1)
    assert np.array_equal(first(decoders, data), wanted)


@pytest.mark.parametrize("syntax", ["", ".1", ".2"])
def test_a_palette_of_bytes_written_as_words_has_the_colours_of_one_written_as_bytes(
    decoders, syntax
):
    """PS3.3 C.7.6.3.1.5: some writers keep entries of 8 bits in words."""

    def coloured(entry):
        ramps = {"Red": np.arange(256), "Green": 255 - np.arange(256), "Blue": np.full(256, 77)}
        tables = {}
        for name, ramp in ramps.items():
            tables[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
            tables[f"{name}PaletteColorLookupTableData"] = ramp.astype(entry).tobytes()
        kind = {"PhotometricInterpretation": "PALETTE COLOR", **tables}
        return first(decoders, file_of(picture(8), 8, UIDS + syntax, None, **kind))

    index = picture(8)
    wanted = np.stack([index, 255 - index, np.full_like(index, 77)], axis=-1)
    assert np.array_equal(coloured(">u2" if syntax == ".2" else "<u2"), wanted)
    if syntax != ".2":
        assert np.array_equal(coloured("u1"), wanted)


# What states a window, and what has none


@pytest.mark.parametrize("limit", [None, -1990])
@pytest.mark.parametrize("vr", [b"SS", b"US"])
def test_padding_takes_no_part_in_the_window_of_what_was_seen(decoders, limit, vr):
    """Many a writer states a negative padding value as unsigned."""
    pixels = np.full((64, 64), -2000, "<i2")
    pixels[16:48, 16:48] = 40
    if limit:
        pixels[:8] = limit
    data = files.made(pixels, PixelPaddingValue=-2000, PixelPaddingRangeLimit=limit)
    for element in (b"\x28\0\x20\1", b"\x28\0\x21\1"):
        data = data.replace(element + b"SS", element + vr)
    with decoders.opened(data) as instance:
        assert instance.frame(1).spread == [-2000, 40, 40, 40]
    with decoders.opened(files.made(pixels)) as instance:
        assert instance.frame(1).spread[1] == -2000


def test_monochrome1_keeps_its_values_and_says_so(decoders):
    pixels = picture(12)
    data = file_of(pixels, 12, f"{UIDS}.1", None, PhotometricInterpretation="MONOCHROME1")
    with decoders.opened(data) as instance:
        assert np.array_equal(decoded(instance.frame(1)), pixels)
        assert instance.description["images"][0]["photometric"] == "MONOCHROME1"
