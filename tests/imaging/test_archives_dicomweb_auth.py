"""How an archive over DICOMweb knows us, and that nothing secret goes anywhere else."""

import json
import logging
from contextlib import ExitStack
from itertools import count
from time import monotonic, sleep
from urllib.parse import parse_qs

import pytest

from imaging.archives import http_auth, registry
from imaging.archives.base import ArchiveError, Level, Listed, Wanted
from imaging.models import Archive
from tests.http_peers import JSON, PARTS, begin, faking, reply
from tests.peers import multipart

NAME, SECRET, TOKEN = "lightbox", "made-up:sécret", "made-up-token"
BASIC = "Basic bGlnaHRib3g6bWFkZS11cDpzw6ljcmV0"
THREE = [Listed("1.2.1", f"1.2.1.{n}") for n in (1, 2, 3)]


@pytest.fixture
def fake():
    """fake(answering) starts one that lives as long as the test."""
    with ExitStack() as running:
        yield lambda answering: running.enter_context(faking(answering))


def nothing(handler, _):
    reply(handler, 200, JSON, b"[]")


def one_part(handler, _):
    reply(handler, 200, PARTS, multipart([b"one"]))


def echo(server, **profile):
    with registry.connect(Archive(kind="dicomweb", base_url=server.url, **profile)) as archive:
        archive.echo()


def failure_of(server, **profile):
    with pytest.raises(ArchiveError) as failure:
        echo(server, **profile)
    return failure.value


def authorisations(server):
    return [asked.headers["Authorization"] for asked in server.asked]


@pytest.mark.parametrize(
    ("profile", "sent"),
    [
        ({"auth": "none"}, None),
        ({"auth": "none", "username": NAME, "password": SECRET, "token": TOKEN}, None),
        ({"auth": "basic", "username": NAME, "password": SECRET, "token": TOKEN}, BASIC),
        ({"auth": "bearer", "username": NAME, "token": f" {TOKEN}\n"}, f"Bearer {TOKEN}"),
    ],
    ids=["none", "none though a password is there", "basic", "bearer"],
)
def test_an_archive_is_told_just_what_its_profile_says(fake, profile, sent):
    server = fake(nothing)
    echo(server, **profile)
    assert authorisations(server) == [sent]


def test_a_password_within_an_address_is_not_sent(fake):
    server = fake(nothing)
    base_url = server.url.replace("://", f"://{NAME}:secret@")
    with registry.connect(Archive(kind="dicomweb", base_url=base_url)) as archive:
        archive.echo()
    assert authorisations(server) == [None]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("auth", ["none", "basic", "bearer"])
def test_a_refusal_is_said_in_its_own_words_and_asked_once(fake, auth, status):
    server = fake(lambda handler, _: reply(handler, status, {}))
    failure = failure_of(server, auth=auth, username=NAME, password=SECRET, token=TOKEN)
    code = {401: "archive.refused", 403: "archive.forbidden"}[status]
    assert (failure.code, failure.may_retry) == (code, False)
    assert len(server.asked) == 1
    words = {"none": "no name or token", "basic": "password", "bearer": "our token"}
    assert (words[auth] if status == 401 else "knows us") in failure.message


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Other: yes", "tökén"])
def test_a_token_that_is_none_is_not_sent_and_not_repeated(fake, token):
    server = fake(nothing)
    failure = failure_of(server, auth="bearer", token=token)
    assert (failure.code, failure.may_retry) == ("archive.token_not_understood", False)
    assert server.asked == []
    assert token == "" or token not in str(failure)


# OAuth2 client credentials


def giving(*, lasts_s=300, **more):
    """A sign-in service: token 1, token 2 and so on."""
    numbers = count(1)

    def answering(handler, _):
        answer = {"access_token": f"{TOKEN}-{next(numbers)}", "token_type": "Bearer"}
        reply(handler, 200, {}, json.dumps(answer | {"expires_in": lasts_s} | more).encode())

    return answering


def by(service, **more):
    mine = {"client_id": NAME, "client_secret": SECRET, "scope": "dicom.read"}
    return {"auth": "oauth2", "token_url": service.url + "/token", **mine, **more}


def test_a_token_is_asked_for_once_and_used_again_by_whoever_comes_next(fake):
    service, server = fake(giving()), fake(nothing)
    echo(server, **by(service))
    echo(server, **by(service))
    assert authorisations(server) == [f"Bearer {TOKEN}-1"] * 2
    (asked,) = service.asked
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["dicom.read"],
    }
    assert asked.headers["Authorization"].startswith("Basic ")


def test_a_service_that_wants_the_secret_in_the_form_gets_it_there(fake):
    def picky(handler, asked):
        if "client_secret" not in parse_qs(asked.body.decode()):
            return reply(handler, 401, {}, b'{"error": "invalid_client"}')
        return giving()(handler, asked)

    service, server = fake(picky), fake(nothing)
    echo(server, **by(service))
    assert parse_qs(service.asked[1].body.decode())["client_secret"] == [SECRET]
    assert service.asked[1].headers["Authorization"] is None
    assert authorisations(server) == [f"Bearer {TOKEN}-1"]


