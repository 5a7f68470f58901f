"""What people do in a meeting: draw, turn to a case, present, hand over, type, record, sign.

Every choice comes from the seed; when it happens depends on the machine.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.mdt.browsers import STACK
from tests.soak.tab import Tab
from tests.soak.web import SignedIn, Web, new_id

MAX_WAITING = 8  # a person stops drawing while so much is "not saved yet"
PICTURE_S = 0.12
PAUSE_S = (0.25, 1.1)


@dataclass(frozen=True)
class Room:
    """A meeting as its people see it: its cases, with a place to draw in each; and who is there."""

    meeting: str
    places: dict[str, dict[str, Any]]
    people: list[str]


class Hands:
    """One person at one tab."""

    def __init__(self, tab: Tab, room: Room, chance: Random, *, may_type: bool) -> None:
        self._tab, self._room, self._chance = tab, room, chance
        self._acts: dict[Callable[[], Awaitable[object]], int] = {
            self._draw: 45,
            self._change: 14,
            self._remove: 4,
            self._open_case: 8,
            self._take: 10,
            self._give: 9,
            self._type: 10 if may_type else 0,
        }

    async def work(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))
            if len(self._tab.unanswered) < MAX_WAITING:
                (act,) = self._chance.choices(list(self._acts), list(self._acts.values()))
                await act()

    async def present(self) -> None:
        """Scroll whenever the picture is this tab's. The frame says whose picture it is."""
        view = {**STACK, "frame": self._tab.number}
        while True:
            await asyncio.sleep(PICTURE_S)
            await self._tab.show(view)

    def _case(self) -> str:
        return self._chance.choice(list(self._room.places))

    def _drawing(self, kind: str) -> dict[str, Any]:
        ends = [self._chance.randint(1, 6) for _ in range(4)]
        points = [{"unit": "px", "x": x, "y": y} for x, y in (ends[:2], ends[2:])]
        return {"kind": kind, "points": points}

    async def _draw(self) -> None:
        case = self._case()
        drawing = self._drawing(self._chance.choice(["length", "arrow"]))
        place = self._room.places[case]
        await self._tab.ask("mark.create", case_id=case, place=place, drawing=drawing)

    def _own_mark(self) -> dict[str, Any] | None:
        marks = [
            event["mark"]
            for event in self._tab.replay.marks.values()
            if event["mark"]["by"] == self._tab.who.person and event["case_id"] in self._room.places
        ]
        return self._chance.choice(marks) if marks else None

    async def _change(self) -> None:
        if mark := self._own_mark():
            drawing = self._drawing(mark["drawing"]["kind"])
            which = {"mark_id": mark["mark_id"], "if_version": mark["version"]}
            await self._tab.ask("mark.change", **which, drawing=drawing)

    async def _remove(self) -> None:
        if mark := self._own_mark():
            which = {"mark_id": mark["mark_id"], "if_version": mark["version"]}
            await self._tab.ask("mark.remove", **which)

    async def _open_case(self) -> None:
        await self._tab.ask("case.open", case_id=self._case())

    async def _take(self) -> None:
        await self._tab.ask("presenter.take")

    async def _give(self) -> None:
        if self._tab.replay.tab == self._tab.tab:
            await self._tab.ask("presenter.give", to=self._chance.choice(self._room.people))

    async def _type(self) -> None:
        case = self._case()
        await self._tab.ask(
            "outcome.draft",
            case_id=case,
            written_for=case,
            if_version=self._tab.replay.drafts.get(case, 0),
            fields={"mdt_type_comment": f"typed {self._chance.randint(1, 99)}"},
        )


@dataclass
class Desk:
    """Who records the outcomes of one meeting, reads them back, confirms and signs: by HTTP.

    `recorded` and `stepped` are what was answered with 201, by the id that was sent.
    """

    web: Web
    room: Room
    chance: Random
    writer: SignedIn
    clinician: SignedIn
    chair: SignedIn
    recorded: dict[str, tuple[str, int]] = field(default_factory=dict)
    stepped: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    async def work(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.4, 2.0))
            case = self.chance.choice(list(self.room.places))
            if number := await self._record(case):
                await self._take_further(case, number)

    def _new_id(self) -> str:
        id = new_id(self.chance)
        self.asked.append(id)
        return id

    async def _record(self, case: str) -> int:
        """The number of the version on record, 0 when somebody else was first."""
        path = f"/api/cases/{case}/outcome"
        newest = (await self.web.get(self.writer, path)).json()["versions"]
        id = self._new_id()
        form = {
            "written_for": case,
            "if_version": len(newest),
            "event_id": id,
            "recommendation": f"soak {id}",
            "laterality": "not-known",
            "discussion_type": "1",
        }
        answer = await self.web.post(self.writer, path, json=form)
        if not self._is_taken(answer.status_code, f"record {answer.text[:80]}"):
            return 0
        number = int(answer.json()["number"])
        self.recorded[id] = (case, number)
        if self.chance.random() < 0.2:
            again = await self.web.post(self.writer, path, json=form)
            self.tally["outcomes sent again after 201"] += 1
            self._compare(again.status_code, again.json().get("number"), number, id)
        return number

    async def _take_further(self, case: str, number: int) -> None:
        steps = {"read-back": self.writer, "confirmed": self.clinician, "signed": self.chair}
        for kind, who in steps.items():
            id = self._new_id()
            path = f"/api/cases/{case}/outcome/{number}/steps"
            answer = await self.web.post(who, path, json={"kind": kind, "event_id": id})
            if not self._is_taken(answer.status_code, f"{kind} {answer.text[:80]}"):
                return
            self.stepped[id] = (case, number, kind)

    def _is_taken(self, status: int, what: str) -> bool:
        self.tally[f"outcome http {status}"] += 1
        if status not in (201, 409):  # 409: somebody else was first
            self.faults.append(f"an outcome's POST ({what}) was answered with {status}")
        return status == 201

    def _compare(self, status: int, number: object, first: int, id: str) -> None:
        if (status, number) != (201, first):
            self.faults.append(
                f"outcome {id} was recorded as version {first}; the same POST again was answered "
                f"with {status} and version {number}"
            )


@dataclass
class Lister:
    """The coordinator, who lists people whose studies are then fetched while workers are killed."""

    web: Web
    meeting: str
    who: SignedIn
    listed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def work(self, patients: list[dict[str, str]], every_s: float, chance: Random) -> None:
        for patient in patients:
            id = new_id(chance)
            path = f"/meetings/{self.meeting}/add/new"
            answer = await self.web.post(self.who, path, form={**patient, "event_id": id})
            if answer.status_code == 200 and "HX-Trigger" in answer.headers:
                self.listed.append(patient["question"])
            else:
                self.faults.append(f"listing {patient['question']} gave {answer.status_code}")
            await asyncio.sleep(every_s)
