"""The whole soak, from the first process to the last figure. The tests only look at the result."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from tests.e2e.product import Product, running
from tests.ports import free_port
from tests.soak.hands import Desk, Hands, Lister, Room
from tests.soak.killer import Killer, Size, left_over, strikes
from tests.soak.tab import Tab
from tests.soak.web import SignedIn, Web

LIST_EVERY_S = 8
INSTANCES = 400  # of a study that is fetched: several seconds of a pull
ANSWERED_WITHIN_S = 60
READY_WITHIN_S = 240
#: A dead worker's pull waits for the end of its lease (imaging.queue.LEASE, 2 minutes) first.
PULLED_WITHIN_S = 270
CAUGHT_UP_WITHIN_S = 30
SOAKED = ("complete", "failed", "withheld", "partial")
#: (writer, clinician, chair) of a meeting's outcomes, then who else draws in its room.
ROOMS = (
    ("coordinator", "radiologist", "chair", "surgeon", "observer"),
    ("deputy", "radiologist2", "deputy", "oncologist", "nurse"),
)
TYPISTS = ("coordinator", "chair", "deputy")


@dataclass
class Result:
    """What people were told, what is on record, and what was done to the product meanwhile."""

    seed: int
    seconds: float
    database: str
    tabs: list[Tab] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)
    sizes: list[Size] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unanswered: int = 0
    left_over: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def hint(self) -> str:
        return f"(to see it again: SOAK_SEED={self.seed}, {self.seconds / 60:g} minutes)"

    def acked(self, *types: str) -> dict[str, int]:
        """Ids of acknowledged commands of some types, with their seqs."""
        return {
            id: seq
            for tab in self.tabs
            for id, seq in tab.acked.items()
            if tab.asked[id]["type"] in types
        }

    def figures(self) -> dict[str, Any]:
        types = Counter(tab.asked[id]["type"] for tab in self.tabs for id in tab.acked)
        lives = {(size.name, size.pid) for size in self.sizes}
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "database": self.database,
            "killed": dict(self.killed),
            "acknowledged": dict(types),
            "outcomes recorded": sum(len(desk.recorded) for desk in self.desks),
            "outcome steps": sum(len(desk.stepped) for desk in self.desks),
            "people listed": len(self.listed),
            "events": [room["head"] for room in self.record.get("rooms", {}).values()],
            "terms": [room["term"] for room in self.record.get("rooms", {}).values()],
            "tally": dict(sorted(self.tally.items())),
            "studies": Counter(
                f"{one['state']} {one['code']}".strip() for one in self.record.get("studies", [])
            ),
            "pulls taken up again": sum(
                one["attempts"] > 1 for one in self.record.get("studies", [])
            ),
            "jobs": self.record.get("jobs"),
            "web MiB": {
                "lives": len(lives),
                "longest s": round(max((size.age_s for size in self.sizes), default=0)),
                "most": round(max((size.mib for size in self.sizes), default=0)),
            },
            "faults": self.faults,
        }


class Soak:
    def __init__(self, product: Product, world: dict[str, Any], result: Result) -> None:
        self.product, self.world, self.result = product, world, result
        self.chance = Random(result.seed)  # noqa: S311 it must come again
        self.killer = Killer(product, free_port())
        second = f"http://127.0.0.1:{self.killer.second_port}"
        self.web = Web([product.url, second], self._more_chance())
        self.killer.start("web2")

    async def run(self) -> None:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                rooms = [await self._room(*both) for both in self._rooms()]
            tabs = [asyncio.create_task(tab.stay()) for tab in self.result.tabs]
            await self._work(rooms)
            await self._settle()
            await _end(tabs)
        finally:
            await self.web.close()
        self._gather()

    def _more_chance(self) -> Random:
        """Its own stream for each who chooses: who is quicker changes nobody else's choices."""
        return Random(self.chance.getrandbits(64))  # noqa: S311 it must come again

    def _rooms(self) -> Iterable[tuple[dict[str, Any], tuple[str, ...]]]:
        return zip(self.world["meetings"], ROOMS, strict=True)

    # ---- before ----------------------------------------------------------------------

    async def _room(self, meeting: dict[str, Any], names: tuple[str, ...]) -> Room:
        """Open a meeting and put its people at their tabs."""
        id = meeting["id"]
        opener = await self.web.person(names[2], id)
        await self.web.post(opener, f"/api/meetings/{id}/open", json={})
        people = {name: await self.web.person(name, id) for name in names}
        writer, clinician, chair = (people[name] for name in names[:3])
        places = await self._places(clinician, meeting["cases"])
        room = Room(id, places, [person.person for person in people.values()])
        for person in people.values():
            number = len(self.result.tabs) + 1
            self.result.tabs.append(Tab(person, id, number, self.web.urls, self._more_chance()))
        for who in (writer, chair):
            desk = Desk(self.web, room, self._more_chance(), who, clinician, chair)
            self.result.desks.append(desk)
        return room

    async def _places(self, who: SignedIn, cases: list[str]) -> dict[str, dict[str, Any]]:
        """A frame to draw on for each case that has one; waits until two have."""
        while True:
            found = {case: place for case in cases if (place := await self._place(who, case))}
            if len(found) >= 2:
                return found
            await asyncio.sleep(1)

    async def _place(self, who: SignedIn, case: str) -> dict[str, Any] | None:
        studies = (await self.web.get(who, f"/api/cases/{case}")).json()["studies"]
        ready = [one for study in studies for one in study["series"] if one["version"]]
        if not ready:
            return None
        series = ready[0]["id"]
        asked = {"case": case, "purpose": "display"}
        grant = (await self.web.post(who, f"/imaging/series/{series}/grant", json=asked)).json()
        path = f"/imaging/series/{series}/metadata"
        document = (await self.web.get(who, path, **{"X-View-Grant": grant["grant"]})).json()
        frame = document["frames"][0]["key"]
        return {"series": series, "version": document["version"], "frame": frame}

    # ---- meanwhile ---------------------------------------------------------------------

    async def _work(self, rooms: list[Room]) -> None:
        """Everybody at once for as long as the soak takes; then everybody stops, none half-way."""
        by_meeting = {room.meeting: room for room in rooms}
        plan = strikes(self._more_chance())
        lister = self._lister()
        working: list[Coroutine[Any, Any, None]] = [desk.work() for desk in self.result.desks]
        for tab in self.result.tabs:
            may_type = tab.who.username in TYPISTS
            room = by_meeting[tab.meeting]
            hands = Hands(tab, room, self._more_chance(), may_type=may_type)
            working += [hands.work(), hands.present()]
        working.append(lister.work(self.world["patients"], LIST_EVERY_S, self._more_chance()))
        tasks = [asyncio.create_task(work) for work in working]
        killing = asyncio.create_task(self.killer.work(plan))
        self._watching = asyncio.create_task(self.killer.watch())
        done, _ = await asyncio.wait([killing, *tasks[:-1]], timeout=self.result.seconds)
        for task in done:  # none ends before it is told to, but by a fault of ours or theirs
            task.result()
        await _end([killing, *tasks])
        self.result.listed, self.result.faults = lister.listed, lister.faults

    def _lister(self) -> Lister:
        keeper = next(tab for tab in self.result.tabs if tab.who.username == "coordinator")
        return Lister(self.web, keeper.meeting, keeper.who)

    # ---- afterwards ----------------------------------------------------------------------

    async def _settle(self) -> None:
        """Calm: what was asked is answered, what was fetched is here, everybody has caught up."""
        tabs = self.result.tabs
        await _until(lambda: not any(tab.unanswered for tab in tabs), ANSWERED_WITHIN_S)
        self.result.unanswered = sum(len(tab.unanswered) for tab in tabs)
        end = monotonic() + PULLED_WITHIN_S
        while not _is_pulled(await self._count("pulls"), self.result.listed):
            if monotonic() > end:
                break
            await asyncio.sleep(3)
        record = self.result.record = await self._count()
        heads = {id: room["head"] for id, room in record["rooms"].items()}
        await _until(
            lambda: all(tab.replay.applied >= heads[tab.meeting] for tab in tabs),
            CAUGHT_UP_WITHIN_S,
        )
        await _end([self._watching])

    async def _count(self, *what: str) -> dict[str, Any]:
        text = await asyncio.to_thread(self.product.run, "tests/soak/census.py", *what)
        return dict(json.loads(text))

    def _gather(self) -> None:
        result = self.result
        result.killed, result.sizes = self.killer.killed, self.killer.sizes
        result.faults += self.killer.faults
        result.tally = Counter(self.web.tally)
        for one in (*result.tabs, *result.desks):
            result.tally += one.tally
            result.faults += one.faults


