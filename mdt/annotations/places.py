"""From a place as browsers name it to the frame it means: looked up before any transaction."""

from dataclasses import dataclass
from typing import Any

from imaging import store
from imaging.frames.metadata import unpacked
from imaging.models import Instance, Series, SeriesVersion
from mdt.errors import BadMark
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import ListedCase
from mdt.protocol import Place

NOT_HERE = "This picture is not among those shown for this case."


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
    """The frame a mark is meant for. Reads the store. Raises BadMark."""
    series = _series(case, place)
    version = SeriesVersion.objects.filter(series=series, number=place.version).first()
    if version is None:
        raise BadMark(NOT_HERE)
    metadata = unpacked(store.get().read_range(version.store_key))
    frame = next((f for f in metadata["frames"] if f["key"] == place.frame), None)
    if frame is None:
        raise BadMark(NOT_HERE)
    instance_id, _, number = place.frame.partition(".")
    return PlacedFrame(
        place=place,
        series=series,
        instance=Instance.objects.get(series=series, public_id=instance_id),
        frame_number=int(number),
        image=metadata["images"][frame["image"]],
        frame=frame,
        spacing=metadata["geometry"].get("spacing"),
    )


def _series(case: ListedCase, place: Place) -> Series:
    """One of a study chosen for the case and not withheld from it."""
    series = Series.objects.filter(public_id=place.series).first()
    chosen = case.referral.found_studies.select_related("study__archive").filter(is_chosen=True)
    found = chosen.filter(study=series.study_id).first() if series else None
    if series is None or found is None or sharing_of(case).why_withheld(found):
        raise BadMark(NOT_HERE)
    series.study = found.study
    return series
