"""Reading multipart/related as it streams: whole parts out, and no end without its boundary.

A stream that is cut looks like success to HTTP (no length, `Connection: close`): only the missing
closing boundary tells (RFC 2046 5.1.1, DICOM PS3.18 8.7.3).
"""

from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import BytesParser

MAX_HEADERS = 16 * 1024
MAX_PREAMBLE = 64 * 1024
MAX_PADDING = 64  # spaces a delimiter may have before its line ends


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

    A stated Content-Length is believed when a delimiter follows it, so a boundary that occurs
    within the data ends nothing. Raises CutShort after the last whole part, or BadMultipart.
    What follows the closing boundary is left in `chunks`.
    """
    buffer = _Buffer(chunks, b"\r\n--" + boundary)
    buffer.prepend(b"\r\n")  # the first boundary may open the stream
    buffer.take_part(MAX_PREAMBLE)
    while not buffer.is_closed():
        length = _length_of(buffer.take_until(b"\r\n\r\n", MAX_HEADERS))
        if length is not None and length <= at_most and buffer.ends_at(length):
            yield buffer.take(length)
            buffer.take_delimiter()
        else:
            yield buffer.take_part(at_most)


def _length_of(headers: bytes) -> int | None:
    value = BytesParser().parsebytes(headers.lstrip(b"\r\n") + b"\r\n\r\n").get("Content-Length")
    return int(value) if value and value.strip().isdecimal() else None


class _Buffer:
    """Bytes come in chunks and are taken in runs; a search never looks at a byte twice."""

    def __init__(self, chunks: Iterable[bytes], delimiter: bytes) -> None:
        self._chunks = iter(chunks)
        self._delimiter = delimiter
        self._held = bytearray()

    def prepend(self, data: bytes) -> None:
        self._held[:0] = data

    def is_closed(self) -> bool:
        """After a delimiter: `--` closes the message, a line end opens a part.

        The line end is left: a part without headers is a line end and an empty line.
        """
        self._fill(2)
        return self._held.startswith(b"--")

    def ends_at(self, length: int) -> bool:
        """Whether a part of this length would be followed by a delimiter.

        Where the stream ends before, the length is wrong if the message is closed nevertheless,
        and else the part was cut.
        """
        try:
            return self._is_delimiter(length)
        except CutShort:
            if self._delimiter + b"--" not in self._held:
                raise
            return False

    def take(self, count: int) -> bytes:
        self._fill(count)
        taken = bytes(memoryview(self._held)[:count])
        del self._held[:count]
        return taken

    def take_delimiter(self) -> None:
        """And its padding, if any."""
        self.take(len(self._delimiter))
        while self._is_padding(0):
            self.take(1)

    def take_part(self, at_most: int) -> bytes:
        """What comes before the next delimiter, which is taken too and not returned."""
        at = self._find(self._delimiter, 0, at_most)
        while not self._is_delimiter(at):  # the data happens to hold what looks like one
            at = self._find(self._delimiter, at + 1, at_most)
        taken = self.take(at)
        self.take_delimiter()
        return taken

    def take_until(self, end: bytes, at_most: int) -> bytes:
        """What comes before `end`, which is taken too and not returned."""
        taken = self.take(self._find(end, 0, at_most))
        self.take(len(end))
        return taken

    def _find(self, what: bytes, seen: int, at_most: int) -> int:
        while (at := self._held.find(what, seen)) < 0:
            if len(self._held) > at_most:
                raise BadMultipart("a part is too large")
            seen = max(seen, len(self._held) - len(what) + 1)
            self._fill(len(self._held) + 1)
        return at

    def _is_delimiter(self, at: int) -> bool:
        """The boundary, and then either `--` or the end of the line."""
        after = at + len(self._delimiter)
        self._fill(after + 2)
        if self._held[at:after] != self._delimiter:
            return False
        end = after
        while self._is_padding(end) and end < after + MAX_PADDING:
            end += 1
            self._fill(end + 2)
        return self._held[end : end + 2] == b"\r\n" or self._held[after : after + 2] == b"--"

    def _is_padding(self, at: int) -> bool:
        return self._held.startswith((b" ", b"\t"), at)

    def _fill(self, count: int) -> None:
        while len(self._held) < count:
            try:
                self._held += next(self._chunks)
            except StopIteration:
                raise CutShort from None
