"""What was drawn in the meeting that has been, put on its picture as soon as that is there."""

from datetime import timedelta

from django.db import transaction

from imaging import store
from imaging.frames.metadata import unpacked
from imaging.models import SeriesVersion, Study
from mdt.annotations.models import Mark, MarkVersion
from mdt.annotations.places import PlacedFrame, frame_at
from mdt.annotations.services import names_of, state_of
from mdt.demo.phantom import LESION_CENTRE
from mdt.demo.story import STUDIES, uid
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.protocol import Drawing, Place, PointMm

STUDY = next(study for study in STUDIES if study.key == "hussain-mr")
BY = "radiologist"
AFTER = timedelta(minutes=6)  # from the beginning of the meeting


def draw() -> bool:
    """Draw once; whether nothing is left to be drawn. The picture may still be on its way."""
    named = "referral__found_studies__study__study_instance_uid"
    past = ListedCase.objects.filter(meeting__state=Meeting.State.CLOSED, **{named: uid(STUDY.key)})
    case = past.order_by("meeting__starts_at").first()
    if case is None or case.marks.exists():
        return True
    place = _place()
    if place is not None:
        _keep(case, frame_at(case, place))
    return place is not None


def _place() -> Place | None:
    """The frame nearest to the middle of the lesion, once every frame is there."""
    study = Study.objects.filter(
        study_instance_uid=uid(STUDY.key), state=Study.State.COMPLETE
    ).first()
    versions = SeriesVersion.objects.filter(series__study=study, is_complete=True)
    newest = versions.select_related("series").order_by("number").last()
    if study is None or newest is None:
        return None
    frames = unpacked(store.get().read_range(newest.store_key))["frames"]
    if len(frames) < study.stored_count:
        return None
    nearest = min(frames, key=lambda frame: abs(frame["position"][2] - LESION_CENTRE[2]))
    return Place(series=newest.series.public_id, version=newest.number, frame=nearest["key"])


@transaction.atomic
def _keep(case: ListedCase, placed: PlacedFrame) -> None:
    """Rows, as the meeting is over; measured and checked as every mark is."""
    by, at = Person.objects.get(username=BY), case.meeting.starts_at + AFTER
    for drawing in _drawings(placed.frame["position"][2]):
        mark = Mark.objects.create(case=case, author=by, **names_of(placed))
        MarkVersion.objects.create(mark=mark, number=1, by=by, at=at, **state_of(drawing, placed))


def _drawings(z: float) -> list[Drawing]:
    """The lesion from edge to edge where the slice cuts it, and an arrow to its edge."""
    x, y, middle = LESION_CENTRE
    radius = ((STUDY.lesion_mm / 2) ** 2 - (z - middle) ** 2) ** 0.5
    across = (PointMm(x=x - radius, y=y, z=z), PointMm(x=x + radius, y=y, z=z))
    down = (PointMm(x=x, y=y + radius, z=z), PointMm(x=x, y=y + radius + 30, z=z))
    return [
        Drawing(kind="length", points=across),
        Drawing(kind="arrow", points=down, text="Enhancing lesion"),
    ]
