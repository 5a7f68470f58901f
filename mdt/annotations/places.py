"""From a place as browsers name it to the frame it means: looked up before any transaction."""

from dataclasses import dataclass
from typing import Any

from imaging.frames.metadata import is_as_received, unpacked
from imaging.models import Instance, Series, SeriesVersion
from mdt import stored
from mdt.errors import BadMark
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import ListedCase
from mdt.protocol import Place

NOT_HERE = "This picture is not among those shown for this case."
NOT_DRAWN = "This picture is not drawn here, so no mark can be put on it."


@dataclass(frozen=True)
class PlacedFrame:
    """One frame of a series shown for a case, with what the metadata version says of it."""

    place: Place
    series: Series
    instance: Instance
    frame_number: int  # of the instance, from 1
    image: dict[str, Any]
    frame: dict[str, Any]
    spacing: float | None  # mm between frames


def frame_at(case: ListedCase, place: Place) -> PlacedFrame:
    """The frame a mark is meant for. Reads the store. Raises BadMark, StoreTrouble."""
    series = series_at(case, place.series)
    metadata = _metadata(series, place.version)
    frame = next((f for f in metadata["frames"] if f["key"] == place.frame), None)
    if frame is None:
        raise BadMark(NOT_HERE)
    image = metadata["images"][frame["image"]]
    if is_as_received(image):
        raise BadMark(NOT_DRAWN)
    instance_id, _, number = place.frame.partition(".")
    return PlacedFrame(
        place=place,
        series=series,
        instance=Instance.objects.get(series=series, public_id=instance_id),
        frame_number=int(number),
        image=image,
        frame=frame,
        spacing=metadata["geometry"].get("spacing"),
    )


def key_at(series: Series, version: int, number: int) -> str:
    """What names the frame that a view of this version counts as `number`, from 1.

    Reads the store. Raises BadMark, StoreTrouble.
    """
    frames = _metadata(series, version)["frames"]
    if number > len(frames):
        raise BadMark(NOT_HERE)
    key: str = frames[number - 1]["key"]
    return key


def series_at(case: ListedCase, series_id: str) -> Series:
    """One of a study chosen for the case and not withheld from it. Raises BadMark."""
    series = Series.objects.filter(public_id=series_id).first()
    chosen = case.referral.found_studies.select_related("study__archive").filter(is_chosen=True)
    found = chosen.filter(study=series.study_id).first() if series else None
    if series is None or found is None or sharing_of(case).why_withheld(found):
        raise BadMark(NOT_HERE)
    series.study = found.study
    return series


def _metadata(series: Series, version: int) -> dict[str, Any]:
    kept = SeriesVersion.objects.filter(series=series, number=version).first()
    if kept is None:
        raise BadMark(NOT_HERE)
    metadata: dict[str, Any] = unpacked(stored.read(kept.store_key))
    return metadata
