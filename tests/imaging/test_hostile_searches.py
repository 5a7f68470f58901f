"""Archives over HTTP that answer searches badly: a named state each, and nobody else's study."""

import json

import pytest

from imaging.models import ArchiveAnswer, Study
from tests.dicoms import OTHER_PATIENT, make_study
from tests.imaging.hostile import web_tricks as tricks
from tests.imaging.hostile.files import MARKUP, NHS, three
from tests.imaging.hostile.runs import found_by, over_web

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "unnamed")]
ANSWERED, FAILED = ArchiveAnswer.State.ANSWERED, ArchiveAnswer.State.FAILED
NAME = "sought"
HER = {
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00100020": {"vr": "LO", "Value": [NHS]},
    "00100021": {"vr": "LO", "Value": ["NHS"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "KHAN^Amina"}]},
    "00100030": {"vr": "DA", "Value": ["19570312"]},
}


def asked(web, sent=(), **given):
    """(state, code, found, rejected) of one search."""
    archive = web.archive(sent or three(NAME), **given)
    answer = found_by(over_web(archive, nhs_number_in="patient-id"))
    assert Study.objects.count() == answer.studies_found
    return answer.state, answer.code, answer.studies_found, answer.studies_rejected


def says_of_her(**elements):
    """One study that is hers, with more said of it."""
    rows = [HER | {tag: {"vr": "LO", "Value": value} for tag, value in elements.items()}]
    return tricks.lists(rows)


def test_beside_all_of_these_a_good_archive_finds_her_study(web):
    assert asked(web) == (ANSWERED, "", 1, 0)


FAILURES = [
    ("says_nothing", "archive.silent"),
    ("json_without_end", "archive.not_understood"),
    ("deflate_bomb", "archive.not_understood"),
    ("points_to_itself", "archive.moved"),
    ("always_more", "archive.too_many"),
]


@pytest.mark.parametrize(("trick", "code"), FAILURES)
def test_whatever_an_archive_does_instead_of_answering_has_a_name(web, trick, code):
    assert asked(web, studies=getattr(tricks, trick)) == (FAILED, code, 0, 0)


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"{}", b"[" * 100_000, b"[3]", b"\xff"])
def test_nonsense_is_no_answer(web, body):
    said = tricks.says(body)
    assert asked(web, studies=said) == (FAILED, "archive.not_understood", 0, 0)


def test_an_archive_that_knows_no_filter_shows_nobody_else(web):
    others = [file for n in range(5) for file in make_study(f"other {n}", **OTHER_PATIENT)]
    mine = three(NAME)
    assert asked(web, [*others, *mine], studies=tricks.everybody) == (ANSWERED, "", 1, 5)


@pytest.mark.parametrize("uid", ["../../x", "/etc/passwd", "1." * 40, "1.2\0.3", "", "1.2;x", {}])
def test_a_study_by_an_impossible_name_is_none(web, uid):
    row = HER | {"0020000D": {"vr": "UI", "Value": [uid]}}
    assert asked(web, studies=tricks.lists([row])) == (FAILED, "archive.not_understood", 0, 0)


ODD = {
    "NUL and escapes": ({"00081030": ["CT\0\x1b[2Jhead"]}, ("CT [2Jhead", None)),
    "half a letter": ({"00081030": ["CT \ud800"]}, ("CT ?", None)),
    "markup": ({"00081030": [MARKUP]}, (MARKUP, None)),
    "a book": ({"00081030": ["x" * 500_000]}, ("x" * 1000, None)),
    "a date of nines": ({"00080020": ["99999999"]}, ("", None)),
    "a date too long": ({"00080020": ["2026011" + "0" * 60]}, ("", None)),
    "a time of nines": ({"00080030": ["999999"]}, ("", None)),
    "a count below none": ({"00201208": [-5]}, ("", 3)),
    "a count beyond all": ({"00201208": [10**30]}, ("", 3)),
    "a count that is none": ({"00201208": [float("nan")]}, ("", 3)),
    "a count that lies": ({"00201208": [900]}, ("", 900)),
    "many kinds": ({"00080061": [f"K{n}" for n in range(5000)]}, ("", None)),
    "many numbers": ({"00101002": [{"00100020": {"Value": ["7"]}}] * 5000}, ("", None)),
    "lists in lists": ({"00081030": [[["CT"]]], "00080050": [{"a": 1}]}, ("[['CT']]", None)),
    "letters from everywhere": ({"00081030": ["頭部 ĆŦ \u202egnp"]}, ("頭部 ĆŦ \u202egnp", None)),
}


@pytest.mark.parametrize(("said", "stands"), ODD.values(), ids=ODD)
def test_what_it_says_of_a_study_is_kept_as_far_as_it_can_be(web, said, stands):
    given = {"studies": says_of_her(**said)}
    if stands[1] == 3:
        rows = [
            {"00080018": {"Value": [f"1.2.3.{n}"]}, "0020000E": {"Value": ["1.2.4"]}}
            for n in range(3)
        ]
        given["instances"] = tricks.lists(rows)
    assert asked(web, **given) == (ANSWERED, "", 1, 0)
    study = Study.objects.get()
    assert study.description == stands[0]
    assert stands[1] in (None, study.expected_count)
    assert len(study.modalities) < 1000
    assert len(json.dumps(study.claims)) < 10_000


def test_a_question_that_cannot_be_asked_does_not_keep_the_next_from_being_asked(web):
    archive = web.archive(three(NAME))
    row = over_web(archive, nhs_number_in="patient-id", unsupported_filters=["PatientID"])
    answer = found_by(row)
    assert (answer.state, answer.studies_found) == (ANSWERED, 1)
    questions = [ask.query for ask in archive.asked if ask.kind == "studies"]
    assert all("PatientID" not in asked for asked in questions)
    assert questions[0]["PatientBirthDate"] == "19570312"


def test_an_archive_that_can_be_asked_nothing_is_not_asked_and_says_so(web):
    archive = web.archive(three(NAME))
    answer = found_by(over_web(archive, unsupported_filters=["PatientID", "PatientBirthDate"]))
    assert (answer.state, answer.code) == (FAILED, "archive.cannot_ask")
    assert not archive.asked
