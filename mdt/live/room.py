"""One meeting as one process sees it: its sockets, where it stands, what is shown."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from mdt.live.fence import Latest
from mdt.live.outbox import Outbox
from mdt.live.presence import SILENT, Lease, Tab, roster_of
from mdt.outcomes.shown import Showing
from mdt.protocol import (
    CaseOpened,
    CaseRefreshed,
    CloseCode,
    DurableEvent,
    EphemeralEvent,
    Heartbeat,
    MeetingClosed,
    MeetingOpened,
    OutcomeDrafted,
    OutcomeRecorded,
    Position,
    PresenterChanged,
    Pulse,
    Roster,
)

logger = logging.getLogger(__name__)

MAX_EARLY = 1000  # events that wait for an earlier one; beyond it the log is read anyway


@dataclass(eq=False)
class Seat:
    """One socket in the room. `tab` comes with its hello."""

    outbox: Outbox = field(default_factory=Outbox)
    person: str = ""
    session_key: str = ""
    close: Callable[[CloseCode], None] = lambda code: None
    tab: Tab | None = None
    opened_at: datetime = field(default_factory=timezone.now)

    @property
    def heard_at(self) -> datetime:
        return self.tab.seen_at if self.tab else self.opened_at


class Room:
    def __init__(self) -> None:
        self.seats: set[Seat] = set()
        self.position = Position()
        self.lease = Lease()
        self.latest = Latest()
        self.fifo = asyncio.Lock()  # durable commands of one meeting take turns
        self.is_roster_due = False
        self.is_attendance_due = False
        self.is_shown_due = False  # what is shown is to be kept with the next round
        self.refreshed: dict[str, int] = {}  # by case: the seq at which it changed last
        self.kept: Showing | None = None  # what is shown, as it was kept last
        self.is_placed = False  # whether the record was asked where the room stands
        self.is_doubted = False  # the bus was away: what was said meanwhile is not known here
        self.placed_at = 0  # the seq up to which nothing was said here
        self._others: dict[str, tuple[datetime, tuple[Tab, ...]]] = {}  # tabs by process
        self._roster: Roster | None = None
        self._early: dict[int, tuple[DurableEvent, str]] = {}
        self._head = 0  # the newest seq that is known to be on record
        self._heads: deque[int] = deque([0, 0], maxlen=2)  # seq at the last two pulses

    # ---- events ------------------------------------------------------------------

    def take(self, event: DurableEvent | EphemeralEvent, text: str) -> bool:
        """Give an event to everyone here; False when it is past, fenced off or said before."""
        if isinstance(event, DurableEvent):
            return self._take_durable(event, text)
        key = self.latest.admit(event, text, self.position)
        if key is None:
            return False
        self._put(text, key)
        return True

    @property
    def is_missing(self) -> bool:
        """Whether something is on record that was not said here."""
        is_behind = bool(self._early) or self.position.seq < self._head
        return self.is_placed and (is_behind or self.is_doubted)

    def place(self, position: Position, lease: Lease) -> None:
        """Hear from the record where the room stands.

        Only the first word moves the room. Later it may be ahead of what was said here, and who
        sits here is still to hear every event in between: the room is missing them.
        """
        self._head = max(self._head, position.seq)
        if position.seq == self.position.seq or (not self.is_placed and self._is_ahead(position)):
            self._stand_at(position, self._newer(lease, position))
        if not self.is_placed:
            self.is_placed, self.placed_at = True, self.position.seq
            self._early = {seq: e for seq, e in self._early.items() if seq > self.placed_at}
        self._say_in_order()

    def hear_head(self, seq: int) -> None:
        """The newest seq on record, asked for after the bus was away or at a pulse."""
        self._head, self.is_doubted = max(self._head, seq), False

    def unkept(self) -> Showing | None:
        """What the presenter shows, when it is not what was kept last."""
        showing = self.latest.showing()
        return showing if showing != self.kept else None

    def _is_ahead(self, position: Position) -> bool:
        return position.seq > self.position.seq

    def _newer(self, lease: Lease, position: Position) -> Lease:
        """Heartbeats of this term that were heard here are newer than those on record."""
        is_known = position.term == self.position.term and self.lease.seen_at
        return self.lease if is_known else lease

    def _take_durable(self, event: DurableEvent, text: str) -> bool:
        """In the order of seq and each once, whatever order commits and the bus bring them in."""
        is_next = event.seq == self.position.seq + 1  # what the others wait for: never refused
        is_full = len(self._early) >= MAX_EARLY and not is_next
        if event.seq <= self.position.seq or is_full:
            return False
        self._early[event.seq] = (event, text)
        self._say_in_order()
        return True

    def _say_in_order(self) -> None:
        while waiting := self._early.pop(self.position.seq + 1, None):
            event, text = waiting
            self._follow(event)
            self._put(text)

    def _follow(self, event: DurableEvent) -> None:
        change: dict[str, object] = {"seq": event.seq}
        lease = self.lease
        match event:
            case CaseOpened():
                change |= {"case": event.seq, "case_id": event.case_id}
            case PresenterChanged():
                change |= {"term": event.term, "presenter": event.by, "tab": event.tab}
                lease = Lease(since=timezone.now(), seen_at=timezone.now())
            case MeetingOpened():
                self.is_attendance_due = True
            case MeetingClosed():
                lease = Lease()
                self.is_shown_due = True
            case CaseRefreshed():
                is_open = event.case_id == self.position.case_id
                self.latest.drop_begun(event.case_id, is_open=is_open)
                self.refreshed[event.case_id] = event.seq
            case OutcomeDrafted() | OutcomeRecorded():
                self.latest.drop_typed(event.case_id)
                self.is_shown_due |= isinstance(event, OutcomeRecorded)
        self._stand_at(self.position.model_copy(update=change), lease)

    def _stand_at(self, position: Position, lease: Lease) -> None:
        before = self.position
        if (position.case, position.term) != (before.case, before.term):
            self.latest.drop_pictures()
        self.position, self.lease = position, lease

    def _put(self, text: str, key: str = "") -> None:
        for seat in self.seats:
            try:
                seat.outbox.put(text, key)
            except Exception:  # one broken socket keeps nothing from the others
                logger.exception("A socket could not be written to.")
                seat.close(CloseCode.COME_BACK)

    # ---- people ------------------------------------------------------------------

    def own_tabs(self) -> tuple[Tab, ...]:
        return tuple(seat.tab for seat in self.seats if seat.tab)

    def all_tabs(self) -> list[Tab]:
        """Those of every process. One that has said nothing for SILENT may be dead."""
        now = timezone.now()
        heard = [tabs for origin, (_, tabs) in self._others.items() if self._is_heard(origin, now)]
        return [*self.own_tabs(), *(tab for tabs in heard for tab in tabs)]

    def hear_tabs(self, origin: str, tabs: tuple[Tab, ...], at: datetime) -> bool:
        """Another process tells who sits in it. True when it is new here."""
        is_new = bool(tabs) and not self._is_heard(origin, at)
        if tabs:
            self._others[origin] = (at, tabs)
        else:
            self._others.pop(origin, None)
        for tab in tabs:
            self._renew(tab)
        return is_new

    @property
    def has_neighbours(self) -> bool:
        """Whether anybody in another process looks on."""
        now = timezone.now()
        return any(self._is_heard(origin, now) for origin in self._others)

    def _is_heard(self, origin: str, at: datetime) -> bool:
        return origin in self._others and at - self._others[origin][0] <= SILENT

    def hear_beat(self, tab: Tab, beat: Heartbeat) -> bool:
        """A tab of this process is alive. True when it is the one that presents."""
        tab.hear(beat, at=timezone.now(), settled_seq=self._heads[0])
        return self._renew(tab)

    def presents(self, tab: Tab | None) -> bool:
        """Whether this tab moves the room's picture now."""
        return tab is not None and self._is_presenter(tab) and self.lease.runs(timezone.now())

    def tell_roster(self) -> None:
        """To everybody, when it changed."""
        self.is_roster_due = False
        roster = self._roster_now()
        if roster != self._roster:
            self._roster = roster
            self.take(roster, roster.model_dump_json())

    def show_to(self, seat: Seat) -> None:
        """What everybody sees now, to one who came."""
        for key, text in self.latest.items():
            seat.outbox.put(text, key)
        seat.outbox.put(self._roster_now().model_dump_json(), "roster")

    def tell_pulse(self) -> None:
        self._heads.append(self.position.seq)
        at = timezone.now().isoformat(timespec="milliseconds")
        pulse = Pulse(seq=self.position.seq, term=self.position.term, at=at)
        self.take(pulse, pulse.model_dump_json())

    def _roster_now(self) -> Roster:
        return roster_of(self.all_tabs(), self.lease, timezone.now())

    def _renew(self, tab: Tab) -> bool:
        if not self._is_presenter(tab):
            return False
        self.lease = self.lease.heard(tab.seen_at)
        return self.lease.runs(timezone.now())

    def _is_presenter(self, tab: Tab) -> bool:
        return (tab.person, tab.tab) == (self.position.presenter, self.position.tab)
