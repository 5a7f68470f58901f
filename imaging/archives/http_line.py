"""Hanging up on a peer whose answer never begins.

httpcore waits for each byte of a head as long as for the first one, and for as many interim answers
(RFC 9110 15.2) as a peer likes to send: either would hold a worker for days.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

import httpx

OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Line:
    """The connection one pool opened last, for whoever has to end it."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._was_hung_up = False

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore's "trace" extension."""
        if event in OPENED:
            self._stream = info["return_value"]

    @contextmanager
    def hung_up_after(self, seconds: float) -> Iterator[None]:
        """Raises httpx.ReadTimeout where the block was ended by this."""
        self._was_hung_up = False
        clock = Timer(seconds, self._hang_up)
        clock.daemon = True
        clock.start()
        try:
            yield
        except httpx.HTTPError as error:
            if self._was_hung_up:
                raise httpx.ReadTimeout("a head without end") from error
            raise
        finally:
            clock.cancel()

    def _hang_up(self) -> None:
        self._was_hung_up = True
        if self._stream is not None:
            with suppress(OSError):  # it may be gone already
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
