"""Two things at once: whatever comes in between, everybody hears of it, and soon."""

import asyncio
import threading
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async

from mdt.live import commands, hub, upkeep
from mdt.live.presence import Lease
from mdt.live.room import Room
from mdt.meetings.models import Meeting
from mdt.meetings.room import take_presenter
from mdt.meetings.room_queries import position_of
from mdt.protocol import CloseCode
from tests.mdt.browsers import POINT, Browser, fence, in_room

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("a_process_of_its_own"),
    pytest.mark.asyncio,
]


@pytest.fixture
def lost(monkeypatch):
    """Events that were committed and are still under way."""
    events = []
    monkeypatch.setattr(hub, "publish", lambda *sent: events.append(sent))
    return events


def in_loop(loop, act):
    """Do it in the loop, from a thread of the database, and wait until it is done."""

    async def acting():
        act()

    asyncio.run_coroutine_threadsafe(acting(), loop).result(5)


async def test_who_comes_between_a_commit_and_its_event_keeps_it_from_nobody(
    live_meeting, chair, observer, lost
):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        took = await chairs.ask("presenter.take")
        async with in_room(live_meeting, observer, tab="late") as late:
            assert late.position()["presenter"] == chair.public_id
            assert (await watcher.hear("presenter.changed"))["seq"] == took["seq"]
        for event in lost:
            hub._hub.send(*event)
        assert await watcher.hears_none("presenter.changed")  # heard once


async def test_who_read_the_record_before_another_placed_the_room_misses_nothing(
    live_meeting, chair, observer, lost, monkeypatch
):
    loop, enter = asyncio.get_running_loop(), commands.enter

    def overtaken(**kwargs):
        """The record is read; then somebody presents, and another's hello is quicker."""
        entry = enter(**kwargs)
        monkeypatch.setattr(commands, "enter", enter)
        take_presenter(meeting=live_meeting, by=chair, tab="t", is_heard=True, event_id=uuid4())
        position = position_of(Meeting.objects.get())
        in_loop(loop, lambda: hub._hub.place(live_meeting.public_id, position, Lease()))
        return entry

    monkeypatch.setattr(commands, "enter", overtaken)
    async with in_room(live_meeting, observer) as watcher:
        assert watcher.position()["presenter"] == chair.public_id


async def test_who_is_sent_away_while_they_are_greeted_is_not_seated(
    live_meeting, chair, monkeypatch
):
    loop, enter = asyncio.get_running_loop(), commands.enter

    def ended(**kwargs):
        (seat,) = hub._hub.rooms[live_meeting.public_id].seats
        in_loop(loop, lambda: seat.close(CloseCode.NOT_FOUND))
        return enter(**kwargs)

    monkeypatch.setattr(commands, "enter", ended)
    browser = Browser(live_meeting, chair)
    await browser.connect()
    await browser.say("room.hello", version=1, tab="tab", since=0)
    assert await browser.closing() == 4404
    assert hub._hub.rooms == {}
    await browser.disconnect()  # raises what the socket's task raised


async def test_pictures_pass_while_a_session_is_slow_to_read(live_meeting, chair):
    """Channels would let every message wait for the one thread in which it reads sessions."""
    go_on = threading.Event()
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, chair) as other:
        reading = asyncio.create_task(sync_to_async(go_on.wait)())
        try:
            await chairs.say("pointer.move", fence=fence(0, 0), pane="a", point=POINT)
            assert (await other.hear("pointer.moved"))["point"] == POINT
        finally:
            go_on.set()
            await reading


async def test_a_defect_in_one_socket_takes_its_seat_away(live_meeting, chair, monkeypatch):
    async with in_room(live_meeting, chair):
        broken = Browser(live_meeting, chair, tab="broken")
        await broken.connect()
        await broken.hello()
        with monkeypatch.context() as patch:
            patch.setattr(Room, "hear_beat", None)
            await broken.beat()
            with pytest.raises(TypeError):
                await broken.wait(timeout=3)
        (seat,) = hub._hub.rooms[live_meeting.public_id].seats
        assert seat.tab.tab == "tab"


async def test_a_round_that_failed_is_tried_again(live_meeting, chair, lost, monkeypatch, caplog):
    async with in_room(live_meeting, chair) as chairs:
        with monkeypatch.context() as patch:
            patch.setattr(upkeep, "heads", None)
            hub._hub.rooms[live_meeting.public_id].is_doubted = True
            hub._hub.missing.set()
            await asyncio.sleep(0.3)
        assert "A round of the rooms failed" in caplog.text
        await database_sync_to_async(take_presenter)(
            meeting=live_meeting, by=chair, tab="t", is_heard=True, event_id=uuid4()
        )
        assert (await chairs.hear("presenter.changed"))["by"] == chair.public_id
