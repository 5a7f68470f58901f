"""The images-ready light: of one case, and of a whole list. Pure: facts in, colour and words out.

grey    nobody was asked yet
blue    archives are being asked, or studies fetched: how many of how many, and the time left
green   every chosen study is here
amber   something is missing: what
red     something failed: why, and whom to ring

The colour is that of the worst thing, in the order red, blue, amber, green. An archive that does
not answer is red where the patient has a number at its trust. Where all their numbers are of
other trusts it is a note beside the colour: otherwise one archive out of order would take the
meaning from every light on the list. Where nobody knows of any number it is amber.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from imaging.models import ArchiveAnswer, Study

_State = ArchiveAnswer.State
Colour = Literal["grey", "blue", "green", "amber", "red"]
WORST_FIRST: tuple[Colour, ...] = ("red", "blue", "amber", "green", "grey")
ICONS: dict[Colour, str] = {
    "red": "failed",
    "blue": "fetching",
    "amber": "missing",
    "green": "ready",
    "grey": "not-asked",
}
UNDER_WAY = frozenset({Study.State.FOUND, Study.State.WANTED, Study.State.PULLING})


@dataclass(frozen=True)
class Asked:
    """What one archive said. `is_known_there`: the patient has a number at its trust."""

    trust: str
    state: str
    is_known_there: bool = False
    message: str = ""
    failing_since: datetime | None = None
    contact: str = ""


@dataclass(frozen=True)
class Fetched:
    """How much of one study chosen for the case is here."""

    trust: str
    state: str
    stored: int = 0
    expected: int | None = None
    started_at: datetime | None = None
    message: str = ""
    contact: str = ""


@dataclass(frozen=True)
class Doubt:
    """A study that is not shown because of whose it is: unsure, or another person's."""

    trust: str
    is_different: bool
    contact: str = ""


@dataclass(frozen=True)
class Facts:
    """All a case's light depends on. `withheld` are trusts whose studies may not be shown."""

    asked: Sequence[Asked] = ()
    studies: Sequence[Fetched] = ()
    doubts: Sequence[Doubt] = ()
    knows_a_number: bool = False
    withheld: Sequence[str] = ()


@dataclass(frozen=True)
class Light:
    """A colour, its words (never the colour alone), and what else there is to say.

    `notes` are of this case, worst first; `asides` are of archives that probably hold nothing
    for it, and the same for many cases: they are said once for the whole list.
    """

    colour: Colour
    text: str
    notes: tuple[str, ...] = field(default=())
    asides: tuple[str, ...] = field(default=())

    @property
    def icon(self) -> str:
        """The symbol (static/icons/sprite.svg) that says the same as the colour."""
        return ICONS[self.colour]


@dataclass(frozen=True)
class _Finding:
    colour: Colour
    text: str


def case_light(facts: Facts, now: datetime) -> Light:
    """The light of one case."""
    findings = [*_of_archives(facts), *_of_studies(facts, now), *_of_identity(facts)]
    asides = [f"{a.trust} not asked" for a in facts.asked if a.state == _State.NOT_ASKED]
    asides += [_no_answer(a) for a in facts.asked if _is_aside(a, facts)]
    findings.sort(key=lambda finding: WORST_FIRST.index(finding.colour))
    first = findings[0] if findings else _Finding("grey", "images not asked for")
    notes = [finding.text for finding in findings[1:] if finding.colour != "green"]
    notes += [f"{trust} withheld" for trust in facts.withheld]
    return Light(first.colour, first.text, tuple(notes), tuple(asides))


def meeting_light(lights: Iterable[Light]) -> Light:
    """The light of a list: '21 of 23 ready' in the colour of its worst case."""
    lights = list(lights)
    if not lights:
        return Light("grey", "no cases yet")
    ready = sum(light.colour == "green" for light in lights)
    colour = min((light.colour for light in lights), key=WORST_FIRST.index)
    asides = dict.fromkeys(aside for light in lights for aside in light.asides)
    return Light(colour, f"images {ready} of {len(lights)} ready", asides=tuple(asides))


