"""Who may send to us: a configured archive, by its AE title and its address, and nobody else."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from time import monotonic

from django.conf import settings
from django.db.models import Q, QuerySet

from imaging.models import Archive

NAMES_KEPT_S = 60


class NotAdmittedError(Exception):
    """Why an association is rejected: (result, source, reason) of DICOM PS3.8 9.3.4."""

    def __init__(self, reason: tuple[int, int, int], text: str) -> None:
        super().__init__(text)
        self.reason = reason


CALLING, CALLED = (1, 1, 3), (1, 1, 7)


@dataclass(frozen=True)
class Guest:
    """A peer that is admitted, and the archives it may stand for. `ours` are the AE titles by
    which we ask these to send by C-MOVE; none: whatever comes, others have asked for it.
    """

    ae_title: str
    archives: frozenset[int]
    ours: frozenset[str] = frozenset()


def senders() -> QuerySet[Archive]:
    """The archives that may send: asked by C-MOVE, or set up as pushing."""
    moves = Q(kind=Archive.Kind.DIMSE, retrieve_by=Archive.RetrieveBy.MOVE)
    return Archive.objects.filter(moves | ~Q(pushes_as=""))


def admit(archives: Iterable[Archive], calling: str, called: str, address: str) -> Guest:
    """The peer that calls itself `calling` from `address` and us `called`, one of these archives.

    Of several behind one peer those whose title for us it is. Asks the name service, and not the
    database. Raises NotAdmittedError. The text is for our log: the peer is told a code.
    """
    known = [(archive, hosts) for archive in archives if (hosts := hosts_of(archive, calling))]
    here = [
        archive
        for archive, hosts in known
        if any(plain(address) in addresses_of(host) for host in hosts)
    ]
    if not here:
        why = "calls from an address that is not set up" if known else "is no archive's AE title"
        raise NotAdmittedError(CALLING, f"{calling!r} {why} ({address})")
    mine = {archive.move_destination for archive in here} | {settings.SCP_AE_TITLE}
    if called not in mine:
        raise NotAdmittedError(CALLED, f"{calling!r} calls us {called!r}")
    here = [one for one in here if title_for(one) == called] or here
    ours = frozenset(archive.calling_ae_title.strip() for archive in here if is_moving(archive))
    return Guest(calling, frozenset(archive.pk for archive in here), ours)


def title_for(archive: Archive) -> str:
    """What this archive calls us where it was asked to send."""
    return archive.move_destination or settings.SCP_AE_TITLE


def is_moving(archive: Archive) -> bool:
    """Whether we ask it to send by C-MOVE."""
    is_dimse = archive.kind == Archive.Kind.DIMSE
    return is_dimse and archive.retrieve_by == Archive.RetrieveBy.MOVE


def hosts_of(archive: Archive, title: str) -> set[str]:
    """Where it calls from by this AE title: for a C-MOVE where we ask it, for a push where it was
    said to push from. None where it does not call itself so.
    """
    if not title:
        return set()
    is_dimse = archive.kind == Archive.Kind.DIMSE
    hosts = set()
    if is_moving(archive) and title == archive.called_ae_title.strip():
        hosts.add(archive.host)
    if title == archive.pushes_as.strip():
        hosts.add(archive.pushes_from or (archive.host if is_dimse else ""))
    return hosts - {""}


def addresses_of(host: str) -> frozenset[str]:
    """The addresses of a host, by number; none while its name is not known."""
    return _resolved(host, int(monotonic() / NAMES_KEPT_S))


@lru_cache(maxsize=256)
def _resolved(host: str, period: int) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    return frozenset(plain(str(entry[4][0])) for entry in found)


def plain(address: str) -> str:
    """One spelling for one address: an IPv4 one that came over IPv6 is the same.

    >>> plain("::ffff:127.0.0.1")
    '127.0.0.1'
    """
    try:
        number = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(number, IPv6Address) and number.ipv4_mapped:
        return str(number.ipv4_mapped)
    return str(number)


def names(archives: Iterable[Archive]) -> str:
    """For a log line."""
    return ", ".join(sorted(archive.name for archive in archives))
