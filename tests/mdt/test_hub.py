"""Several hubs on one bus stand for several processes: who hears what, and who is here."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from mdt.live import hub as live_hub
from mdt.live.bus import MemoryBus, RedisBus
from mdt.live.hub import Hub
from mdt.live.presence import Lease
from mdt.live.room import Room, Seat
from tests.mdt.hubs import (
    OPENED,
    hear,
    next_event,
    next_text,
    nothing_for,
    pointer,
    sit_down,
    tab_of,
    taken,
)

pytestmark = pytest.mark.asyncio


class BrokenBus:
    """Redis has gone away."""

    def __init__(self, hear, again): ...
    async def subscribe(self, room): ...
    def publish(self, room, payload): ...


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
    there.leave("room", seat)
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


async def test_a_process_that_is_new_in_a_room_is_told_what_is_shown(two_hubs):
    here, there = two_hubs
    seat = await sit_down(here)
    seat.tab = tab_of("ann")
    here.send("room", pointer(n=1))
    late = await sit_down(there)
    late.tab = tab_of("bob")
    there.tell_presence("room")
    assert (await hear(late, "pointer.moved")).fence.n == 1
    here.send("room", pointer(n=2))
    assert (await hear(late, "pointer.moved")).fence.n == 2
    there.send("room", pointer(by="bob", n=1))
    while (await hear(seat, "pointer.moved")).by != "bob":
        pass


async def test_pictures_stay_off_the_bus_while_nobody_hears_them_there():
    ears = {"room": [lambda room, payload: said.append(payload.split()[1])]}
    said, hub = [], Hub(partial(MemoryBus, ears))
    await sit_down(hub)
    hub.send("room", pointer(n=1))
    assert said == []
    hub.send("room", OPENED)
    assert said == ["event"]


async def test_a_socket_that_went_away_while_it_joined_leaves_nothing_behind():
    class SlowBus(BrokenBus):
        async def subscribe(self, room):
            await asyncio.Event().wait()

        def unsubscribe(self, room): ...

    hub = Hub(SlowBus)
    joining = asyncio.create_task(hub.join("room", Seat()))
    await asyncio.sleep(0)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert hub.rooms == {}


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


async def roster_after(seat, before):
    """Who is in the next roster that differs."""
    present = before
    while present == before:
        present = [one.person for one in (await hear(seat, "room.roster")).present]
    return present


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
    assert await roster_after(seat, []) == ["bob"]
    there.leave("room", other)
    assert await roster_after(seat, ["bob"]) == []


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
