"""One room of one process: the order of events, the fence, the presenter's lease."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from mdt.live import room as live_room
from mdt.live.bus import MemoryBus
from mdt.live.fence import MAX_KEYS
from mdt.live.hub import Hub
from mdt.live.presence import Lease
from mdt.live.room import Room, Seat
from mdt.protocol import CloseCode, Heartbeat, MeetingClosed, Position, TextTyped
from tests.mdt.hubs import (
    OPENED,
    next_event,
    next_text,
    nothing_for,
    opened,
    pointer,
    sit_down,
    tab_of,
    taken,
)

pytestmark = pytest.mark.asyncio


# ---- durable events: in order, each once -----------------------------------------------------


async def test_events_are_said_in_the_order_of_their_seq_and_each_once():
    room, seat = Room(), Seat()
    room.seats.add(seat)
    room.place(Position(seq=4), Lease())
    for seq in (6, 5, 5, 4, 7):
        room.take(opened(seq), str(seq))
    assert [await next_text(seat) for _ in range(3)] == ["5", "6", "7"]
    assert nothing_for(seat)
    assert (room.position.seq, room.is_missing) == (7, False)


async def test_a_hole_is_known_and_the_round_is_woken():
    hub = Hub(partial(MemoryBus, {}))
    seat = await sit_down(hub)
    hub.rooms["room"].place(Position(seq=4), Lease())
    hub.send("room", opened(6))
    assert (nothing_for(seat), hub.rooms["room"].is_missing) == (True, True)
    assert hub.missing.is_set()
    hub.send("room", opened(5))
    assert [(await next_event(seat)).seq for _ in range(2)] == [5, 6]


async def test_a_room_with_as_many_early_events_as_it_keeps_still_takes_the_one_it_waits_for(
    monkeypatch,
):
    monkeypatch.setattr(live_room, "MAX_EARLY", 3)
    room, seat = Room(), Seat()
    room.seats.add(seat)
    room.place(Position(seq=4), Lease())
    assert [room.take(opened(seq), str(seq)) for seq in (6, 7, 8, 9)] == [True, True, True, False]
    assert room.take(opened(5), "5")
    assert [await next_text(seat) for _ in range(4)] == ["5", "6", "7", "8"]
    assert room.take(opened(9), "9")


async def test_what_came_before_the_record_was_read_is_said_after_it():
    room, seat = Room(), Seat()
    room.seats.add(seat)
    for seq in (7, 8, 9):
        room.take(opened(seq), str(seq))
    assert nothing_for(seat)
    assert room.is_missing is False  # nobody has asked the record yet
    room.place(Position(seq=8, case=8), Lease())
    assert await next_text(seat) == "9"


async def test_a_record_that_is_further_on_jumps_over_nobody_who_sits_here():
    """Somebody came between a commit and its event: the others are still to hear it."""
    room, seat = Room(), Seat()
    room.seats.add(seat)
    room.place(Position(seq=4), Lease())
    room.place(Position(seq=5, term=1, presenter="ann", tab="t"), Lease())
    assert (room.position.seq, room.is_missing) == (4, True)
    assert room.take(taken(5), "taken")
    assert await next_text(seat) == "taken"
    assert (room.position.presenter, room.is_missing) == ("ann", False)


async def test_a_socket_that_cannot_be_written_to_keeps_nothing_from_the_others():
    def broken(text):
        raise RuntimeError

    codes, room, others = [], Room(), [Seat() for _ in range(5)]
    bad = Seat(close=codes.append)
    bad.outbox.open(broken)
    room.seats.update([bad, *others])
    room.take(OPENED, "opened")
    assert [await next_text(seat) for seat in others] == ["opened"] * 5
    assert codes == [CloseCode.COME_BACK]


async def test_an_older_position_does_not_move_the_room_back():
    room = Room()
    room.take(OPENED, "opened")
    room.place(Position(), Lease())
    assert (room.position.case, room.position.case_id) == (1, "smith")


# ---- the fence -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pointer(case=5, term=2, n=8), True),
        (pointer(case=4, term=2, n=9), False),
        (pointer(case=6, term=2, n=9), False),
        (pointer(case=5, term=1, n=9), False),
        (pointer(case=5, term=2, n=7), False),
        (pointer(by="bob", case=5, term=2, n=0), True),
    ],
)
async def test_only_what_fits_case_term_and_order_passes_the_fence(frame, expected):
    room, seat = Room(), Seat()
    room.place(Position(seq=3, term=1), Lease())
    room.take(taken(4, term=2), "")
    room.take(opened(5), "")
    room.take(pointer(case=5, term=2, n=7), "first")
    room.seats.add(seat)
    assert room.take(frame, "text") == expected
    assert nothing_for(seat) != expected


async def test_the_next_case_leaves_no_picture_of_the_last():
    room = Room()
    room.take(pointer(n=1), "on nothing")
    assert room.latest.items() == [("pointer:ann", "on nothing")]
    room.take(OPENED, "opened")
    assert room.latest.items() == []
    assert room.take(pointer(case=1, n=0), "on smith")


async def test_a_pointer_that_left_is_kept_for_nobody_and_stays_away():
    room = Room()
    room.take(pointer(n=1), "here")
    room.take(pointer(n=3, point=None), "gone")
    assert room.latest.items() == []
    assert not room.take(pointer(n=2), "late")


async def test_two_who_type_in_one_field_are_each_held_to_their_own_order():
    room = Room()
    for by, n, text in (("ann", 9000, "by ann"), ("bob", 5, "by bob"), ("ann", 8999, "late")):
        typed = TextTyped(case_id="smith", field="recommendation", text=text, by=by, name=by, n=n)
        room.take(typed, text)
    assert room.latest.items() == [("typed:smith:recommendation", "by bob")]


async def test_keys_without_end_are_not_kept():
    room = Room()
    said = [room.take(pointer(by=str(n)), "") for n in range(MAX_KEYS + 1)]
    assert (said.count(True), said[-1]) == (MAX_KEYS, False)


# ---- the presenter's lease ---------------------------------------------------------------------


async def test_only_the_tab_of_the_term_presents_and_only_while_it_is_heard():
    room = Room()
    room.take(taken(1, by="ann", tab="t1"), "")
    assert room.presents(tab_of("ann", "t1"))
    for other in (tab_of("ann", "t2"), tab_of("bob", "t1"), None):
        assert not room.presents(other)
    room.lease = Lease(since=timezone.now(), seen_at=timezone.now() - timedelta(seconds=11))
    assert not room.presents(tab_of("ann", "t1"))


async def test_the_presenters_heartbeat_counts_and_nobody_elses():
    room, beat = Room(), Heartbeat(seq=1, following=True)
    room.take(taken(1, by="ann", tab="t1"), "")
    assert room.hear_beat(tab_of("ann", "t1"), beat) is True
    assert room.hear_beat(tab_of("ann", "t2"), beat) is False


async def test_a_closed_meeting_has_no_presenter():
    room = Room()
    room.take(taken(1, by="ann", tab="t"), "")
    room.take(MeetingClosed(seq=2, by="chair"), "")
    assert not room.presents(tab_of("ann", "t"))


async def test_a_heartbeat_heard_here_is_newer_than_the_record():
    room, now = Room(), timezone.now()
    old = Lease(since=now, seen_at=now - timedelta(seconds=9))
    room.take(taken(1), "")
    room.place(Position(seq=1, term=1, presenter="ann", tab="t"), old)
    assert room.lease.seen_at > old.seen_at
