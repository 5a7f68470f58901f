"""Studies pulled from archives over HTTP that misbehave: each ends in a named state, in time."""

import json

import pytest
from django.utils import timezone

from imaging import work
from imaging.archives import base, dicomweb
from imaging.models import Job, Study
from tests.dicoms import make_instance, uid
from tests.factories import ArchiveFactory
from tests.imaging.hostile import files
from tests.imaging.hostile import web_tricks as tricks
from tests.imaging.hostile.files import three
from tests.imaging.hostile.runs import over_web, pulled, wanted
from tests.imaging.hostile.web import files_of, head, whole
from tests.peers import multipart

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "unnamed")]
COMPLETE, PARTIAL, FAILED = Study.State.COMPLETE, Study.State.PARTIAL, Study.State.FAILED
HERE = (COMPLETE, "", 3, 3, [])
NAME = "hostile"


def pulled_from(web, sent=None, **given):
    return pulled(NAME, over_web(web.archive(sent or three(NAME), **given)))


def nothing(code):
    """It fails, and by this name."""
    return FAILED, code, 0, 3, []


def some(code, stored):
    return PARTIAL, code, stored, 3, []


PICTURES = [
    ("drips_but_comes", HERE),
    ("crawls", nothing("archive.silent")),
    ("crawls_in_its_head", nothing("archive.silent")),
    ("answers_later_for_ever", nothing("archive.silent")),
    ("head_without_end", nothing("archive.cut_short")),
    ("says_nothing", nothing("archive.silent")),
    ("falls_silent", some("archive.silent", 1)),
    ("cut_though_its_length_is_known", some("archive.cut_short", 2)),
    ("cut_without_a_length", some("archive.cut_short", 2)),
    ("cut_in_chunks", some("archive.cut_short", 2)),
    ("ends_in_time_without_its_boundary", some("archive.cut_short", 2)),
    ("length_too_long", HERE),
    ("length_too_short", some("archive.cut_short", 2)),
    ("length_that_is_none", nothing("archive.cut_short")),
    ("parts_without_end", HERE),
    ("part_without_end", nothing("archive.not_understood")),
    ("gzip_bomb", nothing("archive.not_understood")),
    ("points_to_itself", nothing("archive.moved")),
    ("boundary_in_its_data", HERE),
    ("sends_but_two", some("pull.missing", 2)),
]


@pytest.mark.parametrize(("trick", "ends"), PICTURES, ids=[name for name, _ in PICTURES])
def test_whatever_an_archive_does_instead_of_sending_has_a_name(web, trick, ends):
    assert pulled_from(web, pictures=getattr(tricks, trick)) == ends


BODIES = [
    (("", "text/html", 200), "archive.not_understood"),
    ((tricks.PARTS, tricks.PARTS, 200), "archive.cut_short"),
    (("<h1>Please sign in</h1>", "text/html", 200), "archive.not_understood"),
    (("no", "text/plain", 401), "archive.refused"),
    (("no", "text/plain", 403), "archive.forbidden"),
    (("no", "text/plain", 406), "archive.not_acceptable"),
    (("no", "text/plain", 500), "archive.failed"),
    (("no", "text/plain", 429), "archive.busy"),
    (("", "text/plain", 204), "archive.not_there"),
]


@pytest.mark.parametrize(("said", "code"), BODIES, ids=[f"{b[2]} {c}" for b, c in BODIES])
def test_whatever_it_says_instead_has_a_name(web, said, code):
    body, kind, status = said
    trick = tricks.says(body.encode(), kind, status)
    assert pulled_from(web, pictures=trick) == nothing(code)


