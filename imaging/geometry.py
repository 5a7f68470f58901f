"""The order of the frames of a series, and what may be said of the space between them.

Places are patient millimetres, LPS (DICOM PS3.3 C.7.6.2). Nothing here knows of files or rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

Vector = tuple[float, float, float]
Kind = Literal["volume", "stack", "mixed", "none"]

SAME_ANGLE = 1e-3
"""Cosines that differ by less are the same: 0.06 degrees."""
SAME_PLACE_MM = 0.01
EVEN = 0.01
"""How far one distance may be from the median, as a part of it, beside SAME_PLACE_MM."""
TILT_MM = 0.05
"""How far a frame may be shifted within its plane against the one before."""


@dataclass(frozen=True)
class Plane:
    """Where a frame lies: centre of its top-left pixel, and how its rows and columns run."""

    position: Vector
    row_cosines: Vector
    column_cosines: Vector

    @property
    def normal(self) -> Vector:
        return cross(self.row_cosines, self.column_cosines)


@dataclass(frozen=True)
class Geometry:
    """`order` holds indices into the planes given. `spacing` is mm along the normal, or None."""

    order: tuple[int, ...]
    kind: Kind
    spacing: float | None
    notes: tuple[str, ...]


def arrange(planes: Sequence[Plane | None]) -> Geometry:
    """Put frames in order by position along their normal; keep the order given where there is none.

    `volume`: parallel, evenly spaced and not sheared. `stack`: parallel. `mixed`: several
    orientations, one after another as they first come. `none`: a frame without a plane.
    Notes: gap, duplicate, tilt, uneven, mixed, time.
    """
    placed = [plane for plane in planes if plane is not None]
    if not placed or len(placed) < len(planes):
        return Geometry(tuple(range(len(planes))), "none", None, ())
    groups = _by_orientation(placed)
    order = tuple(index for group in groups for index in _along_normal(placed, group))
    if len(groups) > 1:
        return Geometry(order, "mixed", None, ("mixed",))
    return _of_parallel([placed[index] for index in order], order)


def _of_parallel(planes: list[Plane], order: tuple[int, ...]) -> Geometry:
    depths = [dot(plane.position, planes[0].normal) for plane in planes]
    steps = [after - before for before, after in pairwise(depths)]
    apart = [step for step in steps if step > SAME_PLACE_MM]
    if not apart:
        return Geometry(order, "stack", None, _notes_on_repeats(depths))
    spacing = median(apart)
    notes = (*_notes_on_repeats(depths), *_notes_on_steps(apart, spacing), *_note_on_tilt(planes))
    return Geometry(order, "stack" if notes else "volume", spacing, notes)


def _notes_on_repeats(depths: list[float]) -> tuple[str, ...]:
    """Every place equally often is a series in time; some places twice are duplicates."""
    counts = Counter(_places(depths))
    if max(counts.values()) == 1:
        return ()
    return ("time",) if len(set(counts.values())) == 1 else ("duplicate",)


def _places(depths: list[float]) -> list[int]:
    """The number of the place each frame is at, in order."""
    places = [0]
    for before, after in pairwise(depths):
        places.append(places[-1] + (after - before > SAME_PLACE_MM))
    return places


def _notes_on_steps(steps: list[float], spacing: float) -> tuple[str, ...]:
    """`gap` where frames are missing between even ones, `uneven` where steps are just unequal."""
    odd = [step for step in steps if not _is_nearly(step, spacing)]
    if not odd:
        return ()
    are_gaps = all(step > 1.5 * spacing for step in odd)
    are_multiples = all(
        _is_nearly(step / round(step / spacing), spacing) for step in odd if are_gaps
    )
    return ("gap",) if are_gaps and are_multiples else ("uneven",)


def _is_nearly(step: float, spacing: float) -> bool:
    return abs(step - spacing) <= SAME_PLACE_MM + EVEN * spacing


def _note_on_tilt(planes: list[Plane]) -> tuple[str, ...]:
    """Frames shifted within their planes, as a tilted gantry leaves them, shear the volume."""
    for before, after in pairwise(planes):
        step = subtract(after.position, before.position)
        shifts = dot(step, before.row_cosines), dot(step, before.column_cosines)
        if max(map(abs, shifts)) > TILT_MM:
            return ("tilt",)
    return ()


def _along_normal(planes: list[Plane], group: list[int]) -> list[int]:
    """By depth; frames at one place stay in the order given."""
    normal = planes[group[0]].normal
    by_depth = sorted(group, key=lambda index: dot(planes[index].position, normal))
    depths = [dot(planes[index].position, normal) for index in by_depth]
    places = _places(depths)
    return [index for _, index in sorted(zip(places, by_depth, strict=True))]


def _by_orientation(planes: list[Plane]) -> list[list[int]]:
    groups: list[list[int]] = []
    for index, plane in enumerate(planes):
        for group in groups:
            if _is_parallel(plane, planes[group[0]]):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _is_parallel(one: Plane, other: Plane) -> bool:
    """Rows and columns run the same way: a frame turned in its plane is of another orientation."""
    pairs = zip(
        one.row_cosines + one.column_cosines, other.row_cosines + other.column_cosines, strict=True
    )
    return all(abs(a - b) <= SAME_ANGLE for a, b in pairs)


def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def subtract(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]
