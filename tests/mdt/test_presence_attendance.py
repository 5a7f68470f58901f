"""From heartbeats to attendance: rows opened, kept, closed and opened again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mdt.meetings.attendance import close_stale, note_heard
from mdt.meetings.models import Attendance, Meeting
from mdt.room_log import log
from tests.factories import AttendanceFactory, MeetingFactory

pytestmark = pytest.mark.django_db


def heard(meeting, *people):
    note_heard(meeting_id=meeting.public_id, people=[person.public_id for person in people])


def fall_silent(person, seconds=31):
    seen_at = timezone.now() - timedelta(seconds=seconds)
    Attendance.objects.filter(person=person, left_at=None).update(seen_at=seen_at)
    return seen_at


def told(meeting):
    return [(e.person, e.present) for e in log.since(meeting, 0) if e.type == "attendance.changed"]


def test_who_is_heard_of_has_one_row_and_the_room_is_told_once(live_meeting, chair):
    for _ in range(3):
        heard(live_meeting, chair)
    row = Attendance.objects.get()
    assert (row.person, row.source, row.left_at) == (chair, Attendance.Source.SOCKET, None)
    assert told(live_meeting) == [(chair.public_id, True)]


def test_each_heartbeat_is_kept(live_meeting, chair):
    heard(live_meeting, chair)
    before = fall_silent(chair, seconds=10)
    heard(live_meeting, chair)
    assert Attendance.objects.get().seen_at > before


def test_steady_heartbeats_open_no_transaction(
    live_meeting, chair, observer, django_assert_num_queries
):
    heard(live_meeting, chair, observer)
    with django_assert_num_queries(3) as context:
        heard(live_meeting, chair, observer)
    assert not any("SAVEPOINT" in query["sql"] for query in context)


@pytest.mark.parametrize("state", [Meeting.State.PLANNED, Meeting.State.CLOSED])
def test_a_room_that_is_not_open_is_not_attended(state, team, chair):
    meeting = MeetingFactory(team=team, state=state)
    heard(meeting, chair)
    assert not Attendance.objects.exists()
    assert log.since(meeting, 0) == []


def test_who_falls_silent_left_when_they_were_last_heard_of(live_meeting, chair):
    heard(live_meeting, chair)
    seen_at = fall_silent(chair)
    close_stale()
    assert Attendance.objects.get().left_at == seen_at
    assert told(live_meeting) == [(chair.public_id, True), (chair.public_id, False)]


def test_thirty_seconds_are_allowed(live_meeting, chair):
    heard(live_meeting, chair)
    fall_silent(chair, seconds=29)
    close_stale()
    assert Attendance.objects.get().left_at is None


def test_closing_twice_tells_once(live_meeting, chair):
    heard(live_meeting, chair)
    fall_silent(chair)
    for _ in range(2):
        close_stale()
    assert told(live_meeting)[1:] == [(chair.public_id, False)]


def test_the_rows_of_a_killed_process_are_closed_by_any_other(live_meeting, chair, team):
    """Nobody of the killed process's room is anywhere else: the sweep asks for no room."""
    elsewhere = MeetingFactory(team=team, live=True)
    heard(live_meeting, chair)
    fall_silent(chair, seconds=3600)
    heard(elsewhere, chair)
    close_stale()
    assert live_meeting.attendances.get().left_at is not None
    assert elsewhere.attendances.get().left_at is None


def test_who_comes_back_gets_a_new_row_and_the_old_one_says_when_they_left(live_meeting, chair):
    heard(live_meeting, chair)
    left_at = fall_silent(chair)
    heard(live_meeting, chair)
    old, new = Attendance.objects.order_by("joined_at")
    assert (old.left_at, new.left_at) == (left_at, None)
    assert [present for _, present in told(live_meeting)] == [True, False, True]


def test_who_is_ticked_stays_present_when_their_connection_goes(live_meeting, chair):
    AttendanceFactory(meeting=live_meeting, person=chair, source=Attendance.Source.TICK)
    heard(live_meeting, chair)
    fall_silent(chair)
    close_stale()
    assert told(live_meeting) == []
    assert live_meeting.attendances.filter(left_at=None).get().source == Attendance.Source.TICK
