"""The hub alone: several hubs on one bus stand for several processes."""

import asyncio
import os
from functools import partial

import pytest
import pytest_asyncio

from mdt.live.bus import MemoryBus, RedisBus
from mdt.live.hub import Hub, Room
from mdt.live.outbox import Behind, Outbox
from mdt.protocol import CaseOpened, Fence, PointerMoved, PointMm, PresenterChanged, parse_event

pytestmark = pytest.mark.asyncio
REDIS_URL = os.environ.get("REDIS_URL", "")
OPENED = CaseOpened(seq=1, case_id="smith", by="chair")


def pointer(by="ann", case=0, term=0, n=0):
    point = PointMm(x=1, y=2, z=3)
    return PointerMoved(fence=Fence(case=case, term=term, n=n), by=by, name=by, pane="a", point=point)


class BrokenBus:
    """Redis has gone away."""

    def __init__(self, hear): ...
    async def subscribe(self, room): ...
    def publish(self, room, payload): ...


needs_redis = pytest.mark.skipif(not REDIS_URL, reason="REDIS_URL is not set")


@pytest_asyncio.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
async def two_hubs(request):
    ears = {}
    make = partial(MemoryBus, ears) if request.param == "memory" else partial(RedisBus, REDIS_URL)
    hubs = Hub(make), Hub(make)
    yield hubs
    if request.param == "redis":
        for hub in hubs:
            await hub._bus.close()


async def next_event(outbox):
    return parse_event(await asyncio.wait_for(outbox.get(), 2))


def nothing_for(outbox):
    return not outbox._something.is_set()


async def test_an_event_reaches_every_process_and_each_socket_once(two_hubs):
    here, there = two_hubs
    boxes = [Outbox() for _ in range(3)]
    for hub, box in zip((here, here, there), boxes, strict=True):
        await hub.join("room", box)
    here.send("room", OPENED)
    assert [await next_event(box) for box in boxes] == [OPENED] * 3
    await asyncio.sleep(0.05)
    assert all(nothing_for(box) for box in boxes)


async def test_another_room_hears_nothing(two_hubs):
    here, there = two_hubs
    outbox = Outbox()
    await there.join("other", outbox)
    here.send("room", OPENED)
    await asyncio.sleep(0.05)
    assert nothing_for(outbox)


async def test_who_left_hears_nothing_and_an_empty_room_goes(two_hubs):
    here, there = two_hubs
    outbox = Outbox()
    await there.join("room", outbox)
    await there.leave("room", outbox)
    here.send("room", OPENED)
    await asyncio.sleep(0.05)
    assert nothing_for(outbox)
    assert there.rooms == {}


async def test_a_process_without_sockets_in_the_room_still_tells_the_others(two_hubs):
    here, there = two_hubs
    outbox = Outbox()
    await there.join("room", outbox)
    here.send("room", OPENED)
    assert await next_event(outbox) == OPENED


async def test_sockets_of_this_process_do_not_wait_for_the_bus():
    hub = Hub(BrokenBus)
    outbox = Outbox()
    await hub.join("room", outbox)
    hub.send("room", OPENED)
    assert await next_event(outbox) == OPENED


async def test_everyone_is_sent_the_same_object():
    hub, boxes = Hub(partial(MemoryBus, {})), [Outbox(), Outbox()]
    for box in boxes:
        await hub.join("room", box)
    hub.send("room", OPENED)
    first, second = [await box.get() for box in boxes]
    assert first is second


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
    room = Room()
    room.take(PresenterChanged(seq=4, term=2, by="ann", name="Ann", tab="t"), "")
    room.take(CaseOpened(seq=5, case_id="smith", by="ann"), "")
    room.take(pointer(case=5, term=2, n=7), "first")
    outbox = Outbox()
    room.outboxes.add(outbox)
    assert room.take(frame, "text") == expected
    assert nothing_for(outbox) != expected


async def test_the_next_case_leaves_no_picture_of_the_last():
    room = Room()
    room.take(pointer(n=1), "on nothing")
    assert room.latest == {"pointer:ann": "on nothing"}
    room.take(OPENED, "opened")
    assert room.latest == {}
    assert room.take(pointer(case=1, n=0), "on smith")


async def test_an_older_position_does_not_move_the_room_back():
    room = Room()
    before = room.position
    room.take(OPENED, "opened")
    room.move_to(before)
    assert (room.position.case, room.position.case_id) == (1, "smith")


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
    assert [await outbox.get() for _ in range(4)] == ["d1", "d2", "v2", "p1"]
    assert nothing_for(outbox)


async def test_a_socket_too_far_behind_is_sent_away():
    outbox = Outbox(limit=2)
    for n in range(3):
        outbox.put(f"d{n}")
    with pytest.raises(Behind):
        await outbox.get()
