"""The Storage SCP as a process: it listens while some archive may send to us, and waits else."""

import logging
import ssl
from threading import Event

from django.conf import settings
from django.db import connection
from django.utils import timezone

from imaging.scp import guests, pushes
from imaging.scp.keeper import Keeper
from imaging.scp.server import tls_context
from imaging.scp.service import StorageScp

log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
IDLE = (
    "No archive sends by C-MOVE and none may push: the Storage SCP does not listen. It begins by"
    " itself when one is set up."
)


def run(told_to_stop: Event) -> None:
    """Until told to stop. Whatever goes wrong is said, once, and tried again."""
    process = _Process()
    try:
        while True:
            process.look()
            if told_to_stop.wait(LOOK_EVERY_S):
                return
    finally:
        process.close()


class _Process:
    def __init__(self) -> None:
        self._keeper = Keeper()
        self._scp: StorageScp | None = None
        self._said = ""

    def look(self) -> None:
        try:
            archives = list(guests.senders())
            if archives and self._scp is None:
                self._begin(guests.names(archives))
            elif not archives:
                self._end()
                self._say(logging.INFO, IDLE)
            pushes.look_through(timezone.now())
        except Exception as error:
            connection.close()
            self._say(logging.ERROR, f"The Storage SCP goes on trying: {type(error).__name__}")
            log.debug("what went wrong", exc_info=True)

    def close(self) -> None:
        self._end()
        self._keeper.close()
        connection.close()

    def _begin(self, names: str) -> None:
        scp = StorageScp(admit=self._keeper.admit, keep=self._keeper.keep)
        try:
            port = scp.start(settings.SCP_HOST, settings.SCP_PORT, _tls())
        except (OSError, ssl.SSLError) as error:
            text = f"The Storage SCP cannot listen on port {settings.SCP_PORT}: {error}"
            self._say(logging.ERROR, text)
            return
        self._scp = scp
        secured = " over TLS" if settings.SCP_TLS_CERTIFICATE else ""
        title = settings.SCP_AE_TITLE
        self._say(logging.INFO, f"Storage SCP {title} listens on {port}{secured} for {names}")

    def _end(self) -> None:
        scp, self._scp = self._scp, None
        if scp is not None:
            scp.stop()

    def _say(self, level: int, text: str) -> None:
        if text != self._said:
            self._said = text
            log.log(level, text)


def _tls() -> ssl.SSLContext | None:
    if not settings.SCP_TLS_CERTIFICATE:
        return None
    return tls_context(settings.SCP_TLS_CERTIFICATE, settings.SCP_TLS_KEY, settings.SCP_TLS_CA)
