"""HL7 over MLLP: answers after the commit, and peers that frame badly, slowly or not at all."""

import asyncio
import base64
import logging
import socket
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import hl7
import pytest
from django.db import DatabaseError, connections

from mdt.reports import listen, mllp, services
from mdt.reports.mllp import Listener, Patience, answer_to
from mdt.reports.models import Report, ReportVersion, UnmatchedReport
from tests.factories import PatientNumberFactory
from tests.mdt.report_kit import PDF, hl7_source, oru

QUICK = Patience(between_s=0.5, stall_s=0.2, whole_s=0.6)
START, END = b"\x0b", b"\x1c\r"


def answered(data, address="127.0.0.1"):
    """(MSA-1, MSA-2, all of it) of what is said to a message."""
    text = answer_to(data.encode() if isinstance(data, str) else data, address).decode()
    msa = hl7.parse(text).segment("MSA")
    return str(msa[1]), str(msa[2]), text


@pytest.fixture
def source(db):
    PatientNumberFactory()
    return hl7_source()


def test_a_report_is_acknowledged_and_kept_and_a_repeat_changes_nothing(source):
    for _ in range(2):
        assert answered(oru("No lesion."))[:2] == ("AA", "M1")
    assert ReportVersion.objects.get().text == "No lesion."


@pytest.mark.usefixtures("source")
def test_what_is_nobodys_is_acknowledged_like_any_other():
    known = answered(oru("x"))[2]
    unknown = answered(oru("x", number="9990000026", accession="A2"))[2]
    assert [known.split("|MSA")[0][:40], "AA" in unknown] == [unknown.split("|MSA")[0][:40], True]
    assert UnmatchedReport.objects.count() == 1


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("data", "code", "error"),
    [
        (oru("x", sender="OTHER|RM3"), "AR", "204"),
        (oru("x", sender="RIS|RBV"), "AR", "204"),
        (oru("x", kind="ADT^A01"), "AR", "200"),
        (oru("x", mode="T"), "AR", "202"),
        (oru("x", mode=""), "AR", "202"),
        (oru(""), "AE", "102"),
        (oru("x", charset="BIG-5"), "AE", "102"),
        ("no message KHAN", "AE", "102"),
        (b"MSH|^~\\&|\xff\xfe|" * 9, "AE", "102"),
    ],
)
def test_what_is_not_taken_says_why_without_the_patient(data, code, error):
    found = answered(data)
    assert found[0] == code
    assert f"ERR|||{error}" in found[2]
    assert "KHAN" not in found[2]
    assert "9990000018" not in found[2]
    assert not Report.objects.exists()


@pytest.mark.usefixtures("source")
def test_a_sender_is_known_by_its_address_too():
    assert answered(oru("x"), "192.0.2.7")[0] == "AR"


@pytest.mark.usefixtures("source")
def test_what_cannot_be_kept_now_is_to_be_sent_again(monkeypatch, caplog):
    def locked(**_):
        raise DatabaseError("Key (value)=(9990000018) is locked")

    with monkeypatch.context() as patch:
        patch.setattr(services, "receive_all", locked)
        assert answered(oru("x"))[0] == "AR"
    assert answered(oru("x"))[0] == "AA"
    assert "999000" not in caplog.text


@pytest.mark.usefixtures("source")
def test_of_a_message_with_one_bad_report_none_is_kept():
    second = [
        "OBR|2||A2|X||||||||||||||||||20261120||RAD|F",
        "OBX|1|ED|P||R^a^pdf^Base64^TVo=||||||F",
    ]
    assert answered(oru("first", extra=second))[0] == "AE"
    assert not Report.objects.exists()


@pytest.mark.usefixtures("source")
def test_a_pdf_comes_whole():
    extra = [f"OBX|2|ED|P||R^a^pdf^Base64^{base64.b64encode(PDF).decode()}||||||F"]
    assert answered(oru("x", extra=extra))[0] == "AA"
    assert ReportVersion.objects.get().size == len(PDF)


# Over the wire: a listener in a thread of its own, and its scribe on the same database


