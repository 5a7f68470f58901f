"""Frames that are kept as they came: the tiles of a slide, one by one, and a video, as one item.

No codec touches them here; what can be said without one is said: that their bytes are all there.
"""

from dataclasses import dataclass

from imaging.frames import values
from imaging.frames.fragments import END_OF_IMAGE, TAIL, frames_of, is_ended
from imaging.frames.part10 import Part10
from imaging.frames.refused import Refused
from imaging.frames.syntaxes import UIDS, VIDEO

SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


@dataclass(frozen=True)
class TileCodec:
    """What an encoded tile is to whoever decodes it, and the marker it begins with."""

    media_type: str
    begins: bytes


JPEG, JPEG_2000 = TileCodec("image/jpeg", b"\xff\xd8"), TileCodec("image/j2c", b"\xff\x4f")
HTJ2K = TileCodec("image/jphc", b"\xff\x4f")
TILES = {
    f"{UIDS}.4.50": JPEG,
    **dict.fromkeys((f"{UIDS}.4.90", f"{UIDS}.4.91"), JPEG_2000),
    **dict.fromkeys((f"{UIDS}.4.201", f"{UIDS}.4.202", f"{UIDS}.4.203"), HTJ2K),
}


def is_tiled(part10: Part10) -> bool:
    """Whether its frames are tiles of one slide, which say nothing each alone."""
    whole = values.whole(part10.dataset, "TotalPixelMatrixColumns") or 0
    tile = values.whole(part10.dataset, "Columns") or 0
    return values.text(part10.dataset, "SOPClassUID") == SLIDE and whole > tile


def media_type(part10: Part10) -> str:
    """Of what is kept as it came; empty: it is decoded here, or nothing can be made of it."""
    if part10.pixels_are != "PixelData":
        return ""
    syntax = str(part10.transfer_syntax)
    if is_tiled(part10) and syntax in TILES:
        return TILES[syntax].media_type
    return VIDEO.get(syntax, "")


class ReceivedPixels:
    """The encoded frames of one instance. Raises Refused, frame.damaged, where bytes are missing.

    A tile's own markers tell whether it is whole; a video has none, and is all there or not at all.
    """

    def __init__(self, part10: Part10, count: int) -> None:
        self._tile = TILES.get(str(part10.transfer_syntax))
        self._pieces = frames_of(part10.pixels, part10.dataset, count)
        if self._tile is None and not is_ended(part10.pixels):
            raise Refused("frame.damaged", "The video is cut off before its end.")

    def frame(self, index: int) -> bytes:
        """Frame `index`, from 0."""
        data = b"".join(self._pieces[index]) if index < len(self._pieces) else b""
        if not data:
            raise Refused("frame.damaged", "The pixel data ends before this frame.")
        if self._tile and not _is_one_image(data, self._tile):
            raise Refused("frame.damaged", "What is kept as this frame is not one whole image.")
        return data


def _is_one_image(data: bytes, tile: TileCodec) -> bool:
    """By its markers; a few bytes may follow that make its length even."""
    return data.startswith(tile.begins) and END_OF_IMAGE in data[-TAIL:]
