"""Folders as archives: whatever lies in them, named however, and nothing outside of them."""

import os
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from io import BytesIO
from itertools import islice
from types import SimpleNamespace

import pytest
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from imaging.archives import folder_index
from imaging.archives.base import ArchiveError, Level, Question, Wanted
from imaging.archives.folder import FolderArchive
from imaging.archives.folder_index import FolderIndex, index_of
from imaging.frames.refused import Refused
from tests.dicoms import OTHER_PATIENT, as_file, make_instance, make_study, study_uid, uid

STUDY = study_uid("cd")
KHANS = Question(family_name_begins="KHAN", birth_date="1957-03-12")


@pytest.fixture
def beside(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def cd(tmp_path):
    """A study of three slices as CDs have it: nested, without extension, among other things."""
    root = tmp_path / "cd"
    for number, file in enumerate(make_study("cd", nhs_number="9990000018")):
        place(root, f"DICOM/PA0/ST0/SE{number}/IM{number}", file)
    place(root, "AUTORUN.INF", b"[autorun]\nopen=viewer.exe")
    place(root, "viewer.exe", b"MZ" + bytes(500))
    place(root, "report.pdf", b"%PDF-1.7 about KHAN")
    place(root, "key.jpg", b"\xff\xd8\xff")
    return root


@pytest.fixture
def archive(cd, beside):
    return FolderArchive(cd, beside)


@pytest.mark.parametrize(
    ("sides", "side"), [("RR", "R"), ("RL", "B"), (("", "L"), "L"), (("", ""), "")]
)
def test_a_series_is_of_both_sides_where_its_files_differ(sides, side, tmp_path, beside):
    for number, one in enumerate(sides, 1):
        place(tmp_path / "cd", f"IM{number}", make_instance("cd", 1, number, ImageLaterality=one))
    archive = FolderArchive(tmp_path / "cd", beside)
    archive.list_instances(STUDY)
    (series,) = archive.search_for_series(STUDY)
    assert series.laterality == side


def place(root, path, data):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


def dicomdir(*referenced):
    """A directory that says the images are in these files."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    records = []
    for path in referenced:
        record = Dataset()
        with disable_value_validation():  # the standard knows no way up
            record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", path.split("/")
        records.append(record)
    ds.DirectoryRecordSequence = records
    with disable_value_validation():
        return as_file(ds)


def uids_of(files):
    return [dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID for file in files]


def everything(archive):
    listed = archive.list_instances(STUDY)
    return list(archive.retrieve(Wanted(STUDY, Level.STUDY, listed)))


def test_images_are_found_however_deep_they_lie_and_without_a_file_name_to_tell(archive):
    (study,) = archive.search_for_studies(KHANS)
    assert (study.study_instance_uid, study.instance_count) == (STUDY, 3)
    assert study.other_patient_ids == (("9990000018", "NHS"),)
    assert sorted(uids_of(everything(archive))) == sorted(uid("cd", 1, n) for n in (1, 2, 3))


def test_what_is_no_dicom_is_skipped_and_counted(cd, beside, archive):
    archive.search_for_studies(KHANS)
    assert FolderIndex(cd, beside).codes() == Counter({"": 3, "header.not_dicom": 4})


def test_a_dicomdir_that_lies_is_ignored(cd, beside, archive):
    """It names a file that is absent and one outside, and leaves out all that are there."""
    place(cd, "DICOMDIR", dicomdir("GONE", "../secret"))
    place(cd.parent, "secret", make_instance("cd", number=9))
    assert len(archive.list_instances(STUDY)) == 3
    assert FolderIndex(cd, beside).codes()["dicomdir"] == 1


def test_links_are_never_followed(cd, beside, archive):
    """Neither of a file, nor of a folder, nor in a circle."""
    outside = cd.parent / "outside"
    place(outside, "image", make_instance("cd", number=9))
    (cd / "file").symlink_to(outside / "image")
    (cd / "folder").symlink_to(outside)
    (cd / "circle").symlink_to(cd)
    assert len(everything(archive)) == 3
    assert set(FolderIndex(cd, beside).codes()) == {"", "header.not_dicom"}


def test_a_file_that_has_grown_since_it_was_listed_beyond_what_may_be_taken_does_not_come(
    cd, archive, monkeypatch
):
    """Nor a part of it, which would look like a whole image."""
    monkeypatch.setattr("imaging.archives.folder.MAX_INSTANCE_BYTES", 100_000)
    listed = archive.list_instances(STUDY)
    os.truncate(cd / "DICOM/PA0/ST0/SE0/IM0", 1 << 20)
    files = archive.retrieve(Wanted(STUDY, Level.STUDY, listed))
    assert uids_of(islice(files, 2)) == [uid("cd", 1, 2), uid("cd", 1, 3)]
    with pytest.raises(ArchiveError) as failure:
        next(files)
    assert failure.value.code == "archive.not_there"


def test_a_folder_swapped_for_a_link_after_it_was_read_leads_nowhere(cd, archive):
    listed = archive.list_instances(STUDY)
    outside = cd.parent / "outside"
    (cd / "DICOM").rename(outside)
    (cd / "DICOM").symlink_to(outside)
    with pytest.raises(ArchiveError) as failure:
        list(archive.retrieve(Wanted(STUDY, Level.STUDY, listed)))
    assert failure.value.code == "archive.not_there"


def test_what_is_no_plain_file_keeps_nobody_waiting(cd, archive):
    os.mkfifo(cd / "pipe")
    assert len(everything(archive)) == 3


def test_the_same_file_twice_is_one_instance(cd, archive):
    place(cd, "copy", (cd / "DICOM/PA0/ST0/SE0/IM0").read_bytes())
    assert len(archive.list_instances(STUDY)) == 3
    assert len(everything(archive)) == 3


def test_two_files_that_are_one_instance_and_differ_both_come(cd, archive):
    place(cd, "other", make_instance("cd", nhs_number="9990000018", StudyDescription="changed"))
    assert len(archive.list_instances(STUDY)) == 3
    assert Counter(uids_of(everything(archive)))[uid("cd", 1, 1)] == 2


def test_a_damaged_file_takes_nothing_else_with_it(cd, beside, archive):
    place(cd, "cut", make_instance("cd", number=9)[:400])
    assert len(archive.list_instances(STUDY)) == 3
    assert FolderIndex(cd, beside).codes()["header.cut_off"] == 1


def test_each_file_is_read_once(archive, monkeypatch):
    archive.list_instances(STUDY)
    monkeypatch.setattr("imaging.archives.folder_index.reader", None)  # it would be missed
    assert len(archive.list_instances(STUDY)) == 3


@pytest.mark.parametrize("fails", ["the folder", "the machine"])
def test_a_file_that_could_not_be_read_is_read_by_the_next_listing(fails, archive, monkeypatch):
    """Neither an error of a disk nor a busy machine says anything about the file."""

    busy = SimpleNamespace(read_header=raising(Refused("header.timeout", "busy")))
    with monkeypatch.context() as patch:
        if fails == "the folder":
            patch.setattr(folder_index, "read_file", raising(OSError("input/output error")))
        else:
            patch.setattr(folder_index, "reader", lambda: busy)
        assert archive.list_instances(STUDY) == []
    assert len(archive.list_instances(STUDY)) == 3


def test_a_file_that_could_not_be_read_and_is_gone_is_forgotten(cd, beside, archive, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(folder_index, "read_file", raising(OSError("input/output error")))
        archive.list_instances(STUDY)
    (cd / "viewer.exe").unlink()
    archive.list_instances(STUDY)
    assert FolderIndex(cd, beside).codes() == Counter({"": 3, "header.not_dicom": 3})


def raising(error):
    def fail(*_):
        raise error

    return fail


def test_while_a_file_of_the_folder_is_being_read_another_may_write_in_its_index(
    cd, beside, archive, monkeypatch
):
    read, written = folder_index.read_file, []

    def read_beside(*asked):
        with closing(sqlite3.connect(index_of(cd, beside), timeout=0)) as another:
            another.execute("BEGIN IMMEDIATE")
            written.append(asked)
        return read(*asked)

    monkeypatch.setattr(folder_index, "read_file", read_beside)
    place(cd, "cut", make_instance("cd", number=9)[:400])
    assert len(archive.list_instances(STUDY)) == 3
    (cd / "viewer.exe").unlink()
    place(cd, "late", make_instance("cd", number=4))
    assert len(archive.list_instances(STUDY)) == 4
    assert len(written) == 4 * 2 + 4 + 2


def test_rows_are_written_some_at_a_time_and_none_is_left_out(archive, beside, cd, monkeypatch):
    monkeypatch.setattr(folder_index, "ROWS_A_COMMIT", 2)
    assert len(archive.list_instances(STUDY)) == 3
    assert FolderIndex(cd, beside).codes() == Counter({"": 3, "header.not_dicom": 4})


def test_one_file_that_vanishes_while_a_folder_is_looked_through_takes_no_other_with_it(
    cd, archive, monkeypatch
):
    for number in (4, 5):
        place(cd, f"DICOM/PA0/ST0/SE0/IM{number}", make_instance("cd", 1, number))
    assert len(archive.list_instances(STUDY)) == 5
    scan = os.scandir

    @contextmanager
    def scanned(where):
        with scan(where) as entries:
            yield [Vanished() if one.name == "IM4" else one for one in entries]

    monkeypatch.setattr("imaging.archives.folder_files.os.scandir", scanned)
    assert len(archive.list_instances(STUDY)) == 4


class Vanished:
    """An entry of a folder whose file went between two looks."""

    name = "IM4"

    def is_dir(self, **_):
        return False

    def is_file(self, **_):
        return True

    def stat(self, **_):
        raise FileNotFoundError


def test_what_is_added_and_taken_away_is_noticed_by_the_next_listing(cd, archive):
    archive.list_instances(STUDY)
    place(cd, "late", make_instance("cd", number=4))
    (cd / "DICOM/PA0/ST0/SE0/IM0").unlink()
    uids = {one.sop_instance_uid for one in archive.list_instances(STUDY)}
    assert uids == {uid("cd", 1, n) for n in (2, 3, 4)}


def test_a_file_that_changed_is_read_again(cd, archive):
    archive.list_instances(STUDY)
    place(cd, "DICOM/PA0/ST0/SE0/IM0", make_instance("cd", series=2, number=7))
    assert uid("cd", 2, 7) in {one.sop_instance_uid for one in archive.list_instances(STUDY)}


def test_people_are_told_apart(cd, archive):
    place(cd, "another", make_instance("another", **OTHER_PATIENT))
    found = [one.study_instance_uid for one in archive.search_for_studies(KHANS)]
    assert found == [STUDY]


def test_a_number_is_found_wherever_it_stands(archive):
    assert len(archive.search_for_studies(Question(patient_id="9990000018"))) == 1
    assert len(archive.search_for_studies(Question(patient_id="A100"))) == 1
    assert archive.search_for_studies(Question(patient_id="A10")) == []


def test_a_header_that_leaves_the_birth_date_open_is_shown_to_be_looked_at(cd, archive):
    place(cd, "open", make_instance("open", PatientBirthDate=""))
    found = {one.study_instance_uid for one in archive.search_for_studies(KHANS)}
    assert found == {STUDY, study_uid("open")}


def found_by(archive, question):
    return {study.study_instance_uid for study in archive.search_for_studies(question)}


def test_a_new_name_or_names_swapped_are_no_reason_not_to_look_and_another_birth_date_is(
    cd, archive
):
    """Few were born on one day; whose study it is, is not for a folder to say."""
    names = {"maiden": "ABBAS^Amina", "swapped": "AMINA^KHAN", "older": "KHAN^Amina"}
    for number, (study, name) in enumerate(names.items()):
        day = "19370312" if study == "older" else "19570312"
        place(cd, f"n{number}", make_instance(study, PatientName=name, PatientBirthDate=day))
    assert found_by(archive, KHANS) == {STUDY, study_uid("maiden"), study_uid("swapped")}


def test_a_number_counts_wherever_it_stands_and_however_it_is_spaced(cd, archive):
    spaced = make_instance("spaced", PatientID="999 000 0018", PatientBirthDate="19010101")
    place(cd, "spaced", spaced)
    place(cd, "another", make_instance("another", nhs_number="9990000026"))
    assert found_by(archive, Question(patient_id="9990000018")) == {STUDY, study_uid("spaced")}


def test_of_what_was_brought_everything_comes_and_nothing_besides(cd, archive):
    """Under each person that a study names."""
    place(cd, "upload/1", make_instance("brought", **OTHER_PATIENT))
    place(cd, "upload/2", make_instance("brought", number=2, PatientName="ABBAS^Amina"))
    place(cd, "upload0/1", make_instance("not brought"))
    found = archive.search_for_studies(Question(brought=("upload",)))
    assert [(one.study_instance_uid, one.patient_name) for one in found] == [
        (study_uid("brought"), "OTHER^Person"),
        (study_uid("brought"), "ABBAS^Amina"),
    ]


def test_a_search_reads_the_headers_of_what_is_meant_alone(cd, archive, monkeypatch):
    place(cd, "upload/1", make_instance("brought"))
    archive.list_instances(STUDY)
    made, make = [], folder_index.Header
    monkeypatch.setattr(folder_index, "Header", lambda **said: made.append(1) or make(**said))
    archive.search_for_studies(Question(brought=("upload",)))
    assert len(made) == 2  # whose it is, and what it holds


def test_a_name_with_marks_above_its_letters_is_found(cd, archive):
    place(
        cd,
        "marks",
        make_instance("marks", PatientName="MÜLLER^Ute", SpecificCharacterSet="ISO_IR 192"),
    )
    asked = Question(family_name_begins="MULLER", birth_date="1957-03-12")
    assert study_uid("marks") in found_by(archive, asked)


def test_a_folder_that_is_not_there_is_said_to_be_unreachable(tmp_path, beside):
    absent = FolderArchive(tmp_path / "no cd", beside)
    for ask in (absent.echo, lambda: absent.search_for_studies(KHANS)):
        with pytest.raises(ArchiveError) as failure:
            ask()
        assert (failure.value.code, failure.value.may_retry) == ("archive.unreachable", True)


def test_a_folder_that_is_gone_for_a_while_forgets_nothing(cd, beside, archive):
    archive.list_instances(STUDY)
    cd.rename(cd.parent / "away")
    with pytest.raises(ArchiveError):
        archive.list_instances(STUDY)
    assert len(FolderIndex(cd, beside).held()) == 3


def test_a_folder_of_far_too_many_files_is_given_up(monkeypatch, archive):
    monkeypatch.setattr("imaging.archives.folder_files.MAX_FILES", 3)
    with pytest.raises(ArchiveError) as failure:
        archive.list_instances(STUDY)
    assert (failure.value.code, failure.value.may_retry) == ("archive.too_many", False)


def test_the_index_lies_outside_the_folder(cd, beside, archive):
    before = sorted(cd.rglob("*"))
    archive.list_instances(STUDY)
    assert sorted(cd.rglob("*")) == before
    assert index_of(cd, beside).is_file()