def _is_pulled(record: dict[str, Any], listed: list[str]) -> bool:
    """Every listed person's study was found, and nothing of any is still to be done."""
    studies = {one["study"]: one for one in record["studies"]}
    return all(
        question in studies
        and studies[question]["state"] in SOAKED
        and studies[question]["job"] in ("done", "failed")
        for question in listed
    )


async def _until(is_so: Any, within_s: float) -> None:
    end = monotonic() + within_s
    while not is_so() and monotonic() < end:  # noqa: ASYNC110 (tabs tell nobody)
        await asyncio.sleep(0.2)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def soak(folder: Path, *, seed: int, minutes: float) -> Result:
    """Run it. With DATABASE_URL naming a PostgreSQL, on that; else on a SQLite file."""
    url = os.environ.get("DATABASE_URL", "")
    database_url = url if url.startswith("postgresql:") else ""
    result = Result(seed, minutes * 60, "postgresql" if database_url else "sqlite")
    people = max(4, int(minutes * 60 / LIST_EVERY_S))
    world: dict[str, Any] = {}

    def prepare(product: Product) -> None:
        text = product.run("tests/soak/world.py", str(people), str(INSTANCES))
        world.update(json.loads(text))

    with running(folder, database_url=database_url, prepare=prepare) as product:
        asyncio.run(Soak(product, world, result).run())
    result.left_over = left_over(folder)
    return result


def keep(result: Result, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = [asdict(size) for size in result.sizes[:: max(1, len(result.sizes) // 500)]]
    path.write_text(json.dumps(result.figures() | {"sizes": sizes}, indent=1))
