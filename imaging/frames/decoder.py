"""`python -m imaging.frames.decoder`: the process that opens strangers' files (D8).

It reads one request after another from stdin and answers each on stdout (wire.py). It limits its
own memory and CPU, knows no database and no secret, and ends after the first failure that may have
broken it: whoever holds the other end starts a new one.

    {"ask": "header"} + file                         -> header
    {"ask": "headers", "sizes": [n...]} + files      -> nothing + their headers, null where refused
    {"ask": "key objects"} + file                    -> what a KOS points at, and what for
    {"ask": "open"} + file                           -> what metadata says of it; it stays open
    {"ask": "frame", "number": n}                    -> how the canonical frame is laid out + frame
"""

import json
import os
import resource
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO

from imaging.frames import limits, wire
from imaging.frames.header import header_of
from imaging.frames.instance import Instance
from imaging.frames.key_objects import key_objects_of
from imaging.frames.part10 import parse
from imaging.frames.refused import Refused

Answer = tuple[dict[str, Any], bytes]


class Decoder:
    """Answers requests. One file is open at a time: the one that was opened last."""

    def __init__(self) -> None:
        self._open: Instance | None = None

    def answer(self, head: dict[str, Any], body: bytes) -> Answer:
        """Raises Refused, or anything at all where a file is damaged in a new way."""
        asked: dict[str, Callable[[dict[str, Any], bytes], Answer]] = {
            "header": self._header,
            "headers": self._headers,
            "key objects": self._key_objects,
            "open": self._open_file,
            "frame": self._frame,
        }
        return asked[head["ask"]](head, body)

    def _header(self, head: dict[str, Any], body: bytes) -> Answer:
        return vars(header_of(parse(body))), b""

    def _headers(self, head: dict[str, Any], body: bytes) -> Answer:
        """Raises what is unforeseen in one of them about all: each is asked about alone then."""
        told, start = [], 0
        for size in head["sizes"]:
            told.append(_told(body[start : start + size]))
            start += size
        return {}, json.dumps(told).encode()

    def _key_objects(self, head: dict[str, Any], body: bytes) -> Answer:
        return asdict(key_objects_of(parse(body))), b""

    def _open_file(self, head: dict[str, Any], body: bytes) -> Answer:
        self._open = None
        self._open = Instance(parse(body))
        _allow_cpu(limits.cpu_seconds_to_describe(self._open.count))
        return self._open.description(), b""

    def _frame(self, head: dict[str, Any], body: bytes) -> Answer:
        if self._open is None:
            raise Refused("frame.damaged", "No instance is open.")
        frame = self._open.frame(head["number"])
        layout = {"ends": frame.ends, "crc32": frame.crc32, "spread": frame.spread}
        return layout, frame.data


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Until there are no more requests, or a failure that may have broken this process."""
    decoder = Decoder()
    while True:
        head, body = wire.receive(requests)
        _allow_cpu(head["cpu_seconds"])
        try:
            answer, data = decoder.answer(head, body)
        except Refused as refused:
            answer, data = {"refused": [refused.code, refused.message], "is_last": False}, b""
        except BaseException as error:  # a Rust panic is no Exception
            why = _unforeseen(head["ask"], error)
            answer, data = {"refused": why, "is_last": _may_be_broken(head["ask"], error)}, b""
        wire.send(answers, answer, data)
        if answer.get("is_last"):
            return


def _told(file: bytes) -> dict[str, Any] | None:
    with suppress(Refused):
        return vars(header_of(parse(file)))
    return None


def _unforeseen(asked: str, error: BaseException) -> list[str]:
    kind = "frame" if asked == "frame" else "header"
    if isinstance(error, MemoryError):
        return [f"{kind}.too_large", "It needs more memory than it may have."]
    return [f"{kind}.damaged", "It cannot be read: it is damaged."]


def _may_be_broken(asked: str, error: BaseException) -> bool:
    """Whether this process should end: a header is read in Python alone, which breaks nothing."""
    return asked == "frame" or isinstance(error, MemoryError) or not isinstance(error, Exception)


def _allow_cpu(seconds: int) -> None:
    """Let this request have so many seconds of CPU; the kernel ends the process after them."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def main() -> None:
    """Take the pipe away from stdout, so that no library's message gets between two answers."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (limits.MEMORY_BYTES, limits.MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        serve(sys.stdin.buffer, answers)
    except EOFError:
        return


if __name__ == "__main__":
    main()
