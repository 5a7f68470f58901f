from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.errors import NotAllowed, WrongCase, WrongState
from mdt.meetings.models import Meeting
from mdt.meetings.queries import list_for_meeting
from mdt.meetings.room_queries import specialties_missing_for_quorum
from mdt.meetings.room import open_case, open_meeting, take_presenter
from mdt.meetings.services import study_changed
from mdt.members import Role
from mdt.room_log import log
from mdt.teams.models import QuorumRule, Specialty
from tests.factories import (
    AttendanceFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    StudyFactory,
)

pytestmark = pytest.mark.django_db


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


def test_the_list_costs_two_queries_however_long(live_meeting, django_assert_num_queries):
    for _ in range(5):
        ListedCaseFactory(meeting=live_meeting).referral.studies.add(StudyFactory())
    with django_assert_num_queries(2):
        rows = [
            (case.referral.question, len(case.referral.studies.all()))
            for case in list_for_meeting(live_meeting)
        ]
    assert rows == [("Is this resectable?", 1)] * 5


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


def test_each_presenter_begins_a_term(live_meeting, chair):
    for tab in ("tab-1", "tab-2"):
        take_presenter(meeting=live_meeting, by=chair, tab=tab, event_id=uuid4())
    live_meeting.refresh_from_db()
    assert (live_meeting.term, live_meeting.presenter) == (2, chair)
    assert live_meeting.presenter_tab == "tab-2"


@pytest.mark.parametrize("role", [Role.EXTENDED, Role.OBSERVER])
def test_steering_is_refused_to(role, live_meeting, team):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        take_presenter(meeting=live_meeting, by=person, tab="t", event_id=uuid4())
    case = ListedCaseFactory(meeting=live_meeting)
    with pytest.raises(NotAllowed):
        open_case(meeting=live_meeting, case=case, by=person, event_id=uuid4())
    assert log.since(live_meeting, 0) == []


def test_nobody_steers_a_meeting_that_is_not_open(chair, team):
    meeting = MeetingFactory(team=team)
    with pytest.raises(WrongState):
        take_presenter(meeting=meeting, by=chair, tab="t", event_id=uuid4())


def test_a_changed_study_refreshes_its_cases_in_meetings_that_are_not_over(live_meeting, team):
    study = StudyFactory()
    here = ListedCaseFactory(meeting=live_meeting)
    over = ListedCaseFactory(meeting=MeetingFactory(team=team, state=Meeting.State.CLOSED))
    unconcerned = ListedCaseFactory()
    for case in (here, over):
        case.referral.studies.add(study)

    study_changed(study)

    assert [(e.type, e.case_id) for e in log.since(live_meeting, 0)] == [
        ("case.refreshed", here.public_id)
    ]
    assert log.since(over.meeting, 0) == log.since(unconcerned.meeting, 0) == []
