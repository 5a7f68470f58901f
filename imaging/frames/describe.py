"""What the metadata of a series takes from one instance (docs/series-metadata.md).

Runs in the decoder process: the numbers are worked out where the header is read, and
nothing but numbers and short texts leaves it.
"""

import json
from typing import Any

from pydicom.dataset import Dataset

from imaging.frames import values
from imaging.frames.groups import Groups
from imaging.frames.header import laterality
from imaging.frames.lut import Lut, modality_lut, voi_lut
from imaging.frames.part10 import Part10
from imaging.frames.received import media_type
from imaging.frames.shape import Shape
from imaging.frames.spacing import aspect_of, is_localizer, spacing_of
from imaging.geometry import cross

LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}
ALWAYS_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
NEARLY = 0.01
"""How far two cosines may be from length one and from a right angle, rounded as they come."""


def describe(part10: Part10, shape: Shape, count: int) -> dict[str, Any]:
    """`images` holds what frames share and `frames` what is each one's own, in order."""
    dataset, groups = part10.dataset, Groups(part10.dataset)
    unlike = 1 if groups.are_shared else count
    positions = _positions(groups, count)
    texts = [json.dumps(_image(part10, groups, shape, index, count)) for index in range(unlike)]
    images = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return {
        "modality": values.text(dataset, "Modality", 16),
        "description": values.text(dataset, "SeriesDescription"),
        "study_date": values.iso_date(dataset, "StudyDate"),
        "frame_of_reference_uid": values.uid(dataset, "FrameOfReferenceUID"),
        "instance_number": values.whole(dataset, "InstanceNumber"),
        "images": [json.loads(image) for image in images],
        "frames": [
            {
                "image": images[texts[min(index, unlike - 1)]],
                "position": position,
                "label": _label(dataset, index, count),
            }
            for index, position in enumerate(positions)
        ],
    }


def _image(part10: Part10, groups: Groups, shape: Shape, index: int, count: int) -> dict[str, Any]:
    orientation = _orientation(groups, index)
    dataset = part10.dataset
    spacing = spacing_of(groups, index, values.text(dataset, "Modality", 16))
    return {
        "rows": shape.rows,
        "columns": shape.columns,
        "pixel_aspect": aspect_of(dataset, spacing),
        "spacing": spacing,
        "lossy": _lossy(part10),
        "laterality": _laterality(groups, index),
        "burned_in": values.text(dataset, "BurnedInAnnotation") == "YES",
        "row_cosines": orientation[:3] if orientation else None,
        "column_cosines": orientation[3:] if orientation else None,
        "frame_rate": _frame_rate(dataset)
        if count > 1 or media_type(part10).startswith("video/")
        else None,
        **_samples(part10, groups, shape, index),
    }


def _samples(part10: Part10, groups: Groups, shape: Shape, index: int) -> dict[str, Any]:
    """What the samples mean; of what is kept as it came, what its bytes are."""
    if kind := media_type(part10):
        return {
            **_colour(),
            "encoding": "as-received",
            "media_type": kind,
            "transfer_syntax_uid": str(part10.transfer_syntax),
        }
    return _colour() if shape.is_colour else _grey(groups, shape, index)


def _colour() -> dict[str, Any]:
    nothing = {"slope": 1.0, "intercept": 0.0, "unit": "", "voi": [], "voi_lut": None}
    return {
        **{"kind": "rgb8", "is_signed": False, "photometric": "RGB", "value_range": [0, 255]},
        **nothing,
    }


def _grey(groups: Groups, shape: Shape, index: int) -> dict[str, Any]:
    """Modality LUT and VOI. A Modality LUT Sequence was applied to the frame already."""
    lut = modality_lut(groups.root, shape.is_signed)
    rescale = (1.0, 0.0) if lut else _rescale(groups, index)
    values_from = (int(lut.table.min()), int(lut.table.max())) if lut else _stored_range(shape)
    value_range = sorted(one * rescale[0] + rescale[1] for one in values_from)
    voi = groups.macro(index, "FrameVOILUTSequence")
    return {
        "kind": "mono16",
        "is_signed": shape.is_signed and lut is None,
        "photometric": "MONOCHROME1" if shape.photometric == "MONOCHROME1" else "MONOCHROME2",
        "slope": rescale[0],
        "intercept": rescale[1],
        "unit": _unit(groups, index, lut),
        "value_range": value_range,
        "voi": _windows(voi),
        "voi_lut": _voi_lut(voi, is_signed=value_range[0] < 0),
    }


def _rescale(groups: Groups, index: int) -> tuple[float, float]:
    """Rescale Slope and Intercept (PS3.3 C.11.1); a slope of nought is no slope."""
    transformation = groups.macro(index, "PixelValueTransformationSequence")
    slope = values.number(transformation, "RescaleSlope") or 1.0
    return slope, values.number(transformation, "RescaleIntercept") or 0.0


def _stored_range(shape: Shape) -> tuple[int, int]:
    """What the bits stored can hold."""
    if shape.is_signed:
        return -(1 << (shape.bits_stored - 1)), (1 << (shape.bits_stored - 1)) - 1
    return 0, (1 << shape.bits_stored) - 1


