"""Which side, said in three places: the referral, the code of the outcome, its text (D24)."""

from mdt.laterality import Laterality, sides_in

ONE_SIDED = frozenset({Laterality.LEFT.value, Laterality.RIGHT.value})


def disagreements(*, referral: str, outcome: str, text: str) -> list[str]:
    """Sentences for people, empty when nothing contradicts.

    `referral` and `outcome` are codes, `text` is the recommendation as typed. Only what names
    one side can contradict: a text that names both is left to its reader.
    """
    found = []
    if {referral, outcome} == ONE_SIDED:
        found.append(f"SIDE: the referral is coded {referral}, the outcome {outcome}.")
    said = sides_in(text)
    if len(said) == 1 and outcome in ONE_SIDED and outcome not in said:
        found.append(f"SIDE: the outcome is coded {outcome}, its text says {min(said)}.")
    return found
