from django.db import models


class Laterality(models.TextChoices):
    """Which side. Coded from referral to letter, and never left to the text (D24)."""

    LEFT = "left", "Left"
    RIGHT = "right", "Right"
    BOTH = "both", "Both"
    MIDLINE = "midline", "Midline"
    NOT_APPLICABLE = "not-applicable", "Not applicable"
    NOT_KNOWN = "not-known", "Not known"


ONE_SIDE = frozenset({Laterality.LEFT.value, Laterality.RIGHT.value})
