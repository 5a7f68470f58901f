"""The room of a meeting: opened, turned to a case, presented in, left. Writes only."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import WrongCase, WrongState
from mdt.meetings.checks import check_may_steer, check_role, lock
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.room_log import log

Action = AuditEvent.Action


@transaction.atomic
def open_meeting(*, meeting: Meeting, by: Person) -> None:
    meeting = lock(meeting.pk)
    check_role(meeting, by, access.MAY_RECORD_OUTCOME)
    _move(meeting, Meeting.State.LIVE)
    meeting.opened_at, meeting.opened_by = timezone.now(), by
    meeting.save(update_fields=["state", "opened_at", "opened_by"])
    log.append(meeting, protocol.MeetingOpened(by=by.public_id))
    record(Action.MEETING_OPENED, by=by, target=meeting)


@transaction.atomic
def open_case(*, meeting: Meeting, case: ListedCase, by: Person, event_id: UUID) -> int:
    """Turn the room to one case, for everybody; returns the seq of the event that says so."""
    meeting = lock(meeting.pk)
    if earlier := log.find(meeting, event_id, protocol.CaseOpened):
        return earlier.seq
    check_may_steer(meeting, by)
    if case.meeting_id != meeting.pk:
        raise WrongCase("This case is not on the list of this meeting.")
    event = protocol.CaseOpened(case_id=case.public_id, by=by.public_id)
    meeting.case, meeting.case_seq = case, log.append(meeting, event, event_id)
    meeting.save(update_fields=["case", "case_seq"])
    record(Action.CASE_OPENED, by=by, target=case)
    return meeting.case_seq


@transaction.atomic
def take_presenter(*, meeting: Meeting, by: Person, tab: str, event_id: UUID) -> int:
    """Make one tab of one person the presenter: a new term, which ends the frames of the last."""
    meeting = lock(meeting.pk)
    if earlier := log.find(meeting, event_id, protocol.PresenterChanged):
        return earlier.seq
    check_may_steer(meeting, by)
    meeting.term, meeting.presenter, meeting.presenter_tab = meeting.term + 1, by, tab
    meeting.save(update_fields=["term", "presenter", "presenter_tab"])
    record(Action.PRESENTER_CHANGED, by=by, target=meeting)
    event = protocol.PresenterChanged(
        term=meeting.term, by=by.public_id, name=by.shown_name, tab=tab
    )
    return log.append(meeting, event, event_id)


def _move(meeting: Meeting, to: Meeting.State) -> None:
    if to not in Meeting.TRANSITIONS[Meeting.State(meeting.state)]:
        raise WrongState(f"A {meeting.state} meeting cannot become {to}.")
    meeting.state = to
