"""The worker's side of its decoders: ask, wait so long and no longer, replace what failed.

Nothing that a file can do reaches the caller but Refused. A child that ends by itself may have
been ended by somebody else (the kernel short of memory, a person): it is asked once more in a
new one before the file is blamed.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import LifoQueue
from time import monotonic
from typing import Any

from imaging.frames import wire
from imaging.frames.header import Header
from imaging.frames.key_objects import KeyObjects
from imaging.frames.limits import MAX_INSTANCE_BYTES, WALL_TO_CPU, cpu_seconds
from imaging.frames.refused import Refused
from imaging.frames.timed_pipe import TimedPipe

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "imaging.frames.decoder")
SIZE = min(2, os.cpu_count() or 1)
HEAD_BYTES = 64 << 10
PIXEL_DATA, PIXEL_ELEMENT = b"\xe0\x7f\x10\x00", 12  # its tag, and what stands before its value


@dataclass(frozen=True)
class CanonicalFrame:
    """A frame as browsers get it: HTJ2K, and how it is laid out (docs/series-metadata.md).

    `spread` is the least, the 1st and 99th percentile and the greatest of the stored
    values; empty for colour.
    """

    data: bytes
    ends: list[int]
    crc32: int
    spread: list[int]


class _Ended(Exception):
    """The child is gone. `code` is empty where nobody knows why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Child:
    """One decoder process; a new one is on its way as soon as the last has failed."""

    def __init__(self) -> None:
        self._begin()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(
        self, head: dict[str, Any], body: bytes = b"", *, seconds: int
    ) -> tuple[dict[str, Any], bytes]:
        """The answer. Raises Refused, or _Ended when the process did."""
        if self._requests.is_closed:  # nobody could be started when the last one ended
            self._begin()
        self._requests.ends_at = self._answers.ends_at = monotonic() + seconds * WALL_TO_CPU
        try:
            answer, data = self._exchange({**head, "cpu_seconds": seconds}, body)
        except (OSError, EOFError, ValueError) as lost:
            raise _Ended(self._replace(was_late=isinstance(lost, TimeoutError))) from lost
        if answer.get("is_last"):
            self._replace()
        if "refused" in answer:
            raise Refused(*answer["refused"])
        return answer, data

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers):
            pipe.close()

    def _exchange(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        with suppress(BrokenPipeError):  # it may have answered, and ended, before it read all
            wire.send(self._requests, head, body)
        return wire.receive(self._answers)

    def _replace(self, *, was_late: bool = False) -> str:
        """Start another, and say why this one ended: 'timeout', or nothing."""
        self.close()
        out_of_time = was_late or self._process.returncode == -signal.SIGXCPU
        self._begin()
        return "timeout" if out_of_time else ""

    def _begin(self) -> None:
        self._process = process = self._start()
        assert process.stdin is not None  # noqa: S101  both were asked for
        assert process.stdout is not None  # noqa: S101
        self._requests, self._answers = TimedPipe(process.stdin), TimedPipe(process.stdout)

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        """Without our environment, which holds secrets, and without a log, for files say names."""
        environment = {"PATH": os.defpath, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(  # noqa: S603  a constant command
            COMMAND,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
        )


class OpenInstance:
    """An instance that a decoder holds open. `description` is what describe.py says of it."""

    def __init__(self, child: Child, data: bytes) -> None:
        self._child, self._data = child, data
        self._pid = 0
        self.description = self._open()

    def frame(self, number: int) -> CanonicalFrame:
        """Frame `number`, from 1. Raises Refused: frame.*"""
        for _ in range(2):
            if self._pid != self._child.pid:
                self._open()
            with suppress(_Unknown):
                answer, data = _ask(
                    self._child, {"ask": "frame", "number": number}, b"", self._seconds, "frame"
                )
                return CanonicalFrame(data=data, **answer)
        raise Refused("frame.damaged", "The decoder ended, twice, while it read this frame.")

    def _open(self) -> dict[str, Any]:
        description, _ = _ask_twice(self._child, {"ask": "open"}, self._data)
        self._pid = self._child.pid
        self._seconds = cpu_seconds(description["megapixels"], len(self._data))
        return description


class Reader:
    """Decoders of this process, lent to one thread at a time."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self._idle: LifoQueue[Child] = LifoQueue()
        for _ in range(size):
            self._idle.put(Child())

    def read_header(self, data: bytes) -> Header:
        """What a file says it is. Raises Refused: header.*"""
        with self._borrowed() as child:
            return _header(_ask_twice(child, {"ask": "header"}, data)[0])

    def read_headers(self, files: Sequence[bytes]) -> list[Header | None]:
        """What each of several files says it is, in one question, by the bytes before its pixels.
        None where it cannot be said so easily: `read_header` says it, or why not.
        """
        heads = [_before_pixels(data) for data in files]
        ask = {"ask": "headers", "sizes": [len(head) for head in heads]}
        with self._borrowed() as child, suppress(Refused):
            _, told = _ask_twice(child, ask, b"".join(heads))
            return [answer and _header(answer) for answer in json.loads(told)]
        return [None] * len(files)

    def read_key_objects(self, data: bytes) -> KeyObjects:
        """What a Key Object Selection points at. Raises Refused: header.*"""
        with self._borrowed() as child:
            return KeyObjects(**_ask_twice(child, {"ask": "key objects"}, data)[0])

    def describe(self, data: bytes) -> dict[str, Any]:
        """What describe.py says of a file, or of so much of it as ends within its pixels.

        Raises Refused: header.*, for too little of a file as for a damaged one.
        """
        with self._borrowed() as child:
            return _ask_twice(child, {"ask": "open"}, data)[0]

    @contextmanager
    def opened(self, data: bytes) -> Iterator[OpenInstance]:
        """An instance to take frames from. Raises Refused: header.*"""
        with self._borrowed() as child:
            yield OpenInstance(child, data)

    def close(self) -> None:
        for _ in range(self.size):
            self._idle.get().close()

    @contextmanager
    def _borrowed(self) -> Iterator[Child]:
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)


class _Unknown(Exception):
    """The child ended and nobody knows why."""


def _ask(
    child: Child, head: dict[str, Any], body: bytes, seconds: int, kind: str
) -> tuple[dict[str, Any], bytes]:
    try:
        return child.ask(head, body, seconds=seconds)
    except _Ended as ended:
        if ended.code:
            raise Refused(f"{kind}.{ended.code}", "Reading it took too long.") from ended
        raise _Unknown from ended


def _ask_twice(child: Child, head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    if len(data) > MAX_INSTANCE_BYTES:
        raise Refused("header.too_large", "The file is larger than can be handled.")
    for _ in range(2):
        with suppress(_Unknown):
            return _ask(child, head, data, cpu_seconds(0, len(data)), "header")
    raise Refused("header.damaged", "The decoder ended, twice, while it read this file.")


def _before_pixels(data: bytes) -> bytes:
    """Empty where they do not begin early: it is no header, and so refused."""
    pixels_at = data.find(PIXEL_DATA, 0, HEAD_BYTES)
    return data[: pixels_at + PIXEL_ELEMENT] if pixels_at > 0 else b""


def _header(answer: dict[str, Any]) -> Header:
    pairs = [(number, issuer) for number, issuer in answer.pop("other_patient_ids")]
    return Header(other_patient_ids=pairs, **answer)


def reader() -> Reader:
    """This process's decoders, started at the first call; a forked worker starts its own."""
    return _reader_of(os.getpid())


@cache
def _reader_of(pid: int) -> Reader:
    return Reader()
