"""Uploads from their first part to their last: taken, or refused in words."""

import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from uuid import uuid4

import pytest

from imaging import plan, work
from imaging.models import Archive, ArchiveAnswer, Job, Study, Upload
from imaging.uploads import places, receive, unpack, zips
from imaging.uploads.refusals import WORDS, UploadRefused
from tests.dicoms import OTHER_PATIENT, make_instance, study_uid
from tests.factories import ArchiveFactory, SearchFactory
from tests.imaging import uploaded
from tests.imaging.uploaded import CD, HERS, OTHERS, bring, look_through, on_disk, part
from tests.imaging.zips import (
    encrypted,
    patched,
    swollen,
    with_huge_contents,
    with_link,
    with_name,
    with_sizes,
    zipped,
)

pytestmark = pytest.mark.django_db
uploads_dir = uploaded.uploads_dir  # a fixture
RUBBISH = {"AUTORUN.INF": b"[autorun]", "viewer.exe": b"MZ" + bytes(300), "x.pdf": b"%PDF"}


# ---- what is taken ----------------------------------------------------------------------


@pytest.mark.parametrize("files", [[zipped(CD | RUBBISH)], [*CD.values(), *RUBBISH.values()]])
def test_the_images_of_a_zip_or_of_a_folder_are_taken_and_all_else_is_skipped(files):
    upload = look_through(*files)
    assert (upload.state, upload.code) == (Upload.State.TAKEN, "")
    assert (upload.taken, upload.skipped, upload.of_others) == (3, 3, 0)
    assert [path.suffix for path in on_disk(upload)] == [".dcm"] * 3


def test_what_was_taken_is_searched_found_and_fetched_as_of_any_archive(monkeypatch):
    search = SearchFactory()
    upload = look_through(zipped(CD), search=search)
    work.run_next((Job.Kind.SEARCH,))
    answer = search.answers.get()
    assert (answer.state, answer.studies_found) == (ArchiveAnswer.State.ANSWERED, 1)
    study = Study.objects.get()
    assert (study.study_instance_uid, study.archive) == (study_uid("upload"), upload.archive)
    assert study.verdict == Study.Verdict.SAME
    plan.want_study(study)
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.stored_count) == (Study.State.COMPLETE, 3)


@pytest.mark.parametrize(
    "named",
    [
        {"PatientName": "ABBAS^Amina"},
        {"PatientName": "AMINA^KHAN"},
        {"PatientName": "Öztürk^Amina", "SpecificCharacterSet": "ISO_IR 192"},
        {"PatientBirthDate": "19571203"},
        {"PatientName": "", "PatientBirthDate": ""},
    ],
    ids=str,
)
def test_what_was_taken_is_found_whatever_name_and_birth_date_it_has(named):
    """Her number alone says whose it is: what is taken by one rule is not lost by another."""
    file = make_instance("renamed", nhs_number="9990000018", **named)
    search = SearchFactory()
    upload = look_through(file, search=search)
    assert (upload.taken, upload.of_others) == (1, 0)
    work.run_next((Job.Kind.SEARCH,))
    answer = search.answers.get()
    assert (answer.state, answer.studies_found, answer.studies_rejected) == (
        ArchiveAnswer.State.ANSWERED,
        1,
        0,
    )
    study = Study.objects.get()
    is_born_then = "PatientBirthDate" not in named
    assert study.verdict == (Study.Verdict.SAME if is_born_then else Study.Verdict.NEEDS_A_PERSON)


def test_a_search_finds_nothing_that_was_brought_for_another():
    look_through(*CD.values(), search=SearchFactory())
    search = SearchFactory()
    look_through(make_instance("mine", nhs_number="9990000018"), search=search)
    while work.run_next((Job.Kind.SEARCH,)):
        pass
    assert [study.study_instance_uid for study in search.studies.all()] == [study_uid("mine")]


def test_a_study_whose_first_image_is_somebody_elses_is_found_to_be_withheld():
    mixed = {"A": make_instance("upload", number=9, **OTHER_PATIENT)}
    search = SearchFactory()
    upload = look_through(*mixed.values(), *CD.values(), search=search)
    assert (upload.taken, upload.of_others) == (4, 0)
    work.run_next((Job.Kind.SEARCH,))
    plan.want_study(Study.objects.get())
    work.run_next((Job.Kind.PULL,))
    assert Study.objects.get().state == Study.State.WITHHELD


def test_files_about_somebody_else_are_removed_at_once_and_counted():
    search = SearchFactory()
    upload = look_through(zipped(CD | OTHERS), search=search)
    assert (upload.taken, upload.of_others) == (3, 2)
    assert len(on_disk(upload)) == 3
    work.run_next((Job.Kind.SEARCH,))
    assert [study.study_instance_uid for study in Study.objects.all()] == [study_uid("upload")]


def test_a_study_that_names_two_people_is_left_whole_to_be_withheld():
    mixed = {"IM9": make_instance("upload", number=9, **OTHER_PATIENT)}
    search = SearchFactory()
    upload = look_through(zipped(CD | mixed), search=search)
    assert (upload.taken, upload.of_others) == (4, 0)
    work.run_next((Job.Kind.SEARCH,))
    plan.want_study(Study.objects.get())
    work.run_next((Job.Kind.PULL,))
    assert Study.objects.get().state == Study.State.WITHHELD


