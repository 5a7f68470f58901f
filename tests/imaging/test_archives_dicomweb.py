"""How DICOMweb archives misbehave, as measured or reported of real ones, said by small fakes."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from imaging.archives import registry
from imaging.archives.base import ArchiveError, Level, Listed, Patience, Question, Wanted
from imaging.models import Archive
from tests.peers import multipart

JSON = {"Content-Type": "application/dicom+json"}
PARTS = {"Content-Type": "multipart/related; type=application/dicom; boundary=xyz"}
ONE = Listed("1.2.1", "1.2.1.1")
KHAN = Question(family_name_begins="KHAN", birth_date="1957-03-12")


def rows(*uids, tag="0020000D", **more):
    return json.dumps([{tag: {"vr": "UI", "Value": [uid]}} | more for uid in uids]).encode()


@pytest.fixture
def at(hostile):
    """at(answer) is an archive that answers so."""
    archives = []

    def connect(answer):
        archives.append(registry.connect(Archive(kind="dicomweb", base_url=hostile(answer))))
        return archives[-1]

    yield connect
    for archive in archives:
        archive.close()


def fails(archive, what=lambda archive: archive.search_for_studies(KHAN)):
    with pytest.raises(ArchiveError) as failure:
        what(archive)
    return failure.value.code, failure.value.may_retry


def retrieve(archive, level=Level.STUDY):
    return list(archive.retrieve(Wanted("1.2", level, [ONE])))


def test_wildcards_are_sent_raw_and_fields_one_by_one(at):
    paths = []
    at(lambda path: (paths.append(path), (200, JSON, b"[]"))[1]).search_for_studies(KHAN)
    query = urlsplit(paths[0]).query
    assert "PatientName=KHAN*&" in query
    assert "PatientBirthDate=19570312" in query
    assert len(parse_qs(query)["includefield"]) > 3
    assert "%2C" not in query


def test_pages_are_asked_for_until_one_brings_nothing_new(at):
    def answer(path):
        offset = int(parse_qs(urlsplit(path).query)["offset"][0])
        return 200, JSON, rows(*[f"1.{n}" for n in range(offset, min(offset + 100, 250))])

    assert len(at(answer).search_for_studies(KHAN)) == 250


def test_an_archive_that_ignores_the_offset_does_not_keep_us_for_ever(at):
    assert len(at(lambda _: (200, JSON, rows("1.1", "1.2"))).search_for_studies(KHAN)) == 2


def test_an_archive_that_has_always_one_more_is_stopped(at):
    def answer(path):
        offset = int(parse_qs(urlsplit(path).query)["offset"][0])
        return 200, JSON, rows(*[f"1.{offset + n}" for n in range(500)])

    assert fails(at(answer)) == ("archive.too_many", False)


@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_answer_is_nobody(at, status):
    assert at(lambda _: (status, JSON, b"")).search_for_studies(KHAN) == []


def test_an_answer_without_a_usable_uid_is_dropped(at):
    assert at(lambda _: (200, JSON, rows("../../x", "", "1.2"))).search_for_studies(KHAN) != []
    found = at(lambda _: (200, JSON, rows("../../x", ""))).search_for_studies(KHAN)
    assert found == []


def test_odd_values_are_read_as_not_stated(at):
    odd = {
        "00080020": {"vr": "DA", "Value": ["not a date"]},
        "00080030": {"vr": "TM", "Value": ["2561"]},
        "00201208": {"vr": "IS", "Value": ["many"]},
        "00100010": {"vr": "PN"},
        "00100030": "nonsense",
        "00101002": {"vr": "SQ", "Value": [None, {"00100020": {"vr": "LO", "Value": ["7"]}}]},
    }
    (study,) = at(lambda _: (200, JSON, rows("1.2", **odd))).search_for_studies(KHAN)
    assert (study.study_date, study.study_time, study.instance_count) == (None, None, None)
    assert (study.patient_name, study.birth_date) == ("", "")
    assert study.other_patient_ids == (("7", ""),)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ((301, {"Location": "http://127.0.0.1:1/"}, b""), ("archive.moved", False)),
        ((302, {"Location": "/login"}, b""), ("archive.moved", False)),
        ((401, {}, b""), ("archive.refused", False)),
        ((403, {}, b""), ("archive.refused", False)),
        ((400, {}, b""), ("archive.bad_request", False)),
        ((404, {}, b""), ("archive.bad_request", False)),
        ((429, {}, b""), ("archive.failed", True)),
        ((503, {}, b""), ("archive.failed", True)),
        ((200, {"Content-Type": "text/html"}, b"<html>sign in"), ("archive.not_understood", True)),
        ((200, JSON, b'{"a": 1}'), ("archive.not_understood", True)),
        ((200, JSON, b"\xff\xfe"), ("archive.not_understood", True)),
        ((200, JSON | {"Content-Length": "99"}, b"[]"), ("archive.cut_short", True)),
        ((200, JSON | {"Content-Encoding": "gzip"}, b"no gzip"), ("archive.failed", True)),
    ],
    ids=lambda case: str(case)[:40],
)
def test_every_failure_has_its_code(at, reply, expected):
    assert fails(at(lambda _: reply)) == expected


def test_a_password_does_not_travel_to_where_the_archive_points(hostile):
    seen = []
    elsewhere = hostile(lambda path: (seen.append(path), (200, JSON, b"[]"))[1])
    url = hostile(lambda _: (307, {"Location": elsewhere}, b""))
    profile = Archive(kind="dicomweb", base_url=url, username="u", password="p")
    with registry.connect(profile) as archive:
        assert fails(archive) == ("archive.moved", False)
    assert seen == []


def test_what_came_before_a_cut_is_kept_and_the_cut_is_said(at):
    body = multipart([b"one", b"two", b"thr"], is_closed=False)
    files = []
    archive = at(lambda _: (200, PARTS, body))
    with pytest.raises(ArchiveError) as failure:
        files.extend(file for file in keeping(files, archive))
    assert (files, failure.value.code) == ([b"one", b"two"], "archive.cut_short")


def keeping(files, archive):
    for file in archive.retrieve(Wanted("1.2", Level.STUDY, [ONE])):
        files.append(file)
    return []


@pytest.mark.parametrize("status", [204, 404, 410])
def test_what_is_listed_and_gone_is_said_and_not_asked_again(at, status):
    assert fails(at(lambda _: (status, {}, b"")), retrieve) == ("archive.not_there", False)


def test_one_instance_that_is_gone_does_not_keep_the_others_from_coming(at):
    def answer(path):
        return (404, {}, b"") if path.endswith("/1.2.1.1") else (200, PARTS, multipart([b"two"]))

    wanted = Wanted("1.2", Level.IMAGE, [ONE, Listed("1.2.1", "1.2.1.2")])
    files = at(answer).retrieve(wanted)
    assert next(files) == b"two"
    with pytest.raises(ArchiveError):
        next(files)


def test_one_instance_may_come_without_parts(at):
    single = {"Content-Type": "application/dicom", "Content-Length": "4"}
    assert retrieve(at(lambda _: (200, single, b"DICM")), Level.IMAGE) == [b"DICM"]


def test_one_instance_of_unknown_length_is_not_believed(at):
    single = {"Content-Type": "application/dicom"}
    assert fails(at(lambda _: (200, single, b"DICM")), retrieve) == ("archive.not_understood", True)


def test_an_answer_of_another_type_is_not_taken_for_pictures(at):
    html = {"Content-Type": "text/html"}
    assert fails(at(lambda _: (200, html, b"<html>")), retrieve) == ("archive.not_understood", True)


def test_instances_that_do_not_name_their_series_are_asked_for_by_series(at):
    def answer(path):
        if "offset=0" not in path:
            return 200, JSON, b"[]"
        if "/series/1.2.1/instances" in path:
            return 200, JSON, rows("1.2.1.1", tag="00080018")
        if "/series?" in path:
            return 200, JSON, rows("1.2.1", tag="0020000E")
        return 200, JSON, rows("1.2.1.1", tag="00080018")

    assert at(answer).list_instances("1.2") == [ONE]


def test_a_silent_stream_is_given_up_however_long_the_whole_may_take(silent_port, monkeypatch):
    monkeypatch.setattr(registry, "PATIENCE", Patience(connect_s=1, idle_s=0.2))
    profile = Archive(kind="dicomweb", base_url=f"http://127.0.0.1:{silent_port}/x")
    with registry.connect(profile) as archive:
        assert fails(archive, retrieve) == ("archive.silent", True)
