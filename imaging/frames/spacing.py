"""How far a distance on an image may be believed (DICOM PS3.3 10.7, C.8.5.5; viewer.md 4)."""

from math import isclose
from typing import Any

from pydicom.dataset import Dataset

from imaging.frames import values
from imaging.frames.groups import Groups

Pair = list[float]
PROJECTION = frozenset({"CR", "DX", "DR", "RG", "XA", "RF", "MG", "PX", "IO"})
UNPLACED = frozenset({"OT", "SC", "XC", "ES", "GM", "OP", "DOC", "US"})
CENTIMETRES, PLANAR = 3, 1
ROUNDING = 1e-3
"""By how much of themselves two spacings differ, at most, that writers only rounded differently."""


def spacing_of(groups: Groups, index: int, modality: str) -> dict[str, Any]:
    """`row` is the distance between rows in mm, `column` between columns, and `kind` of belief.

    Both are None where the kind is `none`.
    """
    dataset = groups.root
    if regions := values.items(dataset, "SequenceOfUltrasoundRegions"):
        return _of_regions(dataset, regions)
    in_patient = _pair(groups.macro(index, "PixelMeasuresSequence"), "PixelSpacing")
    if modality in PROJECTION:
        return _of_projection(dataset, in_patient)
    is_stated = values.text(dataset, "PixelSpacingCalibrationType")
    if in_patient and modality == "CT" and is_localizer(dataset) and not is_stated:
        return _spacing(in_patient, "at-detector", "a scout view: true only at the isocentre")
    if in_patient and (modality not in UNPLACED or is_stated):
        return _spacing(in_patient, "calibrated", is_stated.lower())
    return _none("lengths are in pixels: the image states no scale")


def is_localizer(dataset: Dataset) -> bool:
    """Of CT that is a scout view: a shadow by a fan of rays, and no slice (PS3.3 C.8.2.1.1.1)."""
    return "LOCALIZER" in values.text(dataset, "ImageType")


def _of_projection(dataset: Dataset, in_patient: Pair | None) -> dict[str, Any]:
    """A shadow: true at the detector, larger than the patient by an unknown magnification."""
    at_detector = _pair(dataset, "ImagerPixelSpacing")
    calibration = values.text(dataset, "PixelSpacingCalibrationType").lower()
    if in_patient and (calibration or _differs(at_detector, in_patient)):
        return _spacing(in_patient, "calibrated", f"calibrated by {calibration or 'the sender'}")
    factor = values.number(dataset, "EstimatedRadiographicMagnificationFactor")
    if at_detector and factor and factor >= 1:
        smaller = [one / factor for one in at_detector]
        return _spacing(smaller, "calibrated", f"corrected for a magnification of {factor:g}")
    if at_detector or in_patient:
        note = "at the detector: in the patient it is smaller"
        return _spacing(at_detector or in_patient or [], "at-detector", note)
    return _none("lengths are in pixels: the image states no scale")


def _differs(at_detector: Pair | None, in_patient: Pair) -> bool:
    """Whether the sender corrected it: many write one as a float32 and the other in decimals."""
    pairs = zip(at_detector or in_patient, in_patient, strict=True)
    return not all(isclose(one, other, rel_tol=ROUNDING) for one, other in pairs)


def _of_regions(dataset: Dataset, regions: Any) -> dict[str, Any]:
    """One planar region in centimetres over the whole frame counts; anything else is pixels."""
    if len(regions) > 1:
        return _none("lengths are in pixels: the image has several regions")
    (region,) = regions
    deltas = [
        abs(values.number(region, keyword) or 0) * 10
        for keyword in ("PhysicalDeltaY", "PhysicalDeltaX")
    ]
    if not (_is_planar(region) and _covers(region, dataset) and all(deltas)):
        return _none("lengths are in pixels: its scale does not hold for all of the image")
    return _spacing(deltas, "region", "scale of the ultrasound region")


def _is_planar(region: Dataset) -> bool:
    units = ("PhysicalUnitsXDirection", "PhysicalUnitsYDirection")
    in_cm = all(values.whole(region, keyword) == CENTIMETRES for keyword in units)
    return in_cm and values.whole(region, "RegionSpatialFormat") == PLANAR


def _covers(region: Dataset, dataset: Dataset) -> bool:
    """To within a pixel, since writers disagree on whether the last one counts."""
    edges = {
        "RegionLocationMinX0": 0,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": (values.whole(dataset, "Columns") or 0) - 1,
        "RegionLocationMaxY1": (values.whole(dataset, "Rows") or 0) - 1,
    }
    return all(
        abs((values.whole(region, keyword) or 0) - edge) <= 1 for keyword, edge in edges.items()
    )


def _none(note: str) -> dict[str, Any]:
    return {"row": None, "column": None, "kind": "none", "note": note}


def aspect_of(dataset: Dataset, spacing: dict[str, Any]) -> float:
    """Height of a pixel for a width of one: by spacing, else Pixel Aspect Ratio (C.7.6.3.1.7)."""
    stated = _pair(dataset, "PixelAspectRatio") or [1.0, 1.0]
    vertical, horizontal = (spacing["row"], spacing["column"]) if spacing["row"] else stated
    return float(vertical / horizontal)


def _spacing(pair: Pair, kind: str, note: str) -> dict[str, Any]:
    return {"row": pair[0], "column": pair[1], "kind": kind, "note": note}


def _pair(dataset: Dataset, keyword: str) -> Pair | None:
    found = values.numbers(dataset, keyword)
    return found if len(found) == 2 and min(found) > 0 else None
