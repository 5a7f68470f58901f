import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Thread

import httpx
import pytest

from imaging.archives import addresses, registry
from imaging.archives.base import ArchiveError, Question
from imaging.models import Archive

REFUSED = [
    *("169.254.169.254", "169.254.1.1", "fe80::1", "100.100.100.200", "fd00:ec2::254"),
    *("192.0.0.192", "168.63.129.16"),
    *("0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1"),  # noqa: S104
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
]
LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]


@pytest.fixture
def production(settings):
    settings.ARCHIVES_ON_LOOPBACK = False


@pytest.fixture
def names(monkeypatch):
    """What names mean, in turn: {name: [addresses of the first look-up, of the next ...]}."""
    known = {}
    real = socket.getaddrinfo

    def look_up(host, port, *rest, **options):
        if host not in known:
            return real(host, port, *rest, **options)
        turns = known[host]
        found = turns.pop(0) if len(turns) > 1 else turns[0]
        kind = socket.SOCK_STREAM
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, kind, 6, "", (one, port))
            for one in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize("address", REFUSED)
def test_no_archive_is_at(address, production):
    assert addresses.why_refused(ip_address(address))


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_asked_only_where_the_setting_allows_it(address, settings):
    settings.ARCHIVES_ON_LOOPBACK = False
    assert addresses.why_refused(ip_address(address)) == "is this machine itself"
    settings.ARCHIVES_ON_LOOPBACK = True
    assert not addresses.why_refused(ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "172.16.0.9", "192.168.7.7", "fd12::7", "8.8.8.8"])
def test_archives_live_in_private_networks_and_others(address, production):
    assert not addresses.why_refused(ip_address(address))


@pytest.mark.parametrize("address", REFUSED)
def test_the_setting_allows_nothing_but_loopback(address):
    assert addresses.why_refused(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://pacs/x", "file:///etc/passwd", "gopher://pacs/", "pacs.example/dicom-web", ""),
        *("http://", "http://169.254.169.254/latest", "http://localhost/x", "http://[::1]/x"),
        *("http://a.localhost./x", "https://user:" + "word@pacs/x", "https://pacs/x?next=1"),
        *("https://pacs/x#y", "http://pacs:0/x", "http://pacs:99999/x", "http://[::1/x"),
    ],
)
def test_an_address_that_no_archive_can_have_is_refused_as_it_is_typed(url, production):
    assert addresses.why_url_refused(url)


@pytest.mark.parametrize("url", ["https://pacs01/dicom-web", "http://10.2.3.4:8042/dicom-web"])
def test_an_address_that_an_archive_can_have_is_taken(url, production):
    assert not addresses.why_url_refused(url)


@pytest.mark.parametrize("host", ["", "a b", "pacs/x", "me@pacs", "127.0.0.1", "[::1]"])
def test_a_host_that_no_archive_can_have_is_refused_as_it_is_typed(host, production):
    assert addresses.why_host_refused(host)


def test_a_name_that_leads_to_a_refused_address_is_refused(names):
    names["pacs.example"] = [["10.1.2.3", "169.254.169.254"]]
    with pytest.raises(ArchiveError) as refusal:
        addresses.resolve("pacs.example", 80)
    assert (refusal.value.code, refusal.value.may_retry) == ("archive.address", False)
    assert "169.254" not in refusal.value.message


def test_a_name_nobody_knows_may_be_known_later(names, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ArchiveError) as failure:
        addresses.resolve("pacs.example", 80)
    assert (failure.value.code, failure.value.may_retry) == ("archive.unreachable", True)


def test_of_several_addresses_the_old_kind_is_taken(names):
    names["pacs.example"] = [["fd12::7", "10.1.2.3"]]
    assert addresses.resolve("pacs.example", 80) == "10.1.2.3"


class Archives(BaseHTTPRequestHandler):
    """Answers every search with nothing, and remembers for whom it was taken."""

    hosts: list = []
    answer: tuple = (200, {}, b"[]")

    def do_GET(self):
        self.hosts.append(self.headers["Host"])
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """In silence."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(Archives, "hosts", [])
    monkeypatch.setattr(Archives, "answer", (200, {}, b"[]"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Archives) as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


def test_a_name_that_changes_its_mind_after_the_check_gains_nothing(names, server):
    """DNS rebinding: the second look-up would lead elsewhere, and there is none."""
    names["pacs.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    with httpx.Client(transport=addresses.PinnedTransport()) as client:
        for _ in range(2):
            assert client.get(f"http://pacs.example:{server}/studies").json() == []
    assert Archives.hosts == [f"pacs.example:{server}"] * 2
    assert names["pacs.example"] == [["169.254.169.254"]]


def test_a_transport_goes_nowhere_else_either(names):
    names["pacs.example"] = [["169.254.169.254"]]
    client = httpx.Client(transport=addresses.PinnedTransport())
    with client, pytest.raises(ArchiveError) as refusal:
        client.get("http://pacs.example/latest/meta-data")
    assert refusal.value.code == "archive.address"


def test_a_dicomweb_archive_is_asked_at_the_address_that_was_looked_at(names, server):
    names["pacs.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    profile = Archive(kind="dicomweb", base_url=f"http://pacs.example:{server}/dicom-web")
    with registry.connect(profile) as archive:
        assert archive.search_for_studies(Question(patient_id="X")) == []
    assert set(Archives.hosts) == {f"pacs.example:{server}"}


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_no_archive_is_asked_at_an_address_it_may_not_have(kind, names, production):
    names["pacs.example"] = [["127.0.0.1"]]
    where = {"host": "pacs.example", "port": 104, "called_ae_title": "PACS"}
    profile = Archive(kind=kind, base_url="http://pacs.example/dicom-web", **where)
    with pytest.raises(ArchiveError) as refusal, registry.connect(profile) as archive:
        archive.echo()
    assert refusal.value.code == "archive.address"


def test_a_redirect_is_not_followed(server, monkeypatch):
    monkeypatch.setattr(Archives, "answer", (302, {"Location": "/elsewhere"}, b""))
    profile = Archive(kind="dicomweb", base_url=f"http://127.0.0.1:{server}/dicom-web")
    with pytest.raises(ArchiveError) as refusal, registry.connect(profile) as archive:
        archive.echo()
    assert refusal.value.code == "archive.moved"
    assert len(Archives.hosts) == 1


def test_a_sign_in_service_is_held_to_the_same_addresses(production):
    profile = Archive(
        kind="dicomweb",
        base_url="https://10.1.2.3/dicom-web",
        auth="oauth2",
        token_url="http://169.254.169.254/latest/token",
        client_id="lightbox",
        client_secret="made-up-for-tests",
    )
    with pytest.raises(ArchiveError) as refusal, registry.connect(profile) as archive:
        archive.echo()
    assert refusal.value.code == "archive.address"
