"""How long a body may be: on a real Daphne, and as the deployment's document promises."""

import json
import os
import re
import socket
import time
from pathlib import Path

import pytest
from django.conf import settings

from imaging.uploads.receive import MAX_PART_BYTES
from mdt.body_limit import most_bytes
from tests.mdt.room_server import ROOT, Server

FHIR, FORM = "/fhir/DiagnosticReport", "/cases/abc/reports/add"
PART = "/api/cases/abc/uploads/def/files/1/0"
SENT_S = 10
PIECE = b"x" * 65536


@pytest.fixture(scope="module")
def server(tmp_path_factory, valkey_url):
    server = Server(tmp_path_factory.mktemp("limits"), valkey_url)
    yield server
    server.kill()


def spooled(server):
    """Bytes of the files without a name that the server holds in /tmp."""
    folder, found = Path(f"/proc/{server._process.pid}/fd"), 0
    for one in folder.iterdir():
        try:
            if "(deleted)" in os.readlink(one):
                found += os.stat(one).st_size
        except FileNotFoundError:
            continue
    return found


def send(server, path, headers, pieces, most_s=SENT_S):
    """(what was answered, bytes sent) of a request that goes on until it is cut or through."""
    until, sent, answer = time.monotonic() + most_s, 0, b""
    with socket.create_connection(("127.0.0.1", server._port), timeout=0.2) as line:
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        try:
            for piece in pieces:
                assert time.monotonic() < until, (
                    f"it still reads: {sent} sent, {spooled(server)} spooled"
                )
                sent += line.send(piece)
        except OSError:
            pass
        line.settimeout(most_s)
        try:
            while piece := line.recv(65536):
                answer += piece
        except OSError:
            pass
    return answer.decode(), sent


def chunks():
    """A body that never ends, nor says how long it is."""
    while True:
        yield b"%x\r\n%b\r\n" % (len(PIECE), PIECE)


CHUNKED = ["Transfer-Encoding: chunked"]
TOKEN = ["Authorization: Bearer wrong"]


@pytest.mark.parametrize("path", ["/sign-in", FHIR, FORM, PART, "/no/such/page"])
def test_an_endless_body_of_nobody_ends_soon_and_leaves_nothing(server, path):
    answer, sent = send(server, path, CHUNKED, chunks())
    assert answer.startswith("HTTP/1.1 413 ")
    assert "request.too_large" in answer
    assert sent < 16 << 20  # what stands in the buffers of two sockets
    time.sleep(2.5)
    assert spooled(server) == 0


def test_an_endless_body_with_a_token_ends_at_what_a_report_may_be(server):
    answer, sent = send(server, FHIR, CHUNKED + TOKEN, chunks(), 30)
    assert answer.startswith("HTTP/1.1 413 ")
    assert json.loads(answer.split("\r\n\r\n")[1])["resourceType"] == "OperationOutcome"
    assert sent > settings.REPORT_MOST_BYTES
    time.sleep(2.5)
    assert spooled(server) == 0


@pytest.mark.parametrize("more", [[], ["Expect: 100-continue"]])
def test_what_says_that_it_is_too_long_is_not_read_at_all(server, more):
    length = [f"Content-Length: {1 << 40}", *more]
    answer, _ = send(server, "/sign-in", length, [])
    assert answer.startswith("HTTP/1.1 413 ")
    assert "100 Continue" not in answer


def test_what_is_short_enough_is_answered_as_ever(server):
    length = [f"Content-Length: {len(PIECE)}", "Connection: close"]
    answer, _ = send(server, FHIR, length + TOKEN, [PIECE])
    assert answer.startswith("HTTP/1.1 401 ")
    big = 20 << 20
    length = [f"Content-Length: {big}", "Connection: close"]
    answer, _ = send(server, FHIR, length + TOKEN, [PIECE] * (big // len(PIECE)), 30)
    assert answer.startswith("HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("path", "least"),
    [
        (FHIR, settings.REPORT_MOST_BYTES * 4 // 3),
        (FORM, settings.REPORT_MOST_BYTES),
        (PART, MAX_PART_BYTES),
        ("/sign-in", settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
    ],
)
def test_each_door_takes_what_its_setting_promises_and_nobody_more_than_a_form(path, least):
    assert most_bytes(path, shows_who=True) >= least
    assert most_bytes(path, shows_who=False) == settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert most_bytes(f"/x{path}", shows_who=True) <= max(least, 1 << 18) or path == FORM


def test_the_proxy_of_the_document_lets_through_what_the_settings_promise():
    """nginx refuses a body of more than 1 MB where nothing else is said."""
    text = (ROOT / "docs/deploy.md").read_text()
    sizes = {}
    for name, body in re.findall(r"location (?:~ |= )?(\S+) \{(.*?)\n    \}", text, re.DOTALL):
        said = re.search(r"client_max_body_size (\d+)m;", body)
        sizes[name] = int(said[1]) << 20 if said else 1 << 20
    for path in (FHIR, FORM, PART):
        matching = [name for name in sizes if re.match(name, path)]
        named = [name for name in matching if name != "/"] or ["/"]
        assert sizes[named[0]] >= most_bytes(path, shows_who=True), path
    assert sizes["/"] >= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
