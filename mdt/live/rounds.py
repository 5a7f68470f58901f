"""What a process does for its rooms every few seconds, so that nothing is lost for long.

The roster each second; the pulse every five. Beside them, never waited for, the database: events
that did not arrive; and apart from those, for it writes and may wait for other writers,
whether everybody may still be here, attendance, and what is shown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from django.db import DatabaseError
from django.utils import timezone

from mdt.errors import StoreTrouble
from mdt.live import upkeep
from mdt.live.database import in_database
from mdt.live.presence import SILENT
from mdt.meetings.room_queries import AWAY
from mdt.outcomes.shown import Showing, keep_shown
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
        self._is_audit = False
        self._is_everybody = False
        loops = (self._beat(), _each(hub.missing, self.catch_up), _each(hub.wake, self.serve))
        self._tasks = [asyncio.create_task(loop) for loop in loops]  # the loop keeps no hold of one

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _beat(self) -> None:
        for tick in count(1):
            await asyncio.sleep(TICK_S)
            try:
                self.tick(tick)
            except Exception:  # a room nobody beats for any more would be deaf for good
                logger.exception("A beat of the rooms failed.")

    def tick(self, tick: int) -> None:
        """One second, from 1. Nothing here waits."""
        is_pulse = tick % PULSE_TICKS == 0
        for room_id, room in list(self._hub.rooms.items()):
            room.tell_roster()
            if is_pulse:
                room.tell_pulse()
                self._hub.tell_presence(room_id)
            if room.is_missing:
                self._hub.missing.set()
            if room.is_attendance_due or room.is_shown_due:
                self._hub.wake.set()
        if is_pulse:
            self._is_pulse = self._is_audit = True
            self._is_everybody |= tick % LOOK_AGAIN_TICKS == 0
            self._hub.missing.set()
            self._hub.wake.set()

    async def serve(self) -> None:
        """Whether everybody may be here still, attendance, what is shown: as far as it is due.

        Each by itself: where one cannot be done, the others are.
        """
        is_pulse, self._is_pulse = self._is_pulse, False
        await _safely(self._look_again)
        await _safely(partial(self._keep_attendance, is_pulse))
        await self._keep_shown(is_pulse)

    async def catch_up(self) -> None:
        """Say what is on record and was not heard here."""
        await _safely(self._catch_up)

    async def _catch_up(self) -> None:
        is_audit, self._is_audit = self._is_audit, False
        known = {i: room for i, room in self._hub.rooms.items() if room.is_placed}
        due = {i: room for i, room in known.items() if is_audit or room.is_missing}
        if not due:
            return
        heads = await in_database(upkeep.heads, list(due))
        for room_id, room in due.items():
            room.hear_head(heads.get(room_id, 0))
            if room.is_missing:
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

    async def _keep_shown(self, is_pulse: bool) -> None:
        """The picture each room is shown, for its outcome: never more than one write a pulse.

        Every process of a room does; who comes second finds it kept. At once where the last has
        left: nobody would tell it later.
        """
        for room_id in list(self._hub.left):
            await _safely(partial(self._keep_left, room_id))
        for room_id, room in list(self._hub.rooms.items()):
            is_due, room.is_shown_due = is_pulse or room.is_shown_due, False
            if is_due and (showing := room.unkept()):
                await _safely(partial(self._keep_of_room, room_id, room, showing))

    async def _keep_left(self, room_id: str) -> None:
        """Tried again with the next round, unless the store has lost what it is of."""
        left = self._hub.left[room_id]
        try:
            await in_database(keep_shown, meeting_id=room_id, showing=left.showing, left_at=left.at)
        except StoreTrouble as trouble:
            if trouble.may_pass:
                raise
            logger.error("What a room was shown last cannot be kept: %s", trouble.code)
        if self._hub.left.get(room_id) is left:
            del self._hub.left[room_id]

    async def _keep_of_room(self, room_id: str, room: "Room", showing: Showing) -> None:
        if await in_database(keep_shown, meeting_id=room_id, showing=showing):
            room.kept = showing
            self._hub.left.pop(room_id, None)  # that is older

    def _seats(self) -> "Iterator[tuple[str, Seat]]":
        for room_id, room in list(self._hub.rooms.items()):
            for seat in list(room.seats):
                yield room_id, seat


async def _each(due: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` whenever it is due."""
    while True:
        await due.wait()
        due.clear()
        await work()


async def _safely(work: Callable[[], Awaitable[None]]) -> None:
    """What fails once is tried again next time: a database that is away, or a defect."""
    try:
        await work()
    except DatabaseError as error:
        logger.warning("The room's rounds could not reach the database: %s", type(error))
    except Exception:
        logger.exception("A round of the rooms failed.")


def _heard_in(room: "Room") -> set[str]:
    """Who is connected here and not silent."""
    now = timezone.now()
    return {tab.person for tab in room.own_tabs() if now - tab.seen_at <= SILENT}
