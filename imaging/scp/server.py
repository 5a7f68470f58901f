"""The sockets below the Storage SCP: what a peer may cost before and while it is believed.

pynetdicom shakes hands for TLS in the one thread that accepts, for as long as a peer likes, reads
as many bytes as a length states, and waits for ever within a message. Here every wait ends, and
every length is held against a limit, before anything is read.
"""

import logging
import socket
import ssl
from threading import Lock
from typing import Any
from weakref import WeakSet

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from imaging.archives.dimse_reactor import Waking

log = logging.getLogger(__name__)
HANDSHAKE_S = 5
STALL_S = 60  # within a message; between messages it is the AE's network_timeout
MAX_PDU_BYTES = 4 << 20  # whatever was agreed: some peers send larger ones than they were told


class TooMuchError(OSError):
    """More than may be held. pynetdicom takes it for a broken connection, and ends it."""


class Budget:
    """Bytes held in memory by all associations together, and by one of them."""

    def __init__(self, *, for_all: int, for_one: int) -> None:
        self._for_all, self._for_one = for_all, for_one
        self._held: dict[int, int] = {}
        self._lock = Lock()

    def take(self, who: int, count: int) -> None:
        """Raises TooMuchError, and whoever asked must end."""
        with self._lock:
            held = self._held.get(who, 0) + count
            if held > self._for_one or sum(self._held.values()) + count > self._for_all:
                raise TooMuchError("more than may be held at one time")
            self._held[who] = held

    def give_back(self, who: int) -> None:
        with self._lock:
            self._held.pop(who, None)


class _Handler(RequestHandler):
    """As pynetdicom's, but its associations read nothing that is too long."""

    server: "GuardedServer"

    def _create_association(self) -> Association:
        association = super()._create_association()
        guarded: Any = association.dul.socket
        budget, who, waking = self.server.budget, id(association), Waking(association)

        def recv(nr_bytes: int) -> bytearray:
            if nr_bytes > MAX_PDU_BYTES:
                raise TooMuchError("a PDU that is too long")
            budget.take(who, nr_bytes)
            return _whole(guarded.socket, nr_bytes)

        guarded.recv = recv
        association.bind(evt.EVT_CONN_CLOSE, lambda _: waking.close())
        return association


def _whole(connection: socket.socket, count: int) -> bytearray:
    """Shorter where the peer hangs up; pynetdicom's own reads 4 KiB at a time."""
    data, came = bytearray(count), 0
    while came < count:
        some = connection.recv_into(memoryview(data)[came:])
        if not some:
            return data[:came]
        came += some
    return data


class GuardedServer(ThreadedAssociationServer):
    """At most twice `most` connections: half of them may be of some who say nothing."""

    daemon_threads = True

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None,
        handlers: list[evt.EventHandlerType],
        budget: Budget,
        most: int,
    ) -> None:
        self.budget, self._most = budget, most
        self._arriving: WeakSet[socket.socket] = WeakSet()  # before they are associations
        contexts = ae.supported_contexts
        all_handlers = [*handlers, (evt.EVT_CONN_CLOSE, self._closed)]
        super().__init__(ae, address, ae.ae_title, contexts, tls, all_handlers, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accepted and nothing more: TLS is spoken in the connection's own thread."""
        assert self.socket is not None  # noqa: S101  it is bound since __init__
        return self.socket.accept()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Those who say nothing end after acse_timeout, those who speak no TLS before."""
        return len(self.active_associations) + len(self._arriving) < 2 * self._most

    def process_request(self, request: Any, client_address: Any) -> None:
        self._arriving.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            self._begin(request, client_address)
        finally:
            self._arriving.discard(request)

    def _begin(self, request: Any, client_address: Any) -> None:
        try:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.ssl_context:
                request.settimeout(HANDSHAKE_S)
                request = self.ssl_context.wrap_socket(request, server_side=True)
            request.settimeout(STALL_S)
        except OSError:
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("A connection could not be served")

    def _closed(self, event: evt.Event) -> None:
        """Who has gone without a word is not waited for: ports are looked at, also by us."""
        association: Any = event.assoc
        self.budget.give_back(id(association))
        if association.requestor.primitive is None:
            association.dul.to_user_queue.put(None)


def tls_context(certificate: str, key: str, ca: str) -> ssl.SSLContext:
    """From PEM files. With `ca` a peer must show a certificate that was signed by it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key or None, password=lambda: "")
    if ca:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
