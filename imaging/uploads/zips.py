"""Opening zips of strangers: looked at as a whole first, then copied out under our own names.

A zip's table of contents is believed in nothing. Its size is checked before it is read, all that
it says before anything is unpacked, and what comes out is counted while it does. Only DICOM
files are copied: viewers and papers never reach the disk.
"""

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_IFMT, S_ISDIR, S_ISREG
from typing import IO, BinaryIO

from imaging.uploads.refusals import refused

MAX_FILES = 50_000
MAX_CONTENTS_BYTES = 8 << 20  # the table of contents: 160 bytes for each of MAX_FILES
MAX_BYTES = 16 << 30
MAX_RATIO = 100  # DICOM packs to a tenth, blank frames and masks included
ALWAYS_FINE_BYTES = 256 << 20
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others' windows are as large as they say
ENCRYPTED = 0x1 | 0x40 | 0x2000
UNIX = 3
ZIP, DICOM = (b"PK\x03\x04", b"PK\x05\x06"), b"DICM"  # one with files, and an empty one
PREAMBLE, CHUNK = 132, 1 << 20
END, END_64, LOCATOR = (
    struct.Struct("<4s4H2LH"),
    struct.Struct("<4sQ2H2L4Q"),
    struct.Struct("<4sLQL"),
)
COMMENT = 0xFFFF
SKIPPED, NESTED, COPIED = "skipped", "nested", "copied"


def is_zip(head: bytes) -> bool:
    """Whether the first bytes of a file are a zip's. Its name says nothing."""
    return head.startswith(ZIP)


def is_dicom(head: bytes) -> bool:
    """Whether the first PREAMBLE bytes of a file are a DICOM file's (PS3.10 7.1)."""
    return head[-4:] == DICOM and len(head) == PREAMBLE


def unpacked_size(path: Path) -> int:
    """Bytes a zip says it holds. Raises UploadRefused unless it is one to be opened."""
    with _opened(path) as archive:
        return sum(one.file_size for one in archive.infolist())


def copy_out(path: Path, places: Iterator[Path]) -> Counter[str]:
    """Copy a zip's DICOM files, each to the next place; how many were copied, skipped, are zips.

    Raises UploadRefused; what was copied by then is the caller's to remove.
    """
    counts: Counter[str] = Counter()
    with _opened(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as member:
                    counts[_copy(member, places)] += 1
    return counts


def _copy(member: IO[bytes], places: Iterator[Path]) -> str:
    head = member.read(PREAMBLE)
    if not is_dicom(head):
        return NESTED if is_zip(head) else SKIPPED
    with next(places).open("xb") as file:
        file.write(head)
        while chunk := member.read(CHUNK):  # never more than was declared, and checked
            file.write(chunk)
    return COPIED


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip that has been looked at. What zipfile says of a damaged one is said in our words."""
    with path.open("rb") as file:
        _check_contents_size(file)
        try:
            with zipfile.ZipFile(file) as archive:
                _check(archive.infolist(), path.stat().st_size)
                yield archive
        except NotImplementedError as error:
            raise refused("upload.unsupported") from error
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError) as error:
            raise refused("upload.damaged") from error


def _check(infos: list[zipfile.ZipInfo], packed: int) -> None:
    """Everything that a zip says of itself, before any of it is opened."""
    if len(infos) > MAX_FILES:
        raise refused("upload.too_many")
    for info in infos:
        _check_one(info)
    unpacked = sum(info.file_size for info in infos)
    is_swollen = unpacked > max(ALWAYS_FINE_BYTES, packed * MAX_RATIO)
    if unpacked > MAX_BYTES or is_swollen:
        raise refused("upload.bomb")


def _check_one(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & ENCRYPTED:
        raise refused("upload.encrypted")
    if _leads_out(info.orig_filename):
        raise refused("upload.bad_names")
    mode = info.external_attr >> 16
    if info.create_system == UNIX and S_IFMT(mode) and not (S_ISREG(mode) or S_ISDIR(mode)):
        raise refused("upload.links")
    if info.compress_type not in PLAIN:
        raise refused("upload.unsupported")


def _leads_out(name: str) -> bool:
    """Whether a name, read as this or the other system would, is not of a place below."""
    windows = PureWindowsPath(name)
    parts = (*PurePosixPath(name).parts, *windows.parts)
    return "\0" in name or ".." in parts or name.startswith(("/", "\\")) or bool(windows.drive)


def _check_contents_size(file: BinaryIO) -> None:
    """Before zipfile reads the table of contents into memory: it is as long as the end says.

    Where the two ends of a large zip differ, the longer counts (APPNOTE 4.3.14 to 4.3.16).
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - COMMENT - END.size))
    tail_at, tail = file.tell(), file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + END.size:
        raise refused("upload.damaged")
    contents = END.unpack_from(tail, at)[5]
    end_64_at = tail_at + at - LOCATOR.size - END_64.size
    if end_64_at >= 0:
        file.seek(end_64_at)
        end_64 = file.read(END_64.size)
        if end_64.startswith(b"PK\6\6"):
            contents = max(contents, END_64.unpack(end_64)[8])
    file.seek(0)
    if contents > MAX_CONTENTS_BYTES:
        raise refused("upload.too_many")
