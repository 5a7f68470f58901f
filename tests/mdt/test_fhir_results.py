"""What a DiagnosticReport says beside its conclusion: results, a narrative. Kept, or told."""

import json

import pytest

from mdt.reports import fhir
from mdt.reports.kinds import Kinds
from mdt.reports.models import Status
from tests.mdt.report_kit import diagnostic_report

PATIENT = diagnostic_report()["contained"][0]
SIZE = {"code": {"text": "Tumour size"}, "valueQuantity": {"value": 27, "unit": "mm"}}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def read(**values):
    return fhir.report_in(fhir.parse(json.dumps(diagnostic_report(**values)).encode()), Kinds())


def with_results(*observations, conclusion="Glioma.", **values):
    """Each contained, and referred to as a result."""
    named = [
        {"resourceType": "Observation", "id": f"o{at}", "status": "final"} | one
        for at, one in enumerate(observations)
    ]
    refers = [{"reference": f"#{one['id']}"} for one in named]
    about = {"contained": [PATIENT, *named], "result": refers, "conclusion": conclusion}
    return read(**about | values)


def narrative(inner, status="additional"):
    return {"text": {"status": status, "div": DIV.format(inner)}}


# ---- results ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"valueQuantity": {"value": 27, "unit": "mm"}}, "ER: 27 mm"),
        ({"valueQuantity": {"comparator": "<", "value": 5, "code": "mm"}}, "ER: <5 mm"),
        ({"valueString": "Positive & strong"}, "ER: Positive & strong"),
        ({"valueCodeableConcept": {"text": "Positive"}}, "ER: Positive"),
        ({"valueCodeableConcept": {"coding": [{"code": "1", "display": "Pos"}]}}, "ER: Pos"),
        ({"valueBoolean": False}, "ER: no"),
        ({"valueInteger": 0}, "ER: 0"),
        ({"valueDateTime": "2026-11-20"}, "ER: 2026-11-20"),
        ({"dataAbsentReason": {"text": "Not done"}}, "ER: Not done"),
    ],
)
def test_a_contained_result_is_read_as_name_value_and_unit(value, line):
    report = with_results({"code": {"text": "ER"}} | value)
    assert report.text == f"Glioma.\n\n{line}"
    assert not report.is_incomplete


def test_the_digits_of_a_number_are_those_that_were_sent():
    """2.70 is more exact than 2.7, and 0.1 is no binary fraction."""
    body = json.dumps(diagnostic_report(result=[{"reference": "#o"}]))
    observation = json.dumps({"resourceType": "Observation", "id": "o", "status": "final"})[:-1]
    observation += ', "code": {"text": "SUV"}, "valueQuantity": {"value": 2.70}}'
    body = body.replace('"contained": [', f'"contained": [{observation}, ')
    assert fhir.report_in(fhir.parse(body.encode()), Kinds()).text == "Glioma.\n\nSUV: 2.70"


def test_parts_and_notes_of_a_result_are_lines_too():
    parts = [
        {"code": {"text": "Across"}, "valueQuantity": {"value": 27, "unit": "mm"}},
        {"code": {"text": "Along"}, "valueQuantity": {"value": 31, "unit": "mm"}},
    ]
    report = with_results(
        {"code": {"text": "Size"}, "component": parts, "note": [{"text": "measured twice"}]}
    )
    assert report.text == "Glioma.\n\nAcross: 27 mm\nAlong: 31 mm\nmeasured twice"
    assert not report.is_incomplete


def test_two_sizes_of_two_sides_say_which_is_which():
    left = SIZE | {"bodySite": {"text": "Left breast"}}
    right = SIZE | {"valueQuantity": {"value": 12, "unit": "mm"}}
    right |= {"bodySite": {"coding": [{"code": "73056007", "display": "Right breast"}]}}
    report = with_results(left, right)
    said = "Tumour size: 27 mm (Left breast)\nTumour size: 12 mm (Right breast)"
    assert report.text == f"Glioma.\n\n{said}"
    assert not report.is_incomplete


def test_parts_stand_with_the_site_of_their_whole_and_its_notes_as_they_are():
    parts = [{"code": {"text": "Across"}, "valueQuantity": {"value": 27, "unit": "mm"}}]
    whole = {"code": {"text": "Size"}, "component": parts, "bodySite": {"text": "Left"}}
    report = with_results(whole | {"note": [{"text": "twice"}]})
    assert report.text == "Glioma.\n\nAcross: 27 mm (Left)\ntwice"


def test_the_site_of_a_group_stands_before_its_members():
    """A member that has no site of its own is read below it."""
    named = [{"reference": "#o1"}]
    group = {"code": {"text": "Lesion"}, "hasMember": named, "bodySite": {"text": "Left breast"}}
    report = with_results(group, SIZE)
    assert report.text == "Glioma.\n\nLesion: Left breast\nTumour size: 27 mm"
    assert not report.is_incomplete


def test_a_site_without_words_is_told():
    report = with_results(SIZE | {"bodySite": {"coding": [{"system": "urn:sites"}]}})
    assert (report.text, report.is_incomplete) == ("Glioma.\n\nTumour size: 27 mm", True)


