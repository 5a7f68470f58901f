"""One frame's samples as the instance holds them, compressed or not."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imaging.frames.codecs import DECODERS, Samples
from imaging.frames.fragments import frames_of
from imaging.frames.part10 import Part10
from imaging.frames.received import is_tiled, media_type
from imaging.frames.refused import Refused
from imaging.frames.shape import Shape, check

ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


@dataclass(frozen=True)
class Stored:
    """Samples (rows, columns) or (rows, columns, 3) and what their colours are."""

    samples: Samples
    photometric: str


class StoredPixels:
    """The pixels of one instance. Raises Refused, frame.*, where they are not what is stated."""

    def __init__(self, part10: Part10, shape: Shape, count: int) -> None:
        check_readable(part10, shape)
        self._part10, self._shape = part10, shape
        self._pixels = _in_order(part10, shape)
        self._frames = (
            frames_of(part10.pixels, part10.dataset, count) if part10.is_encapsulated else None
        )

    def frame(self, index: int) -> Stored:
        """Frame `index`, from 0."""
        if self._frames is None:
            start, skip = divmod(index * self._shape.frame_bits, 8)
            return self._native(self._pixels[start:], skip)
        if index >= len(self._frames):
            raise Refused("frame.damaged", "The pixel data ends before this frame.")
        data = b"".join(self._frames[index])
        if unpack := UNPACKERS.get(self._part10.transfer_syntax):
            return self._native(memoryview(unpack(data, self._shape)))
        return self._decoded(data)

    def _decoded(self, data: bytes) -> Stored:
        shape = self._shape
        samples, photometric = DECODERS[self._part10.transfer_syntax](data, shape)
        colours = (3,) if shape.samples == 3 else ()
        if samples.shape != (shape.rows, shape.columns, *colours):
            raise Refused("frame.damaged", "The image is of another size than its header says.")
        return Stored(samples, photometric)

    def _native(self, data: memoryview, skip: int = 0) -> Stored:
        """Uncompressed samples at the start of `data`, after so many bits."""
        shape = self._shape
        size = -(-(skip + shape.frame_bits) // 8)
        if len(data) < size:
            raise Refused("frame.damaged", "The pixel data ends before this frame.")
        if shape.bits_allocated == 1:
            return Stored(self._single_bits(data[:size], skip), shape.photometric)
        order = "<" if self._part10.is_little_endian else ">"
        flat = np.frombuffer(data[:size], f"{order}u{shape.bits_allocated // 8}")
        return Stored(self._arranged(flat), shape.photometric)

    def _single_bits(self, data: memoryview, skip: int) -> Samples:
        """One bit a pixel, least significant first (PS3.5 8.1.1), not padded between frames."""
        shape = self._shape
        flat = np.unpackbits(np.frombuffer(data, "u1"), bitorder="little")
        return flat[skip : skip + shape.rows * shape.columns].reshape(shape.rows, shape.columns)

    def _arranged(self, flat: Samples) -> Samples:
        shape = self._shape
        if shape.samples == 1:
            return flat.reshape(shape.rows, shape.columns)
        if shape.is_halved:
            return _with_shared_chroma(flat).reshape(shape.rows, shape.columns, 3)
        if shape.is_planar:
            return np.moveaxis(flat.reshape(3, shape.rows, shape.columns), 0, -1)
        return flat.reshape(shape.rows, shape.columns, 3)


def check_readable(part10: Part10, shape: Shape) -> None:
    """Raises Refused, frame.*, where no frame of an instance can be read, whatever its bytes."""
    syntax = part10.transfer_syntax
    if media_type(part10):
        return
    if part10.pixels_are != "PixelData":
        raise Refused("frame.unsupported", "Pixels in floating point cannot be shown.")
    check(shape)
    known = {*DECODERS, *UNPACKERS}
    if syntax.is_private or (part10.is_encapsulated and syntax not in known):
        raise Refused("frame.unsupported", f"Pixels encoded as {syntax.name} cannot be read.")
    if is_tiled(part10):
        raise Refused("frame.unsupported", "The tiles of a slide cannot be shown one by one.")


def _inflated(data: bytes, shape: Shape) -> bytes:
    """Deflated Image Frame Compression, PS3.5 A.4.13: each frame by itself, and no longer."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    return inflater.decompress(data, -(-shape.frame_bits // 8))


UNPACKERS: dict[str, Callable[[bytes, Shape], bytes]] = {
    ENCAPSULATED_UNCOMPRESSED: lambda data, _: data,
    DEFLATED_FRAMES: _inflated,
}
"""Encapsulated, and uncompressed once unpacked."""


def _in_order(part10: Part10, shape: Shape) -> memoryview:
    """Bytes kept as OW in a big-endian file are swapped in pairs, over all frames (PS3.5 8.1.2)."""
    pixels = part10.pixels
    if part10.is_little_endian or part10.pixels_vr != "OW" or shape.bits_allocated > 8:
        return pixels
    return memoryview(np.frombuffer(pixels[: len(pixels) // 2 * 2], "u2").byteswap().tobytes())


def _with_shared_chroma(flat: Samples) -> Samples:
    """Y1 Y2 Cb Cr for two pixels, to Y Cb Cr for each."""
    pairs = flat.reshape(-1, 4)
    return np.stack([pairs[:, [0, 2, 3]], pairs[:, [1, 2, 3]]], axis=1)
