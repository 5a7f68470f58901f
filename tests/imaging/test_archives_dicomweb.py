"""How DICOMweb archives misbehave, as measured or reported of real ones, said by small fakes."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from imaging.archives import registry
from imaging.archives.base import ArchiveError, Level, Listed, Question, Wanted
from imaging.models import Archive
from tests.dicoms import make_study, study_uid
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

    def connect(answer, **profile):
        profile = Archive(kind="dicomweb", base_url=hostile(answer), **profile)
        archives.append(registry.connect(profile))
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


def query_of(at, question=KHAN, **profile):
    """The first question's query, as it went over the wire."""
    paths = []
    archive = at(lambda path: (paths.append(path), (200, JSON, b"[]"))[1], **profile)
    archive.search_for_studies(question)
    return urlsplit(paths[0]).query


def test_fields_are_asked_for_one_by_one_and_dates_without_hyphens(at):
    query = query_of(at)
    assert "PatientBirthDate=19570312&" in query
    assert len(parse_qs(query)["includefield"]) > 3
    assert not [wrong for wrong in ("%2C", ",", "1957-") if wrong in query]


@pytest.mark.parametrize(("raw", "sent"), [(True, "KHAN^AM*"), (False, "KHAN%5EAM*")])
def test_a_caret_is_sent_raw_just_where_the_archive_needs_it_and_a_star_always(at, raw, sent):
    question = Question(family_name_begins="KHAN^AM", birth_date="1957-03-12")
    assert f"PatientName={sent}&" in query_of(at, question, takes_wildcards_raw=raw)


@pytest.mark.parametrize(("raw", "found"), [(True, 1), (False, 0)])
def test_a_real_archive_knows_a_caret_only_raw(orthanc, raw, found):
    """Measured: why a profile can say so."""
    orthanc.store(make_study("caret", instances=1, PatientName="CARET^ANNA"))
    profile = orthanc.as_archive("dicomweb") | {"takes_wildcards_raw": raw}
    question = Question(family_name_begins="CARET^AN", birth_date="1957-03-12")
    with registry.connect(Archive(**profile)) as archive:
        assert len(archive.search_for_studies(question)) == found


def test_a_real_archive_is_read_page_by_page(orthanc):
    orthanc.store(make_study("pages", series=2, instances=4, PatientID="PAGES"))
    profile = orthanc.as_archive("dicomweb") | {"page_size": 3}
    with registry.connect(Archive(**profile)) as archive:
        assert len(archive.search_for_studies(Question(patient_id="PAGES"))) == 1
        assert len(archive.list_instances(study_uid("pages"))) == 8


def test_what_would_end_a_value_is_never_raw(at):
    query = query_of(at, Question(patient_id="A1&limit=0#x %/é"), takes_wildcards_raw=True)
    assert parse_qs(query)["PatientID"] == ["A1&limit=0#x %/é"]
    assert parse_qs(query)["limit"] == ["500"]


def test_pages_are_as_large_as_the_archive_gives_them(at):
    assert "limit=20&" in query_of(at, page_size=20)


def test_what_an_archive_ignores_is_not_sent(at):
    query = query_of(at, unsupported_filters=["PatientName", "includefield"])
    assert "PatientBirthDate=19570312" in query
    assert not [name for name in ("PatientName", "includefield") if name in query]


@pytest.mark.parametrize(
    ("question", "unsupported"),
    [
        (Question(), []),
        (Question(family_name_begins="KHAN"), []),
        (KHAN, ["PatientBirthDate"]),
        (Question(patient_id="A100"), ["PatientID"]),
    ],
    ids=["nothing", "a name alone", "a name alone is left", "nothing is left"],
)
def test_nobody_is_asked_for_rather_than_everybody(at, question, unsupported):
    asked = []
    archive = at(lambda path: asked.append(path), unsupported_filters=unsupported)
    failure = fails(archive, lambda archive: archive.search_for_studies(question))
    assert failure == ("archive.cannot_ask", False)
    assert asked == []


def test_pages_are_asked_for_until_one_brings_nothing_new(at):
    def answer(path):
        offset = int(parse_qs(urlsplit(path).query)["offset"][0])
        return 200, JSON, rows(*[f"1.{n}" for n in range(offset, min(offset + 100, 250))])

    assert len(at(answer).search_for_studies(KHAN)) == 250


def test_pages_that_are_cut_shorter_than_asked_are_all_read(at):
    def answer(path):
        offset = int(parse_qs(urlsplit(path).query)["offset"][0])
        return 200, JSON, rows(*[f"1.{n}" for n in range(offset, min(offset + 2, 221))])

    assert len(at(answer).search_for_studies(KHAN)) == 221


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


def test_answers_of_which_none_has_a_usable_uid_are_not_taken_for_nothing(at):
    assert fails(at(lambda _: (200, JSON, rows("../../x", "")))) == ("archive.not_understood", True)


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
        ((403, {}, b""), ("archive.forbidden", False)),
        ((400, {}, b""), ("archive.bad_request", False)),
        ((404, {}, b""), ("archive.bad_request", False)),
        ((406, {}, b""), ("archive.not_acceptable", False)),
        ((429, {}, b""), ("archive.busy", True)),
        ((503, {}, b""), ("archive.failed", True)),
        ((200, {"Content-Type": "text/html"}, b"<html>sign in"), ("archive.not_understood", True)),
        ((200, JSON, b'{"a": 1}'), ("archive.not_understood", True)),
        ((200, JSON, b"\xff\xfe"), ("archive.not_understood", True)),
        ((200, JSON | {"Content-Length": "99"}, b"[]"), ("archive.cut_short", True)),
        ((200, JSON | {"Content-Encoding": "gzip"}, b"no gzip"), ("archive.not_understood", True)),
    ],
    ids=lambda case: str(case)[:40],
)
def test_every_failure_has_its_code(at, reply, expected):
    assert fails(at(lambda _: reply)) == expected


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("9999999", 86_400), ("Fri, 01 Jan 2021 00:00:00 GMT", 0), ("soon", None)],
)
def test_when_it_wants_to_be_asked_again_is_told_as_a_hint(at, status, said, seconds):
    with pytest.raises(ArchiveError) as failure:
        at(lambda _: (status, {"Retry-After": said}, b"")).echo()
    assert failure.value.retry_after_s == seconds


def test_a_password_does_not_travel_to_where_the_archive_points(hostile):
    seen = []
    elsewhere = hostile(lambda path: (seen.append(path), (200, JSON, b"[]"))[1])
    url = hostile(lambda _: (307, {"Location": elsewhere}, b""))
    profile = Archive(kind="dicomweb", base_url=url, auth="basic", username="u", password="p")
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


@pytest.mark.parametrize("series", ["1." + "2" * 63, "../../x"])
def test_a_listing_that_names_an_impossible_series_is_not_gone_by(at, series):
    """No row could hold it; and left out, the study would be complete without it."""
    answer = rows("1.2.3", tag="00080018", **{"0020000E": {"vr": "UI", "Value": [series]}})
    archive = at(lambda path: (200, JSON, answer if "offset=0" in path else b"[]"))
    failure = fails(archive, lambda archive: archive.list_instances("1.2"))
    assert failure == ("archive.not_understood", True)