@pytest.mark.parametrize(
    "beside",
    [
        {"component": [SIZE]},
        {"hasMember": [{"reference": "#o1"}]},
        {"dataAbsentReason": {"text": "Not done"}},
        {"valueString": "27 mm"},
    ],
    ids=["parts", "members", "a reason", "another value"],
)
def test_a_value_that_is_not_read_is_told_whatever_stands_beside_it(beside):
    whole = {"code": {"text": "Size"}, "valueRange": {"low": {"value": 1}}}
    assert with_results(whole | beside, SIZE).is_incomplete


def test_members_of_a_group_are_read_once():
    group = {"code": {"text": "Receptors"}, "hasMember": [{"reference": "#o1"}]}
    er = {"code": {"text": "ER"}, "valueString": "Positive"}
    report = with_results(group, er)
    assert report.text == "Glioma.\n\nER: Positive"
    assert not report.is_incomplete


def test_a_report_of_results_alone_is_one():
    report = with_results(SIZE, conclusion="")
    assert (report.text, report.status) == ("Tumour size: 27 mm", Status.FINAL)


@pytest.mark.parametrize(
    "value",
    [
        {"valueRange": {"low": {"value": 1}}},
        {"valueSampledData": {"data": "1 2 3"}},
        {"valueQuantity": {"unit": "mm"}},
        {"code": {"text": "Size"}},
        {"code": {"text": "Size"}, "component": [{"code": {"text": "Across"}}]},
        {"code": {"text": "Size"}, "hasMember": [{"reference": "Observation/9"}]},
        {"code": "Size"},
    ],
    ids=["range", "samples", "no number", "no value", "part", "away", "not read"],
)
def test_a_result_that_cannot_be_written_down_is_told(value):
    report = with_results(value)
    assert (report.text, report.is_incomplete) == ("Glioma.", True)


@pytest.mark.parametrize(
    "values",
    [
        {"result": [{"reference": "Observation/17"}]},
        {"result": [{"reference": "#nowhere"}]},
        {"result": [{"display": "Ki-67 40 %"}]},
        {"contained": [PATIENT, {"resourceType": "Observation", "id": "x", **SIZE}]},
        {"media": [{"link": {"reference": "Media/1"}}]},
        {"conclusionCode": [{"text": "Glioblastoma"}]},
    ],
    ids=["away", "nowhere", "by name", "unnamed", "media", "coded"],
)
def test_what_is_named_and_not_here_is_told(values):
    """A coded conclusion is words, and so it is kept."""
    report = read(**values)
    if "conclusionCode" in values:
        assert report.text == "Glioma.\n\nGlioblastoma"
    assert report.is_incomplete is ("conclusionCode" not in values)


def test_nothing_beside_the_conclusion_is_nothing_to_tell():
    assert not read(result=[], media=[], conclusionCode=[]).is_incomplete


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("final", Status.FINAL),
        ("amended", Status.FINAL),
        ("preliminary", Status.PRELIMINARY),
        ("registered", Status.PRELIMINARY),
        ("unknown", Status.PRELIMINARY),
        ("", Status.PRELIMINARY),
    ],
)
def test_a_report_is_as_far_as_the_part_that_is_least_far(status, expected):
    assert with_results(SIZE | {"status": status}).status == expected


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_result_that_was_taken_back_is_not_read(status):
    report = with_results(SIZE | {"status": status})
    assert (report.text, report.status) == ("Glioma.", Status.FINAL)
    assert not report.is_incomplete


# ---- the narrative --------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["additional", "extensions", "generated"])
def test_what_only_the_narrative_says_is_kept(status):
    report = read(**narrative("<p>Mass of <b>27</b> mm,<br/>T2&lt;T3 &amp; N0.</p>", status))
    assert report.text == "Glioma.\n\nMass of 27 mm,\nT2<T3 & N0."
    assert not report.is_incomplete


def test_a_narrative_that_says_the_same_is_not_said_twice():
    assert read(**narrative("<h1>Glioma.</h1>", "generated")).text == "Glioma."


def test_an_empty_narrative_is_none():
    report = read(**narrative("nothing here", "empty"), conclusion="Glioma.")
    assert (report.text, report.is_incomplete) == ("Glioma.", False)


def test_a_table_keeps_its_rows_and_cells_apart():
    rows = "<tr><td>ER</td><td>positive</td></tr><tr><td>HER2</td><td>negative</td></tr>"
    report = read(**narrative(f"<table><tbody>{rows}</tbody></table>"))
    assert report.text == "Glioma.\n\nER | positive\nHER2 | negative"


@pytest.mark.parametrize(
    "inner",
    [
        "10<sup>3</sup> cells",
        'see <img src="#p" alt="x"/>',
        "<p><s>malignant</s> benign</p>",
        '<p style="text-decoration: line-through">malignant</p>',
        '<p hidden="">malignant</p>',
        '<p class="strikethrough">malignant</p>',
    ],
    ids=["raised", "picture", "struck", "styled", "hidden", "class"],
)
def test_a_narrative_that_means_more_than_its_letters_is_told_instead(inner):
    """10 to the third is not 103."""
    report = read(**narrative(inner))
    assert (report.text, report.is_incomplete) == ("Glioma.", True)