@contextmanager
def listening(patience=QUICK):
    begun, ports, loop = Event(), [], asyncio.new_event_loop()
    listener = Listener(patience)

    async def begin():
        ports.append(await listener.start("127.0.0.1", 0))
        begun.set()

    loop.create_task(begin())
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert begun.wait(5)
    try:
        yield ports[0]
    finally:
        asyncio.run_coroutine_threadsafe(listener.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def line(port):
    opened = socket.create_connection(("127.0.0.1", port), timeout=5)
    opened.settimeout(5)
    return opened


def until_closed(opened):
    data = b""
    try:
        while piece := opened.recv(4096):
            data += piece
    except ConnectionResetError:
        return data
    return data


def one_answer(opened):
    data = b""
    while not data.endswith(END):
        piece = opened.recv(1)
        assert piece, "closed instead of answering"
        data += piece
    return data


def framed(text):
    return START + text.encode() + END


@pytest.fixture
def no_rows(monkeypatch):
    """Framing alone: whoever calls may speak, and every message is answered with its length."""
    monkeypatch.setattr(mllp, "hl7_addresses", lambda: frozenset({"127.0.0.1"}))
    monkeypatch.setattr(mllp, "answer_to", lambda data, address: b"got %d" % len(data))


@pytest.mark.usefixtures("no_rows")
def test_messages_follow_one_another_on_one_line_in_one_piece_or_byte_by_byte():
    with listening() as port, line(port) as opened:
        opened.sendall(START + b"abc" + END + START + b"de" + END)
        both = START + b"got 3" + END + START + b"got 2" + END
        assert b"".join(one_answer(opened) for _ in range(2)) == both
        for byte in START + b"ab\x1ccd" + END:
            opened.sendall(bytes([byte]))
        assert one_answer(opened) == START + b"got 5" + END


def endless(opened):
    with opened:
        opened.sendall(START)
        try:
            for _ in range(200):
                opened.sendall(b"x" * 65536)
        except OSError:
            return b""
        return until_closed(opened)


def drip(opened):
    opened.sendall(START)
    for _ in range(50):
        try:
            opened.sendall(b"x")
        except OSError:
            return b""
        if Event().wait(0.05):
            break
    return until_closed(opened)


def sent(data, opened):
    opened.sendall(data)
    return until_closed(opened)


def cut(opened):
    opened.sendall(START + b"abc")
    opened.shutdown(socket.SHUT_WR)
    return until_closed(opened)


#: What a bad peer does, and why its line is closed.
HOSTILE = {
    "says nothing": (partial(sent, b""), "nothing came any more"),
    "does not begin a block": (partial(sent, b"MSH|^~\\&|" + END), "it does not begin a block"),
    "speaks HTTP": (partial(sent, b"GET / HTTP/1.1\r\n\r\n"), "it does not begin a block"),
    "never ends": (partial(sent, START + b"MSH|"), "nothing came any more"),
    "ends half": (partial(sent, START + b"MSH|\x1c"), "nothing came any more"),
    "cuts short": (cut, "it was cut short"),
    "drips": (drip, "it does not come to its end"),
    "is endless": (endless, "it is too long"),
}


@pytest.mark.usefixtures("no_rows")
@pytest.mark.parametrize("how", list(HOSTILE))
def test_a_bad_peers_line_is_closed_in_bounded_time_and_a_good_one_is_served_beside_it(
    how, settings, caplog
):
    caplog.set_level(logging.INFO)
    settings.REPORT_MOST_BYTES = 1024
    act, why = HOSTILE[how]
    with listening() as port, line(port) as bad:
        assert act(bad) == b""
        with line(port) as good:
            good.sendall(START + b"abc" + END)
            assert one_answer(good) == START + b"got 3" + END
    assert why in caplog.text


@pytest.mark.usefixtures("no_rows")
def test_an_address_has_so_many_lines_and_no_more():
    with listening(Patience()) as port:
        lines = [line(port) for _ in range(mllp.AT_MOST_OF_ONE)]
        for one in lines:
            one.sendall(START + b"abc" + END)
            one_answer(one)
        with line(port) as surplus:
            assert until_closed(surplus) == b""
        lines.pop().close()
        for _ in range(100):
            with line(port) as again:
                again.sendall(START + b"abc" + END)
                if until_answer(again):
                    break
            Event().wait(0.02)
        else:
            raise AssertionError("no line was let in again")
        for one in lines:
            one.close()


def until_answer(opened):
    try:
        return opened.recv(64)
    except OSError:
        return b""


@pytest.mark.usefixtures("no_rows")
def test_an_unknown_address_is_not_listened_to(monkeypatch):
    monkeypatch.setattr(mllp, "hl7_addresses", lambda: frozenset({"192.0.2.7"}))
    with listening() as port, line(port) as opened:
        assert until_closed(opened) == b""


@pytest.mark.django_db(transaction=True)
def test_who_loses_the_acknowledgement_sends_again_and_there_is_one_report(monkeypatch):
    """As after kill -9 between commit and ACK: the row is there, the sender knows nothing."""
    PatientNumberFactory()
    hl7_source()

    def killed(*_, **__):
        raise OSError("the line is dead")

    with listening(Patience()) as port:
        with monkeypatch.context() as patch, line(port) as first:
            patch.setattr(asyncio.StreamWriter, "write", killed)
            first.sendall(framed(oru("No lesion.")))
            assert until_closed(first) == b""
        assert ReportVersion.objects.count() == 1
        with line(port) as second:
            second.sendall(framed(oru("No lesion.")))
            assert b"MSA|AA|M1" in one_answer(second)
    assert ReportVersion.objects.count() == 1
    connections.close_all()


# The process: it listens while somebody may send, and tries again what went wrong


def test_the_process_listens_once_somebody_may_send_and_ends_when_told(
    monkeypatch, settings, caplog
):
    caplog.set_level(logging.INFO)
    may_send = set()
    monkeypatch.setattr(listen, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(listen, "_addresses", lambda: frozenset(may_send))

    async def until(said):
        async with asyncio.timeout(5):
            while said not in caplog.text:  # noqa: ASYNC110  a log has no event
                await asyncio.sleep(0.01)

    async def scenario():
        told_to_stop = asyncio.Event()
        process = asyncio.create_task(listen.listen(told_to_stop))
        await until("nothing listens for them")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            settings.MLLP_PORT = taken.getsockname()[1]
            may_send.add("127.0.0.1")
            await until("Cannot listen on port")
        await until("HL7 reports are taken on port")
        told_to_stop.set()
        await process

    asyncio.run(scenario())
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", settings.MLLP_PORT)) != 0
