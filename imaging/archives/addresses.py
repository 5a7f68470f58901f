"""Which addresses an archive may have, and staying with the one that was looked at.

An archive's address is typed by its administrator and reached from inside the hospital: it must
not become a way to ask this machine, its neighbours' link-local services or a cloud's metadata.
Private ranges are where archives live. A name is resolved once and the connection goes to that
address: a name that changes its mind between the check and the connection gains nothing.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from imaging.archives.base import ArchiveError
from imaging.archives.http_line import Line

if TYPE_CHECKING:
    from imaging import models

Address = IPv4Address | IPv6Address
SCHEMES = {"http": 80, "https": 443}
#: Metadata services of clouds that are not link-local: they hand out keys to whoever asks.
METADATA = frozenset(
    map(ip_address, ("100.100.100.200", "fd00:ec2::254", "192.0.0.192", "168.63.129.16"))
)
NAT64 = ip_network("64:ff9b::/96")


def resolve(host: str, port: int) -> str:
    """The one address to connect to, IPv4 first. Raises ArchiveError.

    One bad address among several refuses the name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = "The archive's name is not known to the network."
        raise ArchiveError("archive.unreachable", text) from error
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    for one in addresses:
        if why := why_refused(ip_address(one)):
            raise _refused(why)
    return min(addresses, key=lambda one: ":" in one)


def why_refused(address: Address) -> str:
    """In words, why nothing is asked at this address; empty when it may be."""
    address = _within(address)
    if address.is_loopback:
        return "" if settings.ARCHIVES_ON_LOOPBACK else "is this machine itself"
    if address.is_link_local or address in METADATA:
        return "is link-local or a cloud's metadata service, where no archive is"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "is not that of one machine"
    return ""


def why_url_refused(url: str) -> str:
    """In words, why a URL typed for an archive cannot be its address; empty when it can.

    Nothing is resolved yet: only what can be seen in the text.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in SCHEMES or not host or port == 0:
        return "must begin with https:// or http:// and name a machine"
    if parts.username is not None or parts.password is not None:
        return "holds a name or password: they have fields of their own"
    if parts.query or parts.fragment:
        return "must end before any ? or #"
    return why_host_refused(host)


def why_host_refused(host: str) -> str:
    """The same of a machine's name or address alone."""
    if not host or any(letter in host for letter in " /@?#\\") or not host.isprintable():
        return "is no name of a machine"
    try:
        return why_refused(ip_address(host.strip("[]")))
    except ValueError:
        is_here = host.rstrip(".").lower().rpartition(".")[2] == "localhost"
        return "is this machine itself" if is_here and not settings.ARCHIVES_ON_LOOPBACK else ""


def host_and_port(profile: "models.Archive") -> tuple[str, int]:
    """Where an archive is reached. Raises ArchiveError where its URL is none it may have."""
    if profile.kind == profile.Kind.DIMSE:
        return profile.host, profile.port or 0
    if why := why_url_refused(profile.base_url):
        raise _refused(why)
    parts = urlsplit(profile.base_url)
    return str(parts.hostname), parts.port or SCHEMES[parts.scheme]


class PinnedTransport(httpx.BaseTransport):
    """For httpx: every request goes to the address its host had when it was first asked for.

    The certificate is still held against the name. One connection pool a host, so that what was
    opened for one name never serves another.
    """

    def __init__(self, **options: object) -> None:
        """`options` are those of httpx.HTTPTransport: verify, cert, limits."""
        self._options = options
        self._pools: dict[str, tuple[str, httpx.HTTPTransport, Line]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if request.url.scheme not in SCHEMES:
            raise _refused("must begin with https:// or http://")
        if host not in self._pools:
            port = request.url.port or SCHEMES[request.url.scheme]
            transport = httpx.HTTPTransport(trust_env=False, **self._options)  # type: ignore[arg-type]
            self._pools[host] = resolve(host, port), transport, Line()
        address, pool, line = self._pools[host]
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # with the Host that was asked for
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host, "trace": line.note},
        )
        with line.hung_up_after(_longest_head_s(request)):
            return pool.handle_request(pinned)

    def close(self) -> None:
        for _, pool, _ in self._pools.values():
            pool.close()


def _longest_head_s(request: httpx.Request) -> float:
    """Until an answer begins: twice what the steps to it may take, connecting and waiting."""
    patience = request.extensions["timeout"]
    return 2 * float(patience["connect"] + patience["read"])


def _within(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, else the same."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _refused(why: str) -> ArchiveError:
    text = f"The archive's address {why}. Its administrator must correct it."
    return ArchiveError("archive.address", text, may_retry=False)
