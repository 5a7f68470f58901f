"""Between an instance's last byte and its row: its header is read, and its bytes are made safe.

Threads do it, several files at a time where they come quickly: one question to a decoder, one wait
for the disk. A file that comes alone goes at once.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from imaging import store
from imaging.frames.header import Header
from imaging.frames.process import Reader
from imaging.frames.refused import Refused
from imaging.pull.spool import Part
from imaging.store.base import Stored

THREADS = 2
TOGETHER, TOGETHER_BYTES, TOGETHER_S = 16, 16 << 20, 0.1
ALONE_S = 0.05  # after nothing has come for so long, a file waits for no other


@dataclass(frozen=True)
class Arrival:
    """One file, safe in the store: what it says of itself, or why it says nothing."""

    part: Part
    stored: Stored
    header: Header | None
    code: str = ""


@dataclass(frozen=True)
class _Group:
    count: int
    size: int
    arrivals: Future[list[Arrival]]


class Hands:
    """Whatever is given comes back once, in the same order. One thread gives and takes."""

    def __init__(self, decoders: Reader) -> None:
        self._decoders = decoders
        self._threads = ThreadPoolExecutor(THREADS)
        self._next: list[tuple[Part, bytes]] = []
        self._given_at = self._since = 0.0  # time.monotonic of the last one, and of the next group
        self._groups: deque[_Group] = deque()

    def give(self, part: Part, data: bytes) -> None:
        now = monotonic()
        self._since = self._since if self._next else now
        is_alone = now - self._given_at >= ALONE_S
        self._given_at = now
        self._next.append((part, data))
        size = sum(len(data) for _, data in self._next)
        is_large = len(self._next) >= TOGETHER or size >= TOGETHER_BYTES
        if is_alone or is_large or now - self._since >= TOGETHER_S:
            self._begin()

    @property
    def count(self) -> int:
        """Files that were given and not taken back."""
        return len(self._next) + sum(one.count for one in self._groups)

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(len(data) for _, data in self._next) + sum(one.size for one in self._groups)

    def is_one_ready(self) -> bool:
        return bool(self._groups) and self._groups[0].arrivals.done()

    def take(self) -> Sequence[Arrival]:
        """The next few; waits for them. There must be one. Raises StoreError."""
        if not self._groups:
            self._begin()
        return self._groups.popleft().arrivals.result()

    def close(self) -> None:
        """What goes on is ended first."""
        self._threads.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        files, self._next = self._next, []
        size = sum(len(data) for _, data in files)
        arrivals = self._threads.submit(_read_and_keep, self._decoders, files)
        self._groups.append(_Group(len(files), size, arrivals))


def _read_and_keep(decoders: Reader, files: Sequence[tuple[Part, bytes]]) -> list[Arrival]:
    """In a thread, and without a question to the database. Raises StoreError."""
    store.check_space()
    stored = store.get().put_all([data for _, data in files])
    headers = decoders.read_headers([data for _, data in files])
    return [
        Arrival(part, kept, header) if header else _read_alone(decoders, part, data, kept)
        for (part, data), kept, header in zip(files, stored, headers, strict=True)
    ]


def _read_alone(decoders: Reader, part: Part, data: bytes, kept: Stored) -> Arrival:
    try:
        return Arrival(part, kept, decoders.read_header(data))
    except Refused as refused:
        return Arrival(part, kept, None, refused.code)
