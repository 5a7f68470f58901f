"""One contract for every kind of archive, held against real ones."""

import os
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, JPEGBaseline8Bit

from imaging.archives import registry
from imaging.archives.base import (
    ArchiveError,
    Level,
    Listed,
    Patience,
    Question,
    Wanted,
    fill_from_below,
)
from imaging.models import Archive
from tests.dicoms import OTHER_PATIENT, as_file, make_instance, make_study, study_uid, uid
from tests.imaging import own_process

KINDS = {
    "DICOMweb, Orthanc": ("orthanc", "dicomweb"),
    "DICOMweb, Orthanc with a password": ("orthanc_with_password", "dicomweb"),
    "DIMSE, Orthanc": ("orthanc", "dimse"),
    "DIMSE, qrscp": ("qrscp", "dimse"),
    "DIMSE by C-MOVE, Orthanc": ("orthanc_moving", "dimse"),
    "DIMSE, dcmqrscp": ("dcmqrscp", "dimse"),
    "DIMSE by C-MOVE, dcmqrscp": ("dcmqrscp_moving", "dimse"),
    "a folder": ("cd", "folder"),
}
SERVERS = {label: kind for label, kind in KINDS.items() if kind[1] != "folder"}
# the rest can send only plain pixels, and say so
SENDS_AS_STORED = {label: kind for label, kind in KINDS.items() if "dcmqrscp" not in label}
STUDY = study_uid("contract")
EVERYTHING = {uid("contract", series, number) for series in (1, 2) for number in (1, 2, 3)}
# pynetdicom leaves a socket that never connected to the garbage collector
unclosed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@dataclass
class Filled:
    """An archive that holds one study of KHAN's (2 series of 3) and one of somebody else's."""

    archive: object
    peer: object
    profile: Archive


@pytest.fixture(scope="session")
def filled_peers():
    return set()


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def filled(request, filled_peers):
    name, kind = request.param
    peer = request.getfixturevalue(name)
    if name not in filled_peers:
        filled_peers.add(name)
        peer.store(make_study("contract", series=2, nhs_number="9990000018"))
        peer.store(make_study("somebody else", instances=1, **OTHER_PATIENT))
    profile = Archive(**peer.as_archive(kind))
    with registry.connect(profile) as archive:
        yield Filled(archive, peer, profile)


def only(kinds):
    """Just these kinds of archive."""
    return pytest.mark.parametrize("filled", kinds.values(), ids=kinds, indirect=True)


@pytest.fixture
def archive(filled):
    return filled.archive


def wanted(archive, level, take=lambda listed: listed):
    return Wanted(STUDY, level, take(archive.list_instances(STUDY)))


def uids_of(files):
    return {dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID for file in files}


@contextmanager
def frozen(peer):
    """Its port is open meanwhile, and nobody is behind it."""
    os.kill(peer.pid, signal.SIGSTOP)
    own_process.wait_until(lambda: are_stopped(peer.pid))
    try:
        yield
    finally:
        os.kill(peer.pid, signal.SIGCONT)


