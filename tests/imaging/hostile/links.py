"""Fakes of DIMSE archives: one server for all that speak DIMSE, and raw sockets for those that
hardly do. A trick is a C-FIND or C-GET handler of pynetdicom's, chosen by the AE title called.
"""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from time import sleep

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
RETURNED = {
    "STUDY": ("StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "StudyDate"),
    "SERIES": ("SeriesInstanceUID", "Modality"),
    "IMAGE": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}
UNIQUE = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
MATCHED = ("PatientID", "PatientBirthDate", *UNIQUE.values())
PENDING, SUCCESS = 0xFF00, 0x0000
Handler = Callable[[evt.Event, "LinkArchive"], Iterator[object]]


def finds(event: evt.Event, archive: "LinkArchive") -> Iterator[object]:
    """What a good archive answers."""
    for row in rows_of(event, archive):
        yield PENDING, row


def gives(event: evt.Event, archive: "LinkArchive") -> Iterator[object]:
    """What a good archive sends."""
    return sending(matching(event.identifier, archive))


@dataclass
class LinkArchive:
    """Holds files; well behaved but for its tricks."""

    port: int
    ae_title: str
    files: list[bytes]
    find: Handler = finds
    get: Handler = gives
    asked: list[Dataset] = field(default_factory=list)

    def held(self) -> list[Dataset]:
        return [dcmread(BytesIO(file)) for file in self.files]


def matching(asked: Dataset, archive: LinkArchive) -> list[Dataset]:
    """The datasets that match every key it knows."""

    def is_one(dataset: Dataset) -> bool:
        keys = {key: asked.get(key) for key in MATCHED if asked.get(key)}
        return all(
            str(dataset.get(key)) in ([value] if isinstance(value, str) else list(value))
            for key, value in keys.items()
        )

    return [dataset for dataset in archive.held() if is_one(dataset)]


def rows_of(event: evt.Event, archive: LinkArchive) -> list[Dataset]:
    level = event.identifier.QueryRetrieveLevel
    found = {d[UNIQUE[level]].value: d for d in matching(event.identifier, archive)}
    return [row_of(dataset, level) for dataset in found.values()]


def row_of(dataset: Dataset, level: str, **said: object) -> Dataset:
    row = Dataset()
    row.QueryRetrieveLevel = level
    for keyword in RETURNED[level]:
        setattr(row, keyword, dataset.get(keyword))
    for keyword, value in said.items():
        setattr(row, keyword, value)
    return row


def sending(datasets: Iterable[Dataset], states: int | None = None) -> Iterator[object]:
    """`states` is how many it says there are."""
    datasets = list(datasets)
    yield len(datasets) if states is None else states
    for dataset in datasets:
        yield PENDING, dataset


class LinkServer:
    """All fakes, each by an AE title of its own."""

    def __init__(self) -> None:
        self.archives: dict[str, LinkArchive] = {}
        self._numbers = count()
        ae = AE(ae_title="ANY")
        for service in (FIND, GET, "1.2.840.10008.1.1"):
            ae.add_supported_context(service)
        ae.add_supported_context(CT, scu_role=True, scp_role=True)
        ae.dimse_timeout = ae.network_timeout = 5
        handlers = [(evt.EVT_C_FIND, self._find), (evt.EVT_C_GET, self._get)]
        self._server = ae.make_server(
            ("127.0.0.1", 0), evt_handlers=handlers, server_class=ThreadedAssociationServer
        )
        ae._servers.append(self._server)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def archive(self, files: Iterable[bytes], **tricks: Handler) -> LinkArchive:
        name = f"FAKE{next(self._numbers)}"
        self.archives[name] = LinkArchive(self.port, name, list(files), **tricks)
        return self.archives[name]

    def close(self) -> None:
        self._server.shutdown()

    def _find(self, event: evt.Event) -> Iterator[object]:
        archive = self._called(event)
        archive.asked.append(event.identifier)
        yield from archive.find(event, archive)

    def _get(self, event: evt.Event) -> Iterator[object]:
        archive = self._called(event)
        yield from archive.get(event, archive)

    def _called(self, event: evt.Event) -> LinkArchive:
        return self.archives[event.assoc.requestor.primitive.called_ae_title.strip()]


# What comes of raw sockets

Raw = Callable[[socket.socket], None]


@contextmanager
def raw_archive(trick: Raw) -> Iterator[int]:
    """A port where everybody who calls gets `trick(connection)`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                trick(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close = True, False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """`length` is what it says of its length."""
    return struct.pack(">BBL", kind, 0, len(body) if length is None else length) + body


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def accepted(request: bytes, contexts: Iterable[int] = range(1, 256, 2)) -> bytes:
    """An A-ASSOCIATE-AC that accepts all of these contexts (PS3.8 9.3.3)."""
    syntax = item(0x40, b"1.2.840.10008.1.2")
    agreed = b"".join(item(0x21, bytes([one, 0, 0, 0]) + syntax) for one in contexts)
    user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3"))
    body = request[6:74] + item(0x10, b"1.2.840.10008.3.1.1.1") + agreed + user
    return pdu(0x02, body)


def received(connection: socket.socket) -> bytes:
    """One PDU of ours."""
    head = connection.recv(6, socket.MSG_WAITALL)
    (length,) = struct.unpack(">L", head[2:])
    return head + connection.recv(length, socket.MSG_WAITALL)


def asked_for_two(connection: socket.socket) -> tuple[bytes, int]:
    """Our request is accepted, and asked of it: the request, and the context of the question."""
    request = received(connection)
    offered = offered_by(request)
    connection.sendall(accepted(request, offered))
    question = received(connection)
    return request, question[10]


def offered_by(request: bytes) -> list[int]:
    """Ids of the contexts of an A-ASSOCIATE-RQ."""
    at, found = 74, []
    while at < len(request):
        kind, _, length = struct.unpack_from(">BBH", request, at)
        if kind == 0x20:
            found.append(request[at + 4])
        at += 4 + length
    return found


def endless(connection: socket.socket, data: bytes) -> None:
    while True:
        connection.sendall(data)


def dripping(connection: socket.socket, data: bytes, pause_s: float = 0.05) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        sleep(pause_s)
