"""What a team asks, and its rules of which studies matter: values, no database, no meeting.

A rule takes studies of its modalities and body parts, as far back as its years go. The first
rule of a team that a study falls under decides; a study that falls under none is left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

from imaging.body_parts import (
    WHOLE,
    Parts,
    are_paired,
    in_words,
    listed,
    meet,
    parts_asked,
    parts_in,
    parts_of,
    parts_reported,
    told_by,
)
from imaging.sides import sides_of

if TYPE_CHECKING:
    from imaging.models import Study

ASKED = "asked"  # the parts that the question names; the rule's others where it names none
Fit = Literal["", "no", "side", "age"]  # "": it fits; else what keeps the rule from taking it

# What a study is mainly, most telling first: a PET/CT is a PET, a CT with a screen shot a CT.
MODALITIES = ("PT", "NM", "MR", "CT", "XA", "RF", "MG", "US", "DX", "SM", "GM", "ES", "XC", "OP")
SAME_MODALITY = {"CR": "DX", "PX": "DX", "RG": "DX", "MA": "MR", "MS": "MR", "ST": "NM"}
# Neither told apart here nor mapped, but studies with pictures state them (PS3.3 C.7.3.1.1.1).
# fmt: off
RARE_MODALITIES = frozenset({
    "AR", "BDUS", "BI", "BMD", "CFM", "DG", "DMS", "EPS", "HC", "IO", "IVOCT", "IVUS", "LS", "OAM",
    "OCT", "OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA", "RTIMAGE", "TG", "VA",
})
# fmt: on
OF_PICTURES = frozenset({*MODALITIES, *SAME_MODALITY}) | RARE_MODALITIES
SAID = {"PT": "PET", "DX": "X-ray", "NM": "nuclear medicine", "US": "ultrasound"}
SAID |= {"MG": "mammography", "XA": "angiography", "RF": "fluoroscopy"}
# fmt: off
HOLD_NO_PICTURES = frozenset({
    "SR", "PR", "KO", "DOC", "SEG", "REG", "RWV", "FID", "PLAN", "AU", "ECG", "HD",
    "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD",
})
# fmt: on


@dataclass(frozen=True)
class Question:
    """What a team asks, as far as it says which studies matter. `side`: "left", "right" or ""."""

    text: str = ""
    side: str = ""

    @property
    def parts(self) -> Parts:
        return parts_asked(self.text)


@dataclass(frozen=True)
class Rule:
    """One rule of a team; what is empty does not narrow it.

    `parts` may hold ASKED. `question_words` and `description_words` are single words or phrases,
    of which one must stand in the question, or in what the study says of itself. `years` None is
    any age. `at_most` is how many of one kind, the newest, and the oldest too if `keeps_oldest`.
    `leaves_out`: what falls under it is not chosen.
    """

    modalities: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    question_words: tuple[str, ...] = ()
    description_words: tuple[str, ...] = ()
    years: int | None = None
    at_most: int | None = None
    keeps_oldest: bool = False
    minds_side: bool = False
    leaves_out: bool = False

    @property
    def span(self) -> str:
        """'last 2 years'; empty for any age."""
        if self.years is None:
            return ""
        return f"last {self.years} years" if self.years != 1 else "last year"

    @property
    def words(self) -> str:
        """The rule as a sentence, for whoever asks why."""
        said = [SAID.get(code, code) for code in sorted(self.modalities)]
        verb = "Leaves out" if self.leaves_out else "Takes"
        parts = [f"{verb} {listed(said) or 'every modality'} of {self._where()}"]
        parts += [self.span] if self.span else ["however old"]
        if self.at_most:
            oldest = ", and the oldest" if self.keeps_oldest else ""
            parts.append(f"the newest {self.at_most} of a kind{oldest}")
        if self.minds_side:
            parts.append("not of the other side")
        if self.description_words:
            words = _begun(self.description_words)
            parts.append(f"where a word of its description begins with {words}")
        if self.question_words:
            parts.append(f"where a word of the question begins with {_begun(self.question_words)}")
        return f"{', '.join(parts)}."

    def _where(self) -> str:
        fixed = in_words(self.parts - {ASKED})
        if ASKED not in self.parts:
            return fixed or "any part of the body"
        return "what the question names" + (f" (if nothing: {fixed})" if fixed else "")


@dataclass(frozen=True)
class Kind:
    """What a study is of, read once: by it studies are compared and rules applied.

    `words` are its description, and those of its report where that was read; `reported` are the
    parts that it has from there.
    """

    modality: str
    parts: Parts
    sides: frozenset[str] = field(default=frozenset())
    words: str = ""
    reported: Parts = frozenset()

    def is_same(self, other: "Kind") -> bool:
        """Side by side they say something: modality, a part in common, not the other side."""
        share = meet(self.parts, other.parts) or not (self.parts or other.parts)
        return self.modality == other.modality and share and not self._is_other_side(other)

    def is_other_side_than(self, side: str) -> bool:
        return are_paired(self.parts) and bool(self.sides) and side not in self.sides

    def _is_other_side(self, other: "Kind") -> bool:
        is_pair = are_paired(self.parts) and are_paired(other.parts)
        return is_pair and bool(self.sides and other.sides) and not self.sides & other.sides


def kind_of(study: "Study", report: str = "") -> Kind:
    """Reads only the study's own row; its imaging report where its description says too little."""
    if not says_too_little(study):
        report = ""
    return Kind(
        modality=main_modality(study.modalities),
        parts=parts_of(study.body_part, study.description, report),
        sides=sides_of(study),
        words=f"{study.description} {told_by(report)}",
        reported=parts_reported(report),
    )


