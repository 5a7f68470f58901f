"""The listener for HL7 as a process: it listens while some source may send, and waits else."""

import asyncio
import logging
import ssl

from django.conf import settings
from django.db import DatabaseError, connection

from imaging.scp.server import tls_context
from mdt.reports.mllp import Listener
from mdt.reports.queries import hl7_addresses

log = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
IDLE = (
    "No system may send reports by HL7: nothing listens for them. It begins by itself when one is"
    " set up (manage.py add_report_source)."
)


async def listen(told_to_stop: asyncio.Event) -> None:
    """Until told to stop. Whatever goes wrong is said, once, and tried again."""
    process = _Process()
    try:
        while not told_to_stop.is_set():
            await process.look()
            try:
                await asyncio.wait_for(told_to_stop.wait(), LOOK_EVERY_S)
            except TimeoutError:
                continue
    finally:
        await process.end()


class _Process:
    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._said = ""

    async def look(self) -> None:
        try:
            is_wanted = bool(await asyncio.to_thread(_addresses))
        except DatabaseError as error:
            self._say(logging.ERROR, f"The listener goes on trying: {type(error).__name__}")
            return
        if is_wanted and self._listener is None:
            await self._begin()
        elif not is_wanted:
            await self.end()
            self._say(logging.INFO, IDLE)

    async def end(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()

    async def _begin(self) -> None:
        listener = Listener()
        try:
            port = await listener.start(settings.MLLP_HOST, settings.MLLP_PORT, _tls())
        except (OSError, ssl.SSLError) as error:
            await listener.stop()
            self._say(logging.ERROR, f"Cannot listen on port {settings.MLLP_PORT}: {error}")
            return
        self._listener = listener
        secured = " over TLS" if settings.MLLP_TLS_CERTIFICATE else ""
        self._say(logging.INFO, f"HL7 reports are taken on port {port}{secured}")

    def _say(self, level: int, text: str) -> None:
        if text != self._said:
            self._said = text
            log.log(level, text)


def _addresses() -> frozenset[str]:
    try:
        return hl7_addresses()
    finally:
        connection.close()  # each look may be another thread's


def _tls() -> ssl.SSLContext | None:
    if not settings.MLLP_TLS_CERTIFICATE:
        return None
    return tls_context(settings.MLLP_TLS_CERTIFICATE, settings.MLLP_TLS_KEY, settings.MLLP_TLS_CA)