def are_stopped(pid):
    """Whether every thread of a process is: a signal takes its time on a busy machine."""
    states = [
        path.read_text().rpartition(")")[2] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(state.split()[0] == "T" for state in states)


def is_alive(profile):
    try:
        with registry.connect(profile) as archive:
            archive.echo()
    except ArchiveError:
        return False
    return True


@unclosed
@only(SERVERS)
def test_it_gives_a_sign_of_life_while_it_lives_and_none_while_it_hangs(filled, monkeypatch):
    assert is_alive(filled.profile)
    with frozen(filled.peer), monkeypatch.context() as patch:
        patch.setattr(registry, "PATIENCE", Patience(connect_s=0.3, idle_s=0.3))
        assert not is_alive(filled.profile)
    assert is_alive(filled.profile)


def test_a_patient_id_finds_the_study_and_says_whose_it_is(archive):
    found = {study.study_instance_uid: study for study in archive.search_for_studies(KHANS)}
    khan = found[STUDY]
    assert (khan.patient_id, khan.patient_name.upper()) == ("A100", "KHAN^AMINA")
    assert str(khan.study_date) == "2026-01-10"


KHANS = Question(patient_id="A100")


def test_a_birth_date_and_the_first_letters_of_a_name_find_it_too(archive):
    question = Question(family_name_begins="KHA", birth_date="1957-03-12")
    found = [study.study_instance_uid for study in archive.search_for_studies(question)]
    assert STUDY in found
    assert study_uid("somebody else") not in found


def test_who_is_not_there_is_not_found(archive):
    assert archive.search_for_studies(Question(patient_id="NOBODY")) == []


@pytest.mark.parametrize(
    "question", [Question(), Question(family_name_begins="KHA")], ids=["nothing", "a name alone"]
)
def test_nobody_is_asked_for_rather_than_everybody(archive, question):
    with pytest.raises(ArchiveError) as failure:
        archive.search_for_studies(question)
    assert (failure.value.code, failure.value.may_retry) == ("archive.cannot_ask", False)


def test_what_the_study_level_leaves_out_is_filled_from_below(archive):
    study = next(s for s in archive.search_for_studies(KHANS) if s.study_instance_uid == STUDY)
    full = fill_from_below(archive, study)
    assert (full.modalities, full.instance_count) == (("CT",), 6)
    assert full.body_part in ("HEAD", "")  # dcmqrscp does not know body parts


def test_the_instances_are_listed_by_their_series(archive):
    listed = archive.list_instances(STUDY)
    assert {one.sop_instance_uid for one in listed} == EVERYTHING
    assert {one.series_instance_uid for one in listed} == {
        uid("series", "contract", 1),
        uid("series", "contract", 2),
    }


def test_each_is_answered_once_and_the_instances_in_the_same_order_each_time(archive):
    studies = archive.search_for_studies(KHANS)
    assert len({study.study_instance_uid for study in studies}) == len(studies)
    listed = archive.list_instances(STUDY)
    places = [(one.series_instance_uid, one.sop_instance_uid) for one in listed]
    assert places == sorted(set(places))
    assert archive.list_instances(STUDY) == listed


def test_a_study_that_is_not_there_has_no_series_and_no_instances(archive):
    absent = study_uid("absent")
    assert (archive.search_for_series(absent), archive.list_instances(absent)) == ([], [])


def test_a_whole_study_comes_with_every_pixel(archive):
    files = list(archive.retrieve(wanted(archive, Level.STUDY)))
    assert len(files) == 6
    for file in files:
        dataset = dcmread(BytesIO(file))
        value = 100 * dataset.SeriesNumber + dataset.InstanceNumber
        assert (dataset.pixel_array == value).all()


def test_one_series_comes_alone(archive):
    second = uid("series", "contract", 2)
    series = wanted(
        archive, Level.SERIES, lambda all_: [i for i in all_ if i.series_instance_uid == second]
    )
    assert uids_of(archive.retrieve(series)) == {uid("contract", 2, n) for n in (1, 2, 3)}


def test_just_the_instances_asked_for_come(archive):
    two = {uid("contract", 1, 2), uid("contract", 2, 3)}
    some = wanted(archive, Level.IMAGE, lambda all_: [i for i in all_ if i.sop_instance_uid in two])
    files = list(archive.retrieve(some))
    assert uids_of(files) == two
    assert len(files) == 2


def test_the_same_instance_comes_as_the_same_bytes_each_time(archive):
    one = wanted(archive, Level.IMAGE, lambda all_: all_[:1])
    assert list(archive.retrieve(one)) == list(archive.retrieve(one))


@pytest.mark.parametrize("level", list(Level))
def test_what_is_not_there_is_told_and_nothing_comes_in_its_place(archive, level):
    """Some say so, others just end: what came is counted by UID anyway."""
    absent = Listed(uid("series", "absent"), uid("absent"), CTImageStorage)
    files = []
    with suppress(ArchiveError):
        files.extend(archive.retrieve(Wanted(study_uid("absent"), level, [absent])))
    assert files == []


def test_it_may_be_closed_twice_and_asked_again(archive):
    assert archive.list_instances(STUDY)
    archive.close()
    archive.close()
    assert {one.sop_instance_uid for one in archive.list_instances(STUDY)} == EVERYTHING


def test_whoever_has_seen_enough_may_stop(archive):
    files = archive.retrieve(wanted(archive, Level.STUDY))
    assert next(files)
    files.close()
    archive.echo()


def store_compressed(peer):
    """The only instance of a study of its own, in JPEG."""
    name = "compressed in " + peer.name
    dataset = dcmread(BytesIO(make_instance(name)))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([b"\xff\xd8 no picture \xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    peer.store([as_file(dataset)])
    return name, dataset.PixelData


@only(SENDS_AS_STORED)
def test_a_compressed_instance_comes_as_it_is_stored(filled):
    """Transcoded pixels are not the ones that were reported on."""
    name, pixel_data = store_compressed(filled.peer)
    listed = filled.archive.list_instances(study_uid(name))
    (file,) = filled.archive.retrieve(Wanted(study_uid(name), Level.STUDY, listed))
    received = dcmread(BytesIO(file))
    assert received.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert received.PixelData == pixel_data


@pytest.mark.parametrize("filled", [KINDS["DIMSE, dcmqrscp"]], indirect=True)
def test_an_archive_that_can_only_send_plain_pixels_says_so(filled):
    """dcmqrscp sends everything in the first context of a class, and cannot decompress."""
    name, _ = store_compressed(filled.peer)
    listed = filled.archive.list_instances(study_uid(name))
    with pytest.raises(ArchiveError) as failure:
        list(filled.archive.retrieve(Wanted(study_uid(name), Level.STUDY, listed)))
    assert failure.value.code == "archive.failed"


# What goes wrong, over both kinds


def at(port, kind):
    address = {
        "dicomweb": {"base_url": f"http://127.0.0.1:{port}/dicom-web"},
        "dimse": {"host": "127.0.0.1", "port": port, "called_ae_title": "NOBODY"},
    }
    return Archive(kind=kind, **address[kind])


@unclosed
@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_an_archive_that_is_down_is_said_to_be_unreachable(kind):
    with registry.connect(at(1, kind)) as archive, pytest.raises(ArchiveError) as failure:
        archive.search_for_studies(KHANS)
    assert (failure.value.code, failure.value.may_retry) == ("archive.unreachable", True)


@pytest.mark.parametrize(
    ("kind", "code"), [("dicomweb", "archive.silent"), ("dimse", "archive.unreachable")]
)
def test_an_archive_that_says_nothing_is_given_up(kind, code, silent_port, monkeypatch):
    monkeypatch.setattr(registry, "PATIENCE", Patience(connect_s=0.3, idle_s=0.3))
    with registry.connect(at(silent_port, kind)) as archive, pytest.raises(ArchiveError) as failure:
        archive.echo()
    assert failure.value.code == code


def test_a_wrong_password_is_not_tried_again(orthanc_with_password):
    profile = Archive(**orthanc_with_password.as_archive("dicomweb") | {"password": "wrong"})
    with registry.connect(profile) as archive, pytest.raises(ArchiveError) as failure:
        archive.echo()
    assert (failure.value.code, failure.value.may_retry) == ("archive.refused", False)


def test_a_wrong_ae_title_is_not_tried_again(orthanc):
    profile = Archive(**orthanc.as_archive("dimse") | {"called_ae_title": "WRONG"})
    with registry.connect(profile) as archive, pytest.raises(ArchiveError) as failure:
        archive.echo()
    assert (failure.value.code, failure.value.may_retry) == ("archive.refused", False)


@unclosed
@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_no_error_names_a_patient(kind):
    with registry.connect(at(1, kind)) as archive, pytest.raises(ArchiveError) as failure:
        archive.search_for_studies(Question(patient_id="9990000018", family_name_begins="KHAN"))
    assert "999" not in str(failure.value)
    assert "KHAN" not in str(failure.value)
