"""A real Daphne with a database of its own, for tests, and a socket's first words to it."""

import asyncio
import json
import os
import subprocess
import sys
from copy import copy
from pathlib import Path

from websockets.asyncio.client import connect

from tests.mdt.conftest import wait_for
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
DAPHNE = [*(sys.executable, "-m", "daphne"), "-b", "127.0.0.1", "-v", "0", "-p"]


class Server:
    """A database of its own and a server process that can be killed and started again."""

    def __init__(self, folder, valkey_url):
        database = f"sqlite:///{folder}/db.sqlite3"
        self._environment = os.environ | {
            **{"DEMO": "1", "DJANGO_SETTINGS_MODULE": "mdt.settings", "REDIS_URL": valkey_url},
            **{"DATABASE_URL": database, "STORE_URL": f"file://{folder}/store"},
            "ALLOWED_HOSTS": "127.0.0.1",
        }
        self._port = free_port()
        self.world = json.loads(self._run("tests/mdt/room_world.py"))
        self.start()

    def beside(self):
        """One more process with the same database and the same bus."""
        other = copy(self)
        other._port = free_port()
        other.start()
        return other

    def start(self):
        command = [*DAPHNE, str(self._port), "mdt.asgi:application"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment)
        wait_for(self._port, self._process)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def events(self):
        """The room's log as the database has it: (seq, client event id)."""
        code = (
            "import django, json; django.setup();"
            "from mdt.room_log.models import RoomEvent;"
            "print(json.dumps([[e.seq, str(e.client_event_id)] for e in RoomEvent.objects.all()]))"
        )
        return json.loads(self._run("-c", code))

    def connect(self, meeting=None, session=None):
        headers = {
            "Cookie": f"sessionid={session or self.world['session']}",
            "Origin": f"http://127.0.0.1:{self._port}",
        }
        url = f"ws://127.0.0.1:{self._port}/ws/{meeting or self.world['meeting']}/"
        return connect(url, additional_headers=headers, max_size=2**20, max_queue=None, proxy=None)

    def _run(self, *what):
        command = [sys.executable, *what]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, check=True
        )
        return done.stdout


async def say(socket, type, **fields):
    await socket.send(json.dumps({"type": type, **fields}))


async def hear(socket, *types):
    async with asyncio.timeout(10):
        while (message := json.loads(await socket.recv()))["type"] not in types:
            pass
    return message


async def hello(socket, since=0, tab="tab"):
    await say(socket, "room.hello", version=1, tab=tab, since=since)
    return await hear(socket, "room.welcome")
