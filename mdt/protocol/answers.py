"""From server to one browser: answers to what it said."""

from typing import Literal
from uuid import UUID

from mdt.protocol.base import Message
from mdt.protocol.events import AnyDurable


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
