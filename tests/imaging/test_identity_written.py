"""Whose a study is, however its header writes it down: retired elements, other alphabets."""

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset

from imaging.frames.process import reader
from imaging.identity import Sought, verdict
from imaging.identity_numbers import Source
from tests.dicoms import make_instance

NHS, OTHER, LOCAL = "9990000018", "9990000026", "A100"
KHAN = Sought(NHS, "Khan", "Amina", "1957-03-12", "F", {"RM3": LOCAL})
IN_OTHERS = Source("RM3", "SALFORD", "other-patient-ids")
IN_PATIENT_ID = Source("RM3", "", "patient-id")
VNA = Source("RM3", "", "other-patient-ids", trusts_by_issuer={"BOL": "RMC"})


def judged(file, *, sought=KHAN, source=IN_OTHERS):
    return verdict(sought, reader().read_header(file), source)


@pytest.mark.parametrize(
    ("numbers", "source", "found"),
    [
        (NHS, IN_OTHERS, "same"),
        (["X7", NHS], IN_OTHERS, "same"),
        (NHS, VNA, "same"),
        (f"{NHS[:3]} {NHS[3:6]} {NHS[6:]}", IN_OTHERS, "same"),
        (OTHER, IN_OTHERS, "different"),
        ([NHS, OTHER], IN_OTHERS, "needs-a-person"),
        (LOCAL, IN_OTHERS, "needs-a-person"),  # nobody says whose number it is
        (NHS, IN_PATIENT_ID, "needs-a-person"),  # not where that archive keeps them
        ("310299-0002", IN_OTHERS, "needs-a-person"),  # a CHI number passes the check too
        ("", IN_OTHERS, "needs-a-person"),
    ],
)
def test_the_retired_list_of_other_patient_ids_counts_as_the_sequence_does(numbers, source, found):
    file = make_instance("retired", PatientID="", OtherPatientIDs=numbers)
    assert judged(file, source=source).verdict == found


def test_the_retired_list_and_the_sequence_are_both_read():
    file = make_instance("both", PatientID="", nhs_number=NHS, OtherPatientIDs=OTHER)
    evidence = judged(file).evidence
    assert {"nhs-number-agrees", "nhs-number-differs"} <= {*evidence}


def written(name, **changes):
    """A file of pydicom's for character sets, with her numbers and birth date."""
    (path,) = get_charset_files(name)
    dataset = dcmread(path)
    if "PixelData" not in dataset and "Rows" in dataset:
        del dataset.Rows, dataset.Columns  # a plan says it has an image: that is a cut one to us
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientID = "19570312", "F", LOCAL
    number = Dataset()
    number.PatientID, number.IssuerOfPatientID = changes.pop("nhs_number", NHS), "NHS"
    dataset.OtherPatientIDsSequence = [number]
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


LATIN = [
    ("chrFren.dcm", "Buc", "Jérôme"),
    ("chrFren.dcm", "Buc", "Jerome"),
    ("chrFrenMulti.dcm", "Buc", "Jérôme"),
    ("chrGerm.dcm", "Äneas", "Rüdiger"),
    ("chrGerm.dcm", "Aneas", "Rudiger"),
    ("chrH31.dcm", "Yamada", "Tarou"),  # ISO 2022: a group in letters, two in Japanese
    ("chrI2.dcm", "Hong", "Gildong"),  # ISO 2022: Korean
    ("chrX1.dcm", "Wang", "XiaoDong"),  # UTF-8: Chinese
    ("chrX2.dcm", "Wang", "Xiao Dong"),  # GB18030
]


@pytest.mark.parametrize(("name", "family", "given"), LATIN)
def test_a_name_agrees_in_its_letters_whatever_character_set_it_is_sent_in(name, family, given):
    sought = replace(KHAN, family_name=family, given_names=given)
    found = judged(written(name), sought=sought)
    assert {"family-name-agrees", "given-names-agrees"} <= {*found.evidence}
    assert found.verdict == "same"
    doubted = judged(written(name, PatientID="", nhs_number=""), sought=sought)
    assert doubted.verdict == "needs-a-person"
    assert judged(written(name, PatientID="B2", nhs_number=OTHER), sought=sought).verdict == (
        "different"
    )


OTHER_ALPHABETS = [
    *("chrArab.dcm", "chrGreek.dcm", "chrHbrw.dcm", "chrRuss.dcm"),
    *("chrH32.dcm", "chrJapMulti.dcm", "chrJapMultiExplicitIR6.dcm", "chrKoreanMulti.dcm"),
]


@pytest.mark.parametrize("name", OTHER_ALPHABETS)
def test_a_name_in_another_alphabet_alone_is_never_taken_for_nobody(name):
    """It cannot be held against ours: with one number a person looks, with both it is the same."""
    sought = replace(KHAN, local_numbers={})
    header = reader().read_header(written(name))
    assert header.patient_name.strip("^= ")
    assert "\x1b" not in header.patient_name  # escape sequences are read, not kept
    assert judged(written(name)).verdict == "same"
    assert judged(written(name), sought=sought).verdict in ("same", "needs-a-person")
    assert judged(written(name, PatientID="", nhs_number=OTHER)).verdict == "different"


@pytest.mark.parametrize("name", ["=山田^太郎", "==やまだ^たろう", "Khan^Amina=山田^太郎"])
def test_the_first_group_of_a_name_that_says_anything_is_read(name):
    file = make_instance("groups", SpecificCharacterSet="ISO_IR 192", PatientName=name)
    agrees = "family-name-agrees" in judged(file).evidence
    assert agrees == name.startswith("Khan")
