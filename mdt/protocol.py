"""Every message that crosses the live room's WebSocket, and nothing else.

This file is the only source. `manage.py export_protocol` writes
static/js/room/protocol.js from it, and tests/test_in_step.py fails when the two
differ. Ids are public ids. Times are ISO 8601 in UTC. Frames count from 1.
Commands are imperative (`case.open`), events past tense (`case.opened`).
Durable ones carry an id from the browser, are answered by ack or nak, and come
back to everyone as an event with a `seq`. Ephemeral ones carry a fence and may be lost.
"""

import json
from contextlib import suppress
from enum import IntEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

PROTOCOL_VERSION = 1
MAX_BYTES = 64 * 1024  # of one message from a browser, in UTF-8


class CloseCode(IntEnum):
    """Why the server ends a socket. Daphne sends the code and no reason."""

    SIGN_IN = 4401  # the session is over: sign in, then come back with `since`
    NOT_FOUND = 4404  # no such room for this person, now or any longer: do not come back
    COME_BACK = 4408  # too far behind, too loud, or the server could not: come back with `since`


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# What ends in a row of the database; PostgreSQL keeps no NUL.
PublicId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
TabId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,36}$")]


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
    """Window in modality values (DICOM PS3.3 C.11.2.1)."""

    centre: float
    width: float = Field(ge=1)
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


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

    id: str = Field(max_length=16)
    kind: Literal["stack", "plane", "slide", "document", "video"]
    series: str = Field(max_length=16)
    version: int = Field(ge=1)


class Layout(Message):
    panes: tuple[Pane, ...] = Field(max_length=16)
    active: str = Field(max_length=16)


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
    "mdt_type_comment",
    "intent",
    "treatments",
    "no_treatment_reason",
    "performance_status",
    "t_category",
    "n_category",
    "m_category",
    "stage_group",
    "actions",
]


# ---- browser -> server: commands ------------------------------------------------


class Hello(Message):
    """First message of every connection, and again after a gap; `since` is the last seq applied."""

    type: Literal["room.hello"] = "room.hello"
    version: Literal[1]
    tab: TabId
    since: int = Field(default=0, ge=0)


class OpenCase(Message):
    """Turn the whole room to one case on the list."""

    type: Literal["case.open"] = "case.open"
    id: UUID
    case_id: PublicId


class TakePresenter(Message):
    """Present from this tab. Refused while another presents, unless it lapsed or one is chair.

    A tab that presents already keeps its term, and is answered with the seq that began it.
    """

    type: Literal["presenter.take"] = "presenter.take"
    id: UUID


class GivePresenter(Message):
    """Hand over to a person in the room: to the tab they used last. From presenter or chair."""

    type: Literal["presenter.give"] = "presenter.give"
    id: UUID
    to: PublicId


class CreateMark(Message):
    """Put a mark on record. It belongs to the case it was drawn in, whatever is open now."""

    type: Literal["mark.create"] = "mark.create"
    id: UUID
    case_id: PublicId
    place: Place
    drawing: Drawing


class ChangeMark(Message):
    """Move or reword a mark of one's own (the chair: anybody's)."""

    type: Literal["mark.change"] = "mark.change"
    id: UUID
    mark_id: PublicId
    if_version: int = Field(ge=1)
    drawing: Drawing


class RemoveMark(Message):
    type: Literal["mark.remove"] = "mark.remove"
    id: UUID
    mark_id: PublicId
    if_version: int = Field(ge=1)


class DraftOutcome(Message):
    """Keep what is typed. `written_for` is the case in front of the writer, bound to the form."""

    type: Literal["outcome.draft"] = "outcome.draft"
    id: UUID
    case_id: PublicId
    written_for: PublicId
    if_version: int = Field(ge=0)
    fields: dict[OutcomeField, JsonValue] = Field(max_length=16)


class Heartbeat(Message):
    """Alive, how far, and whether what is on this screen is the presenter's, whole.

    Sent after room.welcome, at every room.pulse (timers sleep in a hidden tab, messages do not),
    and every 2 s by the tab that presents: its lease lapses 10 s after the last.
    """

    type: Literal["room.heartbeat"] = "room.heartbeat"
    seq: int = Field(ge=0)
    following: bool
    preview: int | None = Field(default=None, ge=0, le=100, description="per cent, None: full")


class ShowView(Message):
    type: Literal["view.show"] = "view.show"
    fence: Fence
    pane: str = Field(max_length=16)
    view: View


class ShowLayout(Message):
    type: Literal["layout.show"] = "layout.show"
    fence: Fence
    layout: Layout


