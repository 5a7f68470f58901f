"""Which side a text names, and which sides a study is of. Pure."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imaging.models import Study

LEFT, RIGHT = "left", "right"
BOTH_SIDES = "B"  # DICOM (0020,0062); ours too where some images are of one side, some of the other
CODED = {"L": {LEFT}, "R": {RIGHT}, BOTH_SIDES: {LEFT, RIGHT}}
#: How a side is written: "LT KNEE", "left frontal", "(R)". Never the letter of "L5" or "L spine",
#: nor that of "R/O", rule out.
WORDS = {
    LEFT: re.compile(r"\b(?:left|lt|l(?!\W{0,2}s(?:pines?|/?s)?\b))\b", re.IGNORECASE),
    RIGHT: re.compile(r"\b(?:right|rt|r(?!\W{0,2}o\b))\b", re.IGNORECASE),
}
BOTH = re.compile(r"\b(?:bilateral|bilat|both|b/l)\b", re.IGNORECASE)


def sides_in(text: str) -> frozenset[str]:
    """The sides a text names: 'LT KNEE' is left; 'left and right' is both of them."""
    return frozenset(side for side, words in WORDS.items() if words.search(text))


def sides_of(study: "Study", series: Iterable[str] = ()) -> frozenset[str]:
    """Both where its description says both; else the sides coded of a study and its `series`
    (codes), its description's where none is coded.
    """
    if BOTH.search(study.description):
        return frozenset(WORDS)
    if codes := {study.laterality, *series} & set(CODED):
        return frozenset().union(*(CODED[code] for code in codes))
    return sides_in(study.description)


def in_one(codes: Iterable[str]) -> str:
    """The code of what these are codes of together; empty where none says a side."""
    sides = set(codes) & set(CODED)
    return sides.pop() if len(sides) == 1 else BOTH_SIDES if sides else ""
