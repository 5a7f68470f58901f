"""What a process does for its rooms every few seconds, so that nothing is lost for long.

The roster each second; the pulse every five; beside them, never waited for, the database:
events that did not arrive, attendance, and whether everybody may still be here.
"""

import asyncio
import logging
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from django.db import DatabaseError
from django.utils import timezone

from mdt.live import upkeep
from mdt.live.database import in_database
from mdt.live.presence import SILENT
from mdt.meetings.room_queries import AWAY
from mdt.protocol import CloseCode

if TYPE_CHECKING:
    from mdt.live.hub import Hub
    from mdt.live.room import Room, Seat

logger = logging.getLogger(__name__)

TICK_S = 1
PULSE_TICKS = 5
LOOK_AGAIN_TICKS = 30


class Rounds:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._is_pulse = False
        self._is_everybody = False
        # the loop itself keeps no hold of a task
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._serve())]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _beat(self) -> None:
        for tick in count(1):
            await asyncio.sleep(TICK_S)
            self.tick(tick)

    def tick(self, tick: int) -> None:
        """One second, from 1. Nothing here waits."""
        is_pulse = tick % PULSE_TICKS == 0
        for room_id, room in list(self._hub.rooms.items()):
            room.tell_roster()
            if is_pulse:
                room.tell_pulse()
                self._hub.tell_presence(room_id)
            if room.is_missing or room.is_attendance_due:
                self._hub.wake.set()
        if is_pulse:
            self._is_pulse = True
            self._is_everybody |= tick % LOOK_AGAIN_TICKS == 0
            self._hub.wake.set()

    async def _serve(self) -> None:
        while True:
            await self._hub.wake.wait()
            self._hub.wake.clear()
            await self.serve()

    async def serve(self) -> None:
        """What is due of the database. One that is away or busy is asked again next time."""
        is_pulse, self._is_pulse = self._is_pulse, False
        try:
            await self._catch_up(is_pulse)
            await self._keep_attendance(is_pulse)
            await self._look_again()
        except DatabaseError as error:
            logger.warning("The room's rounds could not reach the database: %s", type(error))

    async def _catch_up(self, is_pulse: bool) -> None:
        """Say what is on record and was not heard here."""
        known = {i: room for i, room in self._hub.rooms.items() if room.is_placed}
        due = {i: room for i, room in known.items() if is_pulse or room.is_missing}
        if not due:
            return
        heads = await in_database(upkeep.heads, list(due))
        for room_id, room in due.items():
            if heads.get(room_id, 0) > room.position.seq:
                for event in await in_database(upkeep.missed, room_id, room.position.seq):
                    room.take(event, event.model_dump_json())

    async def _keep_attendance(self, is_pulse: bool) -> None:
        due = {i: r for i, r in self._hub.rooms.items() if is_pulse or r.is_attendance_due}
        if is_pulse:
            self._close_silent()
        if due or is_pulse:
            heard = {room_id: _heard_in(room) for room_id, room in due.items()}
            await in_database(upkeep.keep_attendance, heard)
        for room in due.values():
            room.is_attendance_due = False

    def _close_silent(self) -> None:
        """A tab that slept or froze finds a closed socket when it wakes, and comes back."""
        for _, seat in self._seats():
            if timezone.now() - seat.heard_at > AWAY:
                seat.close(CloseCode.COME_BACK)

    async def _look_again(self) -> None:
        """Close the sockets of those who may not be here any more."""
        is_everybody, self._is_everybody = self._is_everybody, False
        doubted = self._hub.doubted.copy()
        guests: dict[upkeep.Guest, list[Seat]] = {}
        for room_id, seat in self._seats():
            if is_everybody or seat.person in doubted:
                guest = upkeep.Guest(room_id, seat.person, seat.session_key)
                guests.setdefault(guest, []).append(seat)
        if guests:
            for guest, code in (await in_database(upkeep.refusals, list(guests))).items():
                for seat in guests[guest]:
                    seat.close(code)
        self._hub.doubted -= doubted

    def _seats(self) -> "Iterator[tuple[str, Seat]]":
        for room_id, room in list(self._hub.rooms.items()):
            for seat in list(room.seats):
                yield room_id, seat


def _heard_in(room: "Room") -> set[str]:
    """Who is connected here and not silent."""
    now = timezone.now()
    return {tab.person for tab in room.own_tabs() if now - tab.seen_at <= SILENT}
