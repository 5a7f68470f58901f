"""Private authorities, our own certificate where one is wanted, and what is wrong in words."""

from contextlib import ExitStack

import pytest

from imaging.archives import http_tls, registry
from imaging.archives.base import ArchiveError
from imaging.models import Archive
from tests.http_peers import JSON, Authority, faking, locked, reply, serving_as


@pytest.fixture(scope="module")
def trust():
    return Authority("A trust's own authority")


@pytest.fixture(scope="module")
def stranger():
    return Authority("Somebody else's authority")


@pytest.fixture
def secured():
    """secured(context) is an archive over TLS that says nothing but yes."""
    with ExitStack() as running:
        yield lambda tls: running.enter_context(
            faking(lambda handler, _: reply(handler, 200, JSON, b"[]"), tls)
        )


def echo(server, *, url="", **profile):
    profile = Archive(kind="dicomweb", base_url=url or server.url, **profile)
    with registry.connect(profile) as archive:
        archive.echo()


def failure_of(server, **profile):
    with pytest.raises(ArchiveError) as failure:
        echo(server, **profile)
    assert failure.value.may_retry is False
    return failure.value


def test_an_archive_whose_authority_is_named_is_believed(trust, secured):
    server = secured(serving_as(trust.sign()))
    echo(server, ca_certificate=trust.certificate)
    assert len(server.asked) == 1


def test_its_own_certificate_will_do_as_well(trust, secured):
    made = trust.sign()
    server = secured(serving_as(made))
    echo(server, ca_certificate=made.certificate)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("named", "made", "words"),
    [
        ("nobody", {}, "is not signed by anybody we trust"),
        ("stranger", {}, "is not signed by anybody we trust"),
        ("trust", {"days": -1}, "has expired"),
        ("trust", {"address": "127.0.0.2"}, "is for another name"),
    ],
)
def test_a_certificate_that_is_not_good_is_said_to_be_so_and_nothing_is_sent(
    trust, stranger, secured, named, made, words
):
    server = secured(serving_as(trust.sign(**made)))
    authorities = {"trust": trust.certificate, "stranger": stranger.certificate, "nobody": ""}
    mine = {"auth": "basic", "username": "u", "password": "p"}
    failure = failure_of(server, ca_certificate=authorities[named], **mine)
    assert failure.code == "archive.certificate"
    assert words in failure.message
    assert server.asked == []


def test_an_archive_that_wants_our_certificate_gets_it(trust, secured):
    server = secured(serving_as(trust.sign(), wants=trust.certificate))
    ours = trust.sign()
    mine = {"client_certificate": ours.certificate, "client_key": ours.key}
    echo(server, ca_certificate=trust.certificate, **mine)
    assert len(server.asked) == 1


def test_an_archive_that_wants_our_certificate_and_gets_none_is_told_apart(trust, secured):
    server = secured(serving_as(trust.sign(), wants=trust.certificate))
    assert failure_of(server, ca_certificate=trust.certificate).code == "archive.our_certificate"
    assert server.asked == []


@pytest.mark.parametrize(("signer", "days"), [("stranger", 1), ("trust", -1)])
def test_an_archive_that_does_not_believe_our_certificate_is_told_apart(
    trust, stranger, secured, signer, days
):
    server = secured(serving_as(trust.sign(), wants=trust.certificate))
    ours = {"trust": trust, "stranger": stranger}[signer].sign(days=days)
    mine = {"client_certificate": ours.certificate, "client_key": ours.key}
    failure = failure_of(server, ca_certificate=trust.certificate, **mine)
    assert failure.code == "archive.our_certificate"
    assert server.asked == []


@pytest.mark.parametrize("broken", ["no key", "another's key", "no certificate", "locked", "text"])
def test_a_certificate_of_ours_that_cannot_be_used_is_said_before_anything_is_sent(
    trust, secured, broken
):
    ours, other = trust.sign(), trust.sign()
    certificate, key = {
        "no key": (ours.certificate, ""),
        "another's key": (ours.certificate, other.key),
        "no certificate": ("", ours.key),
        "locked": (ours.certificate, locked(ours)),
        "text": ("no certificate", "é"),
    }[broken]
    server = secured(serving_as(trust.sign()))
    mine = {"client_certificate": certificate, "client_key": key}
    failure = failure_of(server, ca_certificate=trust.certificate, **mine)
    assert failure.code == "archive.our_certificate"
    assert (server.asked, server.connections) == ([], 0)


@pytest.mark.parametrize("text", ["no certificate", "é", "-----BEGIN CERTIFICATE-----\nAAAA"])
def test_an_authority_that_cannot_be_read_is_not_taken_for_all_of_them(trust, secured, text):
    server = secured(serving_as(trust.sign()))
    assert failure_of(server, ca_certificate=text).code == "archive.certificate"


def test_a_plain_archive_at_a_secure_address_is_said_to_be_one(secured):
    server = secured(None)
    failure = failure_of(server, url=server.url.replace("http:", "https:"))
    assert failure.code == "archive.tls"


def test_a_secure_archive_at_a_plain_address_is_not_understood(trust, secured):
    server = secured(serving_as(trust.sign()))
    with pytest.raises(ArchiveError) as failure:
        echo(server, url=server.url.replace("https:", "http:"))
    assert failure.value.code in ("archive.cut_short", "archive.not_understood")
    assert server.asked == []


def test_where_an_authority_is_named_nobody_else_is_believed(trust):
    """But for a sign-in service, which may be somewhere else altogether."""

    def believed(**how):
        return http_tls.context(**how).cert_store_stats()["x509"]

    assert believed(ca=trust.certificate) == 1
    assert believed(ca=trust.certificate, and_public=True) == believed() + 1 > 100


def test_what_takes_long_to_make_is_made_once_for_each_profile(trust, stranger):
    assert http_tls.context(ca=trust.certificate) is http_tls.context(ca=trust.certificate)
    assert http_tls.context(ca=trust.certificate) is not http_tls.context(ca=stranger.certificate)


def test_a_sign_in_service_has_to_be_who_it_says_it_is(trust, secured):
    server, service = secured(None), secured(serving_as(trust.sign()))
    mine = {"auth": "oauth2", "token_url": service.url, "client_id": "a", "client_secret": "b"}
    failure = failure_of(server, **mine)
    assert (failure.code, "sign-in service" in failure.message) == ("archive.certificate", True)
    assert server.asked == service.asked == []
