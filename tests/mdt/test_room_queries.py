"""Who was in the room during a time, by the rule that counts the quorum."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mdt.meetings.models import Attendance
from mdt.meetings.room_queries import present_between
from tests.factories import AttendanceFactory

SOCKET, TICK, CHECK_IN = (
    Attendance.Source.SOCKET,
    Attendance.Source.TICK,
    Attendance.Source.CHECK_IN,
)


@pytest.fixture
def attended(live_meeting, chair):
    """attended(...) says whether one row is of somebody there from minute 0 to 10.

    Times are minutes; `left` None is a row that is open.
    """
    start = timezone.now() - timedelta(hours=1)

    def at(minutes):
        return None if minutes is None else start + timedelta(minutes=minutes)

    def was_there(*, source, joined, seen, left):
        row = {"joined_at": at(joined), "seen_at": at(seen), "left_at": at(left)}
        AttendanceFactory(meeting=live_meeting, person=chair, source=source, **row)
        return present_between(live_meeting, at(0), at(10)).exists()

    return was_there


@pytest.mark.parametrize(
    ("source", "joined", "seen", "left", "was_there"),
    [
        (TICK, -5, -5, None, True),
        (TICK, -5, -5, 3, True),
        (TICK, -5, -5, -1, False),
        (CHECK_IN, 4, 4, None, True),
        (CHECK_IN, 11, 11, None, False),
        (TICK, 4, 4, 4, False),
        (SOCKET, -5, 20, None, True),
        (SOCKET, -5, 3, 3, True),
        (SOCKET, -5, -0.4, -0.4, True),
        (SOCKET, -5, -0.6, -0.6, False),
        (SOCKET, -5, -2, None, False),
        (SOCKET, -5, -2, 50, False),
        (SOCKET, 11, 12, None, False),
    ],
    ids=[
        "ticked throughout",
        "ticked until they left",
        "ticked and gone before",
        "checked in meanwhile",
        "checked in afterwards",
        "ticked on the wrong line",
        "connected throughout",
        "connected until they left",
        "last heard of just before: they counted for the quorum",
        "last heard of too long before",
        "a row a killed process left open",
        "the same, closed with the meeting",
        "connected afterwards",
    ],
)
def test_who_was_there_during_a_time(attended, source, joined, seen, left, was_there):
    assert attended(source=source, joined=joined, seen=seen, left=left) is was_there
