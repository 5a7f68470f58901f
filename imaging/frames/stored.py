"""One frame's samples as the instance holds them, compressed or not."""

from dataclasses import dataclass

import numpy as np

from imaging.frames.codecs import DECODERS, Samples
from imaging.frames.fragments import frames_of
from imaging.frames.part10 import Part10
from imaging.frames.refused import Refused
from imaging.frames.shape import Shape, check


@dataclass(frozen=True)
class Stored:
    """Samples (rows, columns) or (rows, columns, 3) and what their colours are."""

    samples: Samples
    photometric: str


class StoredPixels:
    """The pixels of one instance. Raises Refused, frame.*, where they are not what is stated."""

    def __init__(self, part10: Part10, shape: Shape, count: int) -> None:
        self._part10, self._shape = part10, shape
        syntax = part10.transfer_syntax
        if part10.pixels_are != "PixelData":
            raise Refused("frame.unsupported", "Pixels in floating point cannot be shown.")
        check(shape)
        if syntax.is_private or (syntax.is_encapsulated and syntax not in DECODERS):
            raise Refused("frame.unsupported", f"Pixels encoded as {syntax.name} cannot be read.")
        self._pixels = _in_order(part10, shape)
        self._frames = (
            frames_of(part10.pixels, part10.dataset, count) if syntax.is_encapsulated else None
        )

    def frame(self, index: int) -> Stored:
        """Frame `index`, from 0."""
        if self._frames is None:
            return Stored(self._native(index), self._shape.photometric)
        if index >= len(self._frames):
            raise Refused("frame.damaged", "The pixel data ends before this frame.")
        return self._decoded(b"".join(self._frames[index]))

    def _decoded(self, data: bytes) -> Stored:
        shape = self._shape
        samples, photometric = DECODERS[self._part10.transfer_syntax](data, shape)
        colours = (3,) if shape.samples == 3 else ()
        if samples.shape != (shape.rows, shape.columns, *colours):
            raise Refused("frame.damaged", "The image is of another size than its header says.")
        return Stored(samples, photometric)

    def _native(self, index: int) -> Samples:
        shape, bits = self._shape, self._shape.frame_bits
        start, end = index * bits // 8, -(-(index + 1) * bits // 8)
        data = self._pixels[start:end]
        if len(data) < end - start:
            raise Refused("frame.damaged", "The pixel data ends before this frame.")
        if shape.bits_allocated == 1:
            return self._single_bits(data, index * bits % 8)
        order = "<" if self._part10.is_little_endian else ">"
        return self._arranged(np.frombuffer(data, f"{order}u{shape.bits_allocated // 8}"))

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
