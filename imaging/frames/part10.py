"""From the bytes of a DICOM file to its data set and the place of its pixels, within limits.

pydicom.dcmread is not used: it inflates without a limit, copies the pixels, and takes
almost anything for DICOM. Only its data set reader is. DICOM PS3.10 7.1, PS3.5 7 and A.5.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from struct import Struct, unpack_from

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from imaging.frames.limits import MAX_INFLATED_BYTES
from imaging.frames.refused import Refused

MAGIC_AT = 128
TRANSFER_SYNTAX = 0x00020010
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = frozenset({IMPLICIT, "1.2.840.10008.1.2.1", EXPLICIT_BIG_ENDIAN, DEFLATED})
STANDARD = "1.2.840.10008.1.2."
PIXELS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"SQ", b"UT", b"UN", b"OD", b"OL", b"UC", b"UR", b"OV"})
META_ELEMENT = Struct("<HH2sH")
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Part10:
    """A file taken apart. `pixels` are the value of the pixel element, empty when there is none."""

    dataset: Dataset
    transfer_syntax: UID
    pixels: memoryview
    pixels_are: str
    pixels_vr: str
    is_little_endian: bool

    @property
    def is_encapsulated(self) -> bool:
        """Whether pixels come in fragments: in every syntax but those of PS3.5 A.1 to A.3, A.5."""
        return str(self.transfer_syntax) not in NATIVE


def parse(data: bytes) -> Part10:
    """Take a DICOM file apart. Raises Refused: header.not_dicom, .incomplete, .cut_off or
    .too_large.
    """
    if data[MAGIC_AT : MAGIC_AT + 4] != b"DICM":
        raise Refused("header.not_dicom", "This is not a DICOM file.")
    meta, start = _read_meta(data)
    syntax = UID(meta.get(TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace"))
    if not _is_transfer_syntax(syntax):
        raise Refused("header.incomplete", "The file does not say how it is encoded.")
    if syntax == DEFLATED:
        data, start = _inflate(data, start), 0
    return _read(data, start, syntax)


def _is_transfer_syntax(syntax: UID) -> bool:
    """One that pydicom knows, one that is newer than pydicom, or a maker's own."""
    is_possible = syntax.is_private or syntax.startswith(STANDARD)
    return syntax.type == "Transfer Syntax" or (syntax.is_valid and is_possible)


class _PixelElement:
    """Where the reader stopped: it never reads pixels."""

    def __init__(self, stream: BytesIO) -> None:
        self._stream = stream
        self.tag, self.start, self.length, self.vr = 0, 0, 0, ""

    def __call__(self, tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag in PIXELS:
            self.tag, self.start, self.length = int(tag), self._stream.tell(), length
            self.vr = vr or "OW"
        return bool(self.tag)


def _read(data: bytes, start: int, syntax: UID) -> Part10:
    stream = BytesIO(data)
    stream.seek(start)
    element = _PixelElement(stream)
    little = syntax != EXPLICIT_BIG_ENDIAN
    dataset = read_dataset(stream, syntax == IMPLICIT, little, stop_when=element)
    if not len(dataset):
        raise Refused("header.cut_off", "The file ends after its first bytes.")
    if not element.tag:
        _check_whole(dataset, len(data))
    end = len(data) if element.length == UNDEFINED else element.start + element.length
    return Part10(
        dataset=dataset,
        transfer_syntax=syntax,
        pixels=memoryview(data)[element.start : end] if element.tag else memoryview(b""),
        pixels_are=PIXELS.get(element.tag, ""),
        pixels_vr=element.vr,
        is_little_endian=little,
    )


def _check_whole(dataset: Dataset, size: int) -> None:
    """The reader takes a value that is cut off for a short one; and no pixels for no image."""
    last = dataset.get_item(max(dataset.keys()))
    is_cut = isinstance(last, RawDataElement) and last.value_tell + last.length > size
    if is_cut or dataset.get("Rows"):
        raise Refused("header.cut_off", "The file is cut off before its end.")


def _inflate(data: bytes, start: int) -> bytes:
    """Deflated Explicit VR Little Endian (PS3.5 A.5): a bomb ends at the limit, not before it."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(memoryview(data)[start:], MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise Refused("header.too_large", "The file holds more than can be handled once inflated.")
    return inflated


def _read_meta(data: bytes) -> tuple[dict[int, bytes], int]:
    """The File Meta Information, always Explicit VR Little Endian, and where the rest begins."""
    values, start = {}, MAGIC_AT + 4
    for tag, value_at, length in _meta_elements(data):
        start = value_at + length
        values[tag] = data[value_at:start]
    return values, start


def _meta_elements(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, place of the value and its length, for each element of group 2."""
    at = MAGIC_AT + 4
    while at + 8 <= len(data) and unpack_from("<H", data, at)[0] == 2:
        group, number, vr, length = META_ELEMENT.unpack_from(data, at)
        at += META_ELEMENT.size
        if vr in LONG_VRS:
            if at + 4 > len(data):
                break
            length = unpack_from("<I", data, at)[0]
            at += 4
        yield group << 16 | number, at, length
        at += length
