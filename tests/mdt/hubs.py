"""What tests of the hub are made of: events, tabs, seats, and several hubs on one bus."""

import asyncio

from django.utils import timezone

from mdt.live.presence import Tab
from mdt.live.room import Seat
from mdt.protocol import (
    CaseOpened,
    Fence,
    PointerMoved,
    PointMm,
    PresenterChanged,
    parse_event,
)

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