def says_too_little(study: "Study") -> bool:
    """Whether its description names no part of the body: a code alone is often wrong."""
    return not parts_in(study.description)


def same_modalities(codes: Iterable[str]) -> frozenset[str]:
    """Codes as `main_modality` gives them: films are one kind, whatever made them."""
    return frozenset(SAME_MODALITY.get(code, code) for code in codes)


def main_modality(modalities: str) -> str:
    """Of codes joined by a comma the one that says most; empty: none with pictures."""
    codes = same_modalities(filter(None, modalities.split(",")))
    pictures = sorted(codes - HOLD_NO_PICTURES)
    telling = [code for code in MODALITIES if code in pictures]
    return (telling or pictures or [""])[0]


def fit(rule: Rule, study: "Study", kind: Kind, question: Question, today: date) -> Fit:
    """Whether a rule takes a study; if not, what keeps it, the least first: age, side, no."""
    if rule.modalities and kind.modality not in rule.modalities:
        return "no"
    if not _parts_fit(rule, kind, question) or not _words_fit(rule, kind, question):
        return "no"
    if rule.minds_side and question.side and kind.is_other_side_than(question.side):
        return "side"
    return "" if _is_young(rule, study, today) else "age"


def _parts_fit(rule: Rule, kind: Kind, question: Question) -> bool:
    """What states no part may be of any."""
    if not rule.parts:
        return True
    wanted = wanted_parts(rule, question)
    return bool(wanted) and (not kind.parts or bool(parts_met(wanted, kind)))


def parts_met(wanted: Parts, kind: Kind) -> Parts:
    """Those of the wanted parts that a study is of. The whole body is met only as a whole."""
    return frozenset(
        part
        for part in wanted
        if meet({part}, kind.parts) and (part != WHOLE or part in kind.parts)
    )


def wanted_parts(rule: Rule, question: Question) -> Parts:
    """The parts a rule is about when this is asked. Empty where a rule is about any or none."""
    named = question.parts if ASKED in rule.parts else frozenset[str]()
    return named or rule.parts - {ASKED}


def _words_fit(rule: Rule, kind: Kind, question: Question) -> bool:
    return _says(question.text, rule.question_words) and _says(kind.words, rule.description_words)


def _says(text: str, words: Iterable[str]) -> bool:
    """Whether one of `words` begins a word of the text; true when there are none."""
    said = f" {' '.join(''.join(c if c.isalnum() else ' ' for c in text.lower()).split())}"
    wanted = list(words)
    return not wanted or any(f" {word.lower()}" in said for word in wanted)


def _is_young(rule: Rule, study: "Study", today: date) -> bool:
    if rule.years is None:
        return True
    return study.study_date is not None and study.study_date >= years_before(today, rule.years)


def years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _begun(words: Iterable[str]) -> str:
    *most, last = (f'"{word}"' for word in words)
    return f"{', '.join(most)} or {last}" if most else last
