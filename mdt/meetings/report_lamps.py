"""The lamps of imaging reports and of pathology. Pure: facts in, colour and words out.

grey    there is none
amber   preliminary; taken back; not whole; or changed since the case was listed: read it again;
        or one may be about this patient: its trust's imaging team must say
green   final, or amended before the case was listed

The lamp is that of the report that most needs to be read; the others are notes beside it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from mdt.meetings.lights import Colour, Light, possessive
from mdt.reports.models import Kind, Status

NAMES = {Kind.IMAGING: "imaging report", Kind.PATHOLOGY: "pathology report"}
SUMMARIES = {Kind.IMAGING: "imaging reports", Kind.PATHOLOGY: "pathology"}
READY = frozenset({Status.FINAL, Status.AMENDED})
NONE = "none"
INCOMPLETE = "Parts of this report could not be kept: ask the sender"


@dataclass(frozen=True)
class Told:
    """What one report says of itself by the version that counts."""

    trust: str
    status: Status
    issued_at: datetime
    received_at: datetime
    is_incomplete: bool = False
    is_timed: bool = True

    @property
    def is_ready(self) -> bool:
        return self.status in READY and not self.is_incomplete

    def is_news(self, listed_at: datetime) -> bool:
        """Amended or taken back after the case was listed: whoever prepared it read another one."""
        is_change = self.status in (Status.AMENDED, Status.WITHDRAWN)
        return is_change and self.received_at > listed_at


@dataclass(frozen=True)
class Lamp:
    """`status` is "none" or one of Status; the light says it in words, with source and time."""

    kind: Kind
    status: str
    light: Light
    is_ready: bool = False


@dataclass(frozen=True)
class Lamps:
    imaging: Lamp
    pathology: Lamp

    @property
    def each(self) -> tuple[Lamp, Lamp]:
        return self.imaging, self.pathology


def lamp(
    kind: Kind,
    told: Sequence[Told],
    withheld: Iterable[str],
    doubted: Iterable[str],
    listed_at: datetime,
) -> Lamp:
    """The lamp of one kind. `withheld` are trusts of which a report may not be shown; `doubted`
    those of which one may be about this patient, each as often as there is one.
    """
    rest = tuple(f"{trust}: {_a(kind)} is withheld" for trust in withheld)
    ranked = sorted(told, key=lambda one: _most_urgent(one, listed_at))
    words = [f"{NAMES[kind]} {_words(one, listed_at)}" for one in ranked]
    colour = _colour(ranked[0], listed_at) if ranked else "grey"
    if unsure := [_in_doubt(kind, trust, count) for trust, count in Counter(doubted).items()]:
        words, colour = unsure + words, "amber"
    first, *others = words or [f"no {NAMES[kind]}"]
    light = Light(colour, first, (*others, *rest))
    if not ranked:
        return Lamp(kind, NONE, light)
    return Lamp(kind, ranked[0].status.value, light, ranked[0].is_ready)


def counted(lamps: Iterable[Lamps]) -> list[Light]:
    """How many cases of a list have each: 'imaging reports 20 of 23', 'pathology 14 of 23'."""
    both = list(lamps)
    columns = ([one.imaging for one in both], [one.pathology for one in both])
    return [_counted(column) for column in columns if column]


def _counted(column: Sequence[Lamp]) -> Light:
    ready = sum(one.is_ready for one in column)
    is_news = any(one.light.colour == "amber" for one in column)
    colour: Colour = "green" if ready == len(column) else "grey"
    return Light(
        "amber" if is_news else colour, f"{SUMMARIES[column[0].kind]} {ready} of {len(column)}"
    )


def _most_urgent(told: Told, listed_at: datetime) -> tuple[bool, bool, bool, timedelta]:
    """What changed since the listing, then what is not final, then the newest; gone ones last."""
    age = timezone.now() - told.issued_at
    is_gone = told.status == Status.WITHDRAWN
    return not told.is_news(listed_at), is_gone, told.is_ready, age


def _colour(told: Told, listed_at: datetime) -> Colour:
    return "green" if told.is_ready and not told.is_news(listed_at) else "amber"


def _words(told: Told, listed_at: datetime) -> str:
    """'final: The Christie, 20 Nov 14:05'"""
    since = " SINCE THIS CASE WAS LISTED" if told.is_news(listed_at) else ""
    rest = f". {INCOMPLETE}" if told.is_incomplete else ""
    return f"{told.status.value}{since}: {told.trust}, {_when(told)}{rest}"


def _in_doubt(kind: Kind, trust: str, count: int) -> str:
    """'1 imaging report may be about this patient: with Stockport's imaging team'"""
    names = f"{NAMES[kind]}{'' if count == 1 else 's'}"
    return f"{count} {names} may be about this patient: with {possessive(trust)} imaging team"


def _when(told: Told) -> str:
    """To the minute, or the day where no hour was said; the year where it is not this one."""
    local = timezone.localtime(told.issued_at)
    year = "" if local.year == timezone.localdate().year else f" {local.year}"
    return f"{local:%-d %b}{year}" + (f" {local:%H:%M}" if told.is_timed else "")


def _a(kind: Kind) -> str:
    return f"an {NAMES[kind]}" if kind == Kind.IMAGING else f"a {NAMES[kind]}"
