"""Our Storage SCP: who may send to it, what it takes, and what it costs when somebody is bad."""

import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from threading import Event

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, AllTransferSyntaxes, JPEGBaseline8Bit
from pynetdicom import AE, build_context
from pynetdicom.sop_class import _STORAGE_CLASSES

from imaging.archives import http_tls
from imaging.archives.dimse_reactor import keep_answers
from imaging.models import Archive
from imaging.scp import guests
from imaging.scp.guests import Guest, NotAdmittedError
from imaging.scp.keeper import Keeper
from imaging.scp.server import Budget, TooMuchError
from imaging.scp.service import CONGESTED, BusyError, Limits, NotTakenError
from imaging.store.base import LowSpaceError
from tests.dicoms import as_file, make_instance
from tests.http_peers import Authority, serving_as
from tests.peers import ENVIRONMENT
from tests.storage_scps import listening

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("swept"),
]
CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"


@contextmanager
def associated(port, contexts=None, **options):
    """An association that was asked for, whatever came of it."""
    ae = AE(ae_title=options.pop("calling", "PACS"))
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = 3
    options = {"ae_title": "LIGHTBOX"} | options
    association = ae.associate("127.0.0.1", port, contexts or [build_context(CT)], **options)
    keep_answers(association)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def connected(port):
    """A peer that has said nothing yet."""
    return socket.create_connection(("127.0.0.1", port), 3)


def send(port, file, **options):
    """The status a file is answered with; None: the connection ended instead."""
    dataset = dcmread(BytesIO(file))
    syntax = dataset.file_meta.TransferSyntaxUID
    context = build_context(dataset.SOPClassUID, syntax)
    with associated(port, [context], **options) as association:
        return association.send_c_store(dataset).get("Status")


def compressed(syntax):
    dataset = dcmread(BytesIO(make_instance("compressed for the SCP")))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([b"\xff\xd8 no picture \xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return as_file(dataset)


# What it takes


def test_every_storage_class_is_taken_in_every_transfer_syntax():
    syntaxes = [uid for uid in AllTransferSyntaxes if uid.is_transfer_syntax]
    classes = list(_STORAGE_CLASSES.values())
    with listening() as inbox:
        for start in range(0, len(classes), 120):
            offered = [
                build_context(uid, syntaxes[number % len(syntaxes)])
                for number, uid in enumerate(classes[start : start + 120], start)
            ]
            with associated(inbox.port, offered) as association:
                assert len(association.accepted_contexts) == len(offered)
        with associated(inbox.port, [build_context(CT, [uid]) for uid in syntaxes]) as all_of_one:
            taken = {context.transfer_syntax[0] for context in all_of_one.accepted_contexts}
    assert taken == set(syntaxes)


def test_a_class_nobody_knows_is_taken_too_and_other_services_are_not():
    private, find = "1.2.826.0.1.3680043.99.1", "1.2.840.10008.5.1.4.1.2.2.1"
    with listening() as inbox:
        offered = [build_context(private), build_context(find), build_context(VERIFICATION)]
        with associated(inbox.port, offered) as association:
            accepted = {context.abstract_syntax for context in association.accepted_contexts}
            assert association.send_c_echo().Status == 0
    assert accepted == {private, VERIFICATION}


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000])
def test_a_compressed_image_is_kept_as_it_was_sent(syntax):
    file = compressed(syntax)
    with listening() as inbox:
        assert send(inbox.port, file) == 0x0000
    (kept,) = inbox.files
    sent, came = dcmread(BytesIO(file)), dcmread(BytesIO(kept))
    assert came.file_meta.TransferSyntaxUID == syntax
    assert came.PixelData == sent.PixelData
    assert came == sent