DAMAGED = "pull.damaged"
FILES = [
    ("of_another_study", (PARTIAL, DAMAGED, 2, 3, ["instance.other_study"])),
    ("huge", (PARTIAL, DAMAGED, 2, 3, ["header.too_large"])),
    ("of_a_strange_class", HERE),
    ("in_no_syntax", (PARTIAL, DAMAGED, 2, 3, ["header.incomplete"])),
    ("in_a_syntax_to_come", HERE),
    ("with_a_path_for_uid", (PARTIAL, DAMAGED, 2, 3, ["header.incomplete"])),
    ("with_wrong_meta_length", HERE),
    ("cut_within_its_header", (PARTIAL, DAMAGED, 2, 3, ["header.cut_off"])),
    ("no_dicom", (PARTIAL, DAMAGED, 2, 3, ["header.not_dicom"])),
    ("empty", (PARTIAL, DAMAGED, 2, 3, ["header.not_dicom"])),
    ("deflated_bomb", (PARTIAL, DAMAGED, 2, 3, ["header.too_large"])),
    ("with_a_length_of_4_gb", HERE),
    ("with_markup", HERE),
    ("with_controls", HERE),
    ("in_three_character_sets", HERE),
]


@pytest.mark.parametrize(("change", "ends"), FILES, ids=[name for name, _ in FILES])
def test_a_file_that_lies_is_taken_or_set_aside_by_name(web, change, ends):
    change = getattr(files, change)
    change(three(NAME)[1])  # a bomb takes a while to make
    trick = tricks.sends(change)
    assert pulled_from(web, pictures=trick) == ends


BESIDE = [
    ("with_other_pixels", (COMPLETE, "pull.other_bytes", 3, 3, ["instance.other_bytes"])),
    ("in_another_series", (COMPLETE, "", 4, 3, [])),
    ("of_another_study", (COMPLETE, "", 3, 3, ["instance.other_study"])),
]


@pytest.mark.parametrize(("change", "ends"), BESIDE, ids=[name for name, _ in BESIDE])
def test_what_comes_beside_never_replaces_what_was_asked_for(web, change, ends):
    trick = tricks.sends(getattr(files, change), beside=True)
    assert pulled_from(web, pictures=trick) == ends


@pytest.mark.parametrize("is_beside", [False, True])
def test_one_file_of_somebody_else_withholds_the_study(web, is_beside):
    trick = tricks.sends(files.somebody_elses, beside=is_beside)
    state, code, _, _, aside = pulled_from(web, pictures=trick)
    assert (state, code) == (Study.State.WITHHELD, "identity.differs")
    assert aside == ["instance.other_person"]


LISTINGS = [
    ("every_page_is_the_first", HERE),
    ("pages_that_overlap", HERE),
    ("json_without_end", (PARTIAL, "archive.not_understood", 3, None, [])),
    ("deflate_bomb", (PARTIAL, "archive.not_understood", 3, None, [])),
    ("always_more", (PARTIAL, "archive.too_many", 3, None, [])),
]


@pytest.mark.parametrize(("trick", "ends"), LISTINGS, ids=[name for name, _ in LISTINGS])
def test_whatever_an_archive_does_instead_of_listing_has_a_name(web, trick, ends):
    assert pulled_from(web, instances=getattr(tricks, trick)) == ends


@pytest.mark.parametrize("trick", ["one_more_each_page", "a_page_that_drips"])
def test_a_listing_that_never_ends_though_each_answer_is_in_time_is_left(web, trick, monkeypatch):
    monkeypatch.setattr(dicomweb, "MAX_PAGES", 10_000)
    monkeypatch.setattr(base, "LISTING_S", 1.0)
    ends = pulled_from(web, instances=getattr(tricks, trick))
    assert ends == (PARTIAL, "archive.silent", 3, None, [])


def two_series():
    return [make_instance(NAME, s, n, nhs_number=files.NHS) for s in (1, 2) for n in (1, 2, 3)]


def test_a_listing_without_pages_is_asked_for_series_by_series(web):
    short = tricks.never_more_than(4)  # of six; each series fits
    ends = pulled_from(web, two_series(), instances=short, pictures=tricks.sends_but_two)
    assert ends == (PARTIAL, "pull.missing", 2, 6, [])


