"""From a durable command to the service that carries it out, and from its refusal to a nak."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404
from django.utils import timezone

from mdt import protocol
from mdt.annotations.places import frame_at
from mdt.annotations.queries import mark_or_404, place_of
from mdt.annotations.services import UNSAID, change_mark, create_mark, remove_mark
from mdt.errors import MdtError, NotInRoom, StoreTrouble, WrongCase
from mdt.live.presence import Lease
from mdt.meetings import attendance
from mdt.meetings.access_queries import case_or_404, meeting_or_404
from mdt.meetings.checks import roles_today
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.room import give_presenter, open_case, take_presenter
from mdt.meetings.room_queries import position_of
from mdt.members import Person, Role
from mdt.outcomes.services import save_draft
from mdt.outcomes.shown import Showing, keep_shown
from mdt.protocol import Ack, DurableCommand, DurableEvent, Nak, Welcome
from mdt.room_log import log

logger = logging.getLogger(__name__)

NOT_HERE = "There is no such thing here."
STORE_SILENT = "Not saved yet: the store does not answer. It will be tried again."
NOT_SAVED = "Not saved yet: the record does not answer. It will be tried again."
MARKED = (protocol.MarkCreated, protocol.MarkChanged, protocol.MarkRemoved)

#: What a command may become: one sent again is answered from the log before anything is looked up.
BECOMES: dict[type[DurableCommand], tuple[type[DurableEvent], ...]] = {
    protocol.OpenCase: (protocol.CaseOpened,),
    protocol.TakePresenter: (protocol.PresenterChanged,),
    protocol.GivePresenter: (protocol.PresenterChanged,),
    protocol.CreateMark: (protocol.MarkCreated, UNSAID),
    protocol.ChangeMark: (protocol.MarkChanged, UNSAID),
    protocol.RemoveMark: (protocol.MarkRemoved, UNSAID),
    protocol.DraftOutcome: (protocol.OutcomeDrafted,),
}

#: After these the pictures of before belong to the room no more.
TURNS = (protocol.OpenCase, protocol.TakePresenter, protocol.GivePresenter)


@dataclass(frozen=True)
class Sender:
    """Who sends from where; `to_tab` is the tab a hand-over goes to, None: they are not here.

    `is_heard`: this tab presents, and the room takes its pictures. `leaves`: what the room is shown
    and is not kept yet, where the command takes it off the screens.
    """

    meeting_id: str
    person: Person
    tab: str
    to_tab: str | None = None
    is_heard: bool = False
    leaves: Showing | None = None


@dataclass(frozen=True)
class Entry:
    """What a socket needs to know of the record before it is greeted."""

    welcome: Welcome
    lease: Lease
    specialty: str


def carry_out(command: DurableCommand, sender: Sender) -> Ack | Nak:
    if sender.leaves:
        _keep(sender.meeting_id, sender.leaves)
    try:
        return Ack(id=command.id, seq=_carry_out(command, sender))
    except StoreTrouble as trouble:
        text = STORE_SILENT if trouble.may_pass else trouble.message
        return Nak(id=command.id, code=trouble.code, message=text, retry=trouble.may_pass)
    except MdtError as refusal:
        return Nak(id=command.id, code=refusal.code, message=refusal.message)
    except Http404:
        return Nak(id=command.id, code="mdt.not_found", message=NOT_HERE)
    except (OperationalError, InterfaceError):
        return Nak(id=command.id, code="mdt.not_saved", message=NOT_SAVED, retry=True)


def enter(*, meeting_id: str, person: Person, since: int) -> Entry:
    """Note that the person is here, then read where the room stands. Raises Http404."""
    meeting_or_404(person, meeting_id)
    with suppress(DatabaseError):  # a busy database keeps nobody out; the next round notes them
        attendance.note_heard(meeting_id=meeting_id, people=[person.public_id])
    meeting = meeting_or_404(person, meeting_id)
    return Entry(
        welcome=_welcome(meeting, person, since),
        lease=Lease(since=meeting.presenter_since, seen_at=meeting.presenter_seen_at),
        specialty=_specialty(meeting, person),
    )


def is_shown(*, meeting_id: str, person: Person, case_id: str, allowed: frozenset[Role]) -> bool:
    """Whether what this person types or draws in a case is shown to the room meanwhile.

    It is theirs to do with a role among `allowed`, and not for a restricted case: not everybody
    in the room may see it.
    """
    try:
        case = _case_here(meeting_or_404(person, meeting_id), person, case_id)
    except (Http404, WrongCase):
        return False
    roles = roles_today(case.meeting, person)
    return not case.is_restricted and not roles.isdisjoint(allowed)


def _keep(meeting_id: str, showing: Showing) -> None:
    """Before the room turns. It turns whether or not this can be kept."""
    try:
        keep_shown(meeting_id=meeting_id, showing=showing)
    except Exception:
        logger.exception("What a room was shown last could not be kept.")


def _carry_out(command: DurableCommand, sender: Sender) -> int:
    meeting = meeting_or_404(sender.person, sender.meeting_id)
    if earlier := log.find(meeting, command.id, *BECOMES[type(command)]):
        return earlier.seq
    match command:
        case protocol.OpenCase() | protocol.TakePresenter() | protocol.GivePresenter():
            return _steer(command, meeting, sender)
        case protocol.DraftOutcome():
            return _draft(command, meeting, sender.person)
    return _mark(command, meeting, sender.person)


def _steer(
    command: protocol.OpenCase | protocol.TakePresenter | protocol.GivePresenter,
    meeting: Meeting,
    sender: Sender,
) -> int:
    by, event_id = sender.person, command.id
    match command:
        case protocol.OpenCase():
            case = _case_here(meeting, by, command.case_id)
            return open_case(meeting=meeting, case=case, by=by, event_id=event_id)
        case protocol.TakePresenter():
            return take_presenter(
                meeting=meeting,
                by=by,
                tab=sender.tab,
                is_heard=sender.is_heard,
                event_id=event_id,
            )
        case protocol.GivePresenter():
            return _give(meeting, command.to, sender, event_id)


def _give(meeting: Meeting, to_id: str, sender: Sender, event_id: UUID) -> int:
    to = Person.objects.filter(public_id=to_id).first()
    if to is None or sender.to_tab is None:
        raise NotInRoom("They are not in the room.")
    by = sender.person
    return give_presenter(meeting=meeting, to=to, to_tab=sender.to_tab, by=by, event_id=event_id)


def _mark(
    command: protocol.CreateMark | protocol.ChangeMark | protocol.RemoveMark,
    meeting: Meeting,
    by: Person,
) -> int:
    if isinstance(command, protocol.CreateMark):
        case = _case_here(meeting, by, command.case_id)
        placed = frame_at(case, command.place)
        return create_mark(
            case=case, placed=placed, drawing=command.drawing, by=by, event_id=command.id
        )
    mark = mark_or_404(by, command.mark_id)
    if mark.case.meeting_id != meeting.pk:
        raise Http404
    if isinstance(command, protocol.RemoveMark):
        return remove_mark(mark=mark, if_version=command.if_version, by=by, event_id=command.id)
    return change_mark(
        mark=mark,
        placed=frame_at(mark.case, place_of(mark)),
        if_version=command.if_version,
        drawing=command.drawing,
        by=by,
        event_id=command.id,
    )


def _draft(command: protocol.DraftOutcome, meeting: Meeting, by: Person) -> int:
    return save_draft(
        case=_case_here(meeting, by, command.case_id),
        written_for=command.written_for,
        if_version=command.if_version,
        fields={str(name): value for name, value in command.fields.items()},
        by=by,
        event_id=command.id,
    )


def _case_here(meeting: Meeting, by: Person, case_id: str) -> ListedCase:
    case = case_or_404(by, case_id)
    if case.meeting_id != meeting.pk:
        raise WrongCase("This case is not on the list of this meeting.")
    return case


def _welcome(meeting: Meeting, person: Person, since: int) -> Welcome:
    """Events up to the position that was read; what comes later is in the socket's outbox."""
    position = position_of(meeting)
    events = log.since(meeting, since, at_most=protocol.MAX_MISSED + 1)
    until = _unsaid(meeting, [event for event in events if event.seq <= position.seq])
    whole = Welcome(you=person.public_id, position=position, events=until)
    is_sane = since <= position.seq and len(events) <= protocol.MAX_MISSED
    if is_sane and len(whole.model_dump_json()) <= protocol.MAX_WELCOME:
        return whole
    return whole.model_copy(update={"events": (), "is_whole": False})


def _unsaid(meeting: Meeting, events: Sequence[DurableEvent]) -> tuple[DurableEvent, ...]:
    """Of a case that was restricted since, not what was drawn in it: only that it changed."""
    marked = {event.case_id for event in events if isinstance(event, MARKED)}
    restricted = meeting.cases.filter(public_id__in=marked, is_restricted=True)
    closed = set(restricted.values_list("public_id", flat=True)) if marked else set()
    return tuple(
        UNSAID(seq=event.seq, case_id=event.case_id)
        if isinstance(event, MARKED) and event.case_id in closed
        else event
        for event in events
    )


def _specialty(meeting: Meeting, person: Person) -> str:
    today = timezone.localdate()
    theirs = [m for m in meeting.team.memberships.filter(person=person) if m.is_in_date(today)]
    return next((str(m.get_specialty_display()) for m in theirs if m.specialty), "")