def test_small_messages_do_not_wait_for_nagle():
    with listening() as inbox, associated(inbox.port):
        (ours,) = inbox.scp._server.active_associations
        assert ours.dul.socket.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_dcmtk_sends_to_it(tmp_path):
    for number in range(1, 21):
        (tmp_path / f"{number}.dcm").write_bytes(make_instance("from dcmtk", 1, number))
    with listening() as inbox:
        command = ["storescu", "-aet", "PACS", "-aec", "LIGHTBOX", "+sd", "127.0.0.1"]
        sent = subprocess.run(
            [*command, str(inbox.port), str(tmp_path)], env=ENVIRONMENT, capture_output=True
        )
    assert sent.returncode == 0, sent.stderr
    assert len(inbox.files) == 20
    assert inbox.asked == [False] * 20


@pytest.mark.parametrize(
    ("ours", "originator", "is_asked"),
    [
        ({"LIGHTBOX"}, {"originator_aet": "LIGHTBOX", "originator_id": 7}, True),
        ({"LIGHTBOX"}, {"originator_aet": "WS7", "originator_id": 7}, False),
        ({"LIGHTBOX"}, {"originator_id": 7}, True),
        (set(), {"originator_aet": "LIGHTBOX", "originator_id": 7}, False),
        (set(), {"originator_id": 7}, False),
        ({"LIGHTBOX"}, {}, False),
    ],
)
def test_what_comes_by_a_move_was_asked_for_where_we_were_who_asked(ours, originator, is_asked):
    """Where nobody is named, and we ask that peer to move, it was us."""
    guest = Guest("PACS", frozenset({1}), frozenset(ours))
    with listening(admit=lambda *_: guest) as inbox, associated(inbox.port) as association:
        file = dcmread(BytesIO(make_instance("moved")))
        assert association.send_c_store(file, **originator).Status == 0x0000
    assert inbox.asked == [is_asked]


# Who may send


def test_who_is_not_admitted_is_rejected_at_association_and_nothing_is_kept():
    def nobody(calling, called, address):
        raise NotAdmittedError(guests.CALLING, f"{calling} from {address}")

    with listening(admit=nobody) as inbox, associated(inbox.port) as association:
        assert association.is_rejected
        answer = association.acceptor.primitive
        assert (answer.result, answer.result_source, answer.diagnostic) == guests.CALLING
    assert not inbox.files


def test_while_the_database_is_away_peers_are_told_to_come_back():
    def away(calling, called, address):
        raise RuntimeError("no database")

    with listening(admit=away) as inbox, associated(inbox.port) as association:
        assert association.acceptor.primitive.result == 2  # transient


# What goes wrong


def refusing(error):
    def keep(guest, data, is_asked):
        raise error

    return keep


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LowSpaceError(), 0xA700),
        (BusyError("header.timeout"), 0xA700),
        (NotTakenError("header.damaged"), 0xC000),
        (OSError(), 0x0110),
    ],
)
def test_what_is_not_kept_is_not_acknowledged(error, status):
    with listening(keep=refusing(error)) as inbox:
        assert send(inbox.port, make_instance("refused")) == status


def released(inbox):
    """A release is known to us before the server has let go of its place."""
    ends_at = time.monotonic() + 10
    while inbox.scp._server.active_associations:
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_no_peer_can_take_all_places():
    limits = Limits(associations=4, of_one=2)
    with listening(limits=limits) as inbox:
        with associated(inbox.port), associated(inbox.port), associated(inbox.port) as third:
            answer = third.acceptor.primitive
            assert (answer.result, answer.result_source, answer.diagnostic) == CONGESTED
            with associated(inbox.port, calling="OTHER") as other:
                assert other.is_established
        released(inbox)
        with associated(inbox.port) as again:
            assert again.is_established


def test_an_object_that_is_too_large_ends_its_association_and_no_other():
    limits = Limits(object_bytes=200_000)
    large = dcmread(BytesIO(make_instance("too large")))
    large.Rows = large.Columns = 512
    large.PixelData = bytes(512 * 512 * 2)
    with listening(limits=limits) as inbox, associated(inbox.port, calling="OTHER") as other:
        assert send(inbox.port, as_file(large)) is None
        assert other.send_c_store(dcmread(BytesIO(make_instance("small")))).Status == 0
    assert len(inbox.files) == 1


