"""pynetdicom's two threads of an association that we open, put right.

Its reactor is woken by what it waits for: by itself it sleeps a millisecond whenever it finds
nothing to do, and so through the beginning of every message and of every answer, half the time that
a C-GET of 300 slices takes. And its other thread takes no answer from whoever asked.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from select import POLLIN, poll
from typing import Any
from weakref import finalize

from pynetdicom.association import Association

LONGEST_S = 0.02  # its own timers, and being told to end, wake nobody
ITS_OWN_S = 0.001
TO_SEND, CAN_SEND = "Evt9", ("Sta6", "Sta8")  # PS3.8 table 9-10: a P-DATA request primitive


def keep_answers(association: Association) -> None:
    """Leave every message to whoever asked. For associations that only ask, before they do.

    pynetdicom stops its own thread before it asks, by a flag of that thread's. Where the thread has
    had no turn since the last question (a busy machine), the flag is still the old one, and the
    thread goes on to take one answer off the queue and throw it away: a listing lacks an instance.
    """
    take = association.dimse.get_msg

    def asked_for(block: bool = False) -> tuple[Any, Any]:
        return take(block=True) if block else (None, None)

    association.dimse.get_msg = asked_for  # type: ignore[method-assign]


class Waking:
    """Of one association, from when it has a connection until `close`. Both queues stay
    pynetdicom's: only waiting and putting are ours.
    """

    def __init__(self, association: Association) -> None:
        dul: Any = association.dul
        self._dul = dul
        self._connection: Any = dul.socket
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self.close = finalize(association, _close, self._woken, self._waker)
        self._get: Callable[..., str] = dul.event_queue.get
        self._put: Callable[..., None] = dul.to_provider_queue.put
        dul.event_queue.get, dul.to_provider_queue.put = self._next_event, self._send
        dul._run_loop_delay = 0

    def _send(self, primitive: object) -> None:
        """From any thread: something is to be sent."""
        self._put(primitive)
        with suppress(OSError):  # it is over, or so many have woken it that it will wake
            self._waker.send(b"!")

    def _next_event(self, block: bool = False) -> str:
        """In the reactor's thread. Raises Empty once there may be something to do.

        What another thread still wants sent once the association is over is dropped: pynetdicom's
        table has no line for that, so that the reactor would die with its socket open.
        """
        try:
            event = self._get(block=False)
        except Empty:
            self._wait()
            raise
        if event == TO_SEND and self._dul.state_machine.current_state not in CAN_SEND:
            self._dul.to_provider_queue.get(block=False)
            raise Empty
        return event

    def _wait(self) -> None:
        plain = self._connection.socket
        if plain is None or not self._connection._is_connected or not self.close.alive:
            time.sleep(ITS_OWN_S)
            return
        if isinstance(plain, ssl.SSLSocket) and plain.pending():
            return
        waiting = poll()
        try:
            for end in (plain, self._woken):
                waiting.register(end, POLLIN)
            waiting.poll(LONGEST_S * 1000)
        except (OSError, ValueError):  # closed at this instant
            time.sleep(ITS_OWN_S)
        with suppress(OSError):
            self._woken.recv(64)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        end.close()
