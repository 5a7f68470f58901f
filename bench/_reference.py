"""The picture a canvas must come to, drawn from the DICOM file and not by the browser."""

import hashlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.encaps import generate_frames

from imaging.pixels import render

Json = dict[str, Any]


def digest_of(folder: Path, study: str, metadata: Json, size: tuple[int, int]) -> str:
    """SHA-256 of the RGBA bytes, top row first, of the first picture of a series."""
    number = _first_frame(metadata)
    frame = metadata["frames"][number - 1]
    image = metadata["images"][frame["image"]]
    samples = _samples(folder, study, frame, number)
    picture = render(samples, image, frame, _initial_view(image, frame, size), size)
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return hashlib.sha256(np.concatenate([picture, opaque], axis=2).tobytes()).hexdigest()


def _first_frame(metadata: Json) -> int:
    """The middle of a stack, else the first (static/js/viewer/view.js)."""
    is_stack = metadata["geometry"]["kind"] in {"volume", "stack"}
    return (len(metadata["frames"]) + 1) // 2 if is_stack else 1


def _samples(folder: Path, study: str, frame: Json, number: int) -> np.ndarray:
    """Of the one multi-frame instance, else of the instance at the frame's place."""
    paths = sorted((folder / "demo").glob(f"*/{study}-*.dcm"))
    if len(paths) == 1:
        return _frame_of(dcmread(paths[0]), number)
    for path in paths:
        instance = dcmread(path)
        if np.allclose(instance.ImagePositionPatient, frame["position"], atol=1e-3):
            return instance.pixel_array
    raise LookupError("no instance lies where the frame does")


def _frame_of(instance: Any, number: int) -> np.ndarray:
    if not instance.file_meta.TransferSyntaxUID.is_compressed:
        return np.atleast_3d(instance.pixel_array)[number - 1]
    count = int(instance.get("NumberOfFrames", 1))
    frames = list(generate_frames(instance.PixelData, number_of_frames=count))
    decoded: np.ndarray = imagecodecs.imread(frames[number - 1])
    return decoded


def _initial_view(image: Json, frame: Json, size: tuple[int, int]) -> Json:
    """The whole frame, upright, in the first window of its header."""
    row, column = image["spacing"]["row"], image["spacing"]["column"]
    is_placed = bool(frame["position"] and image["row_cosines"] and row)
    dx, dy = (column, row) if is_placed else (1.0, image["pixel_aspect"] or 1.0)
    middle = (image["columns"] - 1) / 2, (image["rows"] - 1) / 2
    height = max(image["rows"] * dy, image["columns"] * dx * size[1] / size[0])
    return {
        "kind": "stack",
        "centre": _place(image, frame, middle, (dx, dy)) if is_placed else _pixel(middle),
        "height": height,
        "rotation": 0,
        "flip": False,
        "voi": image["voi"][0] if image["voi"] else _WHOLE_BYTE,
        "invert": False,
        "interp": "linear",
    }


_WHOLE_BYTE = {"centre": 128, "width": 256, "function": "LINEAR"}


def _pixel(middle: tuple[float, float]) -> Json:
    return {"unit": "px", "x": middle[0], "y": middle[1]}


def _place(
    image: Json, frame: Json, middle: tuple[float, float], step: tuple[float, float]
) -> Json:
    along = np.multiply(image["row_cosines"], middle[0] * step[0])
    down = np.multiply(image["column_cosines"], middle[1] * step[1])
    x, y, z = np.asarray(frame["position"]) + along + down
    return {"unit": "mm", "x": x, "y": y, "z": z}