def _of_archives(facts: Facts) -> list[_Finding]:
    failed = [a for a in facts.asked if a.state == _State.FAILED and not _is_aside(a, facts)]
    findings = [_unanswered(a) for a in failed]
    waiting = [a for a in facts.asked if a.state == _State.WAITING]
    if waiting:
        done = len(facts.asked) - len(waiting)
        findings.append(_Finding("blue", f"asking archives, {done} of {len(facts.asked)} answered"))
    answered = any(a.state == _State.ANSWERED for a in facts.asked)
    if answered and not waiting and not facts.studies and not facts.doubts:
        findings.append(_Finding("amber", "no studies chosen"))
    return findings


def _unanswered(asked: Asked) -> _Finding:
    text = _no_answer(asked)
    if not asked.is_known_there:
        return _Finding("amber", text)
    return _Finding("red", text + _ring(asked.contact))


def _no_answer(asked: Asked) -> str:
    since = f" since {_clock(asked.failing_since)}" if asked.failing_since else ""
    return f"{asked.trust} does not answer{since}"


def _is_aside(asked: Asked, facts: Facts) -> bool:
    is_elsewhere = facts.knows_a_number and not asked.is_known_there
    return asked.state == _State.FAILED and is_elsewhere


def _of_studies(facts: Facts, now: datetime) -> list[_Finding]:
    findings = [
        _Finding("red", f"{s.trust}: {s.message.rstrip('.') or 'a study failed'}{_ring(s.contact)}")
        for s in facts.studies
        if s.state == Study.State.FAILED
    ]
    if any(s.state in UNDER_WAY for s in facts.studies):
        findings.append(_Finding("blue", _progress(facts.studies, now)))
    findings += [
        _Finding("amber", f"{s.trust}: {s.stored:,} of {_known(s.expected)} images here")
        for s in facts.studies
        if s.state == Study.State.PARTIAL
    ]
    if any(s.state == Study.State.COMPLETE for s in facts.studies):
        findings.append(_Finding("green", "images ready"))
    return findings


def _known(count: int | None) -> str:
    return f"{count:,}" if count else "an unknown number of"


def _of_identity(facts: Facts) -> list[_Finding]:
    return [_doubt(doubt) for doubt in facts.doubts]


def _doubt(doubt: Doubt) -> _Finding:
    if doubt.is_different:
        text = f"{doubt.trust}: a study carries another identity and is withheld"
        return _Finding("red", text + _ring(doubt.contact))
    return _Finding("amber", f"{doubt.trust}: whose a study is must be settled there")


def _progress(studies: Sequence[Fetched], now: datetime) -> str:
    """'fetching 412 of 1,180, 40 s left'; without counts, the number of studies."""
    here = [s for s in studies if s.state not in (Study.State.FAILED, Study.State.WITHHELD)]
    expected = sum(s.expected or 0 for s in here)
    stored = sum(s.stored for s in here)
    if not expected:
        under_way = sum(s.state in UNDER_WAY for s in here)
        return f"waiting to fetch {under_way} {'study' if under_way == 1 else 'studies'}"
    left = time_left(here, now)
    return f"fetching {stored:,} of {expected:,}" + (f", {_span(left)} left" if left else "")


def time_left(studies: Iterable[Fetched], now: datetime) -> timedelta | None:
    """How long what is missing takes at the pace so far; None while there is no pace."""
    running = [s for s in studies if s.state == Study.State.PULLING and s.started_at]
    stored = sum(s.stored for s in running)
    missing = sum(max((s.expected or 0) - s.stored, 0) for s in running)
    begun = min((s.started_at for s in running if s.started_at), default=now)
    if not stored or not missing or begun >= now:
        return None
    return (now - begun) * (missing / stored)


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    return f"{max(seconds, 1)} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _clock(at: datetime) -> str:
    return f"{timezone.localtime(at):%H:%M}"


def _ring(contact: str) -> str:
    return f". Ring {contact}" if contact else ""
