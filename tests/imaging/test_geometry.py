"""Order, spacing and warnings on frames whose places are known by construction."""

import random

import pytest

from imaging.geometry import Plane, arrange, cross

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
OBLIQUE = ((0.8, 0.6, 0.0), (-0.36, 0.48, 0.8))


def stack(depths, orientation=AXIAL, start=(-125.0, -125.0, 0.0)):
    """Frames at these distances along their normal."""
    normal = cross(*orientation)
    return [
        Plane(tuple(s + depth * n for s, n in zip(start, normal, strict=True)), *orientation)
        for depth in depths
    ]


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, OBLIQUE])
def test_frames_come_in_the_order_of_their_places_whatever_their_numbers(orientation):
    planes = stack([1.5 * n for n in range(20)], orientation)
    order = list(range(20))
    random.Random(3).shuffle(order)  # noqa: S311  the same every time
    found = arrange([planes[index] for index in order])
    assert [order[index] for index in found.order] == list(range(20))
    assert (found.kind, found.notes) == ("volume", ())
    assert found.spacing == pytest.approx(1.5)


def test_an_axial_stack_goes_from_the_feet_to_the_head():
    assert arrange(stack([10, 0, 5])).order == (1, 2, 0)


def test_places_rounded_as_scanners_do_are_still_even():
    assert arrange(stack([round(n * 0.6249987, 2) for n in range(80)])).kind == "volume"


@pytest.mark.parametrize(
    ("depths", "note", "spacing"),
    [
        ([0, 2, 4, 8, 10], "gap", 2),
        ([0, 2, 4, 4, 6], "duplicate", 2),
        ([0, 2, 4.5, 6, 9], "uneven", 2.25),
        ([0, 2, 4, 9, 11], "uneven", 2),
        ([0, 0, 3, 3, 6, 6], "time", 3),
    ],
)
def test_what_is_odd_about_a_stack_is_named(depths, note, spacing):
    found = arrange(stack(depths))
    assert (found.kind, found.notes) == ("stack", (note,))
    assert found.spacing == pytest.approx(spacing)


def test_a_tilted_gantry_shears_and_is_named():
    tilted = [Plane((0.0, 0.9 * n, 5.0 * n), *AXIAL) for n in range(6)]
    found = arrange(tilted)
    assert (found.kind, found.notes, found.spacing) == ("stack", ("tilt",), 5)


def test_several_orientations_are_mixed_and_follow_one_another():
    planes = [*stack([5, 0]), *stack([7, 3], SAGITTAL), *stack([2])]
    found = arrange(planes)
    assert (found.kind, found.spacing, found.notes) == ("mixed", None, ("mixed",))
    assert found.order == (1, 4, 0, 3, 2)


def test_a_frame_turned_in_its_plane_is_of_another_orientation():
    turned = Plane((0, 0, 5), AXIAL[1], (-1.0, 0.0, 0.0))
    assert arrange([*stack([0]), turned]).kind == "mixed"


def test_frames_at_one_place_keep_the_order_they_came_in():
    assert arrange(stack([3, 0, 3, 0])).order == (1, 3, 0, 2)


@pytest.mark.parametrize("planes", [[], [None, None], [*stack([0, 1]), None]])
def test_without_a_place_for_every_frame_there_is_no_geometry(planes):
    found = arrange(planes)
    assert (found.kind, found.spacing) == ("none", None)
    assert found.order == tuple(range(len(planes)))


def test_one_frame_has_a_place_and_no_spacing():
    found = arrange(stack([4]))
    assert (found.order, found.kind, found.spacing, found.notes) == ((0,), "stack", None, ())
