"""One opened instance, inside the decoder process: what metadata says of it, and its frames."""

from typing import Any

from imaging.frames.canonical import Canonical, canonical_frame
from imaging.frames.describe import describe
from imaging.frames.header import frame_count
from imaging.frames.part10 import Part10
from imaging.frames.received import ReceivedPixels, media_type
from imaging.frames.refused import Refused
from imaging.frames.shape import Shape, shape_of
from imaging.frames.stored import StoredPixels, check_readable


class Instance:
    """Raises Refused where the header does not say what an image must."""

    def __init__(self, part10: Part10) -> None:
        self._part10 = part10
        self.count = frame_count(part10)
        self._pixels: StoredPixels | None = None
        self._received: ReceivedPixels | None = None

    def description(self) -> dict[str, Any]:
        shape = shape_of(self._part10.dataset)
        return {
            "megapixels": shape.rows * shape.columns / 1e6,
            "code": self._why_no_frame(shape),
            **describe(self._part10, shape, self.count),
        }

    def _why_no_frame(self, shape: Shape) -> str:
        """Why none of its frames can be made; empty: some may."""
        try:
            check_readable(self._part10, shape)
        except Refused as refused:
            return refused.code
        return ""

    def frame(self, number: int) -> Canonical:
        """Frame `number`, from 1, canonical or as it came. Raises Refused: frame.*"""
        if not 1 <= number <= self.count:
            raise Refused("frame.damaged", f"The instance has no frame {number}.")
        if media_type(self._part10):
            return self._as_received(number)
        shape = shape_of(self._part10.dataset)
        if self._pixels is None:
            self._pixels = StoredPixels(self._part10, shape, self.count)
        return canonical_frame(self._part10.dataset, shape, self._pixels.frame(number - 1))

    def _as_received(self, number: int) -> Canonical:
        """Without a checksum: that is of decoded samples, and nobody decoded them."""
        if self._received is None:
            self._received = ReceivedPixels(self._part10, self.count)
        data = self._received.frame(number - 1)
        return Canonical(data=data, ends=[len(data)], crc32=0, spread=[])
