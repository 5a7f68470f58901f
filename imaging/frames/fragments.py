"""Where the frames of encapsulated pixel data lie (DICOM PS3.5 A.4), found in one pass.

pydicom's reader walks the whole value for every frame; a cine loop of a thousand frames would
be walked a thousand times.
"""

from bisect import bisect_right
from struct import unpack, unpack_from

from pydicom.dataset import Dataset

from imaging.frames.refused import Refused

ITEM, DELIMITER = 0xE000FFFE, 0xE0DDFFFE
END_OF_IMAGE = b"\xff\xd9"
TAIL = 10


def frames_of(pixels: memoryview, dataset: Dataset, count: int) -> list[list[memoryview]]:
    """The fragments of each frame, in order; fewer lists than `count` where data is missing.

    A fragment each is believed before any table, but not of what was cut off: it may be chance.
    """
    table, fragments = _items(pixels)
    if count == 1 and fragments:
        return [[fragment for _, fragment in fragments]]
    offsets = _extended_offsets(dataset) or _basic_offsets(table)
    if len(fragments) == count and (not offsets or is_ended(pixels)):
        return [[fragment] for _, fragment in fragments]
    return _by_offset(fragments, offsets) if offsets else _by_end_of_image(fragments)


def is_ended(pixels: memoryview) -> bool:
    """Whether it is closed as it must be: what was cut off on its way is not."""
    at = 0
    while at + 8 <= len(pixels):
        tag, length = unpack_from("<II", pixels, at)
        if tag == DELIMITER:
            return True
        if tag != ITEM:
            return False
        at += 8 + length
    return False


def _items(pixels: memoryview) -> tuple[memoryview, list[tuple[int, memoryview]]]:
    """The Basic Offset Table, and each whole fragment with its offset from the first one."""
    found: list[tuple[int, memoryview]] = []
    at = 0
    while at + 8 <= len(pixels):
        tag, length = unpack_from("<II", pixels, at)
        if tag != ITEM or at + 8 + length > len(pixels):
            break
        found.append((at, pixels[at + 8 : at + 8 + length]))
        at += 8 + length
    if not found:
        raise Refused("frame.damaged", "There is no pixel data.")
    (_, table), *rest = found
    first = rest[0][0] if rest else 0
    return table, [(at - first, fragment) for at, fragment in rest]


def _basic_offsets(table: memoryview) -> list[int]:
    count = len(table) // 4
    return list(unpack(f"<{count}I", table[: count * 4]))


def _extended_offsets(dataset: Dataset) -> list[int]:
    """Extended Offset Table (7FE0,0001): 64-bit, for what is longer than 4 GiB."""
    table = dataset.get("ExtendedOffsetTable")
    if not isinstance(table, bytes) or len(table) % 8:
        return []
    return list(unpack(f"<{len(table) // 8}Q", table))


def _by_offset(
    fragments: list[tuple[int, memoryview]], offsets: list[int]
) -> list[list[memoryview]]:
    """A fragment belongs to the last frame that begins at or before it."""
    frames: list[list[memoryview]] = [[] for _ in offsets]
    for at, fragment in fragments:
        frames[max(bisect_right(offsets, at) - 1, 0)].append(fragment)
    return frames


def _by_end_of_image(fragments: list[tuple[int, memoryview]]) -> list[list[memoryview]]:
    """A frame ends where a fragment ends with the codec's own end marker."""
    frames: list[list[memoryview]] = [[]]
    for _, fragment in fragments:
        frames[-1].append(fragment)
        if END_OF_IMAGE in bytes(fragment[-TAIL:]):
            frames.append([])
    return [frame for frame in frames if frame]
