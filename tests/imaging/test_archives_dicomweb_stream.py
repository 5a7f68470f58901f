"""How answers stream in: packed, slowly, for ever; and over how many connections."""

import gzip
import time
import tracemalloc
import zlib
from collections import deque
from contextlib import ExitStack

import pytest

from imaging.archives import dicomweb, registry
from imaging.archives.base import ArchiveError, Level, Listed, Patience, Question, Wanted
from imaging.models import Archive
from tests.http_peers import JSON, PARTS, begin, faking, reply
from tests.peers import multipart

SOME = [Listed("1.2.1", f"1.2.1.{n}") for n in (1, 2, 3)]
KHAN = Question(patient_id="A100")
IDLE_S = 0.4
ZEROS = 32 * 2**20
GZIP, CHUNKED = {"Content-Encoding": "gzip"}, {"Transfer-Encoding": "chunked"}


@pytest.fixture
def at():
    """at(answering) -> the archive and the fake behind it, with little patience."""
    with ExitStack() as running:

        def connect(answering):
            server = running.enter_context(faking(answering))
            profile = Archive(kind="dicomweb", base_url=server.url)
            patience = Patience(connect_s=1, idle_s=IDLE_S)
            return running.enter_context(registry.connect(profile, patience)), server

        yield connect


def always(status, headers, body):
    return lambda handler, _: reply(handler, status, headers, body)


def retrieve(archive, level=Level.STUDY):
    return list(archive.retrieve(Wanted("1.2", level, SOME)))


def until_it_fails(archive):
    """What came, and the code of what then went wrong."""
    files = []
    with pytest.raises(ArchiveError) as failure:
        deque(map(files.append, archive.retrieve(Wanted("1.2", Level.STUDY, SOME))))
    return files, failure.value.code


def test_pixels_are_asked_for_as_stored_and_unpacked_and_answers_may_be_packed(at):
    archive, server = at(always(200, PARTS, multipart([b"one"])))
    retrieve(archive)
    pixels = server.asked[0].headers
    assert pixels["Accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert pixels.get_all("Accept-Encoding") == ["identity"]
    archive, server = at(always(200, JSON | GZIP, gzip.compress(b"[]")))
    assert archive.search_for_studies(KHAN) == []
    assert server.asked[0].headers.get_all("Accept-Encoding") == ["gzip"]


# Packed


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("DEFLATE", zlib.compress)],
)
def test_pixels_that_come_packed_though_asked_not_to_are_unpacked(at, encoding, pack):
    body = pack(multipart([b"one" * 500_000, b"two"]))
    archive, _ = at(always(200, PARTS | {"Content-Encoding": encoding}, body))
    assert retrieve(archive) == [b"one" * 500_000, b"two"]


def peak_bytes(what):
    tracemalloc.start()
    try:
        what()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_an_answer_that_unpacks_to_far_more_than_it_is_ends_before_memory_does(
    at, pack, monkeypatch
):
    monkeypatch.setattr(dicomweb, "MAX_JSON", 2**20)
    packing = {"Content-Encoding": "gzip" if pack is gzip.compress else "deflate"}
    archive, _ = at(always(200, JSON | packing, pack(b" " * ZEROS)))

    def ask():
        with pytest.raises(ArchiveError) as failure:
            archive.search_for_studies(KHAN)
        assert failure.value.code == "archive.not_understood"

    assert peak_bytes(ask) < 8 * 2**20


def test_pixels_that_unpack_to_far_more_than_they_are_end_too(at, monkeypatch):
    monkeypatch.setattr(dicomweb, "MAX_UNPACKED", 2**20)
    body = gzip.compress(multipart([b"one", b"\0" * ZEROS]))
    archive, _ = at(always(200, PARTS | GZIP, body))
    assert until_it_fails(archive) == ([b"one"], "archive.not_understood")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd"])
def test_what_is_packed_twice_or_in_a_way_nobody_asked_for_is_not_opened(at, encoding):
    body = gzip.compress(gzip.compress(b"[]"))
    archive, _ = at(always(200, JSON | {"Content-Encoding": encoding}, body))
    with pytest.raises(ArchiveError) as failure:
        archive.search_for_studies(KHAN)
    assert failure.value.code == "archive.not_understood"


def test_a_packed_answer_that_is_cut_is_cut(at):
    archive, _ = at(always(200, JSON | GZIP, gzip.compress(b"[]")[:-9]))
    with pytest.raises(ArchiveError) as failure:
        archive.search_for_studies(KHAN)
    assert failure.value.code == "archive.cut_short"


# Slowly


