"""The images-ready light: of one case, and of a whole list. Pure: facts in, colour and words out.

grey    nobody was asked yet
blue    archives are being asked, or studies fetched: how many of how many, and the time left
green   every chosen study is here
amber   something is missing: what
red     something failed: why, and whom to ring

The colour is that of the worst thing, in the order red, blue, amber, green. An archive that does
not answer is red where the patient has a number at its trust; one that is not asked, or not yet,
is amber there. Where all their numbers are of other trusts it is a note beside the colour:
otherwise one archive out of order would take the meaning from every light on the list. Where
nobody knows of any number it is amber.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from imaging.clock import clock_time
from imaging.models import ArchiveAnswer, Study
from imaging.pull import pace

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
EVICTED = "pictures removed after the meeting, can be fetched again"
OURS = ("store.", "spool.")  # codes of what is wrong here, not at an archive
MOST_PLACES = 6
UNDER_WAY = frozenset({Study.State.FOUND, Study.State.WANTED, Study.State.PULLING})


@dataclass(frozen=True)
class Asked:
    """What one archive said, or `message`: why it is not asked, also while that waits.

    `is_known_there`: the patient has a number at its trust.
    """

    trust: str
    state: str
    is_known_there: bool = False
    message: str = ""
    failing_since: datetime | None = None
    contact: str = ""

    @property
    def is_held_back(self) -> bool:
        may_not_yet = self.state == _State.WAITING and bool(self.message)
        return self.state == _State.NOT_ASKED or may_not_yet


@dataclass(frozen=True)
class Fetched:
    """How much of one study chosen for the case is here. `is_evicted`: it was, before.

    `seconds_left` as imaging.pull.pace measures it; None where that is not known. `waits`: why its
    archive may not be asked for it now, as imaging.budget.why_waiting says.
    """

    trust: str
    state: str
    stored: int = 0
    expected: int | None = None
    seconds_left: float | None = None
    message: str = ""
    contact: str = ""
    is_evicted: bool = False
    code: str = ""
    not_made: int = 0  # series whose pictures could not be made
    waits: str = ""

    @property
    def is_stuck(self) -> bool:
        """Nothing of it comes, for want of room or for a fault of the store."""
        return self.state == Study.State.WANTED and self.code.startswith(OURS)

    @property
    def is_under_way(self) -> bool:
        is_held_up = self.is_evicted or self.is_stuck or bool(self.waits)
        return self.state in UNDER_WAY and not is_held_up


@dataclass(frozen=True)
class Doubt:
    """A study that is not shown because of whose it is: unsure, or another person's.

    `why` it is unsure, as mdt.meetings.withheld.why_unsure says it; empty: it is another person's.
    `since` is when its trust's imaging team was asked.
    """

    trust: str
    why: str
    contact: str = ""
    since: datetime | None = None


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


def case_light(facts: Facts) -> Light:
    """The light of one case."""
    findings = [*_of_archives(facts), *_of_studies(facts), *_of_identity(facts)]
    asides = [_no_answer(a) for a in facts.asked if _is_aside(a, facts)]
    findings.sort(key=lambda finding: WORST_FIRST.index(finding.colour))
    first = findings[0] if findings else _Finding("grey", "images not asked for")
    notes = [finding.text for finding in findings[1:] if finding.colour != "green"]
    notes += [f"{trust} withheld" for trust in facts.withheld]
    return Light(first.colour, first.text, tuple(notes), tuple(asides))


def meeting_light(lights: Mapping[int, Light]) -> Light:
    """The light of a list: '21 of 23 ready' in the colour of its worst case. `lights` by place."""
    if not lights:
        return Light("grey", "no cases yet")
    ready = sum(light.colour == "green" for light in lights.values())
    colour = min((light.colour for light in lights.values()), key=WORST_FIRST.index)
    asides = dict.fromkeys(aside for light in lights.values() for aside in light.asides)
    said = tuple(aside + _places(aside, lights) for aside in asides)
    return Light(colour, f"images {ready} of {len(lights)} ready", asides=said)


def _places(aside: str, lights: Mapping[int, Light]) -> str:
    """Of which cases it is said, where it is not of all: ' (cases 2, 5)'."""
    places = [place for place, light in lights.items() if aside in light.asides]
    if len(places) == len(lights):
        return ""
    if len(places) > MOST_PLACES:
        return f" ({len(places)} cases)"
    cases = "case" if len(places) == 1 else "cases"
    return f" ({cases} {', '.join(map(str, places))})"


def _of_archives(facts: Facts) -> list[_Finding]:
    silent = [a for a in facts.asked if _is_silent(a) and not _is_aside(a, facts)]
    findings = [_unanswered(a) for a in silent]
    asked = [a for a in facts.asked if not a.is_held_back]
    waiting = [a for a in asked if a.state == _State.WAITING]
    if waiting:
        done = len(asked) - len(waiting)
        findings.append(_Finding("blue", f"asking archives, {done} of {len(asked)} answered"))
    answered = any(a.state == _State.ANSWERED for a in facts.asked)
    if answered and not waiting and not facts.studies and not facts.doubts:
        findings.append(_Finding("amber", "no studies chosen"))
    return findings


def _unanswered(asked: Asked) -> _Finding:
    text = _no_answer(asked)
    if asked.is_held_back or not asked.is_known_there:
        return _Finding("amber", text)
    return _Finding("red", text + _ring(asked.contact))


def _no_answer(asked: Asked) -> str:
    if asked.is_held_back:
        yet = " yet" if asked.state == _State.WAITING else ""
        return f"{asked.trust} not asked{yet}" + (f": {asked.message}" if asked.message else "")
    since = f" since {clock_time(asked.failing_since)}" if asked.failing_since else ""
    return f"{asked.trust} does not answer{since}"


def _is_silent(asked: Asked) -> bool:
    return asked.is_held_back or asked.state == _State.FAILED


def _is_aside(asked: Asked, facts: Facts) -> bool:
    is_elsewhere = facts.knows_a_number and not asked.is_known_there
    return _is_silent(asked) and is_elsewhere


def _of_studies(facts: Facts) -> list[_Finding]:
    findings = [
        _Finding("red", f"{s.trust}: {s.message.rstrip('.') or 'a study failed'}{_ring(s.contact)}")
        for s in facts.studies
        if s.state == Study.State.FAILED
    ]
    stuck = dict.fromkeys(s.message.rstrip(".") for s in facts.studies if s.is_stuck)
    findings += [_Finding("red", message) for message in stuck]
    findings += [
        _Finding("red", f"{s.trust}: {not_made(s.not_made)}") for s in facts.studies if s.not_made
    ]
    if any(s.is_under_way for s in facts.studies):
        findings.append(_Finding("blue", _progress(facts.studies)))
    findings += [
        _Finding("amber", _in_part(s))
        for s in facts.studies
        if s.state in (Study.State.PARTIAL, Study.State.CANCELLED)
    ]
    held_up = (f"{s.trust} not fetched yet: {s.waits}" for s in facts.studies if s.waits)
    findings += [_Finding("amber", text) for text in dict.fromkeys(held_up)]
    removed = dict.fromkeys(s.trust for s in facts.studies if s.is_evicted)
    findings += [_Finding("amber", f"{trust}: {EVICTED}") for trust in removed]
    if any(s.state == Study.State.COMPLETE for s in facts.studies):
        findings.append(_Finding("green", "images ready"))
    return findings


def not_made(count: int) -> str:
    """What is wrong with a study that is here, and of so many series cannot be shown."""
    return f"pictures of {count} series could not be made here"


def _in_part(study: Fetched) -> str:
    """How much is here, and that a person wanted no more of it."""
    text = f"{study.trust}: {study.stored:,} of {_known(study.expected)} images here"
    is_cancelled = study.state == Study.State.CANCELLED
    return f"{text}, {study.message.rstrip('.').lower()}" if is_cancelled else text


def _known(count: int | None) -> str:
    return f"{count:,}" if count else "an unknown number of"


def _of_identity(facts: Facts) -> list[_Finding]:
    return [_doubt(doubt) for doubt in facts.doubts]


def _doubt(doubt: Doubt) -> _Finding:
    if not doubt.why:
        text = f"{doubt.trust}: a study carries another identity and is withheld"
        return _Finding("red", text + _ring(doubt.contact))
    if doubt.why == "issuer":  # not for the imaging team, whose contact it is
        text = f"{doubt.trust}: a study's issuer is not set up. Whoever looks after its archive"
        return _Finding("amber", f"{text} must say whose it is")
    if doubt.why == "gone":
        text = f"{doubt.trust}: whose a study is was not settled, and its archive lists it no more"
        return _Finding("amber", f"{text}. Its imaging team must look for it{_ring(doubt.contact)}")
    since = f" since {clock_time(doubt.since)}" if doubt.since else ""
    text = f"whose a study is: with {possessive(doubt.trust)} imaging team{since}"
    return _Finding("amber", text + _ring(doubt.contact))


def possessive(trust: str) -> str:
    return f"{trust}'" if trust.endswith("s") else f"{trust}'s"


def _progress(studies: Sequence[Fetched]) -> str:
    """'fetching 412 of 1,180, about 2 minutes left', the time where that of each study is known;
    without counts, the number of studies.
    """
    over = (Study.State.FAILED, Study.State.WITHHELD)
    here = [s for s in studies if s.state not in over and not (s.is_evicted or s.waits)]
    expected = sum(s.expected or 0 for s in here)
    stored = sum(s.stored for s in here)
    if not expected:
        under_way = sum(s.is_under_way for s in here)
        return f"waiting to fetch {under_way} {'study' if under_way == 1 else 'studies'}"
    left = [s.seconds_left for s in here if s.is_under_way]
    known = [seconds for seconds in left if seconds is not None]
    words = f", {pace.words_left(max(known))}" if known and len(known) == len(left) else ""
    return f"fetching {stored:,} of {expected:,}{words}"


def _ring(contact: str) -> str:
    return f". Ring {contact}" if contact else ""
