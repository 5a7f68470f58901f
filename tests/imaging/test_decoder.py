"""The decoder process: whatever a file does, the caller gets an answer or a named refusal."""

import os
import signal
import struct
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from imaging.frames.process import Child, Reader
from imaging.frames.refused import Refused
from tests.imaging import files

WITHIN_S = 5


def patience():
    """WITHIN_S on a machine that is not busy with other things."""
    return WITHIN_S * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.fixture(scope="module")
def decoders():
    reader = Reader(1)
    yield reader
    reader.close()


def pid_of(decoders):
    with decoders._borrowed() as child:
        return child.pid


def refusal(ask, data):
    """The code of the refusal, which must come soon."""
    begun = time.monotonic()
    with pytest.raises(Refused) as refused:
        ask(data)
    assert time.monotonic() - begun < patience()
    return refused.value.code


def first_frame(decoders, data):
    with decoders.opened(data) as instance:
        return instance.frame(1)


def test_a_header_says_who_and_what(decoders):
    header = decoders.read_header(files.read("CT_small.dcm"))
    assert (header.patient_id, header.patient_name) == ("1CT1", "CompressedSamples^CT1")
    assert header.other_patient_ids == [("ABCD1234", ""), ("1234ABCD", "")]
    assert (header.study_date, header.study_time) == ("2004-01-19", "07:27:30")
    assert (header.rows, header.columns, header.number_of_frames) == (128, 128, 1)


def test_a_document_without_pixels_has_no_frames(decoders):
    assert decoders.read_header(files.read("reportsi.dcm")).number_of_frames == 0


def test_the_number_of_another_issuer_is_read_with_it(decoders):
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID = "9990000018", "NHS"
    data = files.made(OtherPatientIDsSequence=[other], IssuerOfPatientID="RM3")
    header = decoders.read_header(data)
    assert (header.other_patient_ids, header.issuer_of_patient_id) == (
        [("9990000018", "NHS")],
        "RM3",
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [(b"19570312", "1957-03-12"), (b"19570230", ""), (b"sometime", "")],
)
def test_a_date_is_a_date_or_nothing(decoders, written, read):
    data = files.made(PatientBirthDate="19000101").replace(b"19000101", written)
    assert decoders.read_header(data).birth_date == read


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "header.not_dicom"),
        (b"%PDF-1.4 and no DICOM" * 100, "header.not_dicom"),
        (files.with_meta(b""), "header.cut_off"),
        (files.with_meta(b"", "no transfer syntax"), "header.incomplete"),
        (files.with_meta(b"\xff" * 1000), "header.cut_off"),
        (files.made()[:700], "header.cut_off"),
        (files.made(StudyInstanceUID=None), "header.incomplete"),
        (
            files.made(SOPInstanceUID="1.2.77777").replace(b"1.2.77777", b"1.2/../77"),
            "header.incomplete",
        ),
        (files.made(Rows=65535, Columns=65535), "header.too_large"),
        (files.made(NumberOfFrames=2_000_000_000), "header.too_large"),
        (files.made(Rows=None), "header.incomplete"),
        (files.nested(5000), "header.damaged"),
        (files.bomb(300), "header.too_large"),
    ],
    ids=[
        *("empty", "a-pdf", "nothing-after-meta", "no-syntax", "noise", "cut", "no-study"),
        *("a-path-as-uid", "65535-squared", "two-billion-frames", "no-rows", "nested", "bomb"),
    ],
)
def test_what_is_no_header_is_refused_by_name(decoders, data, code):
    assert refusal(decoders.read_header, data) == code
    assert decoders.read_header(files.read("CT_small.dcm")).modality == "CT"


def test_a_preamble_that_is_a_program_is_not_looked_at(decoders):
    data = b"MZ" + b"\x90" * 126 + files.made()[128:]
    assert decoders.read_header(data).modality == "CT"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PixelData": bytes(50)}, "frame.damaged"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "frame.unsupported"),
        ({"PhotometricInterpretation": "CMYK"}, "frame.unsupported"),
        ({"HighBit": 3}, "frame.damaged"),
    ],
    ids=["too-short", "32-bits", "cmyk", "bits-contradict"],
)
def test_what_is_no_frame_is_refused_by_name(decoders, changes, code):
    data = files.made(**changes)
    assert refusal(lambda data: first_frame(decoders, data), data) == code


def test_a_frame_beyond_the_last_is_refused(decoders):
    with decoders.opened(files.made()) as instance:
        assert refusal(instance.frame, 2) == "frame.damaged"
        assert instance.frame(1).data


