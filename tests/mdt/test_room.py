"""The room's services: opened, turned to a case, presented in, closed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.errors import Conflict, NotAllowed, PresenterTaken, WrongCase, WrongState
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room import (
    close_meeting,
    give_presenter,
    open_case,
    open_meeting,
    renew_lease,
    take_presenter,
)
from mdt.meetings.room_queries import present_in, specialties_missing_for_quorum
from mdt.members import Role
from mdt.room_log import log
from mdt.teams.models import QuorumRule, Specialty
from tests.factories import (
    AttendanceFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def radiologist(team):
    return MembershipFactory(team=team, role=Role.CORE, specialty=Specialty.RADIOLOGY).person


def take(meeting, by, tab="tab", event_id=None, is_heard=True):
    where = {"tab": tab, "is_heard": is_heard}
    return take_presenter(meeting=meeting, by=by, event_id=event_id or uuid4(), **where)


def give(meeting, by, to, to_tab="theirs", event_id=None):
    event_id = event_id or uuid4()
    return give_presenter(meeting=meeting, to=to, to_tab=to_tab, by=by, event_id=event_id)


def let_lease_lapse(meeting):
    Meeting.objects.update(presenter_seen_at=timezone.now() - timedelta(seconds=11))


def presenter_of(meeting):
    meeting.refresh_from_db()
    return (meeting.term, meeting.presenter, meeting.presenter_tab)


# ---- open and closed ---------------------------------------------------------------------


def test_opened_at_and_opened_by_go_together():
    with pytest.raises(IntegrityError):
        MeetingFactory(opened_at=timezone.now(), opened_by=None)


def test_every_state_has_its_row_in_the_table():
    assert set(Meeting.TRANSITIONS) == set(Meeting.State)


def test_a_meeting_is_opened_once(chair, team):
    meeting = MeetingFactory(team=team)
    open_meeting(meeting=meeting, by=chair)
    meeting.refresh_from_db()
    assert (meeting.state, meeting.opened_by) == (Meeting.State.LIVE, chair)
    with pytest.raises(WrongState):
        open_meeting(meeting=meeting, by=chair)
    assert [e.type for e in log.since(meeting, 0)] == ["meeting.opened"]


def test_closing_ends_presenting_and_everybodys_attendance(live_meeting, chair):
    take(live_meeting, chair)
    attendance = AttendanceFactory(meeting=live_meeting, person=chair)
    close_meeting(meeting=live_meeting, by=chair)
    attendance.refresh_from_db()
    live_meeting.refresh_from_db()
    assert (live_meeting.state, live_meeting.presenter_seen_at) == (Meeting.State.CLOSED, None)
    assert attendance.left_at == live_meeting.closed_at
    assert log.since(live_meeting, 0)[-1].type == "meeting.closed"
    assert AuditEvent.objects.filter(action=AuditEvent.Action.MEETING_CLOSED).count() == 1


def test_a_closed_meeting_is_not_opened_again(live_meeting, chair):
    close_meeting(meeting=live_meeting, by=chair)
    for act in (open_meeting, close_meeting):
        with pytest.raises(WrongState):
            act(meeting=live_meeting, by=chair)


@pytest.mark.parametrize("role", [Role.CORE, Role.EXTENDED, Role.OBSERVER])
def test_opening_and_closing_is_refused_to(role, team, live_meeting):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        open_meeting(meeting=MeetingFactory(team=team), by=person)
    with pytest.raises(NotAllowed):
        close_meeting(meeting=live_meeting, by=person)
    live_meeting.refresh_from_db()
    assert live_meeting.is_live


# ---- the open case -------------------------------------------------------------------------


def test_opening_a_case_moves_the_room_and_is_on_record(live_meeting, chair):
    case = ListedCaseFactory(meeting=live_meeting)
    seq = open_case(meeting=live_meeting, case=case, by=chair, event_id=uuid4())
    live_meeting.refresh_from_db()
    assert (live_meeting.case, live_meeting.case_seq, live_meeting.room_seq) == (case, seq, 1)
    assert [(e.type, e.case_id) for e in log.since(live_meeting, 0)] == [
        ("case.opened", case.public_id)
    ]
    assert AuditEvent.objects.get().target == f"mdt.ListedCase:{case.public_id}"


def test_opening_a_case_again_by_the_same_id_changes_nothing(live_meeting, chair):
    first, second = ListedCaseFactory.create_batch(2, meeting=live_meeting)
    event_id = uuid4()
    open_case(meeting=live_meeting, case=first, by=chair, event_id=event_id)
    open_case(meeting=live_meeting, case=second, by=chair, event_id=uuid4())
    assert open_case(meeting=live_meeting, case=first, by=chair, event_id=event_id) == 1
    live_meeting.refresh_from_db()
    assert (live_meeting.case, live_meeting.room_seq) == (second, 2)


def test_a_case_of_another_meeting_cannot_be_opened_here(live_meeting, chair, team):
    elsewhere = ListedCaseFactory(meeting=MeetingFactory(team=team, live=True))
    with pytest.raises(WrongCase):
        open_case(meeting=live_meeting, case=elsewhere, by=chair, event_id=uuid4())
    assert log.since(live_meeting, 0) == []


@pytest.mark.parametrize("role", [Role.EXTENDED, Role.OBSERVER])
def test_steering_is_refused_to(role, live_meeting, team):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        take(live_meeting, person)
    case = ListedCaseFactory(meeting=live_meeting)
    with pytest.raises(NotAllowed):
        open_case(meeting=live_meeting, case=case, by=person, event_id=uuid4())
    assert log.since(live_meeting, 0) == []


def test_nobody_steers_a_meeting_that_is_not_open(chair, team):
    meeting = MeetingFactory(team=team)
    with pytest.raises(WrongState):
        take(meeting, chair)
    with pytest.raises(WrongState):
        give(meeting, chair, chair)


# ---- the presenter's lease -------------------------------------------------------------------


def test_taking_begins_a_term_that_is_on_record(live_meeting, chair):
    seq = take(live_meeting, chair)
    assert presenter_of(live_meeting) == (1, chair, "tab")
    (event,) = log.since(live_meeting, 0)
    assert (event.seq, event.term, event.by, event.tab) == (seq, 1, chair.public_id, "tab")
    audited = AuditEvent.objects.get(action=AuditEvent.Action.PRESENTER_CHANGED)
    assert audited.detail == {"to": chair.public_id, "term": "1"}


def test_a_running_lease_is_not_taken_by_another(live_meeting, chair, radiologist):
    take(live_meeting, chair)
    with pytest.raises(PresenterTaken):
        take(live_meeting, radiologist)
    assert presenter_of(live_meeting) == (1, chair, "tab")


@pytest.mark.parametrize("role", [Role.CHAIR, Role.DEPUTY])
def test_a_running_lease_is_taken_over_by(role, live_meeting, radiologist, team):
    person = MembershipFactory(team=team, role=role).person
    take(live_meeting, radiologist)
    take(live_meeting, person)
    assert presenter_of(live_meeting) == (2, person, "tab")


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.CORE])
def test_a_lease_that_has_lapsed_is_free_for(role, live_meeting, chair, team):
    person = MembershipFactory(team=team, role=role).person
    take(live_meeting, chair)
    let_lease_lapse(live_meeting)
    take(live_meeting, person)
    assert presenter_of(live_meeting) == (2, person, "tab")


def test_a_heartbeat_keeps_the_lease(live_meeting, chair, radiologist):
    take(live_meeting, chair)
    let_lease_lapse(live_meeting)
    renew_lease(meeting_id=live_meeting.public_id, term=1, tab="tab")
    with pytest.raises(PresenterTaken):
        take(live_meeting, radiologist)


@pytest.mark.parametrize(("term", "tab"), [(0, "tab"), (2, "tab"), (1, "another")])
def test_a_heartbeat_of_another_term_or_tab_keeps_nothing(
    term, tab, live_meeting, chair, radiologist
):
    take(live_meeting, chair)
    let_lease_lapse(live_meeting)
    renew_lease(meeting_id=live_meeting.public_id, term=term, tab=tab)
    take(live_meeting, radiologist)
    assert presenter_of(live_meeting) == (2, radiologist, "tab")


def test_the_tab_that_presents_keeps_its_term(live_meeting, chair):
    first = take(live_meeting, chair)
    open_case(
        meeting=live_meeting,
        case=ListedCaseFactory(meeting=live_meeting),
        by=chair,
        event_id=uuid4(),
    )
    assert take(live_meeting, chair) == first
    assert presenter_of(live_meeting) == (1, chair, "tab")
    assert len(log.since(live_meeting, 0)) == 2


def test_after_the_lease_the_same_tab_begins_a_new_term(live_meeting, chair):
    take(live_meeting, chair)
    let_lease_lapse(live_meeting)
    take(live_meeting, chair)
    assert presenter_of(live_meeting) == (2, chair, "tab")


def test_a_tab_the_room_hears_no_longer_begins_a_new_term_though_its_lease_runs(
    live_meeting, chair
):
    take(live_meeting, chair)
    take(live_meeting, chair, is_heard=False)
    assert presenter_of(live_meeting) == (2, chair, "tab")


def test_a_person_moves_the_picture_to_another_tab_of_theirs(live_meeting, radiologist):
    take(live_meeting, radiologist, tab="one")
    take(live_meeting, radiologist, tab="two")
    assert presenter_of(live_meeting) == (2, radiologist, "two")


def test_the_presenter_hands_over(live_meeting, chair, radiologist):
    take(live_meeting, radiologist)
    seq = give(live_meeting, radiologist, to=chair)
    assert presenter_of(live_meeting) == (2, chair, "theirs")
    assert log.since(live_meeting, 1)[0].seq == seq


def test_the_chair_gives_the_picture_though_another_presents(live_meeting, chair, team):
    one, two = (MembershipFactory(team=team, role=Role.CORE).person for _ in range(2))
    take(live_meeting, one)
    give(live_meeting, chair, to=two)
    assert presenter_of(live_meeting) == (2, two, "theirs")


@pytest.mark.parametrize("lapsed", [False, True])
def test_who_does_not_present_gives_nothing(lapsed, live_meeting, chair, radiologist, team):
    other = MembershipFactory(team=team, role=Role.COORDINATOR).person
    take(live_meeting, radiologist if lapsed else chair)
    if lapsed:
        let_lease_lapse(live_meeting)
    with pytest.raises(NotAllowed):
        give(live_meeting, radiologist if lapsed else other, to=other)
    live_meeting.refresh_from_db()
    assert live_meeting.term == 1


def test_the_picture_is_not_given_to_who_may_not_present(live_meeting, chair, observer):
    take(live_meeting, chair)
    with pytest.raises(NotAllowed):
        give(live_meeting, chair, to=observer)
    assert presenter_of(live_meeting) == (1, chair, "tab")


def test_a_hand_over_sent_again_is_done_once(live_meeting, chair, radiologist):
    take(live_meeting, chair)
    event_id = uuid4()
    seqs = [give(live_meeting, chair, radiologist, event_id=event_id) for _ in range(2)]
    assert seqs[0] == seqs[1]
    assert presenter_of(live_meeting) == (2, radiologist, "theirs")


def test_an_id_used_for_another_act_is_refused(live_meeting, chair):
    event_id = uuid4()
    take(live_meeting, chair, event_id=event_id)
    case = ListedCaseFactory(meeting=live_meeting)
    with pytest.raises(Conflict):
        open_case(meeting=live_meeting, case=case, by=chair, event_id=event_id)


# ---- quorum ----------------------------------------------------------------------------------


def test_quorum_counts_specialties_of_members_who_are_in_the_room(live_meeting, team):
    for specialty, at_least in ((Specialty.SURGERY, 1), (Specialty.RADIOLOGY, 2)):
        QuorumRule.objects.create(team=team, specialty=specialty, at_least=at_least)
    surgeon = MembershipFactory(team=team, specialty=Specialty.SURGERY)
    first, second = MembershipFactory.create_batch(2, team=team, specialty=Specialty.RADIOLOGY)
    elsewhere = MembershipFactory(specialty=Specialty.RADIOLOGY)

    for person in (surgeon.person, first.person, elsewhere.person):
        AttendanceFactory(meeting=live_meeting, person=person)
    assert specialties_missing_for_quorum(live_meeting) == {Specialty.RADIOLOGY}

    attendance = AttendanceFactory(meeting=live_meeting, person=second.person)
    assert specialties_missing_for_quorum(live_meeting) == frozenset()

    attendance.left_at = timezone.now()
    attendance.save()
    assert specialties_missing_for_quorum(live_meeting) == {Specialty.RADIOLOGY}


def test_quorum_counts_a_person_once_and_an_observer_never(live_meeting, team, radiologist):
    QuorumRule.objects.create(team=team, specialty=Specialty.RADIOLOGY, at_least=2)
    MembershipFactory(team=team, person=radiologist, specialty=Specialty.RADIOLOGY)
    watching = MembershipFactory(
        team=team, role=Role.OBSERVER, specialty=Specialty.RADIOLOGY
    ).person
    for person in (radiologist, watching):
        AttendanceFactory(meeting=live_meeting, person=person)
    assert specialties_missing_for_quorum(live_meeting) == {Specialty.RADIOLOGY}


@pytest.mark.parametrize(
    ("source", "seconds", "counts"),
    [
        (Attendance.Source.SOCKET, 29, True),
        (Attendance.Source.SOCKET, 31, False),
        (Attendance.Source.TICK, 3600, True),
        (Attendance.Source.CHECK_IN, 3600, True),
    ],
)
def test_a_connection_not_heard_of_counts_no_longer_though_its_row_is_open(
    source, seconds, counts, live_meeting, chair
):
    seen_at = timezone.now() - timedelta(seconds=seconds)
    AttendanceFactory(meeting=live_meeting, person=chair, source=source, seen_at=seen_at)
    assert present_in(live_meeting).exists() is counts
