"""A pipe to a child process, and how long the child may keep us waiting at it."""

import os
import select
from time import monotonic
from typing import IO

SMALL = 1 << 16


class TimedPipe:
    """One end of a pipe, as wire.py reads and writes it. `ends_at` is on time.monotonic's clock.

    Raises TimeoutError where the child has neither read nor written until then. What is written
    goes when it is flushed. POSIX only.
    """

    def __init__(self, end: IO[bytes]) -> None:
        self._end, self._handle = end, end.fileno()
        os.set_blocking(self._handle, False)
        self._held: list[bytes] = []
        self.ends_at = 0.0

    @property
    def is_closed(self) -> bool:
        return self._end.closed

    def write(self, data: bytes) -> int:
        self._held.append(data)
        return len(data)

    def flush(self) -> None:
        """What is small is joined, so that the child is woken once for it."""
        held, self._held = self._held, []
        small = [data for data in held if len(data) < SMALL]
        for data in held if len(small) < len(held) else (b"".join(small),):
            rest = memoryview(data)
            while rest:
                self._wait(select.POLLOUT)
                rest = rest[os.write(self._handle, rest) :]

    def read(self, length: int) -> bytes:
        """Shorter where the child is gone."""
        data = bytearray()
        while len(data) < length:
            self._wait(select.POLLIN)
            some = os.read(self._handle, length - len(data))
            if not some:
                break
            data += some
        return bytes(data)

    def close(self) -> None:
        """Its number may be another file's from now on."""
        self._held, self._handle = [], -1
        self._end.close()

    def _wait(self, for_what: int) -> None:
        poll = select.poll()
        poll.register(self._handle, for_what)
        if not poll.poll(max(0, (self.ends_at - monotonic()) * 1000)):
            raise TimeoutError