DAMAGED = [
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "JPEG-LL.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "JPEG2000.dcm",
    "image_dfl.dcm",
]


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_anywhere_is_answered_soon_and_kills_nobody(decoders, name):
    """Cut off, and bytes turned over, at places drawn once for all."""
    whole = files.read(name)
    for number in range(12):
        place = (number * 2_654_435_761) % len(whole)
        cut = whole[:place]
        turned = bytearray(whole)
        for at in range(place, min(place + 8, len(whole))):
            turned[at] ^= 0xFF
        for data in (cut, bytes(turned)):
            begun = time.monotonic()
            with suppress(Refused):
                decoders.read_header(data)
                first_frame(decoders, data)
            assert time.monotonic() - begun < patience()


def test_a_file_that_is_whole_is_read_after_all_that(decoders):
    assert first_frame(decoders, files.read("CT_small.dcm")).data


def test_a_child_that_is_killed_mid_frame_is_replaced_and_the_frame_is_made(decoders):
    with decoders.opened(files.read("CT_small.dcm")) as instance:
        whole = instance.frame(1)
        os.kill(instance._child.pid, signal.SIGKILL)
        assert instance.frame(1) == whole


def test_a_child_that_stops_is_given_up(decoders, monkeypatch):
    monkeypatch.setattr("imaging.frames.process.WALL_TO_CPU", 0.2)
    stopped = pid_of(decoders)
    os.kill(stopped, signal.SIGSTOP)
    assert refusal(decoders.read_header, files.read("CT_small.dcm")) == "header.timeout"
    monkeypatch.undo()
    assert decoders.read_header(files.read("CT_small.dcm")).modality == "CT"
    assert pid_of(decoders) != stopped


def test_a_child_that_eats_its_cpu_is_ended_by_the_kernel(decoders, monkeypatch):
    """A million elements take it longer than the second it may have."""
    monkeypatch.setattr("imaging.frames.process.cpu_seconds", lambda *_: 1)
    data = files.with_meta(struct.pack("<HH2sH", 9, 0x1001, b"LO", 0) * 1_000_000)
    assert refusal(decoders.read_header, data) == "header.timeout"


def test_a_child_knows_no_secret(decoders, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not for children")
    reader = Reader(1)
    environment = Path(f"/proc/{pid_of(reader)}/environ").read_bytes()
    reader.close()
    assert b"not for children" not in environment


def test_two_threads_never_share_a_child():
    reader, seen = Reader(2), []

    def read():
        seen.append(reader.read_header(files.read("CT_small.dcm")).patient_id)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.close()
    assert seen == ["1CT1"] * 8


def test_a_decoder_that_could_not_be_started_again_writes_into_no_file_opened_since(
    monkeypatch, tmp_path
):
    def too_many_processes():
        raise OSError("no more processes")

    reader, whole = Reader(1), files.read("CT_small.dcm")
    monkeypatch.setattr(Child, "_start", staticmethod(too_many_processes))
    os.kill(pid_of(reader), signal.SIGXCPU)
    with pytest.raises(OSError, match="no more processes"):
        reader.read_header(whole)
    with ExitStack() as opened:
        since = [opened.enter_context((tmp_path / str(n)).open("wb")) for n in range(8)]
        with pytest.raises(OSError, match="no more processes"):
            reader.read_header(whole)
        assert [os.fstat(file.fileno()).st_size for file in since] == [0] * 8
        monkeypatch.undo()
        assert reader.read_header(whole).modality == "CT"
    reader.close()


def test_several_headers_are_read_at_once_and_one_that_cannot_be_is_told_apart(decoders):
    whole = files.read("CT_small.dcm")
    damaged = files.made(StudyInstanceUID=None)
    first, *others = decoders.read_headers([whole, damaged, files.read("reportsi.dcm"), b""])
    assert first == decoders.read_header(whole)
    assert others == [None, None, None]


def test_a_child_that_stops_over_several_headers_leaves_them_to_be_read_alone(
    decoders, monkeypatch
):
    monkeypatch.setattr("imaging.frames.process.WALL_TO_CPU", 0.2)
    os.kill(pid_of(decoders), signal.SIGSTOP)
    whole = files.read("CT_small.dcm")
    assert decoders.read_headers([whole, whole]) == [None, None]
    monkeypatch.undo()
    assert decoders.read_header(whole).modality == "CT"
