"""From browser to server: commands, in the imperative."""

from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue

from mdt.protocol.base import Message, PublicId, PublicIdOrNone, TabId
from mdt.protocol.parts import Drawing, Fence, Layout, OutcomeField, Place, Point, View


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
    """Move or reword a mark of one's own. The chair moves anybody's, and rewords nobody else's."""

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
    pane: PublicId
    view: View


class ShowLayout(Message):
    type: Literal["layout.show"] = "layout.show"
    fence: Fence
    layout: Layout


class PointAt(Message):
    """Where somebody points; anyone in the room may."""

    type: Literal["pointer.move"] = "pointer.move"
    fence: Fence
    pane: PublicIdOrNone
    point: Point | None = Field(description="None: the pointer has left the pane")


class PreviewMark(Message):
    """A mark while it is drawn or dragged; None when the hand lets go. Never stored."""

    type: Literal["mark.preview"] = "mark.preview"
    fence: Fence
    pane: PublicId
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


DurableCommand = (
    OpenCase | TakePresenter | GivePresenter | CreateMark | ChangeMark | RemoveMark | DraftOutcome
)
EphemeralCommand = ShowView | ShowLayout | PointAt | PreviewMark | TypeText | Heartbeat
