"""Files that lie, by name. Each takes the place of one instance of a made study."""

import struct
from functools import cache
from io import BytesIO

from pydicom import dcmread

from tests.dicoms import OTHER_PATIENT, as_file, make_instance
from tests.imaging.files import bomb

NHS = "9990000018"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def changed(file: bytes, **header: object) -> bytes:
    """The same file with other values in it."""
    dataset = dcmread(BytesIO(file))
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return as_file(dataset)


def somebody_elses(file: bytes) -> bytes:
    return changed(file, **OTHER_PATIENT, OtherPatientIDsSequence=[])


def of_another_study(file: bytes) -> bytes:
    return changed(file, StudyInstanceUID="1.2.826.0.1.666")


def with_other_pixels(file: bytes) -> bytes:
    return changed(file, PixelData=bytes(128))


def in_another_series(file: bytes) -> bytes:
    return changed(file, SeriesInstanceUID="1.2.826.0.1.667")


def huge(file: bytes) -> bytes:
    """65535 x 65535 pixels, it says."""
    return changed(file, Rows=65535, Columns=65535)


def of_a_strange_class(file: bytes) -> bytes:
    return replaced(file, b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.99.1.9")


def in_no_syntax(file: bytes) -> bytes:
    return replaced(file, b"1.2.840.10008.1.2.1\0", b"no syntax at all, no")


def in_no_known_syntax(file: bytes) -> bytes:
    """A maker's own, perhaps."""
    return replaced(file, b"1.2.840.10008.1.2.1\0", b"7.7.777.77777.7.7.7\0")


def in_a_syntax_to_come(file: bytes) -> bytes:
    """One that nobody knows yet."""
    return replaced(file, b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.8\0")


def with_a_path_for_uid(file: bytes) -> bytes:
    uid = dcmread(BytesIO(file)).SOPInstanceUID.encode()
    at = file.rindex(uid)  # its first place is the file meta information
    path = (b"../" * len(uid))[: len(uid)]
    return file[:at] + path + file[at + len(uid) :]


def with_wrong_meta_length(file: bytes) -> bytes:
    return replaced(file, b"\x02\0\0\0UL\x04\0", b"\x02\0\0\0UL\x04\0\xff\xff\xff\x7f", 12)


def cut_within_its_header(file: bytes) -> bytes:
    return file[:600]


def no_dicom(_: bytes) -> bytes:
    return b"GIF89a" + bytes(4000)


def empty(_: bytes) -> bytes:
    return b""


@cache
def _bomb() -> bytes:
    return bomb(257)


def deflated_bomb(_: bytes) -> bytes:
    return _bomb()


def with_a_length_of_4_gb(file: bytes) -> bytes:
    """Of its pixels, which are 128 bytes."""
    at = file.rindex(b"\xe0\x7f\x10\0OW\0\0") + 8
    return file[:at] + struct.pack("<I", 0xFFFFFFF0) + file[at + 4 :]


def with_markup(file: bytes) -> bytes:
    return changed(file, StudyDescription=MARKUP, SeriesDescription=MARKUP)


def with_controls(file: bytes) -> bytes:
    return replaced(file, b"CT head", b"CT\0\x1b[2J")


def in_three_character_sets(file: bytes) -> bytes:
    """It says two, and uses another."""
    told = changed(file, SpecificCharacterSet=["ISO 2022 IR 6", "ISO 2022 IR 87"])
    return replaced(told, b"CT head", b"\xe9\xff\x1b$Bzz")


def replaced(file: bytes, what: bytes, by: bytes, length: int | None = None) -> bytes:
    """The first `length` bytes from `what` on are `by`: as many as there were."""
    at = file.index(what)
    return file[:at] + by + file[at + (length or len(what)) :]


def three(name: str, **header: object) -> list[bytes]:
    return [make_instance(name, 1, n, nhs_number=NHS, **header) for n in (1, 2, 3)]
