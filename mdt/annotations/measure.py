"""What a mark measures and whether it lies on its frame: numbers in, numbers out.

`image` and `frame` are entries of the series' metadata (docs/series-metadata.md).
"""

from collections.abc import Sequence
from math import dist, hypot
from typing import Any

from mdt.errors import BadMark
from mdt.protocol import Drawing, Measured, PointMm, PointPx

Entry = dict[str, Any]
#: What is said of a kind of spacing whose image gives no note.
NOTES = {"at-detector": "at the detector, not in the patient", "none": "not calibrated"}
OFF_PLANE_MM = 0.5  # rounding on the way; wider where frames are further apart than this


def measure(drawing: Drawing, image: Entry) -> Measured | None:
    """The length of a length, in mm as far as the image's spacing can be believed, else in px.

    Between places in the patient it is their distance. Between stored pixels it is that of the
    spacing (DICOM PS3.3 10.7.1.3: first between rows, then between columns), whose kind says
    what the millimetres are worth. Without a scale, pixels that are not square count in columns.
    Must agree with static/js/viewer/geometry.js: both are run against tests/vectors/lengths.json.
    """
    if drawing.kind != "length":
        return None
    first, second = drawing.points
    if isinstance(first, PointMm) and isinstance(second, PointMm):
        value = dist(_xyz(first), _xyz(second))
        return Measured(value=round(value, 2), unit="mm", note=_note(image))
    return _between_pixels(second.x - first.x, second.y - first.y, image)


def check_on_frame(drawing: Drawing, image: Entry, frame: Entry, spacing: float | None) -> None:
    """Raise BadMark unless every point lies on the frame; `spacing` is mm between frames."""
    if len({point.unit for point in drawing.points}) > 1:
        raise BadMark("The two ends of a mark are given in different units.")
    for point in drawing.points:
        if isinstance(point, PointPx):
            _check_inside(point.x, point.y, image)
        else:
            _check_on_plane(point, image, frame, spacing)


def _check_on_plane(point: PointMm, image: Entry, frame: Entry, spacing: float | None) -> None:
    row, column, origin = image["row_cosines"], image["column_cosines"], frame["position"]
    if row is None or column is None or origin is None:
        raise BadMark("This picture has no place in the patient: its marks are in pixels.")
    offset = [a - b for a, b in zip(_xyz(point), origin, strict=True)]
    if abs(_dot(offset, _cross(row, column))) > max(OFF_PLANE_MM, (spacing or 0) / 2):
        raise BadMark("This mark does not lie on the picture it was sent for.")
    if image["spacing"]["kind"] != "none":
        x = _dot(offset, row) / image["spacing"]["column"]
        _check_inside(x, _dot(offset, column) / image["spacing"]["row"], image)


def _check_inside(x: float, y: float, image: Entry) -> None:
    """Pixels count from the centre of the first; a hand may slip over the edge by one."""
    if not (-1.5 <= x <= image["columns"] + 0.5 and -1.5 <= y <= image["rows"] + 0.5):
        raise BadMark("This mark lies outside its picture.")


def _between_pixels(dx: float, dy: float, image: Entry) -> Measured:
    spacing = image["spacing"]
    if spacing["kind"] == "none":
        value = hypot(dx, dy * image["pixel_aspect"])
        return Measured(value=round(value, 2), unit="px", note=_note(image))
    value = hypot(dx * spacing["column"], dy * spacing["row"])
    return Measured(value=round(value, 2), unit="mm", note=_note(image))


def _note(image: Entry) -> str:
    return str(image["spacing"]["note"] or NOTES.get(image["spacing"]["kind"], ""))


def _xyz(point: PointMm) -> tuple[float, float, float]:
    return point.x, point.y, point.z


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )
