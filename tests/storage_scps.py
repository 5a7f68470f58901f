"""Our Storage SCP without database or store, and archives that send to it by C-MOVE.

Fixtures: `orthanc_moving` and `dcmqrscp_moving` are the shared peers, set up to be asked by C-MOVE;
what they send lands in an inbox in memory, from which the connector takes it.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from imaging.archives import registry
from imaging.scp.guests import Guest
from imaging.scp.service import StorageScp
from tests.peers import Peer


class MemoryInbox:
    """What a Storage SCP took, in the order it came (imaging.archives.dimse_move.Inbox)."""

    def __init__(self) -> None:
        self.port = 0
        self.scp: StorageScp | None = None
        self.is_open = True
        self.files: list[bytes] = []
        self.asked: list[bool] = []

    def keep(self, guest: Guest, data: bytes, is_asked: bool) -> None:
        self.files.append(data)
        self.asked.append(is_asked)

    def is_listening(self) -> bool:
        return self.is_open

    def take(self, study_instance_uid: str) -> Iterator[tuple[str, bytes]]:
        for data in list(self.files):
            header = dcmread(BytesIO(data), stop_before_pixels=True)
            if header.StudyInstanceUID == study_instance_uid:
                self.files.remove(data)
                yield header.SOPInstanceUID, data


def anybody(calling: str, called: str, address: str) -> Guest:
    return Guest(calling, frozenset({1}))


@contextmanager
def listening(port: int = 0, **options) -> Iterator[MemoryInbox]:
    """A Storage SCP on loopback until the block ends."""
    inbox = MemoryInbox()
    tls = options.pop("tls", None)
    scp = StorageScp(**{"admit": anybody, "keep": inbox.keep} | options)
    inbox.scp = scp
    inbox.port = scp.start("127.0.0.1", port, tls)
    try:
        yield inbox
    finally:
        scp.stop()


@contextmanager
def _moving(peer: Peer) -> Iterator[Peer]:
    with listening(peer.move_port) as inbox, pytest.MonkeyPatch.context() as patch:
        others = registry.inbox_of
        at = peer.port
        patch.setattr(registry, "inbox_of", lambda row: inbox if row.port == at else others(row))
        yield replace(peer, extra={"retrieve_by": "move", "move_destination": "LIGHTBOX"})


@pytest.fixture(scope="module")
def orthanc_moving(orthanc: Peer) -> Iterator[Peer]:
    with _moving(orthanc) as peer:
        yield peer


@pytest.fixture(scope="module")
def dcmqrscp_moving(dcmqrscp: Peer) -> Iterator[Peer]:
    with _moving(dcmqrscp) as peer:
        yield peer


@pytest.fixture
def swept() -> Iterator[None]:
    """Sockets that pynetdicom leaves to the garbage collector are collected within the test, once
    the threads that hold them have ended: on a busy machine that is later than the test's end.
    """
    yield
    for thread in threading.enumerate():
        if isinstance(thread, Association) and thread.is_established:
            thread.abort(block=False)  # a peer that keeps what it opened
        if isinstance(thread, (Association, DULServiceProvider)):
            thread.join(10)
    gc.collect()