def cut_after(most):
    """The whole study's stream breaks off after so many."""

    def trick(ask):
        body = multipart(files_of(ask)[:most], is_closed=False)
        return [head(Transfer_Encoding="chunked"), b"%x\r\n%s\r\n" % (len(body), body)]

    return trick


@pytest.mark.parametrize("stated", [{}, {"stated_count": 6}])
def test_a_cut_stream_is_not_complete_because_the_listing_is_short(web, stated, monkeypatch):
    """Two of six are listed, whichever way it is asked; it breaks off after four. Then never
    again: all of it is asked for once more, though nothing that is listed is missing.
    """
    archive = web.archive(two_series(), instances=tricks.never_more_than(1), pictures=cut_after(5))
    study = wanted(NAME, over_web(archive))
    Study.objects.update(**stated)
    Job.objects.update(attempts=0)
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code) == (PARTIAL, "archive.cut_short")
    assert study.stored_count in (3, 4)
    assert "lists only 2" in study.message
    archive.tricks.pop("pictures")
    Job.objects.update(due_at=timezone.now())
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code, study.stored_count) == (COMPLETE, "", 6)


def test_what_an_archive_says_it_holds_and_does_not_send_is_missing_and_it_ends(web):
    study = wanted(NAME, over_web(web.archive(three(NAME))))
    Study.objects.update(stated_count=5)
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code) == (PARTIAL, "pull.fewer_listed")
    assert (study.stored_count, study.expected_count) == (3, 5)
    assert Job.objects.get(study=study).state == Job.State.DONE


ROWS = {
    "no list": b'{"00080018": 1}',
    "no rows": b"[1, null, []]",
    "nested": b"[" * 100_000,
    "a huge number": b'[{"x": ' + b"9" * 50_000 + b"}]",
    "no utf-8": b'[{"\xff": 1}]',
    "nan": b'[{"00080018": NaN}]',
    "wrong types": b'[{"00080018": {"Value": {"a": [1]}}}]',
    "paths": b'[{"00080018": {"Value": ["../../etc/passwd"]}}]',
    "an absolute path": b'[{"00080018": {"Value": ["/etc/passwd"]}}]',
    "a long uid": b'[{"00080018": {"Value": ["' + b"1." * 400 + b'2"]}}]',
    "a uid with NUL": b'[{"00080018": {"Value": ["1.2\\u00003"]}}]',
    "half a letter": b'[{"00080018": {"Value": ["1.2\\ud800"]}}]',
}


@pytest.mark.parametrize("body", ROWS.values(), ids=ROWS)
def test_a_listing_of_nonsense_is_no_listing(web, body):
    ends = pulled_from(web, instances=tricks.says(body))
    assert ends == (PARTIAL, "archive.not_understood", 3, None, [])


def test_a_study_that_vanishes_half_way_keeps_what_came(web):
    ends = pulled_from(web, instances=tricks.vanishes_after(2))
    assert ends == (PARTIAL, "pull.vanished", 3, 0, [])


def test_a_study_that_grows_for_ever_is_followed_three_times_and_then_left(web):
    state, code, stored, _, _ = pulled_from(web, instances=tricks.grows_for_ever())
    assert (state, code, stored) == (PARTIAL, "pull.missing", 3)


def test_a_token_that_is_refused_half_way_ends_the_pull_by_its_name(web):
    """The listing was still allowed, and so was the first slice."""
    refuses = tricks.first_well_then(tricks.says(b"no", status=401))
    many = [make_instance(NAME, 1, number, nhs_number=files.NHS) for number in range(1, 5)]
    sends_one = tricks.first_well_then(tricks.says(b"no", status=401))
    archive = web.archive(many, pictures=sends_one, instances=refuses)
    study_ends = pulled(NAME, over_web(archive))
    assert study_ends[:3] == (PARTIAL, "archive.refused", 4)


def test_a_stream_without_end_is_ended_once_it_is_known_how_much_there_is(web, monkeypatch):
    monkeypatch.setattr(dicomweb, "MAX_INSTANCES", 100_000_000)
    assert pulled_from(web, pictures=tricks.parts_without_end) == HERE


