"""Which side: said by the referral, the studies, the code of the outcome and its text (D24)."""

from collections.abc import Iterable
from typing import NamedTuple

from imaging.sides import sides_in
from mdt.laterality import ONE_SIDE


class Warned(NamedTuple):
    """A code that stays the same, and a sentence for people."""

    code: str
    text: str


def disagreements(
    *, referral: str, studies: Iterable[tuple[str, frozenset[str]]], outcome: str, text: str
) -> list[Warned]:
    """What contradicts the side of an outcome, or of its text where no one side is coded yet.

    `referral` and `outcome` are codes, `studies` names with the sides they are of, `text` is the
    recommendation as typed. Only what names one side can contradict: a text that names both is
    left to its reader.
    """
    said, is_coded = sides_in(text), outcome in ONE_SIDE
    if not is_coded and len(said) != 1:
        return []
    side = outcome if is_coded else min(said)
    words = f"the outcome {'is coded' if is_coded else 'in its text says'} {side}"
    found = []
    if referral in ONE_SIDE and referral != side:
        found.append(Warned("side.referral", f"SIDE: the referral is coded {referral}, {words}."))
    for name, sides in studies:
        if sides and side not in sides:
            found.append(Warned("side.study", f"SIDE: {name} says {min(sides)}, {words}."))
    if len(said) == 1 and side not in said:
        found.append(Warned("side.text", f"SIDE: {words}, its text says {min(said)}."))
    return found
