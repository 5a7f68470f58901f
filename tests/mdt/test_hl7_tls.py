"""HL7 over TLS as the settings say it: who speaks plainly or shows no certificate is not heard."""

import asyncio
import logging
import socket
import ssl
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from threading import Event, Thread

import pytest

from mdt.reports import listen, mllp
from tests.http_peers import Authority
from tests.ports import free_port

START, END = b"\x0b", b"\x1c\r"


@pytest.fixture(scope="module")
def ours():
    return Authority("The deployment's own authority")


@pytest.fixture(scope="module")
def senders():
    return Authority("The senders' authority")


@pytest.fixture(autouse=True)
def no_rows(monkeypatch):
    """The line alone: whoever calls may speak, and every message is answered with its length."""
    monkeypatch.setattr(listen, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(listen, "_addresses", lambda: frozenset({"127.0.0.1"}))
    monkeypatch.setattr(mllp, "hl7_addresses", lambda: frozenset({"127.0.0.1"}))
    monkeypatch.setattr(mllp, "answer_to", lambda data, address: b"got %d" % len(data))


@pytest.fixture
def secured(settings, tmp_path, ours):
    """The settings of TLS, no certificate asked for."""
    made = ours.sign()
    for name, text in (("CERTIFICATE", made.certificate), ("KEY", made.key)):
        path = tmp_path / name
        path.write_text(text)
        setattr(settings, f"MLLP_TLS_{name}", str(path))
    settings.MLLP_HOST, settings.MLLP_PORT = "127.0.0.1", free_port()
    return settings


@pytest.fixture
def asking(secured, tmp_path, senders):
    """And the senders' certificates are asked for."""
    path = tmp_path / "CA"
    path.write_text(senders.certificate)
    secured.MLLP_TLS_CA = str(path)
    return secured


@contextmanager
def listening(caplog):
    """The process as it is run, in a thread."""
    caplog.set_level(logging.INFO)
    loop, told, begun = asyncio.new_event_loop(), [], Event()

    async def run():
        told.append(asyncio.Event())
        begun.set()
        await listen.listen(told[0])

    thread = Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(told[0].set)
        thread.join(20)
        loop.close()


def until_open(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        Event().wait(0.05)
    raise AssertionError("nothing listens")


def client(authority, made=None):
    context = ssl.create_default_context(cadata=authority.certificate)
    if made:
        with NamedTemporaryFile("w") as file:
            file.write(made.certificate + made.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def answer(port, context=None):
    """What is said to a message; empty where the line is cut before."""
    data = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            name = {"server_hostname": "127.0.0.1"}
            with context.wrap_socket(plain, **name) if context else plain as line:
                line.sendall(START + b"abc" + END)
                while not data.endswith(END) and (piece := line.recv(4096)):
                    data += piece
    except (ssl.SSLError, ConnectionError):
        return b""
    return data


GOT = START + b"got 3" + END


def test_who_speaks_tls_is_heard_and_who_does_not_is_not(secured, ours, senders, caplog):
    with listening(caplog):
        until_open(secured.MLLP_PORT)
        assert answer(secured.MLLP_PORT, client(ours)) == GOT
        assert GOT not in answer(secured.MLLP_PORT)
        with (
            socket.create_connection(("127.0.0.1", secured.MLLP_PORT), timeout=10) as plain,
            pytest.raises(ssl.SSLCertVerificationError),  # a sender looks who it speaks to
        ):
            client(senders).wrap_socket(plain, server_hostname="127.0.0.1")
    assert f"HL7 reports are taken on port {secured.MLLP_PORT} over TLS" in caplog.text


def test_where_certificates_are_asked_for_only_who_shows_a_good_one_is_heard(
    asking, ours, senders, caplog
):
    with listening(caplog):
        until_open(port := asking.MLLP_PORT)
        assert answer(port, client(ours, senders.sign())) == GOT
        for other in (None, ours.sign(), senders.sign(days=-1)):
            assert answer(port, client(ours, other)) == b""
        assert answer(port, client(ours, senders.sign())) == GOT


def test_a_certificate_that_cannot_be_read_is_said_and_nothing_listens_plainly(
    secured, tmp_path, caplog
):
    (tmp_path / "KEY").write_text("none")
    with listening(caplog):
        for _ in range(200):
            if "Cannot listen" in caplog.text:
                break
            Event().wait(0.05)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", secured.MLLP_PORT)) != 0
    assert f"Cannot listen on port {secured.MLLP_PORT}" in caplog.text
