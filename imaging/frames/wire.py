"""Messages between the worker and its decoder: a JSON head and a body, both with their length."""

import json
from collections.abc import Mapping
from struct import Struct
from typing import Any, Protocol

from imaging.frames.limits import MAX_INSTANCE_BYTES

LENGTHS = Struct(">II")
MAX_HEAD_BYTES = 64 << 20


class Source(Protocol):
    def read(self, length: int, /) -> bytes: ...


class Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


def send(stream: Sink, head: Mapping[str, Any], body: bytes = b"") -> None:
    text = json.dumps(head).encode()
    stream.write(LENGTHS.pack(len(text), len(body)))
    stream.write(text)
    stream.write(body)
    stream.flush()


def receive(stream: Source) -> tuple[dict[str, Any], bytes]:
    """The next message. Raises EOFError when the other side is gone or talks nonsense."""
    head_length, body_length = LENGTHS.unpack(_exactly(stream, LENGTHS.size))
    if head_length > MAX_HEAD_BYTES or body_length > MAX_INSTANCE_BYTES:
        raise EOFError("a message longer than any of ours")
    head = json.loads(_exactly(stream, head_length))
    return head, _exactly(stream, body_length)


def _exactly(stream: Source, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the other side is gone")
    return data