class PointAt(Message):
    """Where somebody points; anyone in the room may."""

    type: Literal["pointer.move"] = "pointer.move"
    fence: Fence
    pane: str = Field(max_length=16)
    point: Point | None = Field(description="None: the pointer has left the pane")


class PreviewMark(Message):
    """A mark while it is drawn or dragged; None when the hand lets go. Never stored."""

    type: Literal["mark.preview"] = "mark.preview"
    fence: Fence
    pane: str = Field(max_length=16)
    place: Place
    drawing: Drawing | None


class TypeText(Message):
    """An outcome field as it is being typed, at most four times a second. Never stored.

    Bound to its own case and not to the one that is open: the writer is often half a case behind.
    """

    type: Literal["outcome.type"] = "outcome.type"
    case_id: PublicId
    field: OutcomeField
    text: str = Field(max_length=4000)
    n: int = Field(ge=0)


# ---- server -> browser: durable events ------------------------------------------


class DurableEvent(Message):
    """Something that happened. `seq` counts per meeting and is given by room_log.append."""

    seq: int = 0


class MeetingOpened(DurableEvent):
    type: Literal["meeting.opened"] = "meeting.opened"
    by: str


class CaseOpened(DurableEvent):
    type: Literal["case.opened"] = "case.opened"
    case_id: str
    by: str


class MeetingClosed(DurableEvent):
    type: Literal["meeting.closed"] = "meeting.closed"
    by: str


class ListChanged(DurableEvent):
    """A case was listed, moved or taken off: fetch the list again."""

    type: Literal["list.changed"] = "list.changed"
    by: str


class CaseRefreshed(DurableEvent):
    """Something below the case changed, a study for example: fetch it again."""

    type: Literal["case.refreshed"] = "case.refreshed"
    case_id: str


class PresenterChanged(DurableEvent):
    type: Literal["presenter.changed"] = "presenter.changed"
    term: int
    by: str
    name: str
    tab: str


class MarkCreated(DurableEvent):
    type: Literal["mark.created"] = "mark.created"
    case_id: str
    mark: MarkBody


class MarkChanged(DurableEvent):
    type: Literal["mark.changed"] = "mark.changed"
    case_id: str
    mark: MarkBody


class MarkRemoved(DurableEvent):
    type: Literal["mark.removed"] = "mark.removed"
    case_id: str
    mark_id: str
    version: int
    by: str


class OutcomeDrafted(DurableEvent):
    """Somebody's typing is saved. The words are fetched by those who may read them."""

    type: Literal["outcome.drafted"] = "outcome.drafted"
    case_id: str
    version: int
    by: str


class OutcomeRecorded(DurableEvent):
    type: Literal["outcome.recorded"] = "outcome.recorded"
    case_id: str
    version: int
    by: str


class OutcomeStepped(DurableEvent):
    """A recorded version was read back, confirmed or signed."""

    type: Literal["outcome.stepped"] = "outcome.stepped"
    case_id: str
    version: int
    step: Literal["read-back", "confirmed", "signed"]
    by: str


class AttendanceChanged(DurableEvent):
    """Somebody came or left, by any source; `present` is after it."""

    type: Literal["attendance.changed"] = "attendance.changed"
    person: str
    name: str
    present: bool


# ---- server -> browser: ephemeral events ----------------------------------------


class ViewShown(Message):
    type: Literal["view.shown"] = "view.shown"
    fence: Fence
    pane: str
    view: View


class LayoutShown(Message):
    type: Literal["layout.shown"] = "layout.shown"
    fence: Fence
    layout: Layout


class PointerMoved(Message):
    type: Literal["pointer.moved"] = "pointer.moved"
    fence: Fence
    by: str
    name: str
    pane: str
    point: Point | None


class MarkPreviewed(Message):
    type: Literal["mark.previewed"] = "mark.previewed"
    fence: Fence
    by: str
    name: str
    pane: str
    place: Place
    drawing: Drawing | None


class TextTyped(Message):
    type: Literal["outcome.typed"] = "outcome.typed"
    case_id: str
    field: OutcomeField
    text: str
    by: str
    name: str
    n: int


class Present(Message):
    """One person in the room, over all their tabs."""

    person: str
    name: str
    specialty: str
    following: bool
    preview: int | None
    is_behind: bool


class Roster(Message):
    """Who is in the room now, and whether the presenter's lease runs. Sent when it changes.

    `presenter_lost_at` comes 5 s after the presenter's last heartbeat and says when that was;
    5 s later the lease has lapsed, `presenter_since` is None and anyone may take over.
    """

    type: Literal["room.roster"] = "room.roster"
    present: tuple[Present, ...]
    presenter_since: str | None = Field(description="ISO 8601 UTC; None: nobody presents")
    presenter_lost_at: str | None = Field(description="no heartbeat of the presenter since")


