"""What has come and is not written down yet, kept on this machine's disk until it is.

A worker killed between an instance's last byte and its row has asked the archive for nothing in
vain: whoever carries the pull on takes from here first. The kernel keeps what was written of a
process that is killed, so nothing is flushed; what a power cut takes is asked for again.

A spool is a few files, each of one instance after another, each with its length before it. A file
is removed when all it holds is written down.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from struct import Struct
from threading import Lock
from time import time
from uuid import uuid4

from django.conf import settings

from imaging.models import Study
from imaging.store.base import ABANDONED_S, NO_ROOM, LowSpaceError, StoreError

LENGTH = Struct(">Q")
FULL = 16 << 20


class Part:
    """One file of a spool, and how many of its instances are not written down."""

    def __init__(self, path: Path) -> None:
        self.path, self.left = path, 0
        try:
            self._file = _new_file(path)
        except FileNotFoundError:  # a sweep took the folder, empty as it was, at this instant
            self._file = _new_file(path)

    @property
    def is_full(self) -> bool:
        return self._file.tell() >= FULL

    def add(self, data: bytes) -> int:
        """Where it begins. Of what does not fit nothing stays: what is kept after it, by another
        thread or once there is room, would be read as its end.
        """
        begin = self._file.tell()
        try:
            self._write(LENGTH.pack(len(data)))
            self._write(data)
        except OSError:
            self._file.seek(begin)
            self._file.truncate()
            raise
        self.left += 1
        return begin + LENGTH.size

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def read(self, start: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def remove(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Kept:
    """Where one instance lies, until it is written down."""

    part: Part
    start: int
    size: int

    def read(self) -> bytes:
        return self.part.read(self.start, self.size)


class Spool:
    """Of one study, written by one worker. Any thread of it may `keep`."""

    def __init__(self, study: Study) -> None:
        self._folder = Path(settings.SPOOL_DIR) / study.public_id
        self._lock = Lock()
        self._parts: list[Part] = []

    def keep(self, data: bytes) -> Kept:
        """Safe from a kill -9 once this returns. Raises LowSpaceError, StoreError."""
        with self._lock:
            try:
                part = self._open_part()
                start = part.add(data)
            except OSError as error:
                raise _why(error) from error
            return Kept(part, start, len(data))

    def forget(self, parts: list[Part]) -> None:
        """One instance of each of these is written down."""
        with self._lock:
            for part in parts:
                part.left -= 1
            for part in [one for one in self._parts if not one.left]:
                self._parts.remove(part)
                part.remove()
        with suppress(OSError):  # there is more in it
            self._folder.rmdir()

    def left(self) -> Iterator[bytes]:
        """What a worker that died has left; nothing older than ABANDONED_S. Then it is gone:
        who takes it keeps it anew.
        """
        for path in _files(self._folder):
            with suppress(FileNotFoundError):
                if not _is_abandoned(path):
                    yield from _instances(path.read_bytes())
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """What is not written down stays for who comes next."""
        for part in self._parts:
            part.close()

    def clear(self) -> None:
        """Nothing of it is wanted: it is another person's."""
        self.close()
        _remove(self._folder, _files(self._folder))

    def _open_part(self) -> Part:
        if not self._parts or self._parts[-1].is_full:
            self._parts.append(Part(self._folder / uuid4().hex))
        return self._parts[-1]


def sweep() -> None:
    """Remove what nobody came back for within ABANDONED_S."""
    for folder in _files(Path(settings.SPOOL_DIR)):
        with suppress(FileNotFoundError):
            _remove(folder, [path for path in _files(folder) if _is_abandoned(path)])


def _why(error: OSError) -> StoreError:
    if error.errno in NO_ROOM:
        return LowSpaceError()
    return StoreError("spool.failed", "What comes cannot be kept on this machine's own disk.")


def _new_file(path: Path) -> FileIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("xb", buffering=0)


def _instances(data: bytes) -> Iterator[bytes]:
    """The whole ones; the last may have been cut by the kill."""
    at = 0
    while at + LENGTH.size <= len(data):
        start = at + LENGTH.size
        at = start + LENGTH.unpack_from(data, at)[0]
        if at <= len(data):
            yield data[start:at]


def _remove(folder: Path, paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _files(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(Path(entry.path) for entry in os.scandir(folder))
    return []


def _is_abandoned(path: Path) -> bool:
    return path.stat().st_mtime < time() - ABANDONED_S
