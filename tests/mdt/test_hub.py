"""The hub alone: several hubs on one bus stand for several processes."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
import pytest_asyncio
from django.utils import timezone

from mdt.live import hub as live_hub
from mdt.live.bus import MemoryBus, RedisBus
from mdt.live.fence import MAX_KEYS
from mdt.live.hub import Hub
from mdt.live.outbox import Behind, Outbox
from mdt.live.presence import Lease, Tab
from mdt.live.room import Room, Seat
from mdt.protocol import (
    CaseOpened,
    Fence,
    Heartbeat,
    MeetingClosed,
    PointerMoved,
    PointMm,
    Position,
    PresenterChanged,
    TextTyped,
    parse_event,
)
from tests.mdt.conftest import free_port, start_valkey

pytestmark = pytest.mark.asyncio
OPENED = CaseOpened(seq=1, case_id="smith", by="chair")


HERE = PointMm(x=1, y=2, z=3)


def pointer(by="ann", case=0, term=0, n=0, point=HERE):
    fence = Fence(case=case, term=term, n=n)
    return PointerMoved(fence=fence, by=by, name=by, pane="a", point=point)


def opened(seq, case_id="smith"):
    return CaseOpened(seq=seq, case_id=case_id, by="chair")


def taken(seq, term=1, by="ann", tab="t"):
    return PresenterChanged(seq=seq, term=term, by=by, name=by, tab=tab)


def tab_of(person="ann", name="t", **state):
    now = timezone.now()
    details = {"name": person, "specialty": "", "seen_at": now, "used_at": now}
    return Tab(person=person, tab=name, **details | state)


class BrokenBus:
    """Redis has gone away."""

    def __init__(self, hear): ...
    async def subscribe(self, room): ...
    def publish(self, room, payload): ...


@pytest_asyncio.fixture(params=["memory", "redis"])
async def two_hubs(request, valkey_url):
    ears = {}
    make = partial(MemoryBus, ears) if request.param == "memory" else partial(RedisBus, valkey_url)
    hubs = Hub(make), Hub(make)
    yield hubs
    if request.param == "redis":
        for hub in hubs:
            await hub._bus.close()


async def sit_down(hub, room_id="room", **details):
    seat = Seat(**details)
    await hub.join(room_id, seat)
    return seat


async def next_text(seat):
    async with asyncio.timeout(2):
        await seat.outbox.wait()
    return seat.outbox.pop()


async def next_event(seat):
    return parse_event(await next_text(seat))


async def hear(seat, type):
    while (event := await next_event(seat)).type != type:
        pass
    return event


def nothing_for(seat):
    return not seat.outbox._something.is_set()


# ---- who hears what --------------------------------------------------------------------------


async def test_an_event_reaches_every_process_and_each_socket_once(two_hubs):
    here, there = two_hubs
    seats = [await sit_down(hub) for hub in (here, here, there)]
    here.send("room", OPENED)
    assert [await next_event(seat) for seat in seats] == [OPENED] * 3
    await asyncio.sleep(0.05)
    assert all(nothing_for(seat) for seat in seats)


async def test_another_room_hears_nothing(two_hubs):
    here, there = two_hubs
    seat = await sit_down(there, "other")
    here.send("room", OPENED)
    await asyncio.sleep(0.05)
    assert nothing_for(seat)


async def test_who_left_hears_nothing_and_an_empty_room_goes(two_hubs):
    here, there = two_hubs
    seat = await sit_down(there)
    await there.leave("room", seat)
    here.send("room", OPENED)
    await asyncio.sleep(0.05)
    assert nothing_for(seat)
    assert there.rooms == {}


async def test_a_process_without_sockets_in_the_room_still_tells_the_others(two_hubs):
    here, there = two_hubs
    seat = await sit_down(there)
    here.send("room", OPENED)
    assert await next_event(seat) == OPENED


async def test_sockets_of_this_process_do_not_wait_for_the_bus():
    hub = Hub(BrokenBus)
    seat = await sit_down(hub)
    hub.send("room", OPENED)
    assert await next_event(seat) == OPENED


async def test_everyone_is_sent_the_same_object():
    hub = Hub(partial(MemoryBus, {}))
    seats = [await sit_down(hub) for _ in range(2)]
    hub.send("room", OPENED)
    first, second = [await next_text(seat) for seat in seats]
    assert first is second


async def test_a_process_without_a_hub_tells_the_rooms_of_the_others(
    valkey_url, settings, monkeypatch
):
    monkeypatch.setattr(live_hub, "_hub", None)
    settings.REDIS_URL = valkey_url
    hub = Hub(partial(RedisBus, valkey_url))
    seat = await sit_down(hub)
    await asyncio.to_thread(live_hub.publish, "room", OPENED)
    assert await next_event(seat) == OPENED
    await asyncio.to_thread(live_hub.revoke, "ann")
    async with asyncio.timeout(2):
        await hub.wake.wait()
    assert hub.doubted == {"ann"}
    await hub._bus.close()


# ---- durable events: in order, each once -----------------------------------------------------


async def test_events_are_said_in_the_order_of_their_seq_and_each_once():
    room, seat = Room(), Seat()
    room.seats.add(seat)
    room.move_to(Position(seq=4), Lease())
    for seq in (6, 5, 5, 4, 7):
        room.take(opened(seq), str(seq))
    assert [await next_text(seat) for _ in range(3)] == ["5", "6", "7"]
    assert nothing_for(seat)
    assert (room.position.seq, room.is_missing) == (7, False)


async def test_a_hole_is_known_and_the_round_is_woken():
    hub = Hub(partial(MemoryBus, {}))
    seat = await sit_down(hub)
    hub.rooms["room"].move_to(Position(seq=4), Lease())
    hub.send("room", opened(6))
    assert (nothing_for(seat), hub.rooms["room"].is_missing) == (True, True)
    assert hub.wake.is_set()
    hub.send("room", opened(5))
    assert [(await next_event(seat)).seq for _ in range(2)] == [5, 6]


async def test_what_came_before_the_record_was_read_is_said_after_it():
    room, seat = Room(), Seat()
    room.seats.add(seat)
    for seq in (7, 8, 9):
        room.take(opened(seq), str(seq))
    assert nothing_for(seat)
    assert room.is_missing is False  # nobody has asked the record yet
    room.move_to(Position(seq=8, case=8), Lease())
    assert await next_text(seat) == "9"


async def test_an_older_position_does_not_move_the_room_back():
    room = Room()
    room.take(OPENED, "opened")
    room.move_to(Position(), Lease())
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
    room.move_to(Position(seq=3, term=1), Lease())
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
    room.move_to(Position(seq=1, term=1, presenter="ann", tab="t"), old)
    assert room.lease.seen_at > old.seen_at


# ---- presence --------------------------------------------------------------------------------


async def test_the_roster_is_over_all_processes(two_hubs):
    here, there = two_hubs
    seats = [await sit_down(here), await sit_down(there)]
    for hub, seat, person in zip(two_hubs, seats, ("ann", "bob"), strict=True):
        seat.tab = tab_of(person)
        hub.tell_presence("room")
    for seat in seats:
        while len((roster := await hear(seat, "room.roster")).present) < 2:
            pass
        assert [one.person for one in roster.present] == ["ann", "bob"]


async def test_a_roster_that_did_not_change_is_not_sent_again():
    hub = Hub(partial(MemoryBus, {}))
    seat = await sit_down(hub)
    seat.tab = tab_of()
    for _ in range(3):
        hub.tell_presence("room")
    await hear(seat, "room.roster")
    hub.rooms["room"].tell_roster()
    assert nothing_for(seat)


async def test_who_leaves_in_another_process_leaves_the_roster(two_hubs):
    here, there = two_hubs
    seat, other = await sit_down(here), await sit_down(there)
    other.tab = tab_of("bob")
    there.tell_presence("room")
    while not (await hear(seat, "room.roster")).present:
        pass
    await there.leave("room", other)
    while (await hear(seat, "room.roster")).present:
        pass


async def test_the_tabs_of_a_process_that_went_silent_count_no_longer():
    room = Room()
    room.hear_tabs("killed", (tab_of("bob"),), timezone.now() - timedelta(seconds=16))
    assert room.all_tabs() == []


async def test_a_lease_is_kept_by_a_heartbeat_in_another_process():
    room, now = Room(), timezone.now()
    room.take(taken(1, by="ann", tab="t"), "")
    room.lease = Lease(since=now, seen_at=now - timedelta(seconds=9))
    room.hear_tabs("other", (tab_of("ann", "t"),), now)
    assert now - room.lease.seen_at < timedelta(seconds=1)


async def test_a_revoked_person_is_doubted_in_every_process(two_hubs):
    here, there = two_hubs
    for hub in two_hubs:
        await sit_down(hub)
    here.revoke("ann")
    async with asyncio.timeout(2):
        await there.wake.wait()
    assert here.doubted == there.doubted == {"ann"}


# ---- the outbox ------------------------------------------------------------------------------


async def test_a_slow_socket_gets_the_newest_of_each_key_after_all_that_is_durable():
    outbox = Outbox()
    for text, key in (
        ("v1", "view:a"),
        ("d1", ""),
        ("v2", "view:a"),
        ("p1", "pointer"),
        ("d2", ""),
    ):
        outbox.put(text, key)
    assert [outbox.pop() for _ in range(4)] == ["d1", "d2", "v2", "p1"]
    assert not outbox._something.is_set()


async def test_a_socket_that_keeps_up_is_written_to_straight():
    sent, outbox = [], Outbox()
    outbox.open(lambda text: not sent.append(text))
    outbox.put("one")
    assert (sent, outbox._something.is_set()) == (["one"], False)


async def test_nothing_overtakes_what_waits():
    sent, outbox = [], Outbox()
    outbox.put("one")
    outbox.open(lambda text: not sent.append(text))
    outbox.put("two")
    assert ([outbox.pop(), outbox.pop()], sent) == (["one", "two"], [])


async def test_a_socket_too_far_behind_is_sent_away():
    outbox = Outbox(limit=2)
    for n in range(3):
        outbox.put(f"d{n}")
    with pytest.raises(Behind):
        await outbox.wait()


async def test_a_bus_that_went_away_is_heard_again_when_it_is_back():
    port = free_port()
    first = start_valkey(port)
    hubs = [Hub(partial(RedisBus, f"redis://127.0.0.1:{port}/0")) for _ in range(2)]
    here, there = hubs
    seats = [await sit_down(hub) for hub in hubs]
    first.kill()
    first.wait()
    here.send("room", OPENED)
    assert await next_event(seats[0]) == OPENED
    second = start_valkey(port)
    async with asyncio.timeout(5):
        n = 0
        while nothing_for(seats[1]):
            n += 1
            here.send("room", pointer(n=n, case=1))
            there.rooms["room"].move_to(Position(seq=1, case=1), Lease())
            await asyncio.sleep(0.05)
    for hub in hubs:
        await hub._bus.close()
    second.kill()
    second.wait()
