"""From a durable command to the service that carries it out, and from its refusal to a nak."""

from django.db import OperationalError
from django.http import Http404

from mdt.errors import MdtError
from mdt.meetings.access_queries import case_or_404, meeting_or_404
from mdt.meetings.room import open_case, take_presenter
from mdt.meetings.room_queries import position_of
from mdt.members import Person
from mdt.protocol import Ack, DurableCommand, Nak, OpenCase, TakePresenter, Welcome
from mdt.room_log import log


def carry_out(command: DurableCommand, *, meeting_id: str, by: Person, tab: str) -> Ack | Nak:
    try:
        return Ack(id=command.id, seq=_call(command, meeting_id, by, tab))
    except MdtError as refusal:
        return Nak(id=command.id, code=refusal.code, message=refusal.message)
    except Http404:
        return Nak(id=command.id, code="mdt.not_found", message="There is no such thing here.")
    except OperationalError:
        return Nak(id=command.id, code="mdt.not_saved", message="Not saved yet.", retry=True)


def _call(command: DurableCommand, meeting_id: str, by: Person, tab: str) -> int:
    meeting = meeting_or_404(by, meeting_id)
    match command:
        case OpenCase():
            case = case_or_404(by, command.case_id)
            return open_case(meeting=meeting, case=case, by=by, event_id=command.id)
        case TakePresenter():
            return take_presenter(meeting=meeting, by=by, tab=tab, event_id=command.id)


def welcome(*, meeting_id: str, person: Person, since: int) -> Welcome:
    meeting = meeting_or_404(person, meeting_id)
    return Welcome(position=position_of(meeting), events=tuple(log.since(meeting, since)))
