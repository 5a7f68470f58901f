"""Browser tabs in a live room, for tests: they speak as static/js/room does."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from mdt.live.routing import websocket_urlpatterns
from tests.factories import MembershipFactory

STACK = {
    "kind": "stack",
    "frame": 7,
    "centre": {"unit": "mm", "x": 1.5, "y": -20.0, "z": 300.25},
    "height": 250.0,
    "rotation": 0.0,
    "flip": False,
    "voi": {"centre": 40.0, "width": 400.0, "function": "LINEAR"},
    "invert": False,
    "interp": "linear",
}
POINT = {"unit": "mm", "x": 1.0, "y": 2.0, "z": 3.0}


def member(team, role, **options):
    """Awaited: a new person with this role in the team."""
    return database_sync_to_async(
        lambda: MembershipFactory(team=team, role=role, **options).person
    )()


class Session:
    """What the session middleware leaves in the scope, as far as the room looks at it."""

    def __init__(self, session_key):
        self.session_key = session_key


class Browser(WebsocketCommunicator):
    """One tab. `say` sends a command, `hear` waits for the next message of a type."""

    def __init__(self, meeting, person, tab="tab", session_key=""):
        super().__init__(URLRouter(websocket_urlpatterns), f"/ws/{meeting.public_id}/")
        self.scope["user"] = person
        self.scope["session"] = Session(session_key)
        self.tab = tab

    async def say(self, type, **fields):
        await self.send_json_to({"type": type, **fields})

    async def hear(self, type, **fields):
        """The next message of a type whose fields are as given."""
        while True:
            message = await self.receive_json_from(timeout=3)
            if message["type"] == type and fields.items() <= message.items():
                return message

    async def hears_none(self, *types, within=0.15):
        """Whether nothing of these types comes (rosters and attendance do come)."""
        try:
            async with asyncio.timeout(within):
                while True:
                    message = await self.receive_json_from(timeout=3)
                    if message["type"] in types:
                        return False
        except TimeoutError:
            return True

    async def ask(self, type, id=None, **fields):
        """Say a durable command; the ack or nak that answers it."""
        await self.say(type, id=str(id or uuid4()), **fields)
        while (message := await self.receive_json_from(timeout=3))["type"] not in ("ack", "nak"):
            pass
        return message

    async def beat(self, seq=0, following=True, preview=None):
        await self.say("room.heartbeat", seq=seq, following=following, preview=preview)

    async def hello(self, since=0):
        await self.say("room.hello", version=1, tab=self.tab, since=since)
        return await self.hear("room.welcome")

    async def closing(self):
        """The code the server closes with."""
        while (message := await self.receive_output(timeout=3))["type"] != "websocket.close":
            pass
        return message["code"]

    def position(self):
        return self.welcome["position"]


@asynccontextmanager
async def in_room(*args, since=0, **options):
    browser = Browser(*args, **options)
    assert (await browser.connect(timeout=10))[0]
    try:
        browser.welcome = await browser.hello(since)
        yield browser
    finally:
        await browser.disconnect()


def fence(case, term, n=0):
    return {"case": case, "term": term, "n": n}


async def present_a_case(browser, case):
    """Take the picture and open a case; the fence that fits from then on."""
    await browser.ask("presenter.take")
    opened = await browser.ask("case.open", case_id=case.public_id)
    return {"case": opened["seq"], "term": browser.position()["term"] + 1}
