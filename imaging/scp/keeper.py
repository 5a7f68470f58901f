"""What the Storage SCP does with a file: read in a process of its own, into the store, one row."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TypeVar

from django.db import DatabaseError, connection

from imaging import arrivals, store
from imaging.frames.process import reader
from imaging.frames.refused import Refused
from imaging.scp.guests import Guest, admit, senders
from imaging.scp.service import BusyError, NotTakenError

Answer = TypeVar("Answer")


class Keeper:
    """One connection to the database for all associations: rows are short, and SQLite has one
    writer anyway. The files are read and kept by the associations' own threads.
    """

    def __init__(self) -> None:
        self._scribe = ThreadPoolExecutor(1, "scribe")

    def admit(self, calling: str, called: str, address: str) -> Guest:
        """As guests.admit. A name service that hangs keeps this association waiting alone."""
        archives = self._in_database(lambda: list(senders()))
        return admit(archives, calling, called, address)

    def keep(self, guest: Guest, data: bytes, is_asked: bool) -> None:
        """On disk and in the database when this returns. Raises NotTakenError, BusyError and
        StoreError.
        """
        try:
            header = reader().read_headers([data])[0] or reader().read_header(data)
        except Refused as refused:
            if refused.code == "header.timeout":
                raise BusyError(refused.code) from refused
            raise NotTakenError(refused.code) from refused
        store.check_space()
        stored = store.get().put(BytesIO(data))
        self._in_database(lambda: arrivals.keep(guest.archives, header, stored, is_asked=is_asked))

    def close(self) -> None:
        self._scribe.submit(lambda: connection.close()).result()  # the scribe's own
        self._scribe.shutdown()

    def _in_database(self, ask: Callable[[], Answer]) -> Answer:
        return self._scribe.submit(_asked, ask).result()


def _asked(ask: Callable[[], Answer]) -> Answer:
    """A connection that failed is not used again."""
    try:
        return ask()
    except DatabaseError:
        connection.close()
        raise