def test_an_upload_of_somebody_else_alone_is_refused_without_naming_anybody():
    upload = look_through(zipped(OTHERS))
    assert (upload.state, upload.code) == (Upload.State.REFUSED, "upload.another_person")
    assert "OTHER" not in upload.message
    assert on_disk(upload) == []
    assert not ArchiveAnswer.objects.exists()


def test_the_same_cd_twice_is_no_harm():
    search = SearchFactory()
    look_through(zipped(CD), search=search)
    again = look_through(zipped(CD | {"copy": HERS[0]}), search=search)
    assert (again.state, again.taken, again.twice) == (Upload.State.TAKEN, 3, 1)
    work.run_next((Job.Kind.SEARCH,))
    assert Study.objects.get().expected_count == 3


def test_a_damaged_file_is_counted_and_the_others_are_taken():
    upload = look_through(zipped(CD | {"cut": HERS[0][:400]}))
    assert (upload.state, upload.taken, upload.damaged) == (Upload.State.TAKEN, 3, 1)


def test_a_zip_within_the_zip_is_not_opened_and_no_reason_to_refuse_the_rest():
    upload = look_through(zipped(CD | {"viewer.jar": zipped({"a": b"b"})}))
    assert (upload.state, upload.taken, upload.skipped) == (Upload.State.TAKEN, 3, 1)


def test_numbers_are_read_as_the_trusts_own_archive_writes_them():
    """The NHS number is this trust's Patient ID."""
    where = Archive.NhsNumberIn.PATIENT_ID
    ArchiveFactory(name="rbv", trust_ods_code="RBV", nhs_number_in=where)
    file = make_instance("by number", PatientID="9990000018")
    search = SearchFactory()
    upload = look_through(file, search=search)
    assert (upload.archive.nhs_number_in, upload.taken) == (where, 1)
    work.run_next((Job.Kind.SEARCH,))
    assert Study.objects.get().verdict == Study.Verdict.SAME


# ---- what is refused --------------------------------------------------------------------


HOSTILE = {
    "a zip cut off": ("damaged", zipped(CD)[:-40]),
    "a zip cut in the middle": ("damaged", zipped(CD)[:600]),
    "a zip with changed bytes": (
        "damaged",
        zipped({"IM": HERS[0]}, how=0).replace(b"HEAD", b"FEET"),
    ),
    "sizes that lie": ("damaged", with_sizes({"IM": HERS[0]}, 300)),
    "a password": ("encrypted", encrypted(CD)),
    "a name that climbs": ("bad_names", with_name("../../IM1", HERS[0])),
    "a name that climbs backwards": ("bad_names", with_name("a\\..\\..\\IM1", HERS[0])),
    "a name from the root": ("bad_names", with_name("/etc/cron.d/x", HERS[0])),
    "a drive": ("bad_names", with_name("C:\\IM1", HERS[0])),
    "a name with a NUL": ("bad_names", with_name("IM1\0.txt", HERS[0])),
    "a link": ("links", with_link()),
    "a bomb": ("bomb", swollen(300)),
    "a table of contents without end": ("too_many", with_huge_contents(1 << 31)),
    "an unusual way of packing": ("unsupported", zipped(CD, how=zipfile.ZIP_LZMA)),
    "a future version": (
        "unsupported",
        patched(zipped(CD), of_each="entry", at=6, value=b"\xff\0"),
    ),
    "a zip in a zip": ("nested_zip", zipped({"all.zip": zipped(CD)})),
    "papers only": ("no_dicom", zipped(RUBBISH)),
    "called DICOM and none": ("no_dicom", zipped({"a.dcm": bytes(128) + b"DICM rubbish"})),
    "no zip at all": ("not_a_zip", b"Rar!\x1a\x07 something else"),
    "an empty zip": ("no_dicom", zipped({})),
}


