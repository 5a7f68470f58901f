"""The last step to one browser: a portable way, and a faster one for Daphne.

Daphne's `send` never waits: what a slow browser does not take piles up in Twisted's buffer
without a limit (django/daphne#170), so its writer looks at that buffer itself. Which writer
serves is decided by what the server's `send` is; anything unknown gets the portable one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from autobahn.exception import Disconnected, PayloadExceededError
from daphne.ws_protocol import WebSocketProtocol

from mdt.live.outbox import Behind

logger = logging.getLogger(__name__)

FULL_BYTES = 64 * 1024  # unsent: the socket is slow, nothing more is handed over
LOW_BYTES = 16 * 1024  # unsent: it has caught up
SLOW_S = 10  # slow for so long: it may come back later
LOOK_S = 0.02
#: What is looked at in Twisted's transport. Another one, TLS for example, is not written straight.
KNOWN = ("dataBuffer", "offset", "_tempDataLen", "writeSomeData", "connected", "disconnecting")

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Writer(Protocol):
    def straight(self, text: str) -> bool:
        """Send now, without waiting; False when that is not possible."""

    async def ready(self) -> None:
        """Until the socket can take more. Raises Behind after SLOW_S."""

    async def send(self, text: str) -> None:
        """Send, in the server's own time. Raises Behind after SLOW_S."""


class PortableWriter:
    """By ASGI alone. A server that waits for its browser makes `send` wait."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def straight(self, text: str) -> bool:
        return False

    async def ready(self) -> None:
        return

    async def send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SLOW_S):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Behind from None


class DaphneWriter:
    """Straight into the socket while nothing waits there, else into Twisted's buffer.

    Twisted would write at a later turn of the loop and tell the selector twice, which costs three
    times as much for each browser as the writing itself.
    """

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol

    def straight(self, text: str) -> bool:
        unsent = self._unsent()
        if unsent > FULL_BYTES:
            return False
        payload = text.encode()
        if unsent or not self._may_go_straight(payload):
            self._write(payload)
        else:
            self._write_now(frame(payload))
        return True

    async def ready(self) -> None:
        if self._unsent() <= FULL_BYTES:
            return
        try:
            async with asyncio.timeout(SLOW_S):
                while self._unsent() > LOW_BYTES:  # noqa: ASYNC110 (Twisted tells nobody)
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise Behind from None

    async def send(self, text: str) -> None:
        self._write(text.encode())

    def _may_go_straight(self, payload: bytes) -> bool:
        """Nothing is under way in the protocol, and it would do no more with this than frame it."""
        protocol, transport = self._protocol, self._protocol.transport
        is_open = protocol.state == WebSocketProtocol.STATE_OPEN and transport.connected
        is_plain = protocol._perMessageCompress is None and len(payload) <= FULL_BYTES
        return is_open and is_plain and not transport.disconnecting and not protocol.send_queue

    def _write_now(self, data: bytes) -> None:
        """What does not fit goes to Twisted; so does everything where the connection is lost."""
        sent = self._protocol.transport.writeSomeData(data)
        if not isinstance(sent, int):
            sent = 0
        if sent < len(data):
            self._protocol.transport.write(data[sent:])

    def _write(self, payload: bytes) -> None:
        """What one socket cannot be sent breaks nothing for the others: it closed, or worse."""
        try:
            self._protocol.sendMessage(payload, False)
        except Disconnected:
            return
        except PayloadExceededError:
            logger.error("A message of %d bytes is longer than Daphne sends.", len(payload))

    def _unsent(self) -> int:
        transport = self._protocol.transport
        return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)


def frame(payload: bytes) -> bytes:
    """A text message as one frame from a server (RFC 6455 5.2): whole, and not masked."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 2**16:
        return bytes((0x81, 126)) + size.to_bytes(2) + payload
    return bytes((0x81, 127)) + size.to_bytes(8) + payload


def writer_for(send: Send) -> Writer:
    """The fast one where `send` is Daphne's and its insides are as known, else the portable."""
    for argument in getattr(send, "args", ()):
        if isinstance(argument, WebSocketProtocol) and _is_known(argument):
            return DaphneWriter(argument)
    return PortableWriter(send)


def _is_known(protocol: WebSocketProtocol) -> bool:
    has_queue = all(
        hasattr(protocol, name) for name in ("state", "send_queue", "_perMessageCompress")
    )
    return has_queue and all(hasattr(protocol.transport, name) for name in KNOWN)