def test_all_together_may_hold_so_much_and_one_so_much():
    budget = Budget(for_all=100, for_one=60)
    budget.take(1, 60)
    with pytest.raises(TooMuchError):
        budget.take(1, 1)
    with pytest.raises(TooMuchError):
        budget.take(2, 50)
    budget.give_back(1)
    budget.take(2, 50)


def test_a_length_that_is_too_long_is_not_waited_for():
    limits = Limits(associate_s=1)
    with listening(limits=limits) as inbox, connected(inbox.port) as peer:
        peer.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + bytes(1000))
        assert peer.recv(100) == b""
        with associated(inbox.port) as other:
            assert other.is_established


def test_who_says_nothing_is_sent_away_and_keeps_nobody_waiting():
    limits = Limits(associate_s=0.3)
    with listening(limits=limits) as inbox, connected(inbox.port) as silent:
        with associated(inbox.port) as other:
            assert other.is_established
        assert silent.recv(100) == b""


def test_who_only_looks_at_the_port_takes_no_place():
    with listening(limits=Limits(associations=1)) as inbox:
        for _ in range(4):  # twice as many as there are places
            connected(inbox.port).close()
        assert any(is_let_in(inbox.port) for _ in tries()), "their places were not free again"


def is_let_in(port):
    with associated(port) as association:
        return association.is_established


def test_those_who_have_not_spoken_tls_yet_are_counted_too():
    tls = serving_as(Authority("ours").sign())
    with listening(tls=tls, limits=Limits(associations=1)) as inbox:
        with connected(inbox.port), connected(inbox.port), connected(inbox.port) as third:
            assert third.recv(100) == b""
        wait_until(lambda: not inbox.scp._server._arriving)
        with connected(inbox.port) as later:
            later.settimeout(0.2)
            with pytest.raises(TimeoutError):
                later.recv(100)


def tries():
    """A hundred, within three seconds: far less than who says nothing is waited for."""
    for _ in range(100):
        yield
        time.sleep(0.03)


def wait_until(is_so):
    assert any(is_so() for _ in tries()), "it did not come to that"


def test_a_name_service_that_hangs_keeps_nobody_else_waiting(monkeypatch):
    hosts = {"SLOW": "slow.example", "QUICK": "127.0.0.1"}
    archives = [Archive(pk=n, pushes_from=hosts[t], pushes_as=t) for n, t in enumerate(hosts, 1)]
    monkeypatch.setattr("imaging.scp.keeper.senders", lambda: archives)
    asked, answer = Event(), Event()

    def resolve(host):
        if host == "slow.example":
            asked.set()
            answer.wait(5)
        return frozenset({"127.0.0.1"})

    monkeypatch.setattr(guests, "addresses_of", resolve)
    keeper = Keeper()
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(keeper.admit, "SLOW", "LIGHTBOX", "127.0.0.1")
        assert asked.wait(3)
        quick = threads.submit(keeper.admit, "QUICK", "LIGHTBOX", "127.0.0.1")
        try:
            assert quick.result(timeout=2).archives == {2}
        finally:
            answer.set()
        assert slow.result().archives == {1}
    keeper.close()


def test_over_tls_a_plain_peer_and_a_silent_one_are_sent_away(monkeypatch):
    monkeypatch.setattr("imaging.scp.server.HANDSHAKE_S", 0.3)
    ours, theirs = Authority("ours"), Authority("theirs")
    tls = serving_as(ours.sign(), wants=theirs.certificate)
    with listening(tls=tls) as inbox, connected(inbox.port) as silent:
        for shown, is_let_in in ((None, False), (theirs.sign(), True), (ours.sign(), False)):
            with associated(inbox.port, tls_args=showing(shown, ours)) as peer:
                assert peer.is_established == is_let_in
        with associated(inbox.port) as plain_peer:
            assert not plain_peer.is_established
        assert silent.recv(100) == b""


def showing(made, believed):
    """The TLS side of a peer that shows a certificate, or none."""
    certificate, key = (made.certificate, made.key) if made else ("", "")
    context = http_tls.context(ca=believed.certificate, certificate=certificate, key=key)
    return context, "127.0.0.1"
