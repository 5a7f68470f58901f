import re

from django.db import models


class Laterality(models.TextChoices):
    """Which side. Coded from referral to letter, and never left to the text (D24)."""

    LEFT = "left", "Left"
    RIGHT = "right", "Right"
    BOTH = "both", "Both"
    MIDLINE = "midline", "Midline"
    NOT_APPLICABLE = "not-applicable", "Not applicable"
    NOT_KNOWN = "not-known", "Not known"


#: How a side is written in free text: "LT KNEE", "left frontal". Never the letter of "L5".
WORDS = {
    Laterality.LEFT: re.compile(r"\b(?:left|lt|l)\b", re.IGNORECASE),
    Laterality.RIGHT: re.compile(r"\b(?:right|rt|r)\b", re.IGNORECASE),
}


def sides_in(text: str) -> frozenset[str]:
    """The sides a text names: 'LT KNEE' is left; 'left and right' is both of them."""
    return frozenset(side.value for side, words in WORDS.items() if words.search(text))
