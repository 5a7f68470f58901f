"""From server to everybody in the room: events, in the past tense."""

from typing import Annotated, Literal

from pydantic import Field

from mdt.protocol.base import Message
from mdt.protocol.parts import Drawing, Fence, Layout, MarkBody, OutcomeField, Place, Point, View

# ---- durable ------------------------------------------


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


# ---- ephemeral ----------------------------------------


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
