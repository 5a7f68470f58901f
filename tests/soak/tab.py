"""One browser tab in a room, which nothing makes give up: it comes back and asks again."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from random import Random
from time import monotonic, time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.soak.replay import Replay
from tests.soak.web import SignedIn, new_id

LOST = (OSError, ConnectionClosed, InvalidHandshake, TimeoutError)
DEAD_S = 15.0  # as static/js/room: a pulse comes every 5 s
ASK_AGAIN_S = 4.0  # a command that nobody answered on a line that lives
RETRY_S = 0.5
BEAT_S = 1.0
TWICE = 0.05  # of what is acknowledged is sent once more, to see that nothing happens
#: What the rules of a meeting say to people who are quick; anything else is a fault.
REFUSALS = {"mdt.conflict", "mdt.presenter_taken", "mdt.not_in_room", "mdt.not_allowed"}
#: And to those who touch a mark when the outcome that rests on it is signed.
MARK_REFUSALS = {"mark.change": {"mdt.wrong_state"}, "mark.remove": {"mdt.wrong_state"}}
FINAL = (4401, 4404)


class Tab:
    """`asked` is every command ever made, `acked` and `refused` how the server answered."""

    def __init__(
        self, who: SignedIn, meeting: str, number: int, urls: list[str], chance: Random
    ) -> None:
        self.who, self.meeting, self.number = who, meeting, number
        self.tab = f"soak-{number}"
        self.replay = Replay(f"{who.username}'s tab {number}")
        self.asked: dict[str, dict[str, Any]] = {}
        self.acked: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.unanswered: dict[str, float] = {}  # when each was sent last
        self.tally: Counter[str] = Counter()
        self.faults = self.replay.faults
        self._urls, self._chance = urls, chance
        # An observer sees cases while they are present, which is on record a moment after a kill.
        self._refusals = REFUSALS | ({"mdt.not_found"} if who.username == "observer" else set())
        self._socket: ClientConnection | None = None
        self._is_asking = False
        self._newest: tuple[int, int] = (0, -1)  # term and n of the last picture taken
        self._n = 0

    # ---- the line ------------------------------------------------------------------

    async def stay(self) -> None:
        """Until cancelled: in the room, or on the way back into it, by either web process."""
        while True:
            with suppress(*LOST):
                async with self._connect() as socket:
                    await self._talk(socket)
            self._socket = None
            self.tally["lines lost"] += 1
            await asyncio.sleep(self._chance.uniform(0.1, 0.8))

    def _connect(self) -> connect:
        url = self._chance.choice(self._urls)
        return connect(
            f"{url.replace('http', 'ws', 1)}/ws/{self.meeting}/",
            additional_headers={"Cookie": self.who.cookies, "Origin": url},
            max_size=2**20,
            ping_interval=None,
            open_timeout=5,
            close_timeout=1,
            proxy=None,
        )

    async def _talk(self, socket: ClientConnection) -> None:
        self._newest = (0, -1)
        await self._hello(socket)
        beating = asyncio.create_task(self._beat(socket))
        try:
            while True:
                text = await asyncio.wait_for(socket.recv(), DEAD_S)
                await self._hear(socket, json.loads(text))
        finally:
            beating.cancel()
            if socket.close_code in FINAL:
                self.faults.append(f"{self.replay.name} was shown out with {socket.close_code}")

    async def _hello(self, socket: ClientConnection) -> None:
        self._is_asking = True
        hello = {"version": 1, "tab": self.tab, "since": self.replay.applied}
        await socket.send(json.dumps({"type": "room.hello", **hello}))

    async def _beat(self, socket: ClientConnection) -> None:
        """Say that this tab lives, and ask again what nobody answered."""
        with suppress(*LOST):
            while True:
                await asyncio.sleep(BEAT_S)
                if self._socket is None:
                    continue
                beat = {"seq": self.replay.applied, "following": True, "preview": None}
                await self._say("room.heartbeat", **beat)
                for id, at in list(self.unanswered.items()):
                    if monotonic() - at > ASK_AGAIN_S:
                        await self._send(id)

    # ---- what is heard -----------------------------------------------------------------

    async def _hear(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        type = message["type"]
        if type == "room.welcome":
            await self._welcome(socket, message)
        elif type == "ack":
            await self._acknowledged(message["id"], message["seq"])
        elif type == "nak":
            self._refused(message)
        elif type == "view.shown":
            self._look(message["fence"], message["view"]["frame"])
        elif type == "room.pulse":
            await self._compare(socket, message["seq"])
        elif "seq" in message and not self.replay.hear(message):
            self.tally["gaps"] += not self._is_asking
            await self._ask_for_more(socket)

    async def _welcome(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        self._is_asking = False
        if not message["is_whole"]:
            self.faults.append(f"{self.replay.name}: a welcome could not give what was missed")
            return
        self.replay.hear_all(message["events"])
        self.tally["events by welcome"] += len(message["events"])
        self._socket = socket
        self.tally["welcomes"] += 1
        for id in list(self.unanswered):
            await self._send(id)

    async def _compare(self, socket: ClientConnection, head: int) -> None:
        if head > self.replay.applied:
            self.tally["last event was lost"] += not self._is_asking
            await self._ask_for_more(socket)

    async def _ask_for_more(self, socket: ClientConnection) -> None:
        if not self._is_asking:
            await self._hello(socket)

    async def _acknowledged(self, id: str, seq: int) -> None:
        is_new = id not in self.acked
        if not is_new and self.acked[id] != seq and not self._is_take(id):
            self.faults.append(
                f"{self.replay.name}: {self.asked[id]['type']} {id} was acknowledged as seq "
                f"{self.acked[id]} and, sent again, as seq {seq}: it was carried out twice"
            )
        self.acked.setdefault(id, seq)
        self.refused.pop(id, None)
        self.unanswered.pop(id, None)
        if is_new and not self._is_take(id) and self._chance.random() < TWICE:
            self.tally["sent again after ack"] += 1
            await self._send(id)

    def _is_take(self, id: str) -> bool:
        """A tab that presents already is told so and nothing is written, so that a second answer
        to the same command may differ: by then somebody else may present."""
        return bool(self.asked[id]["type"] == "presenter.take")

    def _may_be_refused(self, id: str, code: str) -> bool:
        of_its_type = MARK_REFUSALS.get(self.asked.get(id, {}).get("type", ""), set())
        return code in self._refusals | of_its_type

    def _refused(self, nak: dict[str, Any]) -> None:
        id, code = nak["id"], nak["code"]
        self.tally[f"nak {code}"] += 1
        if not self._may_be_refused(id, code) and not nak["retry"]:
            self.faults.append(f"{self.replay.name} was told {code}: {nak['message']}")
        if id in self.acked:
            self._refused_after_ack(id, code)
        elif nak["retry"] and id in self.unanswered:
            self.unanswered[id] = monotonic() - ASK_AGAIN_S + RETRY_S
        elif id and not nak["retry"]:
            self.refused[id] = code
            self.unanswered.pop(id, None)

    def _refused_after_ack(self, id: str, code: str) -> None:
        if self._may_be_refused(id, code) and not self._is_take(id):
            self.faults.append(
                f"{self.replay.name}: {self.asked[id]['type']} {id} was acknowledged as seq "
                f"{self.acked[id]} and, sent again, refused with {code}: a repeat must be answered "
                "from the log"
            )

    def _look(self, fence: dict[str, int], presenter: int) -> None:
        """Take a picture that fits, as a browser does; one that fits is the presenter's, and new.

        `presenter` is the number of the tab that sent it, which is in its view.
        """
        if not self.replay.fits(fence):
            self.tally["pictures fenced off"] += 1
            return
        self.tally["pictures"] += 1
        term, n = fence["term"], fence["n"]
        if (term, n) < self._newest:
            self.faults.append(
                f"{self.replay.name}: after picture {self._newest} (term, n) came the older "
                f"{(term, n)} on the same line"
            )
        self._newest = (term, n)
        if self.replay.tab_of_term.get(term) != f"soak-{presenter}":
            self.faults.append(
                f"{self.replay.name}: a picture of tab soak-{presenter} came in term {term}, which "
                f"is {self.replay.tab_of_term.get(term)}'s: the fence let a past presenter through"
            )

    # ---- what is said ------------------------------------------------------------------

    async def ask(self, type: str, **fields: Any) -> str:
        """A durable command, sent until it is answered; its id, which the seed decides."""
        id = new_id(self._chance)
        if "drawing" in fields:
            fields["drawing"] = {**fields["drawing"], "text": id}
        self.asked[id] = {"type": type, "id": id, **fields}
        self.unanswered[id] = 0.0
        await self._send(id)
        return id

    async def show(self, view: dict[str, Any]) -> None:
        """A picture to everybody, while this tab presents; it may be lost."""
        if self._socket is None or self.replay.tab != self.tab:
            return
        self._n = max(self._n + 1, int(time() * 1000))
        fence = {"case": self.replay.case, "term": self.replay.term, "n": self._n}
        self.tally["pictures shown"] += 1
        with suppress(*LOST):
            await self._say("view.show", fence=fence, pane="a", view=view)

    async def _send(self, id: str) -> None:
        if self._socket is None:
            return
        if id in self.unanswered:
            self.tally["sent again unanswered"] += self.unanswered[id] > 0
            self.unanswered[id] = monotonic()
        with suppress(*LOST):
            await self._socket.send(json.dumps(self.asked[id]))

    async def _say(self, type: str, **fields: Any) -> None:
        if self._socket:
            await self._socket.send(json.dumps({"type": type, **fields}))
