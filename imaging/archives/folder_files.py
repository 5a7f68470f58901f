"""Files of a folder that strangers filled: found by walking, opened without ever leaving it.

No name is believed and no link is followed: each part of a path is opened by itself, within the
part before it, so that nothing swapped in meanwhile leads outside.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imaging.archives.base import ArchiveError

MAX_FILES = 200_000
MAX_DEPTH = 32  # a CD has eight levels
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Found:
    """A plain file: its path within the folder, and what shows that it is still the same."""

    path: str
    size: int
    changed_ns: int


def files_under(root: Path) -> Iterator[Found]:
    """Every plain file, in no order. Raises ArchiveError when there is no such folder."""
    folders, count = [PurePosixPath()], 0
    while folders:
        within = folders.pop()
        for one in _listed(root, within):
            if isinstance(one, PurePosixPath):
                folders.append(one)
                continue
            count += 1
            if count > MAX_FILES:
                text = "The folder holds far too many files: it is not one of CDs."
                raise ArchiveError("archive.too_many", text, may_retry=False)
            yield one


def read_file(root: Path, path: str, at_most: int = -1) -> bytes:
    """The bytes of one plain file below `root`, or its first ones. Raises OSError."""
    place = PurePosixPath(path)
    with _folder(root, place.parent) as folder:
        handle = os.open(place.name, FILE, dir_fd=folder)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileNotFoundError("not a plain file")
            return file.read(at_most)


def unreachable() -> ArchiveError:
    return ArchiveError("archive.unreachable", "The folder of this archive cannot be read.")


def _listed(root: Path, within: PurePosixPath) -> list[Found | PurePosixPath]:
    """The files of one folder, and its folders. One that cannot be read has nothing."""
    try:
        with _folder(root, within) as folder, os.scandir(folder) as entries:
            return [one for entry in entries if (one := _seen(entry, within))]
    except OSError as error:
        if within.parts:
            return []
        raise unreachable() from error


def _seen(entry: "os.DirEntry[str]", within: PurePosixPath) -> Found | PurePosixPath | None:
    """None for what is neither, and for what has gone since: the others are there all the same."""
    path = within / entry.name
    try:
        if entry.is_dir(follow_symlinks=False):
            return path if len(path.parts) <= MAX_DEPTH else None
        if not entry.is_file(follow_symlinks=False):
            return None
        about = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return Found(str(path), about.st_size, about.st_mtime_ns)


@contextmanager
def _folder(root: Path, within: PurePosixPath) -> Iterator[int]:
    """A handle of a folder below `root`; a link on the way is an error."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in within.parts:
            inner = os.open(part, FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)
