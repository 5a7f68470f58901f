"""What comes back over HTTP, in small pieces: unpacked with a limit, and never at a crawl.

httpx unpacks whatever it is sent, in one go and as often as the answer says: 64 KiB of zeros
packed twice are 64 GiB. Here an answer is unpacked once, a piece at a time, so that whoever counts
the pieces can stop in time.
"""

import time
import zlib
from collections.abc import Iterable, Iterator

import httpx

from imaging.archives.multipart import CutShort

PIECE = 256 * 1024
PACKED = ("gzip", "x-gzip", "deflate")
# Less than this in ten times the patience for silence is as good as silence.
LEAST = 16 * 1024
WINDOW = 10


class BadEncoding(Exception):
    """Packed in a way nobody asked for, or damaged."""


def is_packed(encoding: str) -> bool:
    return encoding.strip().lower() not in ("", "identity")


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body by its Content-Encoding (RFC 9110 8.4), in pieces of at most PIECE where packed.

    Raises BadEncoding, or CutShort where it ends before its end.
    """
    if not is_packed(encoding):
        yield from chunks
        return
    if encoding.strip().lower() not in PACKED:
        raise BadEncoding("packed in an unknown way")
    decoder = zlib.decompressobj(wbits=47)  # gzip or zlib, by its own first bytes
    try:
        for chunk in chunks:
            yield from _pieces(decoder, chunk)
    except zlib.error as error:
        raise BadEncoding("damaged") from error
    if not decoder.eof:
        raise CutShort


def _pieces(decoder: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while piece := decoder.decompress(chunk, PIECE):
        yield piece
        chunk = decoder.unconsumed_tail


def lively(chunks: Iterable[bytes], idle_s: float) -> Iterator[bytes]:
    """The same. Raises httpx.ReadTimeout when hardly anything comes, though never nothing at all.

    Only waiting counts, not what is done with a chunk; and there is no limit on the whole.
    """
    rest = iter(chunks)
    waited, came = 0.0, 0
    while True:
        asked_at = time.monotonic()
        chunk = next(rest, None)
        if chunk is None:
            return
        waited += time.monotonic() - asked_at
        came += len(chunk)
        if waited > WINDOW * idle_s:
            if came < LEAST:
                raise httpx.ReadTimeout("a crawl")
            waited, came = 0.0, 0
        yield chunk


def within(chunks: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    """The same, for so long in all. Raises httpx.ReadTimeout."""
    end = time.monotonic() + seconds
    for chunk in chunks:
        if time.monotonic() > end:
            raise httpx.ReadTimeout("too slow")
        yield chunk


def read_all(chunks: Iterable[bytes], at_most: int) -> bytes:
    """All of it. Raises BadEncoding beyond `at_most` bytes."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > at_most:
            raise BadEncoding("an answer is too large")
    return bytes(body)
