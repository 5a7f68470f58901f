"""From stored samples to a canonical frame: mono16 or RGB8, as HTJ2K that can be cut (D7, D9)."""

import zlib
from dataclasses import dataclass
from struct import unpack_from
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from imaging.frames import values
from imaging.frames.lut import modality_lut
from imaging.frames.refused import Refused
from imaging.frames.shape import Shape
from imaging.frames.stored import Stored

START_OF_TILE_PART, START_OF_DATA_LENGTH = b"\xff\x90", 12
PALETTE = 0x0028
SPREAD_STEP = 4
"""Percentiles of every fourth pixel of every fourth row: enough for a window, 16 times faster."""


@dataclass(frozen=True)
class Canonical:
    """One encoded frame. `crc32` is of its decoded little-endian samples."""

    data: bytes
    ends: list[int]
    crc32: int
    spread: list[int]


def canonical_frame(dataset: Dataset, shape: Shape, stored: Stored) -> Canonical:
    """Encode a frame, decode it again and compare: what cannot be got back is not kept."""
    pixels = rgb8(dataset, shape, stored) if shape.is_colour else mono16(dataset, shape, stored)
    data = bytes(
        imagecodecs.htj2k_encode(
            pixels, reversible=True, rgb=shape.is_colour, planar=False, tilepart=1
        )
    )
    crc32 = _crc32(pixels)
    if _crc32(np.ascontiguousarray(imagecodecs.htj2k_decode(data))) != crc32:
        raise Refused("frame.unsupported", "The frame cannot be kept without loss.")
    spread = [] if shape.is_colour else _spread(pixels, _padding(dataset, shape))
    return Canonical(data=data, ends=tile_part_ends(data), crc32=crc32, spread=spread)


def mono16(dataset: Dataset, shape: Shape, stored: Stored) -> NDArray[np.int16 | np.uint16]:
    """Grey values as 16 bits: of the bits stored only, without overlays, signed where stated.

    A Modality LUT Sequence (PS3.3 C.11.1) is applied here; slope and intercept are
    the browser's.
    """
    raw = stored.samples.astype("<u2", casting="unsafe")
    raw = raw >> (shape.high_bit - shape.bits_stored + 1)
    raw &= (1 << shape.bits_stored) - 1
    unused = 16 - shape.bits_stored
    grey = (raw << unused).view("<i2") >> unused if shape.is_signed else raw
    lut = modality_lut(dataset, shape.is_signed)
    return np.ascontiguousarray(lut.apply(grey) if lut else grey)


def rgb8(dataset: Dataset, shape: Shape, stored: Stored) -> NDArray[np.uint8]:
    """Palette, YBR and deeper colour as RGB, 8 bits a sample, by pixel."""
    if shape.photometric == "PALETTE COLOR":
        palette = _palette(dataset)
        coloured = apply_color_lut(stored.samples, palette)
        is_8_bits = coloured.dtype.itemsize == 1 or _holds_bytes_in_words(palette)
        return _to_8_bits(coloured, 8 if is_8_bits else 16)
    samples = _to_8_bits(stored.samples, shape.bits_stored)
    if stored.photometric != "RGB":
        samples = convert_color_space(samples, "YBR_FULL", "RGB")
    return np.ascontiguousarray(samples)


def _palette(dataset: Dataset) -> Dataset:
    """The same, its tables little-endian: pydicom takes words for that whatever the file is."""
    if dataset.original_encoding[1] is not False:
        return dataset
    turned = Dataset()
    for element in dataset:
        if element.tag.group == PALETTE:  # a copy: the next frame reads the table as it came
            turned.add_new(element.tag, element.VR, element.value)
    for colour in ("Red", "Green", "Blue"):
        keyword = f"{colour}PaletteColorLookupTableData"
        if isinstance(table := values.value(turned, keyword), bytes):
            words = np.frombuffer(table[: len(table) // 2 * 2], ">u2")
            setattr(turned, keyword, words.astype("<u2").tobytes())
    turned.set_original_encoding(False, False)
    return turned


def _holds_bytes_in_words(palette: Dataset) -> bool:
    """Whether entries of 8 bits are kept as words (PS3.3 C.7.6.3.1.5, note). Words that use their
    high bytes are of 16 bits whatever is stated.
    """
    if values.numbers(palette, "RedPaletteColorLookupTableDescriptor")[2:3] != [8.0]:
        return False
    keywords = (f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue"))
    tables = [values.value(palette, keyword) for keyword in keywords]
    return all(isinstance(table, bytes) and not any(table[1::2]) for table in tables)


def _to_8_bits(samples: NDArray[np.generic], bits: int) -> NDArray[np.uint8]:
    """The high eight bits of `bits`: a screen shows no more of a colour."""
    wide = samples.astype("<u2")
    shifted = wide >> (bits - 8) if bits > 8 else wide
    return np.ascontiguousarray(shifted.astype("u1"))


def tile_part_ends(data: bytes) -> list[int]:
    """Bytes from the start that hold each resolution, smallest first (ISO 15444-1 A.4.2)."""
    at = data.index(START_OF_TILE_PART)
    ends = []
    while data[at : at + 2] == START_OF_TILE_PART and at + START_OF_DATA_LENGTH <= len(data):
        at += int(unpack_from(">I", data, at + 6)[0])
        ends.append(at)
    return [*ends[:-1], len(data)]


def _crc32(pixels: NDArray[Any]) -> int:
    return zlib.crc32(pixels.data)


def _spread(grey: NDArray[Any], padding: tuple[float, float] | None) -> list[int]:
    """Least, 1st and 99th percentile, greatest; the percentiles without what is padding."""
    some = grey[::SPREAD_STEP, ::SPREAD_STEP]
    if padding:
        seen = some[(some < padding[0]) | (some > padding[1])]
        some = seen if seen.size else some
    low, high = np.percentile(some, (1, 99))
    return [int(grey.min()), int(low), int(high), int(grey.max())]


def _padding(dataset: Dataset, shape: Shape) -> tuple[float, float] | None:
    """The stored values that fill up the rectangle (PS3.3 C.7.5.1.1.2), least and greatest."""
    value = values.number(dataset, "PixelPaddingValue")
    if value is None or values.items(dataset, "ModalityLUTSequence"):
        return None
    limit = values.number(dataset, "PixelPaddingRangeLimit")
    ends = sorted(_signed(one, shape) for one in (value, value if limit is None else limit))
    return ends[0], ends[1]


def _signed(value: float, shape: Shape) -> float:
    """Many a writer states a negative padding value as unsigned."""
    return value - (1 << 16) if shape.is_signed and value >= 1 << 15 else value