@pytest.mark.parametrize(("code", "file"), HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_in_words_and_leaves_nothing(code, file, tmp_path):
    upload = look_through(file)
    assert (upload.state, upload.code) == (Upload.State.REFUSED, f"upload.{code}")
    assert upload.message == WORDS[f"upload.{code}"]
    assert upload.job.state == Job.State.FAILED
    assert on_disk(upload) == []
    assert {p.name for p in tmp_path.iterdir()} <= {"uploads"}
    assert not ArchiveAnswer.objects.exists()


def test_too_many_files_in_a_zip_are_refused(monkeypatch):
    monkeypatch.setattr(zips, "MAX_FILES", 2)
    assert look_through(zipped(CD)).code == "upload.too_many"


def test_more_than_fits_is_refused_before_it_is_opened(settings):
    upload = bring(zipped(CD))
    settings.UPLOADS_KEEP_FREE_BYTES = 1 << 60
    plan.unpack(upload)
    work.run_next((Job.Kind.UNPACK,))
    upload.refresh_from_db()
    assert upload.code == "upload.no_space"
    assert on_disk(upload) == []


def test_an_upload_on_which_workers_die_is_given_up():
    upload = bring(zipped(CD))
    plan.unpack(upload)
    Job.objects.update(attempts=50)
    work.run_next((Job.Kind.UNPACK,))
    upload.refresh_from_db()
    assert (upload.state, upload.code) == (Upload.State.REFUSED, "upload.gave_up")


def test_a_worker_that_dies_half_way_is_followed_by_one_that_begins_anew():
    upload = bring(zipped(CD))
    half = places.new_folder(places.being_opened(upload))
    (half / "000001.dcm").write_bytes(b"half")
    places.new_folder(places.kept(upload))
    plan.unpack(upload)
    work.run_next((Job.Kind.UNPACK,))
    upload.refresh_from_db()
    assert (upload.state, upload.taken) == (Upload.State.TAKEN, 3)


def test_a_worker_that_lost_its_job_meanwhile_writes_nothing(monkeypatch):
    upload, act = bring(zipped(CD)), unpack.look_through

    def slowly(upload):
        counts = act(upload)
        Job.objects.update(claim=uuid4())
        return counts

    monkeypatch.setattr(unpack, "look_through", slowly)
    plan.unpack(upload)
    work.run_next((Job.Kind.UNPACK,))
    upload.refresh_from_db()
    assert (upload.state, upload.taken) == (Upload.State.WAITING, 0)
    assert not ArchiveAnswer.objects.exists()
    assert places.incoming(upload).exists()


# ---- parts ------------------------------------------------------------------------------


def test_parts_make_a_file_and_one_sent_twice_changes_nothing():
    upload = bring()
    assert part(upload, b"abc") == 3
    assert part(upload, b"def", at=3) == 6
    assert part(upload, b"def", at=3) == 6
    assert [p.read_bytes() for p in on_disk(upload)] == [b"abcdef"]


class Meeting:
    """Bytes that are read once both senders are there, or one has waited long enough in vain."""

    def __init__(self, barrier, data):
        self._barrier, self._bytes = barrier, BytesIO(data)

    def read(self, size):
        with suppress(BrokenBarrierError):
            self._barrier.wait(timeout=1)
        return self._bytes.read(size)


@pytest.mark.parametrize("at", [0, 3])
def test_a_part_sent_twice_at_the_same_instant_is_in_the_file_once(monkeypatch, at):
    monkeypatch.setattr(receive, "_check_room", lambda *_: None)
    upload, barrier, told = bring(b"abc"[:at]), Barrier(2), []

    def send():
        stream = Meeting(barrier, b"def")
        told.append(receive.take_part(upload, number=1, at=at, stream=stream, size=3))

    senders = [Thread(target=send) for _ in range(2)]
    [sender.start() for sender in senders]
    [sender.join() for sender in senders]
    assert [p.read_bytes() for p in on_disk(upload)] == [b"abc"[:at] + b"def"]
    assert told == [at + 3] * 2


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"at": 5}, "upload.cut_off"),
        ({"at": 2}, "upload.cut_off"),
        ({"size": 9}, "upload.cut_off"),
        ({"number": 0}, "upload.too_many"),
        ({"number": 50_001}, "upload.too_many"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(wrong, code):
    upload = bring()
    part(upload, b"abc", number=2)
    with pytest.raises(UploadRefused) as no:
        part(upload, b"def", **({"number": 2, "at": 3} | wrong))
    assert no.value.code == code
    upload.refresh_from_db()
    assert ([p.read_bytes() for p in on_disk(upload)], upload.size) == ([b"abc"], 3)


def test_more_than_one_cd_holds_is_refused_while_it_comes(settings):
    settings.UPLOAD_MOST_BYTES = 5
    upload = bring(b"abc")
    with pytest.raises(UploadRefused) as no:
        part(upload, b"def", number=2)
    assert no.value.code == "upload.too_large"
    assert len(on_disk(upload)) == 1


def test_without_room_no_part_is_taken(settings):
    upload = bring(b"abc")
    settings.UPLOADS_KEEP_FREE_BYTES = 1 << 60
    with pytest.raises(UploadRefused) as no:
        part(upload, b"def", number=2)
    upload.refresh_from_db()
    assert (no.value.code, upload.size, len(on_disk(upload))) == ("upload.no_space", 3, 1)


@pytest.mark.parametrize(
    ("files", "size", "code"), [(2, 4, "upload.cut_off"), (1, 3, "upload.cut_off")]
)
def test_an_upload_that_is_not_whole_is_not_looked_through(files, size, code):
    upload = bring(b"abcd")
    receive.check_whole(upload, files=1, size=4)
    with pytest.raises(UploadRefused) as no:
        receive.check_whole(upload, files=files, size=size)
    assert no.value.code == code
    with pytest.raises(UploadRefused):
        receive.check_whole(bring(), files=0, size=0)


def test_the_place_of_an_upload_is_made_of_our_own_ids():
    upload = bring(b"x")
    assert [Path(p).name for p in on_disk(upload)] == ["000001"]
    assert upload.public_id.isalnum()