def test_a_token_that_drips_is_not_waited_for_and_keeps_nobody_else_waiting(fake, monkeypatch):
    monkeypatch.setattr(http_auth, "BODY_S", 0.5)

    def dripping(handler, _):
        begin(handler, 200, {"Content-Length": "60000"})
        for _ in range(400):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            sleep(0.05)

    service, server = fake(dripping), fake(nothing)
    began = monotonic()
    failure = failure_of(server, **by(service))
    assert (failure.code, failure.may_retry) == ("archive.token_unreachable", True)
    assert monotonic() - began < 10
    assert server.asked == []


def test_a_token_that_has_nearly_run_out_is_renewed_before_the_next_request(fake, monkeypatch):
    service, server = fake(giving(lasts_s=300)), fake(nothing)
    echo(server, **by(service))
    now = http_auth.time.monotonic()
    monkeypatch.setattr(http_auth.time, "monotonic", lambda: now + 239)
    echo(server, **by(service))
    monkeypatch.setattr(http_auth.time, "monotonic", lambda: now + 245)
    echo(server, **by(service))
    assert [sent[-1] for sent in authorisations(server)] == ["1", "1", "2"]


def until_refused(limit):
    """An archive to which a token is good for so many answers."""
    used = {}

    def answering(handler, asked):
        token = asked.headers["Authorization"]
        used[token] = used.get(token, 0) + 1
        if used[token] > limit:
            return reply(handler, 401, {}, b"no longer")
        return one_part(handler, asked)

    return answering


def pull(server, service):
    profile = Archive(kind="dicomweb", base_url=server.url, **by(service))
    with registry.connect(profile) as archive:
        return list(archive.retrieve(Wanted("1.2", Level.IMAGE, THREE)))


def test_a_token_that_runs_out_in_the_middle_of_a_pull_is_renewed_and_nothing_is_lost(fake):
    service, server = fake(giving()), fake(until_refused(2))
    assert pull(server, service) == [b"one"] * 3
    assert [sent[-1] for sent in authorisations(server)] == ["1", "1", "1", "2"]


def test_a_new_token_that_is_refused_too_ends_the_pull(fake):
    service, server = fake(giving()), fake(until_refused(0))
    with pytest.raises(ArchiveError) as failure:
        pull(server, service)
    assert (failure.value.code, failure.value.may_retry) == ("archive.refused", False)
    assert len(server.asked) == len(service.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "code", "may_retry"),
    [
        (400, b'{"error": "invalid_scope"}', "archive.token_refused", False),
        (401, b"", "archive.token_refused", False),
        (403, b"", "archive.token_refused", False),
        (404, b"", "archive.token_failed", False),
        (307, b"", "archive.token_failed", False),
        (429, b"", "archive.token_failed", True),
        (503, b"", "archive.token_failed", True),
        (200, b"<html>", "archive.token_not_understood", False),
        (200, b"[]", "archive.token_not_understood", False),
        (200, b"{}", "archive.token_not_understood", False),
        (200, b'{"access_token": 7}', "archive.token_not_understood", False),
        (200, b'{"access_token": "a b"}', "archive.token_not_understood", False),
        (200, b'{"access_token": "a", "expires_in": [1]}', "archive.token_not_understood", False),
        (
            *(200, b'{"access_token": "a", "expires_in": 1%s}' % (b"0" * 400)),
            *("archive.token_not_understood", False),
        ),
        (200, b" " * 70_000, "archive.token_not_understood", False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_goes_wrong_at_the_sign_in_service_is_said_of_it(fake, status, body, code, may_retry):
    elsewhere, server = fake(nothing), fake(nothing)
    service = fake(lambda handler, _: reply(handler, status, {"Location": elsewhere.url}, body))
    failure = failure_of(server, **by(service))
    assert (failure.code, failure.may_retry) == (code, may_retry)
    assert "sign-in service" in failure.message
    assert server.asked == elsewhere.asked == []


def test_a_sign_in_service_that_is_down_is_not_taken_for_the_archive(fake):
    server = fake(nothing)
    service = by(server, token_url="http://127.0.0.1:1/token")
    failure = failure_of(server, **service)
    assert (failure.code, failure.may_retry) == ("archive.token_unreachable", True)


def test_no_secret_is_ever_part_of_an_error_or_a_log_line(fake, caplog):
    caplog.set_level(logging.DEBUG)
    service = fake(giving())
    refusing = fake(lambda handler, _: reply(handler, 401, {}))
    failures = [
        failure_of(refusing, **by(service)),
        failure_of(refusing, auth="basic", username=NAME, password=SECRET),
        failure_of(refusing, auth="bearer", token=TOKEN),
        failure_of(service, **by(fake(lambda handler, _: reply(handler, 400, {})))),
    ]
    said = caplog.text + "".join(f"{one} {one.__cause__} {one.__context__}" for one in failures)
    assert "archive.refused" in said
    assert not [secret for secret in (NAME, SECRET, TOKEN, BASIC) if secret in said]
    assert SECRET not in repr(http_auth.Client("", NAME, SECRET))
