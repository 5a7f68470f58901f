"""Redis that goes away, comes back, or says nothing: no room stays deaf."""

import asyncio
from contextlib import closing, suppress
from functools import partial
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import redis

from mdt.live import bus
from mdt.live.bus import RedisBus
from mdt.live.hub import Hub
from mdt.live.presence import Lease
from mdt.protocol import Position
from tests.mdt.conftest import start_valkey
from tests.mdt.hubs import OPENED, next_event, opened, sit_down
from tests.ports import free_port

pytestmark = pytest.mark.asyncio


class Valkey:
    """A server on a port of its own that goes away and comes back."""

    def __init__(self):
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self):
        self._process = start_valkey(self._port)

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def valkey():
    server = Valkey()
    yield server
    server.kill()


@pytest_asyncio.fixture
async def make_hub():
    hubs = []

    def make(url):
        hubs.append(Hub(partial(RedisBus, url)))
        return hubs[-1]

    yield make
    for hub in hubs:
        await hub._bus.close()


async def is_heard_by(there, here):
    """Say something newer and newer until it is heard; the bus loses what nobody hears."""
    room = there.rooms["room"]
    room.place(Position(), Lease())
    for seq in range(2, 102):  # the first is missing, and so they wait for it
        here.send("room", opened(seq))
        await asyncio.sleep(0.05)
        if room._early:
            return True
    return False


async def test_a_bus_that_went_away_is_heard_again_when_it_is_back(valkey, make_hub):
    here, there = make_hub(valkey.url), make_hub(valkey.url)
    seats = [await sit_down(hub) for hub in (here, there)]
    there.rooms["room"].place(Position(), Lease())
    valkey.kill()
    here.send("room", OPENED)
    assert await next_event(seats[0]) == OPENED
    valkey.start()
    async with asyncio.timeout(5):
        await there.missing.wait()
    assert there.rooms["room"].is_doubted  # what was said meanwhile is on record
    there.rooms["room"].take(OPENED, OPENED.model_dump_json())
    here.send("room", opened(2))
    assert [(await next_event(seats[1])).seq for _ in range(2)] == [1, 2]


async def test_a_room_joined_while_redis_was_away_is_heard_once_it_is_back(
    valkey, make_hub, monkeypatch
):
    monkeypatch.setattr(bus, "TIMEOUT_S", 0.05)
    here, there = make_hub(valkey.url), make_hub(valkey.url)
    await sit_down(there, "other")
    valkey.kill()
    await sit_down(there)
    valkey.start()
    assert await is_heard_by(there, here)


async def test_a_room_left_and_joined_again_in_one_breath_is_heard(valkey, make_hub):
    here, there = make_hub(valkey.url), make_hub(valkey.url)
    there.leave("room", await sit_down(there))
    async with asyncio.timeout(0.9):  # it is confirmed, and not given up
        seat = await sit_down(there)
    here.send("room", OPENED)
    assert await next_event(seat) == OPENED


STRAY = ["x", "", "other", "other event {}", "other tabs SMITH", 'other event "SMITH"', b"\xff"]


@pytest.mark.parametrize("payload", STRAY)
async def test_a_message_that_is_not_understood_leaves_the_bus_hearing(
    valkey_url, make_hub, payload, caplog
):
    here, there = make_hub(valkey_url), make_hub(valkey_url)
    seat = await sit_down(there)
    await asyncio.to_thread(bus.publish_once, valkey_url, "room", payload)
    here.send("room", OPENED)
    assert await next_event(seat) == OPENED
    assert "A message on the bus was not understood." in caplog.text
    assert "SMITH" not in caplog.text


class Way:
    """A proxy to Redis whose connections so far can be made to swallow everything."""

    def __init__(self, url):
        self._far = urlsplit(url).port
        self._running = []
        self._lines = []

    async def __aenter__(self):
        port = free_port()
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", port)
        self.url = f"redis://127.0.0.1:{port}/0"
        return self

    async def __aexit__(self, *error):
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def fall_silent(self):
        for line in self._lines:
            line.clear()

    async def _meet(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far)
        line = asyncio.Event()
        line.set()
        self._lines.append(line)
        for ends in ((reader, far_writer), (far_reader, writer)):
            self._running.append(asyncio.create_task(_pass_on(*ends, line)))


async def _pass_on(reader, writer, line):
    with suppress(OSError), closing(writer):
        while data := await reader.read(65536):
            if line.is_set():
                writer.write(data)


async def test_a_line_that_is_dead_without_a_word_is_made_again(valkey, make_hub, monkeypatch):
    monkeypatch.setattr(bus, "SILENT_S", 0.2)
    monkeypatch.setattr(bus, "TIMEOUT_S", 0.2)
    async with Way(valkey.url) as way:
        here, there = make_hub(valkey.url), make_hub(way.url)
        await sit_down(there)
        way.fall_silent()
        assert await is_heard_by(there, here)
        await there._bus.close()


# ---- what comes at the moment in which a room is left --------------------------------------------

TURNS = range(6)  # of the event loop: at some of them Redis is just being told


@pytest.mark.parametrize("turns", TURNS)
async def test_a_bus_closes_whatever_it_is_saying(valkey, turns):
    ears = RedisBus(valkey.url, lambda *_: None, lambda _: None)
    await ears.subscribe("room")
    ears.unsubscribe("room")
    for _ in range(turns):
        await asyncio.sleep(0)
    closing_down = asyncio.create_task(ears.close())
    assert await asyncio.wait([closing_down], timeout=5) == ({closing_down}, set())


@pytest.mark.parametrize("turns", TURNS)
async def test_a_line_that_breaks_while_something_is_said_is_made_again(
    valkey, make_hub, monkeypatch, turns
):
    broken, hearing = asyncio.Event(), RedisBus._keep_hearing

    async def breaks_once(self, pubsub):
        """Until then it hears as always."""
        monkeypatch.setattr(RedisBus, "_keep_hearing", hearing)
        ear = asyncio.create_task(hearing(self, pubsub))
        await broken.wait()
        ear.cancel()
        raise redis.ConnectionError

    here = make_hub(valkey.url)
    monkeypatch.setattr(RedisBus, "_keep_hearing", breaks_once)
    there = make_hub(valkey.url)
    seat = await sit_down(there)
    await sit_down(there, "other")
    there.leave("room", seat)
    for _ in range(turns):
        await asyncio.sleep(0)
    broken.set()
    await asyncio.sleep(0.05)
    await sit_down(there)
    assert await is_heard_by(there, here)
