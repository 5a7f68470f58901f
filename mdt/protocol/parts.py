"""What messages speak of: a place, a view, a mark. No message by themselves."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mdt.protocol.base import Message, PublicId, PublicIdOrNone

# ---- what is looked at ---------------------------------------------------------


class PointMm(Message):
    """A place in the patient, LPS millimetres (DICOM PS3.3 C.7.6.2.1.1)."""

    unit: Literal["mm"] = "mm"
    x: float
    y: float
    z: float


class PointPx(Message):
    """A place on an image without a frame of reference: stored pixels from the top left centre."""

    unit: Literal["px"] = "px"
    x: float
    y: float


Point = Annotated[PointMm | PointPx, Field(discriminator="unit")]


class Voi(Message):
    """Window in modality values (DICOM PS3.3 C.11.2.1). LINEAR has a width of at least 1."""

    centre: float
    width: float = Field(gt=0)
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"

    @model_validator(mode="after")
    def _is_wide_enough(self) -> Self:
        if self.function == "LINEAR" and self.width < 1:
            raise ValueError("a LINEAR window has a width of at least 1")
        return self


class StackView(Message):
    """One frame of a series. `height` is mm, or px, per canvas height: never canvas pixels.

    `frame` is its place in the metadata `version` the pane shows. `rotation` is clockwise, in
    degrees; `flip` mirrors left and right before it is applied.
    """

    kind: Literal["stack"] = "stack"
    frame: int = Field(ge=1)
    centre: Point
    height: float = Field(gt=0)
    rotation: float = 0
    flip: bool = False
    voi: Voi
    invert: bool = False
    interp: Literal["linear", "nearest"] = "linear"


class PlaneView(Message):
    """An oblique plane through a volume; `slab` in mm, 0 for one plane."""

    kind: Literal["plane"] = "plane"
    centre: PointMm
    normal: PointMm
    up: PointMm
    height: float = Field(gt=0)
    slab: float = Field(default=0, ge=0)
    projection: Literal["none", "mip", "minip", "mean"] = "none"
    voi: Voi
    invert: bool = False


class SlideView(Message):
    """A place on a whole slide; `mpp` is micrometres per canvas pixel at dpr 1."""

    kind: Literal["slide"] = "slide"
    centre: PointPx
    mpp: float = Field(gt=0)
    rotation: float = 0


class DocumentView(Message):
    kind: Literal["document"] = "document"
    page: int = Field(ge=1)
    centre: PointPx
    scale: float = Field(gt=0)


class VideoView(Message):
    """A moment of a video, in seconds from its start."""

    kind: Literal["video"] = "video"
    time: float = Field(ge=0)
    rate: float = Field(default=1, gt=0, le=8)
    playing: bool = False


View = Annotated[
    StackView | PlaneView | SlideView | DocumentView | VideoView, Field(discriminator="kind")
]


class Pane(Message):
    """A place on the screen and what hangs there; `version` is that of the series' metadata."""

    id: PublicId
    kind: Literal["stack", "plane", "slide", "document", "video"]
    series: PublicId
    version: int = Field(ge=1)


class Layout(Message):
    panes: tuple[Pane, ...] = Field(max_length=16)
    active: PublicIdOrNone


class Fence(Message):
    """Where an ephemeral message belongs. Anything that does not fit the room now is dropped.

    `case` is the seq of the event that opened the case, so that no view ever lands
    on another patient; `term` counts presenters; `n` counts one sender's messages,
    from the clock's milliseconds, so that a reloaded tab counts on.
    """

    case: int = Field(ge=0)
    term: int = Field(ge=0)
    n: int = Field(ge=0)


# ---- what is drawn and typed ------------------------------------------------------


class Drawing(Message):
    """What a mark looks like. A length has two points; an arrow its tip, then its tail."""

    kind: Literal["length", "arrow"]
    points: tuple[Point, ...] = Field(min_length=2, max_length=2)
    text: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")


class Place(Message):
    """The one frame a mark belongs to: the series' public id and the frame's key (D25)."""

    series: PublicId
    version: int = Field(ge=1)
    frame: str = Field(max_length=40)


class Measured(Message):
    """What a mark measures, computed by the server. `note` says how far to believe it."""

    value: float
    unit: Literal["mm", "px"]
    note: str = ""


class MarkBody(Message):
    """A mark as it stands. `version` counts its changes, from 1."""

    mark_id: str
    version: int
    by: str
    name: str
    place: Place
    drawing: Drawing
    measured: Measured | None = None


OutcomeField = Literal[
    "recommendation",
    "laterality",
    "discussion_type",
    "planning_date",
    "mdt_type_comment",
    "cns_indication",
    "intent",
    "treatments",
    "no_treatment_reason",
    "performance_status",
    "t_category",
    "n_category",
    "m_category",
    "stage_group",
    "tnm_edition",
    "tnm_version",
    "stage_date",
    "actions",
]
