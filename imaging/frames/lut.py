"""Lookup tables of a data set (DICOM PS3.3 C.11.1 and C.11.2): read, checked and applied."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from imaging.frames import values

MAX_ENTRIES = 1 << 16


@dataclass(frozen=True)
class Lut:
    """`table[i]` is for the value `first + i`; what lies outside takes the nearest entry."""

    first: int
    table: NDArray[np.uint16]
    bits: int
    name: str
    kind: str

    def apply(self, grey: NDArray[np.int16 | np.uint16]) -> NDArray[np.uint16]:
        index = np.clip(grey.astype(np.int32) - self.first, 0, len(self.table) - 1)
        return self.table[index]

    def as_grey(self) -> list[int]:
        """The entries scaled to 0..255."""
        top = (1 << self.bits) - 1
        grey = np.rint(self.table.astype(np.float64) * 255 / top)
        return [int(entry) for entry in np.clip(grey, 0, 255)]


def modality_lut(dataset: Dataset, is_signed: bool) -> Lut | None:
    """The Modality LUT Sequence, where there is one."""
    return _read(values.item(dataset, "ModalityLUTSequence"), is_signed)


def voi_lut(dataset: Dataset, is_signed: bool) -> Lut | None:
    """The first VOI LUT, where there is one. `is_signed`: whether its input values can be."""
    return _read(values.item(dataset, "VOILUTSequence"), is_signed)


def _read(item: Dataset, is_signed: bool) -> Lut | None:
    descriptor = _words(item, "LUTDescriptor")
    data = _words(item, "LUTData")
    if len(descriptor) != 3 or not len(data):
        return None
    entries, first, bits = (int(word) for word in descriptor)
    entries = entries or MAX_ENTRIES
    if entries > len(data) and bits <= 8:
        data = data.view("u1")
    if not 1 <= bits <= 16 or entries > len(data):
        return None
    if is_signed and first >= 1 << 15:
        first -= 1 << 16
    return Lut(
        first=first,
        table=data[:entries].astype("<u2"),
        bits=bits,
        name=values.text(item, "LUTExplanation", 64),
        kind=values.text(item, "ModalityLUTType", 16),
    )


def _words(item: Dataset, keyword: str) -> NDArray[np.uint16]:
    """Numbers or bytes, as the VR of it is ambiguous (US, SS or OW), to unsigned words."""
    found = values.value(item, keyword)
    if isinstance(found, bytes):
        order = "<" if item.original_encoding[1] is not False else ">"
        return np.frombuffer(found[: len(found) // 2 * 2], f"{order}u2").astype("<u2")
    if isinstance(found, MultiValue | list):
        return (np.array([int(one) for one in found]) & 0xFFFF).astype("<u2")
    return np.zeros(0, "<u2")