def _unit(groups: Groups, index: int, lut: Lut | None) -> str:
    """HU where it is stated, or implied by the CT Image IOD (PS3.3 C.8.2.1.1.2)."""
    if lut:
        return "HU" if lut.kind == "HU" else ""
    transformation = groups.macro(index, "PixelValueTransformationSequence")
    stated = values.text(transformation, "RescaleType", 16)
    is_ct = values.text(groups.root, "Modality", 16) == "CT"
    is_slice = is_ct and not is_localizer(groups.root)
    implied = is_slice and not stated and values.number(transformation, "RescaleSlope")
    return "HU" if stated == "HU" or implied else ""


def _windows(voi: Dataset) -> list[dict[str, Any]]:
    """Every window of the header that can be applied (PS3.3 C.11.2.1.2)."""
    stated = values.text(voi, "VOILUTFunction", 16) or "LINEAR"
    function = stated if stated in FUNCTIONS else "LINEAR"
    names = values.text(voi, "WindowCenterWidthExplanation").split("\\")
    pairs = zip(
        values.numbers(voi, "WindowCenter"), values.numbers(voi, "WindowWidth"), strict=False
    )
    return [
        {
            "centre": centre,
            "width": width,
            "function": function,
            "name": (names[place] if place < len(names) else "") or f"WINDOW{place + 1}",
        }
        for place, (centre, width) in enumerate(pairs)
        if width >= 1 or (width > 0 and function != "LINEAR")
    ]


def _voi_lut(voi: Dataset, *, is_signed: bool) -> dict[str, Any] | None:
    lut = voi_lut(voi, is_signed)
    return {"first": lut.first, "values": lut.as_grey(), "name": lut.name} if lut else None


def _orientation(groups: Groups, index: int) -> list[float] | None:
    """Image Orientation (Patient), if it is two unit vectors at a right angle, made exact."""
    group = groups.macro(index, "PlaneOrientationSequence")
    found = values.numbers(group, "ImageOrientationPatient")
    if len(found) != 6:
        return None
    rows, columns = found[:3], found[3:]
    lengths = [sum(one * one for one in cosines) ** 0.5 for cosines in (rows, columns)]
    angle = sum(a * b for a, b in zip(rows, columns, strict=True))
    if any(abs(length - 1) > NEARLY for length in lengths) or abs(angle) > NEARLY:
        return None
    return [one / lengths[0] for one in rows] + [one / lengths[1] for one in columns]


def _positions(groups: Groups, count: int) -> list[list[float] | None]:
    """Where each frame lies, as far as that is said."""
    offsets = values.numbers(groups.root, "GridFrameOffsetVector") if count > 1 else [0.0]
    are_from_the_first = offsets[:1] == [0] and len(offsets) >= count
    return [
        _position(groups, index, offsets[index] if are_from_the_first else None)
        for index in range(count)
    ]


def _position(groups: Groups, index: int, offset: float | None) -> list[float] | None:
    """Image Position (Patient), where the orientation is known too. At the root it is the first
    frame's alone: the others lie by an offset along the normal (PS3.3 C.8.8.3.2), or nowhere.
    """
    orientation = _orientation(groups, index)
    group = groups.macro(index, "PlanePositionSequence")
    found = values.numbers(group, "ImagePositionPatient")
    if orientation is None or len(found) != 3:
        return None
    if group is not groups.root:
        return found
    return None if offset is None else _along_normal(found, orientation, offset)


def _along_normal(start: list[float], orientation: list[float], offset: float) -> list[float]:
    ax, ay, az, bx, by, bz = orientation
    normal = cross((ax, ay, az), (bx, by, bz))
    return [place + offset * part for place, part in zip(start, normal, strict=True)]


def _label(dataset: Dataset, index: int, count: int) -> str:
    """Instance Number as people know it, with the frame where there are several."""
    number = values.whole(dataset, "InstanceNumber")
    instance = "" if number is None else str(number)
    return instance if count == 1 else f"{instance}:{index + 1}".lstrip(":")


def _laterality(groups: Groups, index: int) -> str:
    stated = values.text(groups.macro(index, "FrameAnatomySequence"), "FrameLaterality", 1)
    return stated if stated in ("L", "R", "B") else laterality(groups.root)


def _frame_rate(dataset: Dataset) -> float | None:
    """Frames a second, as recommended or as taken."""
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        if (rate := values.number(dataset, keyword)) and rate > 0:
            return rate
    milliseconds = values.number(dataset, "FrameTime")
    return 1000 / milliseconds if milliseconds and milliseconds > 0 else None


def _lossy(part10: Part10) -> dict[str, Any] | None:
    """Whether the picture was ever compressed with loss (PS3.3 C.7.6.1.1.5)."""
    dataset, syntax = part10.dataset, str(part10.transfer_syntax)
    stated = values.text(dataset, "LossyImageCompression")
    is_lossy = stated == "01" or syntax in ALWAYS_LOSSY
    if not is_lossy and (stated == "00" or syntax not in LOSSY_SYNTAXES):
        return None
    ratios = values.numbers(dataset, "LossyImageCompressionRatio")
    method = values.text(dataset, "LossyImageCompressionMethod").split("\\")[-1]
    return {
        "ratio": ratios[-1] if ratios else None,
        "method": method or LOSSY_SYNTAXES.get(syntax, ""),
    }
