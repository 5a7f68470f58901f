"""The room of a meeting: opened, turned to a case, presented in, closed. Writes only."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import NotAllowed, PresenterTaken, WrongCase, WrongState
from mdt.meetings.checks import check_is_live, check_may_steer, check_role, lock, roles_today
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.room_queries import lease_runs
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
def close_meeting(*, meeting: Meeting, by: Person) -> None:
    """End the meeting: nobody presents any longer, and everybody has left."""
    meeting = lock(meeting.pk)
    check_role(meeting, by, access.MAY_RECORD_OUTCOME)
    _move(meeting, Meeting.State.CLOSED)
    meeting.closed_at = timezone.now()
    meeting.presenter_seen_at = None
    meeting.save(update_fields=["state", "closed_at", "presenter_seen_at"])
    meeting.attendances.filter(left_at=None).update(left_at=meeting.closed_at)
    log.append(meeting, protocol.MeetingClosed(by=by.public_id))
    record(Action.MEETING_CLOSED, by=by, target=meeting)


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
def take_presenter(
    *, meeting: Meeting, by: Person, tab: str, is_heard: bool, event_id: UUID
) -> int:
    """Make one tab of `by` the presenter; returns the seq of the event that began its term.

    While somebody's lease runs only they (from another tab) and the chair or a deputy may take. A
    tab whose own lease runs keeps its term: nothing changes, and the lease is renewed. `is_heard`:
    the room takes its pictures; the record may be a moment behind the room in ending a lease.

    Raises
    ------
    NotAllowed
        The role of `by` presents nowhere.
    WrongState
        The meeting is not live.
    PresenterTaken
        Somebody else presents.
    """
    meeting = lock(meeting.pk)
    if earlier := log.find(meeting, event_id, protocol.PresenterChanged):
        return earlier.seq
    check_may_steer(meeting, by)
    if lease_runs(meeting):
        if meeting.presenter_id != by.pk:
            _check_may_take_over(meeting, by)
        elif meeting.presenter_tab == tab and is_heard:
            return _keep_term(meeting)
    return _begin_term(meeting, by, tab, by, event_id)


@transaction.atomic
def give_presenter(*, meeting: Meeting, to: Person, to_tab: str, by: Person, event_id: UUID) -> int:
    """Hand the picture to one tab of a person in the room; from the presenter or the chair."""
    meeting = lock(meeting.pk)
    if earlier := log.find(meeting, event_id, protocol.PresenterChanged):
        return earlier.seq
    check_is_live(meeting)
    if not (meeting.presenter_id == by.pk and lease_runs(meeting)):
        check_role(meeting, by, access.MAY_TAKE_OVER)
    if roles_today(meeting, to).isdisjoint(access.MAY_STEER_ROOM):
        raise NotAllowed("The role of this person does not allow presenting.")
    return _begin_term(meeting, to, to_tab, by, event_id)


def renew_lease(*, meeting_id: str, term: int, tab: str) -> None:
    """A heartbeat of the presenter's tab. One UPDATE, so no transaction of its own."""
    presented = Meeting.objects.filter(public_id=meeting_id, state=Meeting.State.LIVE)
    presented.filter(term=term, presenter_tab=tab).update(presenter_seen_at=timezone.now())


def _check_may_take_over(meeting: Meeting, by: Person) -> None:
    if roles_today(meeting, by).isdisjoint(access.MAY_TAKE_OVER):
        name = meeting.presenter.shown_name if meeting.presenter else "Somebody"
        raise PresenterTaken(f"{name} is presenting. Ask them to hand over.")


def _keep_term(meeting: Meeting) -> int:
    meeting.presenter_seen_at = timezone.now()
    meeting.save(update_fields=["presenter_seen_at"])
    began = log.last(meeting, protocol.PresenterChanged)
    return began.seq if began else meeting.room_seq


def _begin_term(meeting: Meeting, presenter: Person, tab: str, by: Person, event_id: UUID) -> int:
    """A new term ends the frames of the last: they no longer pass the fence."""
    meeting.term, meeting.presenter, meeting.presenter_tab = meeting.term + 1, presenter, tab
    meeting.presenter_since = meeting.presenter_seen_at = timezone.now()
    meeting.save(
        update_fields=["term", "presenter", "presenter_tab", "presenter_since", "presenter_seen_at"]
    )
    term = str(meeting.term)
    record(Action.PRESENTER_CHANGED, by=by, target=meeting, to=presenter.public_id, term=term)
    event = protocol.PresenterChanged(
        term=meeting.term, by=presenter.public_id, name=presenter.shown_name, tab=tab
    )
    return log.append(meeting, event, event_id)


def _move(meeting: Meeting, to: Meeting.State) -> None:
    if to not in Meeting.TRANSITIONS[Meeting.State(meeting.state)]:
        raise WrongState(f"A {meeting.state} meeting cannot become {to}.")
    meeting.state = to
