"""Our Storage SCP: takes what archives send, keeps it, and only then acknowledges it.

All storage SOP classes in all transfer syntaxes, kept as sent (DICOM PS3.4 B). It knows neither
database nor store: who may send, and how a file is kept, it is told.
"""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any
from weakref import WeakKeyDictionary

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from imaging.scp.guests import Guest, NotAdmittedError, plain
from imaging.scp.server import Budget, GuardedServer
from imaging.store.base import StoreError

log = logging.getLogger(__name__)
VERIFICATION = "1.2.840.10008.1.1"
MAX_PDU = 128 * 1024
TAKEN, OUT_OF_RESOURCES, NOT_UNDERSTOOD, FAILED = 0x0000, 0xA700, 0xC000, 0x0110
CONGESTED = (2, 3, 2)


class NotTakenError(Exception):
    """A file that is none, or too damaged to say of which study it is."""


class BusyError(Exception):
    """A file that there was no time to read: nothing says that it is a bad one."""


@dataclass(frozen=True)
class Limits:
    """`of_one` are associations of one AE title, so that none can take all places."""

    associations: int = 24
    of_one: int = 8
    object_bytes: int = 1 << 30
    held_bytes: int = 3 << 30
    associate_s: float = 10
    idle_s: float = 300  # it may fetch from a tape between two images


Admit = Callable[[str, str, str], Guest]  # calling and called AE title, address
Keep = Callable[[Guest, bytes, bool], None]  # the file, and whether a C-MOVE of ours asked for it


class StorageScp:
    """`admit` raises NotAdmittedError; `keep` raises NotTakenError, BusyError and StoreError."""

    def __init__(self, *, admit: Admit, keep: Keep, limits: Limits | None = None) -> None:
        self._limits = limits = limits or Limits()
        self._admit, self._keep = admit, keep
        self._guests: WeakKeyDictionary[Association, Guest] = WeakKeyDictionary()
        self._lock = Lock()
        self._budget = Budget(for_all=limits.held_bytes, for_one=limits.object_bytes)
        self._server: GuardedServer | None = None

    def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen, in a thread; returns the port. Raises OSError where it is taken."""
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"  # texts for pynetdicom's log, which nobody reads
        ae = AE(ae_title="LIGHTBOX")
        ae.supported_contexts = [build_context(VERIFICATION)]
        ae.maximum_pdu_size = MAX_PDU
        ae.maximum_associations = self._limits.associations
        ae.acse_timeout = self._limits.associate_s
        ae.dimse_timeout = ae.network_timeout = self._limits.idle_s
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
        ]
        server = GuardedServer(
            ae,
            (host, port),
            tls=tls,
            handlers=handlers,
            budget=self._budget,
            most=self._limits.associations,
        )
        ae._servers.append(server)  # where its shutdown() looks for it
        Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        self._server = server
        return int(server.server_address[1])

    def stop(self) -> None:
        """Listen no more, and end what goes on: what was acknowledged is kept."""
        server, self._server = self._server, None
        if server is None:
            return
        ongoing = server.active_associations
        server.shutdown()
        for association in ongoing:
            association.abort()

    def _requested(self, event: evt.Event) -> None:
        """Before anything is negotiated: who is it, and is there a place?"""
        association: Any = event.assoc
        asked = association.requestor.primitive
        address = str(association.requestor.address_info.address)
        calling, called = asked.calling_ae_title.strip(), asked.called_ae_title.strip()
        try:
            guest = self._admit(calling, called, plain(address))
            self._give_place(association, guest)
        except NotAdmittedError as refused:
            log.warning("Association rejected: %s", refused)
            self._reject(association, refused.reason)
        except Exception:
            log.exception("Who may send could not be read")
            self._reject(association, CONGESTED)

    def _give_place(self, association: Association, guest: Guest) -> None:
        title = guest.ae_title
        with self._lock:
            places = [one for one, other in self._guests.items() if other.ae_title == title]
            if sum(one.is_alive() for one in places) >= self._limits.of_one:
                raise NotAdmittedError(CONGESTED, f"{title!r} has all its associations open")
            self._guests[association] = guest

    def _reject(self, association: Association, reason: tuple[int, int, int]) -> None:
        association.acse.send_reject(*reason)
        association.kill()

    def _store(self, event: evt.Event) -> int:
        """C-STORE: 0x0000 only once it is kept for good."""
        guest = self._guests[event.assoc]
        try:
            self._keep(guest, event.encoded_dataset(), _is_asked(event.request, guest))
        except NotTakenError as refused:
            log.warning("Refused from %r: %s", guest.ae_title, refused)
            return NOT_UNDERSTOOD
        except (StoreError, BusyError) as full:
            log.error("Nothing more is taken: %s", full)
            return OUT_OF_RESOURCES
        except Exception:
            log.exception("Could not be kept")
            return FAILED
        finally:
            self._budget.give_back(id(event.assoc))
        return TAKEN


def _is_asked(request: Any, guest: Guest) -> bool:
    """Whether a C-MOVE of ours asked for it: anybody at the archive may have it send to us."""
    who = (request.MoveOriginatorApplicationEntityTitle or "").strip()
    is_moved = request.MoveOriginatorMessageID is not None
    return is_moved and (who in guest.ours if who else bool(guest.ours))