def dripping(body, *, pause_s, size=1):
    def answering(handler, _):
        begin(handler, 200, PARTS | {"Content-Length": str(len(body))})
        for start in range(0, len(body), size):
            handler.wfile.write(body[start : start + size])
            handler.wfile.flush()
            time.sleep(pause_s)

    return answering


def test_a_slow_stream_comes_through_however_long_the_whole_takes(at):
    body = multipart([b"one", b"two"])
    archive, _ = at(dripping(body, size=12, pause_s=IDLE_S / 5))
    began = time.monotonic()
    assert retrieve(archive) == [b"one", b"two"]
    assert time.monotonic() - began > IDLE_S * 1.2


def test_a_stream_that_falls_silent_is_given_up_and_what_came_is_kept(at):
    body = multipart([b"one", b"two"])

    def answering(handler, _):
        begin(handler, 200, PARTS | {"Content-Length": str(len(body))})
        handler.wfile.write(body[:-10])
        handler.wfile.flush()
        time.sleep(IDLE_S * 3)

    archive, _ = at(answering)
    assert until_it_fails(archive) == ([b"one"], "archive.silent")


def test_an_archive_that_takes_the_question_and_says_nothing_is_given_up(at):
    archive, _ = at(lambda handler, _: time.sleep(IDLE_S * 3))
    assert until_it_fails(archive) == ([], "archive.silent")


def test_a_stream_that_only_drips_to_keep_us_waiting_ends(at, monkeypatch):
    monkeypatch.setattr("imaging.archives.http_body.WINDOW", 2)
    archive, _ = at(dripping(b"x" * 1000, pause_s=IDLE_S / 5))
    began = time.monotonic()
    assert until_it_fails(archive) == ([], "archive.silent")
    assert time.monotonic() - began < IDLE_S * 8


def test_what_a_caller_does_between_two_files_is_no_silence(at, monkeypatch):
    monkeypatch.setattr("imaging.archives.http_body.WINDOW", 1)
    body = multipart([b"one", b"two"])
    archive, _ = at(dripping(body, size=len(body) - 20, pause_s=0))
    for file in archive.retrieve(Wanted("1.2", Level.STUDY, SOME)):
        assert file in (b"one", b"two")
        time.sleep(IDLE_S * 1.2)


# For ever


def test_a_stream_of_parts_without_end_is_ended(at, monkeypatch):
    monkeypatch.setattr(dicomweb, "MOST_BESIDES", 5)

    def answering(handler, _):
        begin(handler, 200, PARTS)
        while True:
            handler.wfile.write(multipart([b"more"] * 100, is_closed=False))

    archive, _ = at(answering)
    files, code = until_it_fails(archive)
    assert (len(files), code) == (2 * len(SOME) + 5, "archive.too_many")


@pytest.mark.parametrize("listed", [SOME, []], ids=["has grown", "was not listed"])
def test_a_study_that_is_larger_than_was_listed_comes_whole(at, listed, monkeypatch):
    monkeypatch.setattr(dicomweb, "MOST_BESIDES", 500 if listed else 5)
    archive, _ = at(always(200, PARTS, multipart([b"more"] * 500)))
    assert len(list(archive.retrieve(Wanted("1.2", Level.STUDY, listed)))) == 500


# Connections


def chunked(handler, _):
    body = multipart([b"one"]) + b"a few words after the last boundary"
    begin(handler, 200, PARTS | CHUNKED)
    handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


def gone_but_one(handler, asked):
    if asked.path.endswith(".1"):
        return reply(handler, 200, PARTS, multipart([b"one"]))
    return reply(handler, 404, {}, b"gone")


def test_what_is_gone_costs_no_new_connection_either(at):
    archive, server = at(gone_but_one)
    with pytest.raises(ArchiveError) as failure:
        retrieve(archive, Level.IMAGE)
    assert (failure.value.code, server.connections) == ("archive.not_there", 1)


@pytest.mark.parametrize("answering", [always(200, PARTS, multipart([b"one"])), chunked])
def test_one_connection_does_for_many_instances(at, answering):
    archive, server = at(answering)
    assert retrieve(archive, Level.IMAGE) == [b"one"] * 3
    assert (len(server.asked), server.connections) == (3, 1)


def test_nobody_waits_for_what_may_come_after_the_last_boundary(at):
    def answering(handler, _):
        begin(handler, 200, PARTS)  # neither a length nor chunks: the end is when it hangs up
        handler.wfile.write(multipart([b"one"]))
        handler.wfile.flush()
        time.sleep(IDLE_S * 3)

    archive, _ = at(answering)
    began = time.monotonic()
    assert retrieve(archive) == [b"one"]
    assert time.monotonic() - began < IDLE_S
