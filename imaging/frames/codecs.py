"""From one encoded frame to its samples, by transfer syntax. Runs in the decoder process only.

What comes out is never believed: stored.py holds its size against the header.
"""

from collections.abc import Callable
from struct import unpack_from

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imaging.frames.shape import Shape
from imaging.frames.syntaxes import UIDS

Samples = NDArray[np.generic]
Decode = Callable[[bytes, Shape], tuple[Samples, str]]
"""Samples (rows, columns) or (rows, columns, 3), and what their colours are."""

ADOBE, JFIF = b"Adobe", b"JFIF"
STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def _rle(data: bytes, shape: Shape) -> tuple[Samples, str]:
    """RLE Lossless, PS3.5 Annex G: one segment a byte of a sample, most significant first."""
    size = shape.rows * shape.columns
    depth = shape.bits_allocated // 8
    raw = imagecodecs.dicomrle_decode(data, f">u{depth}" if depth > 1 else "u1")
    planes = np.frombuffer(raw, f">u{depth}", count=size * shape.samples)
    by_plane = planes.reshape(shape.samples, shape.rows, shape.columns)
    return (by_plane[0] if shape.samples == 1 else np.moveaxis(by_plane, 0, -1)), shape.photometric


def _jpeg(data: bytes, shape: Shape) -> tuple[Samples, str]:
    """JPEG Baseline and Extended, 8 or 12 bits, turned into RGB where it is colour."""
    if shape.samples == 1:
        return imagecodecs.jpeg8_decode(data), shape.photometric
    space = "YCBCR" if _is_ybr(data, shape.photometric) else "RGB"
    return imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="RGB"), "RGB"


def _jpeg_lossless(data: bytes, shape: Shape) -> tuple[Samples, str]:
    return imagecodecs.jpegsof3_decode(data), shape.photometric


def _jpeg_ls(data: bytes, shape: Shape) -> tuple[Samples, str]:
    return imagecodecs.jpegls_decode(data), shape.photometric


def _jpeg_2000(data: bytes, shape: Shape) -> tuple[Samples, str]:
    """The codec undoes the colour transforms ICT and RCT by itself."""
    space = "RGB" if shape.photometric in ("YBR_ICT", "YBR_RCT") else shape.photometric
    return imagecodecs.jpeg2k_decode(data), space


def _htj2k(data: bytes, shape: Shape) -> tuple[Samples, str]:
    """The decoder gives colours by plane where the stream has no transform of them."""
    space = "RGB" if shape.photometric in ("YBR_ICT", "YBR_RCT") else shape.photometric
    samples = imagecodecs.htj2k_decode(data)
    is_by_plane = samples.shape == (3, shape.rows, shape.columns)
    return (np.moveaxis(samples, 0, -1) if is_by_plane else samples), space


DECODERS: dict[str, Decode] = {
    f"{UIDS}.5": _rle,
    f"{UIDS}.4.50": _jpeg,
    f"{UIDS}.4.51": _jpeg,
    f"{UIDS}.4.57": _jpeg_lossless,
    f"{UIDS}.4.70": _jpeg_lossless,
    f"{UIDS}.4.80": _jpeg_ls,
    f"{UIDS}.4.81": _jpeg_ls,
    f"{UIDS}.4.90": _jpeg_2000,
    f"{UIDS}.4.91": _jpeg_2000,
    f"{UIDS}.4.201": _htj2k,
    f"{UIDS}.4.202": _htj2k,
    f"{UIDS}.4.203": _htj2k,
}


def _is_ybr(data: bytes, photometric: str) -> bool:
    """What the JPEG stream says of its colours; where it is silent, what the header says.

    Adobe's marker states the transform, JFIF's implies one, components named R, G and B
    deny it. Many a header is wrong about it; the stream is what was encoded.
    """
    for marker, segment in _segments(data):
        if marker == 0xEE and segment.startswith(ADOBE) and len(segment) >= 12:
            return segment[11] != 0
        if marker == 0xE0 and segment.startswith(JFIF):
            return True
        if marker in (0xC0, 0xC1) and len(segment) >= 15:
            return "YBR" in photometric and bytes(segment[6:15:3]).upper() != b"RGB"
    return "YBR" in photometric


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    """The marker segments of a JPEG stream before its scan."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA or marker in STANDALONE:
            break
        found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found
