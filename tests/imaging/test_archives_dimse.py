"""What only DIMSE does: contexts, TLS, and archives that say that all is well when nothing is."""

import socket
import ssl
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from imaging.archives import dimse, registry
from imaging.archives.base import ArchiveError, Level, Listed, Patience, Question, Wanted
from imaging.archives.dimse_get import COMMON_CLASSES, MAX_CONTEXTS, classes_of, contexts
from imaging.archives.dimse_link import MAX_PDU
from imaging.arrivals import Inbox
from imaging.models import Archive
from tests.dicoms import make_study, study_uid, uid
from tests.http_peers import Authority, serving_as
from tests.ports import free_port
from tests.storage_scps import listening

CT, SR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.22"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
VERIFICATION = "1.2.840.10008.1.1"
QUICK = Patience(connect_s=0.5, idle_s=0.5)
STUDY = study_uid("moved")
THREE = [Listed(uid("series", "moved", 1), uid("moved", 1, n), CT) for n in (1, 2, 3)]
# pynetdicom leaves sockets to the garbage collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("swept"),
]


@contextmanager
def archive_scp(*, find=(), move=None, tls=None, seen=None, echoed=None):
    """An archive of ours for one test: what C-FIND answers, and a C-MOVE handler."""
    ae = AE(ae_title="FAKE")
    ae.acse_timeout = 1  # who never says who they are is waited for so long
    for service in (VERIFICATION, FIND, MOVE):
        ae.add_supported_context(service)
    answers = [dataset_of(**fields) for fields in find]

    def found(event):
        if seen is not None:
            seen.append(event.identifier)
        level = event.identifier.QueryRetrieveLevel
        yield from ((0xFF00, one) for one in answers if one.QueryRetrieveLevel == level)

    handlers = [(evt.EVT_C_FIND, found)]
    if move:
        handlers.append((evt.EVT_C_MOVE, move))
    if seen is not None:
        handlers.append((evt.EVT_REQUESTED, lambda event: seen.append(event.assoc)))
    if echoed is not None:
        handlers.append((evt.EVT_C_ECHO, lambda event: echoed.append(tls_of(event)) or 0x0000))
    server = ae.make_server(
        ("127.0.0.1", 0),
        evt_handlers=handlers,
        ssl_context=tls,
        server_class=ThreadedAssociationServer,
    )
    ae._servers.append(server)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def tls_of(event):
    """The version of TLS a message came by; none where it came in the clear."""
    connection = event.assoc.dul.socket.socket
    return connection.version() if isinstance(connection, ssl.SSLSocket) else None


def dataset_of(**fields):
    dataset = Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    return dataset


def profile(port, **fields):
    address = {"kind": "dimse", "host": "127.0.0.1", "port": port, "called_ae_title": "FAKE"}
    return Archive(**address | fields)


def moving(port, **fields):
    return profile(port, retrieve_by="move", move_destination="LIGHTBOX", **fields)


def code_of(row, ask, patience=QUICK):
    """The error that asking ends with, and whether asking again could help."""
    with registry.connect(row, patience) as archive, pytest.raises(ArchiveError) as failure:
        ask(archive)
    return failure.value.code, failure.value.may_retry


def echo(archive):
    archive.echo()


def retrieve(archive):
    list(archive.retrieve(Wanted(STUDY, Level.STUDY, THREE)))


# What is sent


def test_small_messages_do_not_wait_for_nagle_and_large_ones_are_allowed():
    with archive_scp() as port, registry.connect(profile(port)) as archive:
        archive.echo()
        sock = archive._open.dul.socket.socket
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert archive._open.requestor.maximum_length == MAX_PDU == 128 * 1024


def test_just_the_classes_an_archive_holds_are_offered():
    assert list(classes_of(THREE)) == [CT]
    assert {context.abstract_syntax for context in contexts([CT, SR])} == {CT, SR}


def test_where_an_archive_does_not_say_what_it_holds_the_common_classes_are_offered_too():
    assert list(classes_of([])) == list(COMMON_CLASSES)
    mixed = classes_of([Listed("1.2", "1.2.3", SR), Listed("1.2", "1.2.4", "")])
    assert mixed[0] == SR
    assert set(COMMON_CLASSES) <= set(mixed)
    assert len(mixed) == len(set(mixed))


