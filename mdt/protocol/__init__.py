"""Every message that crosses the live room's WebSocket, and nothing else.

This package is the only source. `manage.py export_protocol` writes
static/js/room/protocol.js from it, and tests/test_in_step.py fails when the two
differ. Ids are public ids. Times are ISO 8601 in UTC. Frames count from 1.
Commands are imperative (`case.open`), events past tense (`case.opened`).
Durable ones carry an id from the browser, are answered by ack or nak, and come
back to everyone as an event with a `seq`. Ephemeral ones carry a fence and may be lost.
"""

import json
import re
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from pydantic import Field, TypeAdapter

from mdt.protocol.answers import (
    Ack,
    Nak,
    Position,
    Welcome,
)
from mdt.protocol.base import (
    MAX_BYTES,
    MAX_MISSED,
    MAX_WELCOME,
    PROTOCOL_VERSION,
    CloseCode,
    Message,
    PublicId,
    TabId,
)
from mdt.protocol.commands import (
    ChangeMark,
    CreateMark,
    DraftOutcome,
    DurableCommand,
    EphemeralCommand,
    GivePresenter,
    Heartbeat,
    Hello,
    OpenCase,
    PointAt,
    PreviewMark,
    RemoveMark,
    ShowLayout,
    ShowView,
    TakePresenter,
    TypeText,
)
from mdt.protocol.events import (
    AnyDurable,
    AttendanceChanged,
    CaseOpened,
    CaseRefreshed,
    DurableEvent,
    EphemeralEvent,
    Fenced,
    LayoutShown,
    ListChanged,
    MarkChanged,
    MarkCreated,
    MarkPreviewed,
    MarkRemoved,
    MeetingClosed,
    MeetingOpened,
    OutcomeDrafted,
    OutcomeRecorded,
    OutcomeStepped,
    PointerMoved,
    Present,
    PresenterChanged,
    Pulse,
    Roster,
    TextTyped,
    ViewShown,
)
from mdt.protocol.parts import (
    DocumentView,
    Drawing,
    Fence,
    Layout,
    MarkBody,
    Measured,
    OutcomeField,
    Pane,
    Place,
    PlaneView,
    Point,
    PointMm,
    PointPx,
    SlideView,
    StackView,
    VideoView,
    View,
    Voi,
)

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

#: How a browser writes the beginning of a durable command.
_HEAD = re.compile(r'\s*\{\s*"type"\s*:\s*"[a-z.]+"\s*,\s*"id"\s*:\s*"([0-9a-f-]{36})"')
_MAX_HEAD = 200

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


def id_of_long(text: str) -> UUID | None:
    """The same of a command over MAX_BYTES, of which only the beginning is read."""
    head = _HEAD.match(text[:_MAX_HEAD])
    with suppress(ValueError):
        return UUID(head[1]) if head else None
    return None


def parse_durable(body: object) -> DurableEvent:
    """An event as the room log keeps it."""
    return _durable.validate_python(body)


def parse_event(text: str) -> DurableEvent | EphemeralEvent:
    """An event for the whole room, as one process tells another."""
    return _shared.validate_json(text)