class Pulse(Message):
    """Every 5 s to everybody: the newest seq and the term, so that a lost last event is noticed."""

    type: Literal["room.pulse"] = "room.pulse"
    seq: int
    term: int
    at: str


DurableCommand = (
    OpenCase | TakePresenter | GivePresenter | CreateMark | ChangeMark | RemoveMark | DraftOutcome
)
EphemeralCommand = ShowView | ShowLayout | PointAt | PreviewMark | TypeText | Heartbeat
Fenced = ViewShown | LayoutShown | PointerMoved | MarkPreviewed
EphemeralEvent = Fenced | TextTyped | Roster | Pulse
AnyDurable = Annotated[
    MeetingOpened
    | MeetingClosed
    | ListChanged
    | CaseOpened
    | CaseRefreshed
    | PresenterChanged
    | MarkCreated
    | MarkChanged
    | MarkRemoved
    | OutcomeDrafted
    | OutcomeRecorded
    | OutcomeStepped
    | AttendanceChanged,
    Field(discriminator="type"),
]


# ---- server -> one browser: answers ---------------------------------------------


class Position(Message):
    """Where the room stands as of `seq`: the open case (its seq and id) and who presents."""

    seq: int = 0
    case: int = 0
    case_id: str | None = None
    term: int = 0
    presenter: str | None = None
    tab: str = ""


class Welcome(Message):
    """To Hello: where the room stands, and every durable event after `since` up to `position.seq`.

    `is_whole` says that `events` reach back to the `since` asked for; otherwise there were too
    many (MAX_MISSED), and what they are about is to be fetched afresh. `you` is one's public id.
    """

    type: Literal["room.welcome"] = "room.welcome"
    you: str
    position: Position
    events: tuple[AnyDurable, ...]
    is_whole: bool = True


class Ack(Message):
    """The command is on record as `seq`, by this try or an earlier one."""

    type: Literal["ack"] = "ack"
    id: UUID
    seq: int


class Nak(Message):
    """The command was not carried out. `retry` says whether the same one may succeed later."""

    type: Literal["nak"] = "nak"
    id: UUID | None = None
    code: str
    message: str
    retry: bool = False


MAX_MISSED = 2000  # events in one welcome
MAX_WELCOME = 512 * 1024  # characters of one welcome: Daphne sends no message over 1 MiB

PARTS = (
    *(PointMm, PointPx, Voi, StackView, PlaneView, SlideView, DocumentView, VideoView),
    *(Pane, Layout, Fence, Drawing, Place, Measured, MarkBody, Present, Position),
)
VIEWS = (StackView, PlaneView, SlideView, DocumentView, VideoView)
COMMANDS = (
    *(Hello, OpenCase, TakePresenter, GivePresenter),
    *(CreateMark, ChangeMark, RemoveMark, DraftOutcome),
    *(ShowView, ShowLayout, PointAt, PreviewMark, TypeText, Heartbeat),
)
EVENTS = (
    *(MeetingOpened, MeetingClosed, ListChanged, CaseOpened, CaseRefreshed, PresenterChanged),
    *(MarkCreated, MarkChanged, MarkRemoved),
    *(OutcomeDrafted, OutcomeRecorded, OutcomeStepped, AttendanceChanged),
    *(ViewShown, LayoutShown, PointerMoved, MarkPreviewed, TextTyped, Roster, Pulse),
    *(Welcome, Ack, Nak),
)

_commands: TypeAdapter[Hello | DurableCommand | EphemeralCommand] = TypeAdapter(
    Annotated[Hello | DurableCommand | EphemeralCommand, Field(discriminator="type")]
)
_durable: TypeAdapter[DurableEvent] = TypeAdapter(AnyDurable)
_shared: TypeAdapter[DurableEvent | EphemeralEvent] = TypeAdapter(
    Annotated[AnyDurable | EphemeralEvent, Field(discriminator="type")]
)


def parse_command(text: str) -> Hello | DurableCommand | EphemeralCommand:
    """A browser's message. Raises pydantic.ValidationError."""
    return _commands.validate_json(text)


def id_of(text: str) -> UUID | None:
    """The id of a command that could not be understood, so that its nak finds its sender."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        return UUID(json.loads(text)["id"])
    return None


def parse_durable(body: object) -> DurableEvent:
    """An event as the room log keeps it."""
    return _durable.validate_python(body)


def parse_event(text: str) -> DurableEvent | EphemeralEvent:
    """An event for the whole room, as one process tells another."""
    return _shared.validate_json(text)
