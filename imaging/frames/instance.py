"""One opened instance, inside the decoder process: what metadata says of it, and its frames."""

from typing import Any

from imaging.frames.canonical import Canonical, canonical_frame
from imaging.frames.describe import describe
from imaging.frames.header import frame_count
from imaging.frames.part10 import Part10
from imaging.frames.refused import Refused
from imaging.frames.shape import shape_of
from imaging.frames.stored import StoredPixels


class Instance:
    """Raises Refused where the header does not say what an image must."""

    def __init__(self, part10: Part10) -> None:
        self._part10 = part10
        self.count = frame_count(part10)
        self._pixels: StoredPixels | None = None

    def description(self) -> dict[str, Any]:
        shape = shape_of(self._part10.dataset)
        return {
            "megapixels": shape.rows * shape.columns / 1e6,
            **describe(self._part10, shape, self.count),
        }

    def canonical_frame(self, number: int) -> Canonical:
        """Frame `number`, from 1. Raises Refused: frame.*"""
        if not 1 <= number <= self.count:
            raise Refused("frame.damaged", f"The instance has no frame {number}.")
        shape = shape_of(self._part10.dataset)
        if self._pixels is None:
            self._pixels = StoredPixels(self._part10, shape, self.count)
        return canonical_frame(self._part10.dataset, shape, self._pixels.frame(number - 1))
