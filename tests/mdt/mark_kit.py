"""A frame to draw on, and what is drawn there."""

from mdt.protocol import Drawing, PointMm

CALIBRATED = {"row": 0.5, "column": 0.25, "kind": "calibrated", "note": ""}
AXIAL = {
    "rows": 200,
    "columns": 400,
    "spacing": CALIBRATED,
    "pixel_aspect": 2.0,
    "row_cosines": [1.0, 0.0, 0.0],
    "column_cosines": [0.0, 1.0, 0.0],
}
FRAME = {"image": 0, "position": [0.0, 0.0, -80.0]}


def mm(x, y, z=-80.0):
    return PointMm(x=x, y=y, z=z)


def length(first, second):
    return Drawing(kind="length", points=(first, second))
