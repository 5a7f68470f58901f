"""Who may send to our Storage SCP, and whose what they send is."""

import pytest

from imaging.models import Archive
from imaging.scp import guests
from imaging.scp.guests import NotAdmittedError, admit, plain, senders
from tests.factories import ArchiveFactory


@pytest.fixture
def archive(db):
    """A C-MOVE archive that may push as well, under another title."""
    return ArchiveFactory(
        kind=Archive.Kind.DIMSE,
        host="127.0.0.1",
        port=104,
        called_ae_title="PACS",
        retrieve_by="move",
        move_destination="LBSCP",
        pushes_as="WORKSTATION",
    )


@pytest.mark.parametrize("calling", ["PACS", "WORKSTATION"])
@pytest.mark.parametrize("called", ["LBSCP", "LIGHTBOX"])
def test_a_configured_archive_is_admitted(calling, called, archive):
    assert admit(senders(), calling, called, "127.0.0.1").archives == {archive.pk}


@pytest.mark.parametrize("called", ["LBSCP", "LIGHTBOX"])
@pytest.mark.parametrize("title", ["LIGHTBOX", ""])
def test_of_two_archives_behind_one_peer_what_was_sent_to_the_title_of_one_is_that_ones(
    title, called, archive
):
    about = {"host": "127.0.0.1", "port": 104, "called_ae_title": "PACS", "retrieve_by": "move"}
    other = ArchiveFactory(name="other", kind="dimse", move_destination=title, **about)
    whose = {"LBSCP": archive, "LIGHTBOX": other}
    assert admit(senders(), "PACS", called, "127.0.0.1").archives == {whose[called].pk}


def test_what_was_sent_to_a_title_of_none_of_them_may_be_of_any(archive):
    about = {"host": "127.0.0.1", "port": 104, "called_ae_title": "PACS", "retrieve_by": "move"}
    other = ArchiveFactory(name="other", kind="dimse", move_destination="LBTOO", **about)
    guest = admit(senders(), "PACS", "LIGHTBOX", "127.0.0.1")
    assert guest.archives == {archive.pk, other.pk}


@pytest.mark.parametrize("calling", ["PACS", "WORKSTATION"])
def test_only_by_the_title_we_ask_it_by_has_anything_been_asked_for(calling, archive):
    Archive.objects.filter(pk=archive.pk).update(calling_ae_title="LBASKS")
    assert admit(senders(), calling, "LBSCP", "127.0.0.1").ours == {"LBASKS"}


@pytest.mark.parametrize(
    "changes", [{"retrieve_by": "get"}, {"kind": "dicomweb", "base_url": "http://127.0.0.1/"}]
)
def test_of_an_archive_that_only_pushes_nothing_was_asked_for(changes, archive):
    """Its set up title of ours may still stand in the row."""
    changes |= {"pushes_from": "127.0.0.1"}
    Archive.objects.filter(pk=archive.pk).update(**changes)
    assert admit(senders(), "WORKSTATION", "LIGHTBOX", "127.0.0.1").ours == frozenset()


@pytest.mark.parametrize(
    ("calling", "called", "address", "reason"),
    [
        ("STRANGER", "LIGHTBOX", "127.0.0.1", guests.CALLING),
        ("PACS", "LIGHTBOX", "127.0.0.2", guests.CALLING),
        ("PACS", "SOMEBODY", "127.0.0.1", guests.CALLED),
        ("", "LIGHTBOX", "127.0.0.1", guests.CALLING),
    ],
)
def test_others_are_not(calling, called, address, reason, archive):
    with pytest.raises(NotAdmittedError) as refused:
        admit(senders(), calling, called, address)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("calling", "address", "is_let_in"),
    [
        ("WORKSTATION", "127.0.0.2", True),
        ("WORKSTATION", "127.0.0.1", False),
        ("PACS", "127.0.0.1", True),
        ("PACS", "127.0.0.2", False),
        ("", "127.0.0.2", False),
    ],
)
def test_a_push_comes_from_where_it_was_said_to_and_a_move_from_the_archive(
    calling, address, is_let_in, archive
):
    Archive.objects.filter(pk=archive.pk).update(pushes_from="127.0.0.2")
    if is_let_in:
        assert admit(senders(), calling, "LIGHTBOX", address).archives == {archive.pk}
    else:
        with pytest.raises(NotAdmittedError) as refused:
            admit(senders(), calling, "LIGHTBOX", address)
        assert refused.value.reason == guests.CALLING


@pytest.mark.parametrize(
    "changes",
    [
        {"retrieve_by": "get", "pushes_as": ""},
        {"kind": "dicomweb", "base_url": "http://127.0.0.1/", "pushes_as": ""},
        {"host": "no.such.host.invalid"},
    ],
)
def test_an_archive_that_neither_moves_nor_pushes_may_not_send(changes, archive):
    Archive.objects.filter(pk=archive.pk).update(**changes)
    with pytest.raises(NotAdmittedError):
        admit(senders(), "PACS", "LIGHTBOX", "127.0.0.1")


def test_an_address_is_the_same_however_it_is_written():
    assert plain("::ffff:10.1.2.3") == plain("10.1.2.3")
    assert plain("fe80::1%eth0") == plain("fe80:0::1")
