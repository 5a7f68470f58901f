"""Who presents is known to everybody at once, however busy the machine and whoever comes or goes.

Two real Daphnes with Valkey and a SQLite file, and as many busy processes beside them as cores.
"""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from time import monotonic
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from tests.mdt.room_server import Server, hear, hello, say

pytestmark = pytest.mark.asyncio
FOLLOWERS, HAND_OVERS = 6, 30
WITHIN_S = 2  # of the answer that it is on record


@pytest.fixture(scope="module")
def servers(tmp_path_factory, valkey_url):
    first = Server(tmp_path_factory.mktemp("hand-overs"), valkey_url)
    both = (first, first.beside())
    yield both
    for server in both:
        server.kill()


@pytest.fixture
def busy_machine():
    burning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    yield
    for process in burning:
        process.kill()
        process.wait()


class Follower:
    """A tab that notes when it heard of each term. What it missed it does not ask for."""

    def __init__(self, socket):
        self._socket = socket
        self.heard_at = {}

    async def run(self):
        with suppress(ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                if message["type"] == "presenter.changed":
                    self.heard_at[message["term"]] = monotonic()


class Guests:
    """They come and go. What is said while the record is read for a hello is easily lost."""

    def __init__(self, server, done):
        self._server, self._done = server, done

    async def run(self):
        while not self._done.is_set():
            async with self._server.connect() as socket:
                for _ in range(5):
                    await hello(socket, since=10**6, tab="guest")


@pytest.mark.usefixtures("busy_machine")
async def test_every_follower_names_the_new_presenter_at_once(servers):
    async with AsyncExitStack() as sockets, asyncio.TaskGroup() as tasks:
        followers = [await seated(servers[n % 2], sockets, f"f{n}") for n in range(FOLLOWERS)]
        chairs = [await seated(server, sockets, f"c{n}") for n, server in enumerate(servers)]
        listening = [Follower(socket) for socket in followers]
        done = asyncio.Event()
        for work in (*listening, *(Guests(server, done) for server in servers)):
            tasks.create_task(work.run())
        told_at = {}
        for term in range(1, HAND_OVERS + 1):
            await take(chairs[term % 2])
            told_at[term] = monotonic()
        done.set()
        await asyncio.sleep(WITHIN_S)
        for socket in followers:
            await socket.close()
    for one in listening:
        assert set(one.heard_at) == set(told_at)
        assert max(one.heard_at[term] - at for term, at in told_at.items()) < WITHIN_S


async def seated(server, sockets, tab):
    socket = await sockets.enter_async_context(server.connect())
    await hello(socket, since=10**6, tab=tab)
    return socket


async def take(socket):
    await say(socket, "presenter.take", id=str(uuid4()))
    assert (await hear(socket, "ack", "nak"))["type"] == "ack"
