"""The versioned document that says what the frames of a series mean (docs/series-metadata.md)."""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.utils.crypto import salted_hmac

from imaging.geometry import Geometry, Plane, arrange
from imaging.models import Frame, Instance, Series, frame_key

FORMAT = 1
UNREADABLE = {
    **{"rows": 1, "columns": 1, "kind": "mono16", "is_signed": False},
    **{"photometric": "MONOCHROME2", "slope": 1.0, "intercept": 0.0, "unit": ""},
    **{"value_range": [0, 1], "voi": [], "voi_lut": None, "pixel_aspect": 1.0},
    "spacing": {"row": None, "column": None, "kind": "none", "note": "the header cannot be read"},
    **{"lossy": None, "laterality": "", "burned_in": False, "frame_rate": None},
    **{"row_cosines": None, "column_cosines": None},
}
"""Stands for an image whose header could not be described: its frames carry a code."""


@dataclass(frozen=True)
class Described:
    """An instance and what the decoder said of it (describe.py); empty when it refused."""

    instance: Instance
    description: dict[str, Any]

    @property
    def is_lost(self) -> bool:
        """Whether the store had none of its bytes."""
        return self.description.get("code") == "frame.lost"

    @property
    def count(self) -> int:
        """Of its frames: as the decoder says, else as its row does."""
        return len(self.description.get("frames", [])) or self.instance.frame_count

    def image_of(self, number: int) -> dict[str, Any]:
        """What frame `number`, from 1, shares with others."""
        own = self._own(number)
        image: dict[str, Any] = self.description["images"][own["image"]] if own else UNREADABLE
        return image

    def label_of(self, number: int) -> str:
        own = self._own(number)
        return str(own["label"]) if own else str(self.instance.instance_number or "")

    def position_of(self, number: int) -> list[float] | None:
        own = self._own(number)
        return own["position"] if own else None

    def plane_of(self, number: int) -> Plane | None:
        position, image = self.position_of(number), self.image_of(number)
        if position is None or image["row_cosines"] is None:
            return None
        vectors = (position, image["row_cosines"], image["column_cosines"])
        return Plane(*((x, y, z) for x, y, z in vectors))

    def _own(self, number: int) -> dict[str, Any] | None:
        frames = self.description.get("frames", [])
        return frames[number - 1] if number <= len(frames) else None


@dataclass(frozen=True)
class Place:
    """One frame of the series: `number`, from 1, of an instance."""

    described: Described
    number: int

    @property
    def key(self) -> str:
        return frame_key(self.described.instance, self.number)


def is_as_received(image: dict[str, Any]) -> bool:
    """Whether its frames are kept in the bytes that came: nobody has decoded them."""
    return image.get("encoding") == "as-received"


def in_order(described: Iterable[Described]) -> tuple[list[Place], Geometry]:
    """Every frame of a series by position along the normal, or as numbered where there is none."""
    known = sorted(described, key=_instance_order)
    places = [Place(one, number) for one in known for number in range(1, one.count + 1)]
    geometry = arrange([place.described.plane_of(place.number) for place in places])
    return [places[index] for index in geometry.order], geometry


def document(
    series: Series,
    version: int,
    places: Sequence[Place],
    geometry: Geometry,
    made: dict[str, Frame],
) -> dict[str, Any]:
    """The metadata of one version. `made` holds frames by key; those that lack are not made yet."""
    images = _Images(_window_of_what_was_seen(places, made))
    frames = [_frame(place, images.index_of(place), made.get(place.key)) for place in places]
    return {
        "format": FORMAT,
        "series": series.public_id,
        "version": version,
        "is_complete": all(place.key in made for place in places),
        "modality": series.modality,
        "description": series.description,
        "study_date": str(series.study.study_date or "") or _first(places, "study_date"),
        "trust": series.study.trust_ods_code,
        "frame_of_reference": _frame_of_reference(places),
        "geometry": {
            "kind": geometry.kind,
            "spacing": geometry.spacing,
            "notes": list(geometry.notes),
        },
        "images": images.all,
        "frames": frames,
    }


def packed(content: dict[str, Any]) -> BytesIO:
    """Gzipped; the same content is always the same bytes."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return BytesIO(gzip.compress(text.encode(), mtime=0))


def unpacked(data: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(data))
    return content


class _Images:
    """What frames share, each once, with a window for those that state none."""

    def __init__(self, seen: tuple[float, float] | None) -> None:
        self._seen = seen
        self._places: dict[str, int] = {}
        self.all: list[dict[str, Any]] = []

    def index_of(self, place: Place) -> int:
        image = self._with_window(place.described.image_of(place.number))
        text = json.dumps(image)
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(image)
        return self._places[text]

    def _with_window(self, image: dict[str, Any]) -> dict[str, Any]:
        if image["voi"] or image["kind"] != "mono16":
            return image
        low, high = self._seen or image["value_range"]
        width = float(high - low) or 1.0  # a map's may be far below 1, which LINEAR cannot be
        window = {"centre": (low + high) / 2, "width": width, "function": "LINEAR_EXACT"}
        return {**image, "voi": [{**window, "name": "computed"}]}


def _window_of_what_was_seen(
    places: Sequence[Place], made: dict[str, Frame]
) -> tuple[float, float] | None:
    """From the lowest 1st to the highest 99th percentile of the frames made, as modality values."""
    ends: list[float] = []
    for place in places:
        frame, image = made.get(place.key), place.described.image_of(place.number)
        if frame and frame.spread and image["kind"] == "mono16":
            ends += (value * image["slope"] + image["intercept"] for value in frame.spread[1:3])
    return (min(ends), max(ends)) if ends else None


def _frame(place: Place, image: int, frame: Frame | None) -> dict[str, Any]:
    own = {
        "key": place.key,
        "image": image,
        "position": place.described.position_of(place.number),
        "label": place.described.label_of(place.number),
    }
    if frame is None or frame.segment is None:
        nowhere: dict[str, Any] = {
            "segment": None,
            "offset": 0,
            "length": 0,
            "ends": [],
            "crc32": 0,
        }
        return {**own, **nowhere, "code": frame.code if frame else ""}
    return {
        **own,
        "segment": frame.segment.number,
        "offset": frame.offset,
        "length": frame.length,
        "ends": frame.ends,
        "crc32": None if is_as_received(place.described.image_of(place.number)) else frame.crc32,
        "code": "",
    }


def _instance_order(one: Described) -> tuple[float, int]:
    number = one.instance.instance_number
    return (float("inf") if number is None else number, one.instance.pk)


def _first(places: Sequence[Place], name: str) -> str:
    return next((str(found) for p in places if (found := p.described.description.get(name))), "")


def frame_of_reference_uid(places: Sequence[Place]) -> str:
    """Frame of Reference UID (0020,0052); empty unless all frames share one."""
    uids = {place.described.description.get("frame_of_reference_uid", "") for place in places}
    return str(uids.pop()) if len(uids) == 1 else ""


def _frame_of_reference(places: Sequence[Place]) -> str | None:
    """A token that says no UID, for browsers."""
    uid = frame_of_reference_uid(places)
    return salted_hmac("imaging.frame-of-reference", uid).hexdigest()[:16] if uid else None
