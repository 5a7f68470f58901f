"""Holding a DIMSE peer to PDUs and messages that end.

pynetdicom takes a PDU of whatever length is stated, up to 4 GB, gathers the fragments of a message
for as long as they come, and waits for each byte as long as for the first. Here a PDU is no longer
than a peer has any reason to send, comes within a time, and a message has an end.
"""

import socket
from contextlib import suppress
from time import monotonic
from typing import Any

from pynetdicom import evt

from imaging.archives.dimse_reactor import Waking

LONGEST_PDU = 16 << 20  # some ignore the 128 KiB we say
MAX_MESSAGE = 1 << 30


class Guard:
    """Of one association; its handlers go with the others. `seconds` may a PDU take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connection: Any = None
        self._came = 0
        self._waking: Waking | None = None
        self.handlers = [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_DIMSE_RECV, self._message_ended),
        ]

    def _opened(self, event: evt.Event) -> None:
        """And Nagle is off: with it each small message waits 40 ms."""
        self._connection = event.assoc.dul.socket
        with suppress(OSError):  # it may be gone again
            self._connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.recv = self._receive
        self._waking = Waking(event.assoc)

    def _closed(self, _: evt.Event) -> None:
        if self._waking:
            self._waking.close()

    def _message_ended(self, _: evt.Event) -> None:
        self._came = 0

    def _receive(self, count: int) -> bytearray:
        """In place of AssociationSocket.recv; its caller takes an OSError for the end."""
        plain = self._connection.socket
        self._came += count
        if count > LONGEST_PDU or self._came > MAX_MESSAGE:
            _hang_up(plain)
            raise OSError("more than anybody has reason to send")
        before = plain.gettimeout()
        try:
            return self._whole(plain, count)
        except TimeoutError:
            _hang_up(plain)
            raise
        finally:
            plain.settimeout(before)

    def _whole(self, plain: socket.socket, count: int) -> bytearray:
        """Shorter where the peer hangs up. Raises TimeoutError."""
        data, came, ends_at = bytearray(count), 0, monotonic() + self._seconds
        while came < count:
            plain.settimeout(max(ends_at - monotonic(), 0.001))
            some = plain.recv_into(memoryview(data)[came:])
            if not some:
                return data[:came]
            came += some
        return data


def _hang_up(plain: socket.socket) -> None:
    with suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)
