"""Reading multipart/related as it streams: whole parts out, and no end without its boundary.

A stream that is cut looks like success to HTTP (no length, `Connection: close`): only the missing
closing boundary tells (RFC 2046 5.1.1, DICOM PS3.18 8.7.3).
"""

from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import BytesParser

MAX_HEADERS = 16 * 1024
MAX_PREAMBLE = 64 * 1024


class BadMultipart(Exception):
    """What came is no multipart message, or a part is larger than allowed."""


class CutShort(Exception):
    """The stream ended before its closing boundary."""


def boundary_of(content_type: str) -> bytes:
    """The boundary parameter, quoted or not. Raises BadMultipart when there is none."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_maintype() != "multipart" or not boundary:
        raise BadMultipart("no multipart answer")
    return boundary.encode()


def iter_parts(chunks: Iterable[bytes], boundary: bytes, *, at_most: int) -> Iterator[bytes]:
    """The body of every whole part. `at_most` is bytes per part.

    A stated Content-Length is believed when a boundary follows it, so a boundary that occurs
    within the data ends nothing. Raises CutShort after the last whole part, or BadMultipart.
    """
    buffer = _Buffer(chunks)
    delimiter = b"\r\n--" + boundary
    buffer.prepend(b"\r\n")  # the first boundary may open the stream
    buffer.take_until(delimiter, MAX_PREAMBLE)
    while not _is_last(buffer):
        length = _length_of(buffer.take_until(b"\r\n\r\n", MAX_HEADERS))
        if length is not None and length <= at_most and buffer.has_at(length, delimiter):
            yield buffer.take(length)
            buffer.take(len(delimiter))
        else:
            yield buffer.take_until(delimiter, at_most)


def _is_last(buffer: "_Buffer") -> bool:
    """After a delimiter: `--` closes the message, a line end (after padding) opens a part.

    The line end is left: a part without headers is a line end and an empty line.
    """
    if buffer.peek(2) == b"--":
        return True
    while buffer.peek(1) in (b" ", b"\t"):
        buffer.take(1)
    if buffer.peek(2) != b"\r\n":
        raise BadMultipart("a boundary that is none")
    return False


def _length_of(headers: bytes) -> int | None:
    value = BytesParser().parsebytes(headers.lstrip(b"\r\n") + b"\r\n\r\n").get("Content-Length")
    return int(value) if value and value.strip().isdecimal() else None


class _Buffer:
    """Bytes come in chunks and are taken in runs; a search never looks at a byte twice."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = bytearray()

    def prepend(self, data: bytes) -> None:
        self._held[:0] = data

    def peek(self, count: int) -> bytes:
        self._fill(count)
        return bytes(self._held[:count])

    def has_at(self, offset: int, what: bytes) -> bool:
        self._fill(offset + len(what))
        return self._held[offset : offset + len(what)] == what

    def take(self, count: int) -> bytes:
        self._fill(count)
        taken = bytes(memoryview(self._held)[:count])
        del self._held[:count]
        return taken

    def take_until(self, end: bytes, at_most: int) -> bytes:
        """What comes before `end`, which is taken too and not returned."""
        seen = 0
        while (at := self._held.find(end, seen)) < 0:
            if len(self._held) > at_most:
                raise BadMultipart("a part is too large")
            seen = max(0, len(self._held) - len(end) + 1)
            self._fill(len(self._held) + 1)
        taken = self.take(at)
        self.take(len(end))
        return taken

    def _fill(self, count: int) -> None:
        while len(self._held) < count:
            try:
                self._held += next(self._chunks)
            except StopIteration:
                raise CutShort from None