# Nothing leads anywhere else


@pytest.fixture
def trap(web):
    """An address that must never be asked for anything."""
    other = web.archive(three(NAME))
    yield other
    assert not other.asked


@pytest.mark.parametrize(
    ("status", "kind"), [(301, "pictures"), (307, "pictures"), (302, "instances")]
)
def test_no_redirect_is_followed(web, trap, status, kind):
    trick = tricks.points_to(f"{trap.url}/studies?limit=1", status)
    assert pulled_from(web, **{kind: trick})[1] == "archive.moved"


def test_no_other_way_of_pointing_is_followed(web, trap):
    """Headers that name addresses, beside an answer that is as it should be."""
    rows = [{"00080018": {"Value": [uid(NAME, 1, n)]}, "00081190": {"Value": [trap.url]},
             "0020000E": {"Value": [uid("series", NAME, 1)], "BulkDataURI": trap.url}}
            for n in (1, 2, 3)]  # fmt: skip
    body = json.dumps(rows).encode()
    more = {"Location": trap.url, "Content_Location": trap.url, "Refresh": f"0; url={trap.url}"}

    def lists(ask):
        return [whole(body if ask.query["offset"] == "0" else b"[]", **more)]

    assert pulled_from(web, instances=lists) == HERE


def test_a_sign_in_service_that_points_elsewhere_gets_no_secret_sent_there(web, trap):
    service = web.archive(pictures=tricks.points_to(trap.url, 307))
    fields = {"auth": "oauth2", "token_url": f"{service.url}/token", "client_id": "c"}
    row = over_web(web.archive(three(NAME)), client_secret="s", **fields)
    assert pulled(NAME, row)[:2] == (FAILED, "archive.token_failed")


@pytest.mark.parametrize("body", [b"[" * 50_000, b"{}", b'{"access_token": "two words"}', b"\xff"])
def test_a_sign_in_service_that_talks_nonsense_gives_no_token(web, body):
    service = web.archive(pictures=tricks.says(body))
    fields = {"auth": "oauth2", "token_url": f"{service.url}/token", "client_id": "c"}
    row = over_web(web.archive(three(NAME)), **fields)
    assert pulled(NAME, row)[:2] == (FAILED, "archive.token_not_understood")


@pytest.mark.parametrize("address", ["http://169.254.169.254/", "http://[fe80::1]/", "http://0/"])
def test_where_no_archive_is_nothing_is_asked(address):
    row = ArchiveFactory(name="hostile", base_url=address)
    assert pulled(NAME, row)[:2] == (FAILED, "archive.address")


# What is set up here


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"ca_certificate": "none"}, "archive.certificate"),
        ({"client_certificate": "none"}, "archive.our_certificate"),
    ],
)
@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_a_certificate_that_cannot_be_read_ends_a_pull_by_its_name(web, kind, fields, code):
    there = {"host": "127.0.0.1", "port": 1, "called_ae_title": "A", "is_tls": True}
    url = web.archive().url.replace("http:", "https:")
    row = ArchiveFactory(name="hostile", kind=kind, base_url=url, **there, **fields)
    assert pulled(NAME, row)[:2] == (FAILED, code)


@pytest.mark.parametrize(("said", "waits_s"), [("31536000", 3600), ("90", 90), ("0", 5), ("x", 5)])
def test_an_archive_is_left_alone_as_long_as_it_asks_but_for_an_hour_at_most(web, said, waits_s):
    trick = tricks.says(b"", status=503, Retry_After=said)
    study = wanted(NAME, over_web(web.archive(three(NAME), instances=trick, pictures=trick)))
    Job.objects.update(attempts=0)
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code) == (Study.State.WANTED, "archive.failed")
    left_s = (study.job.due_at - timezone.now()).total_seconds()
    assert waits_s - 2 < left_s <= waits_s
