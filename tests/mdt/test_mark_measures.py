"""What a mark measures, and whether it lies on its frame."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdt.annotations.measure import check_on_frame, measure
from mdt.errors import BadMark
from mdt.protocol import Drawing, PointPx
from tests.mdt.mark_kit import AXIAL, FRAME, length, mm

LENGTHS = json.loads((Path(__file__).parents[1] / "vectors/lengths.json").read_text())


def px(x, y):
    return PointPx(x=x, y=y)


def unplaced(**spacing):
    note = {"none": "no scale", "at-detector": "at the detector"}.get(spacing["kind"], "")
    nowhere = {"row_cosines": None, "column_cosines": None}
    return {**AXIAL, **nowhere, "spacing": {"row": None, "column": None, "note": note, **spacing}}


# ---- what is measured ----------------------------------------------------------------------


@pytest.mark.parametrize("case", LENGTHS, ids=lambda case: case["what"])
def test_a_length_is_the_same_in_the_record_as_under_the_hand(case):
    """Both are run against the same vectors: a mark never shows two lengths."""
    image = {**AXIAL, "spacing": case["spacing"], "pixel_aspect": case["pixel_aspect"]}
    drawing = Drawing.model_validate({"kind": "length", "points": [case["from"], case["to"]]})
    measured = measure(drawing, image)
    assert measured.model_dump() == {name: case[name] for name in ("value", "unit", "note")}


def test_a_length_in_the_patient_is_the_distance_of_its_ends():
    measured = measure(length(mm(1, 2), mm(4, 6)), AXIAL)
    assert (measured.value, measured.unit, measured.note) == (5.0, "mm", "")


def test_a_length_in_pixels_takes_rows_and_columns_by_their_own_spacing():
    image = unplaced(kind="calibrated", row=0.5, column=0.25)
    measured = measure(length(px(0, 0), px(12, 8)), image)
    assert (measured.value, measured.unit) == (5.0, "mm")


@pytest.mark.parametrize("kind", ["at-detector", "region"])
def test_millimetres_that_are_worth_less_say_so(kind):
    image = unplaced(kind=kind, row=1.0, column=1.0, note="what it is worth")
    measured = measure(length(px(0, 0), px(3, 4)), image)
    assert (measured.value, measured.unit, measured.note) == (5.0, "mm", "what it is worth")


def test_a_picture_without_a_scale_is_measured_in_pixels():
    measured = measure(length(px(0, 0), px(3, 4)), {**unplaced(kind="none"), "pixel_aspect": 1.0})
    assert (measured.value, measured.unit, measured.note) == (5.0, "px", "no scale")


def test_an_arrow_measures_nothing():
    arrow = Drawing(kind="arrow", points=(mm(1, 2), mm(4, 6)), text="here")
    assert measure(arrow, AXIAL) is None


coordinates = st.floats(0, 90)


@given(coordinates, coordinates, coordinates, coordinates)
def test_a_length_is_the_same_from_either_end_and_by_either_unit(a, b, c, d):
    """On an axial frame, patient places and stored pixels tell the same length."""
    forth = measure(length(mm(a, b), mm(c, d)), AXIAL).value
    back = measure(length(mm(c, d), mm(a, b)), AXIAL).value
    pixels = measure(length(px(a * 4, b * 2), px(c * 4, d * 2)), AXIAL).value
    assert forth == back == pytest.approx(pixels, abs=0.011)


# ---- where it lies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (mm(1, 2, -79), mm(4, 6)),  # a millimetre off the plane
        (mm(1, 2), mm(150, 6)),  # outside, across
        (mm(1, 2), mm(4, -3)),  # outside, up
        (px(1, 2), px(402, 6)),
        (px(-3, 2), px(4, 6)),
        (mm(1, 2), px(4, 6)),  # two units
    ],
)
def test_a_mark_that_does_not_lie_on_its_frame_is_refused(first, second):
    with pytest.raises(BadMark):
        check_on_frame(length(first, second), AXIAL, FRAME, 1.0)


def test_a_mark_in_the_patient_is_refused_on_a_picture_without_a_place():
    with pytest.raises(BadMark):
        check_on_frame(length(mm(1, 2), mm(4, 6)), unplaced(kind="none"), FRAME, None)


@pytest.mark.parametrize(("z", "spacing"), [(-80.4, None), (-81.5, 3.0)])
def test_half_the_way_to_the_next_frame_is_still_this_one(z, spacing):
    check_on_frame(length(mm(1, 2, z), mm(4, 6)), AXIAL, FRAME, spacing)
