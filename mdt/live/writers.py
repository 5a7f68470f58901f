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
    """Straight into the server's WebSocket protocol, with a look at what it has not sent yet."""

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol

    def straight(self, text: str) -> bool:
        if self._unsent() > FULL_BYTES:
            return False
        self._write(text)
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
        self._write(text)

    def _write(self, text: str) -> None:
        """What one socket cannot be sent breaks nothing for the others: it closed, or worse."""
        try:
            self._protocol.sendMessage(text.encode(), False)
        except Disconnected:
            return
        except PayloadExceededError:
            logger.error("A message of %d characters is longer than Daphne sends.", len(text))

    def _unsent(self) -> int:
        transport = self._protocol.transport
        return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)


def writer_for(send: Send) -> Writer:
    """The fast one where `send` is Daphne's and its transport is as known, else the portable."""
    for argument in getattr(send, "args", ()):
        if isinstance(argument, WebSocketProtocol) and _is_known(argument.transport):
            return DaphneWriter(argument)
    return PortableWriter(send)


def _is_known(transport: object) -> bool:
    return all(hasattr(transport, name) for name in ("dataBuffer", "offset", "_tempDataLen"))