@pytest.mark.parametrize("count", [1, 2, 18, 119, 120, 300])
def test_never_more_contexts_than_an_association_may_have(count):
    offered = contexts([f"1.2.3.{number}" for number in range(count)])
    assert 0 < len(offered) <= MAX_CONTEXTS


def test_a_filter_the_archive_ignores_is_not_sent():
    seen = []
    with archive_scp(seen=seen) as port:
        row = profile(port, unsupported_filters=["PatientName"])
        with registry.connect(row) as archive:
            archive.search_for_studies(Question(family_name_begins="KHAN", birth_date="1957-03-12"))
    (asked,) = [one for one in seen if isinstance(one, Dataset)]
    assert (asked.PatientName, asked.PatientBirthDate) == ("", "19570312")


def test_who_cannot_be_asked_for_is_not_asked_for():
    """Everybody's studies would come."""
    seen = []
    with archive_scp(seen=seen) as port:
        row = profile(port, unsupported_filters=["PatientID"])
        ask = lambda archive: archive.search_for_studies(Question(patient_id="A100"))  # noqa: E731
        assert code_of(row, ask) == ("archive.cannot_ask", False)
    assert not seen


# TLS


@pytest.fixture(scope="module")
def authority():
    return Authority("a trust")


def secured(port, authority, **fields):
    return profile(port, is_tls=True, ca_certificate=authority.certificate, **fields)


def test_an_archive_is_asked_over_tls_where_its_row_says_so_and_else_in_the_clear(authority):
    echoed = []
    with archive_scp(tls=serving_as(authority.sign()), echoed=echoed) as port:
        echo_once(secured(port, authority))
    with archive_scp(echoed=echoed) as port:
        echo_once(profile(port))
    assert echoed == ["TLSv1.3", None]


def echo_once(row):
    with registry.connect(row) as archive:
        archive.echo()


def test_mutual_tls_needs_our_certificate(authority):
    ours = Authority("ours")
    made = ours.sign()
    tls, echoed = serving_as(authority.sign(), wants=ours.certificate), []
    with archive_scp(tls=tls, echoed=echoed) as port:
        mine = {"client_certificate": made.certificate, "client_key": made.key}
        echo_once(secured(port, authority, **mine))
        assert echoed == ["TLSv1.3"]
        assert code_of(secured(port, authority), echo) == ("archive.our_certificate", False)


@pytest.mark.parametrize(
    ("signed", "believed"),
    [
        (Authority("another").sign(), None),
        (None, {"address": "127.0.0.2"}),
        (None, {"days": -1}),
    ],
    ids=["by somebody else", "for another address", "expired"],
)
def test_a_certificate_is_not_believed_that_is(signed, believed, authority):
    with archive_scp(tls=serving_as(signed or authority.sign(**believed))) as port:
        assert code_of(secured(port, authority), echo) == ("archive.certificate", False)


def test_tls_to_a_plain_port_ends_soon_and_says_so(authority):
    with archive_scp() as port:
        assert code_of(secured(port, authority), echo) == ("archive.tls", False)


def test_plain_to_a_tls_port_ends_soon_and_says_so(authority):
    with archive_scp(tls=serving_as(authority.sign())) as port:
        assert code_of(profile(port), echo) == ("archive.wants_tls", False)


def test_tls_to_a_silent_port_ends_soon(authority, silent_port):
    assert code_of(secured(silent_port, authority), echo)[0] == "archive.tls"


def test_tls_to_a_closed_port_is_unreachable_and_no_fault_of_tls(authority):
    assert code_of(secured(1, authority), echo) == ("archive.unreachable", True)


# How much it may answer


def image(number):
    return {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": uid("moved", 1, number)}


@pytest.mark.parametrize(("most", "is_whole"), [(3, True), (2, False)])
def test_a_series_of_more_images_than_a_patient_may_have_studies_is_listed_whole(
    most, is_whole, monkeypatch
):
    monkeypatch.setattr(dimse, "MAX_ANSWERS", 1)
    monkeypatch.setattr(dimse, "MAX_INSTANCES", most)
    with archive_scp(find=[HELD[0], *map(image, (1, 2, 3))]) as port:
        if not is_whole:
            ask = lambda archive: archive.list_instances(STUDY)  # noqa: E731
            assert code_of(profile(port), ask) == ("archive.too_many", False)
            return
        with registry.connect(profile(port)) as archive:
            assert len(archive.list_instances(STUDY)) == 3


def test_more_studies_than_a_patient_may_have_are_given_up(monkeypatch):
    monkeypatch.setattr(dimse, "MAX_ANSWERS", 1)
    held = [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study_uid(n)} for n in "ab"]
    ask = lambda archive: archive.search_for_studies(Question(patient_id="A100"))  # noqa: E731
    with archive_scp(find=held) as port:
        assert code_of(profile(port), ask) == ("archive.too_many", False)


# C-MOVE: why nothing came


@pytest.fixture
def inbox(monkeypatch):
    """Our Storage SCP, anywhere."""
    with listening() as inbox:
        monkeypatch.setattr(registry, "inbox_of", lambda _: inbox)
        yield inbox


HELD = [
    {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": THREE[0].series_instance_uid},
    {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": THREE[0].sop_instance_uid},
]


def knows_nobody(event):
    """A C-MOVE that is answered with "move destination unknown" (A801)."""
    yield None, None


def sends_nothing(event):
    """A C-MOVE that is answered with success, after nothing."""
    yield "127.0.0.1", 1
    yield 0


def test_without_our_own_scp_no_archive_is_asked(inbox):
    inbox.is_open = False
    seen = []
    with archive_scp(seen=seen) as port:
        assert code_of(moving(port), retrieve) == ("scp.not_running", True)
    assert not seen


@pytest.mark.parametrize("move", [knows_nobody, sends_nothing])
def test_an_archive_that_sends_nothing_is_not_believed_whatever_it_says(move, inbox, monkeypatch):
    monkeypatch.setattr("imaging.archives.dimse_move.SETTLE_S", 0.1)
    with archive_scp(find=HELD, move=move) as port:
        assert code_of(moving(port), retrieve) == ("archive.cannot_reach_us", True)


def test_a_study_that_is_gone_is_said_to_be_gone(inbox, monkeypatch):
    monkeypatch.setattr("imaging.archives.dimse_move.SETTLE_S", 0.1)
    with archive_scp(move=knows_nobody) as port:
        assert code_of(moving(port), retrieve)[0] == "archive.not_there"


def test_a_real_archive_that_does_not_know_us_says_the_same(orthanc, inbox, monkeypatch):
    """Orthanc answers C000, as to everything else."""
    monkeypatch.setattr("imaging.archives.dimse_move.SETTLE_S", 0.1)
    orthanc.store(make_study("moved"))
    row = moving(orthanc.port, called_ae_title=orthanc.ae_title)
    row.move_destination = "NOBODY"
    assert code_of(row, retrieve)[0] == "archive.cannot_reach_us"


def test_a_real_archive_that_cannot_reach_our_port_says_the_same(dcmqrscp, inbox, monkeypatch):
    monkeypatch.setattr("imaging.archives.dimse_move.SETTLE_S", 0.1)
    dcmqrscp.store(make_study("moved"))
    row = moving(dcmqrscp.port, called_ae_title=dcmqrscp.ae_title)
    assert code_of(row, retrieve)[0] == "archive.cannot_reach_us"


def test_an_archive_that_hangs_in_a_move_is_given_up(inbox):
    is_over = Event()

    def move(event):
        is_over.wait(10)
        yield None, None

    patience = Patience(connect_s=0.5, idle_s=0.05)
    with archive_scp(move=move) as port:
        assert code_of(moving(port), retrieve, patience)[0] == "archive.silent"
        is_over.set()


def test_an_archive_that_dies_in_a_move_is_noticed(inbox, monkeypatch):
    monkeypatch.setattr("imaging.archives.dimse_move.SETTLE_S", 0.1)

    def move(event):
        event.assoc.abort()
        yield None, None

    with archive_scp(move=move) as port:
        assert code_of(moving(port), retrieve)[0] == "archive.cut_short"


def test_no_port_is_told_to_be_open_that_is_not(settings):
    settings.SCP_PORT = free_port()
    assert not Inbox(1).is_listening()
