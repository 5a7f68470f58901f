"""Who is in a room now, over all tabs and processes, and whether somebody presents.

Wall clock times cross processes here: their machines' clocks are taken to agree within a second.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import BaseModel, TypeAdapter

from mdt.meetings.room_queries import LEASE
from mdt.protocol import Heartbeat, Present, Roster

LOST = timedelta(seconds=5)  # no heartbeat of the presenter: everybody is told
SILENT = timedelta(seconds=15)  # no heartbeat of a tab: it is not in the roster


class Tab(BaseModel):
    """One tab of one person, as its process last heard of it."""

    person: str
    name: str
    specialty: str
    tab: str
    seen_at: datetime
    used_at: datetime
    following: bool = True
    preview: int | None = None
    is_behind: bool = False

    def hear(self, beat: Heartbeat, *, at: datetime, settled_seq: int) -> None:
        """`settled_seq`: what was said so long ago that a screen in order shows it."""
        self.seen_at = at
        self.following, self.preview = beat.following, beat.preview
        self.is_behind = beat.seq < settled_seq


Tabs = TypeAdapter(tuple[Tab, ...])


@dataclass(frozen=True)
class Lease:
    """The presenter's right to move everybody's picture. It lives on the heartbeats of one tab."""

    since: datetime | None = None
    seen_at: datetime | None = None

    def runs(self, at: datetime) -> bool:
        return self.seen_at is not None and at - self.seen_at <= LEASE

    def heard(self, at: datetime) -> "Lease":
        """A heartbeat renews a lease that runs; one that has lapsed is taken anew or not at all."""
        if self.seen_at is None or not self.runs(at):
            return self
        return replace(self, seen_at=max(at, self.seen_at))

    def lost_at(self, at: datetime) -> datetime | None:
        is_lost = self.seen_at is not None and at - self.seen_at > LOST
        return self.seen_at if is_lost else None


def roster_of(tabs: Iterable[Tab], lease: Lease, at: datetime) -> Roster:
    """Everybody once, however many tabs; silent tabs do not count."""
    people: dict[str, list[Tab]] = {}
    for tab in tabs:
        if at - tab.seen_at <= SILENT:
            people.setdefault(tab.person, []).append(tab)
    present = sorted((_person(theirs) for theirs in people.values()), key=_by_name)
    since = lease.since if lease.runs(at) else None
    return Roster(
        present=tuple(present),
        presenter_since=_iso(since),
        presenter_lost_at=_iso(lease.lost_at(at)),
    )


def tab_used_last(tabs: Iterable[Tab], person: str, at: datetime) -> str | None:
    """The tab a hand-over goes to; None when the person is not in the room."""
    theirs = [t for t in tabs if t.person == person and at - t.seen_at <= SILENT]
    return max(theirs, key=lambda tab: tab.used_at).tab if theirs else None


def _person(tabs: list[Tab]) -> Present:
    """At their best tab: what they can see on one screen, they can see."""
    previews = [tab.preview for tab in tabs]
    return Present(
        person=tabs[0].person,
        name=tabs[0].name,
        specialty=tabs[0].specialty,
        following=any(tab.following for tab in tabs),
        preview=None if None in previews else max(p for p in previews if p is not None),
        is_behind=all(tab.is_behind for tab in tabs),
    )


def _by_name(present: Present) -> tuple[str, str]:
    return present.name, present.person


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
