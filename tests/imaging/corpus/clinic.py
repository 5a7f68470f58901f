"""The questions of the labelled set, and which examinations matter to each, by clinical sense.

Written from what a radiologist would open to answer it: not from what the product's rules say.
`relevant` and `other` are lists of `(examination, youngest, oldest, side, why)`, ages in days;
side "same", "other" or "" of a question with a side. `half` keeps a question and all that is
made from it in one half of the set.
"""

from dataclasses import dataclass

Item = tuple[str, int, int, str, str]
YEAR = 365


@dataclass(frozen=True)
class Asked:
    half: str  # "tuning" or "held-out"
    pathway: str
    mdt_type: str
    text: str
    side: str
    relevant: list[Item]
    other: list[Item]


def yes(
    name: str, oldest: int = 2 * YEAR, why: str = "", youngest: int = 2, side: str = ""
) -> Item:
    return (name, youngest, oldest, side, why or "shows what is asked about")


def no(name: str, oldest: int = 6 * YEAR, why: str = "", youngest: int = 5, side: str = "") -> Item:
    return (name, youngest, oldest, side, why or "another part of the body")


def old(name: str) -> Item:
    return (name, 11 * YEAR, 16 * YEAR, "", "far too old to matter")


LIMBS = [
    no("xr-hand"),
    no("xr-foot"),
    no("mr-knee"),
    no("mr-shoulder"),
    no("xr-hip"),
    no("dexa"),
    no("us-leg-veins"),
    no("dose", why="holds no pictures"),
]
BLANK = yes("outside-ct", YEAR, "not named: somebody must look")
T, H = "tuning", "held-out"
STAGE = "stages it"

NEURO = [yes("mr-brain", 3 * YEAR), yes("ct-head", 2 * YEAR), BLANK]
NOT_NEURO = [
    *LIMBS,
    no("us-pelvis"),
    no("mr-lumbar"),
    no("us-thyroid"),
    no("xr-chest"),
    no("mammo"),
    no("us-renal"),
    old("ct-head"),
]
LUNG = [
    yes("ct-chest", 4 * YEAR),
    yes("ct-cap", 2 * YEAR),
    yes("pet", YEAR),
    BLANK,
    yes("ctpa", 2 * YEAR, "the lungs are on it"),
    yes("xr-chest", 180, "the last before the CT"),
]
NOT_LUNG = [
    *LIMBS,
    no("us-pelvis"),
    no("mr-lumbar"),
    no("mr-prostate"),
    no("us-renal"),
    no("xr-shoulder"),
    old("ct-chest"),
    old("xr-chest"),
    no("carotid"),
    no("xr-abdomen"),
]
BREAST = [yes("mammo", 4 * YEAR), yes("us-breast", YEAR, side="same"), yes("mr-breast", 2 * YEAR)]
NOT_BREAST = [
    *LIMBS,
    no("us-pelvis"),
    no("ct-head", 6 * YEAR, "years ago, another matter", 3 * YEAR),
    no("us-renal"),
    no("mr-lumbar", 6 * YEAR, "back pain years ago", 3 * YEAR),
    no("us-thyroid"),
    old("mammo"),
    no("us-breast", 3 * YEAR, "the other breast, settled then", 400, "other"),
]
BOWEL = [
    yes("ct-cap", 3 * YEAR),
    yes("ct-ap", 2 * YEAR),
    BLANK,
    yes("ct-colon", YEAR),
    yes("pet", YEAR, STAGE),
]
NOT_BOWEL = [
    *LIMBS,
    no("mr-prostate"),
    no("us-thyroid"),
    no("mammo"),
    no("ct-head"),
    no("mr-brain"),
    no("xr-chest", 6 * YEAR, "a plain film years ago", 3 * YEAR),
    no("carotid"),
    old("ct-ap"),
    no("us-testes"),
]
NOT_URO = [
    *LIMBS,
    no("ct-head"),
    no("us-thyroid"),
    no("mr-brain"),
    no("mammo"),
    no("carotid"),
    no("mr-cardiac"),
    no("xr-shoulder"),
]
NOT_NECK = [
    *LIMBS,
    no("us-renal"),
    no("mr-prostate"),
    no("us-pelvis"),
    no("mr-lumbar"),
    no("mammo"),
    no("us-liver"),
    no("ct-colon"),
    no("xr-abdomen"),
]
NOT_HPB = [
    *LIMBS,
    no("ct-head"),
    no("mr-prostate"),
    no("us-thyroid"),
    no("mr-lumbar"),
    no("mammo"),
    no("carotid"),
    no("us-testes"),
    no("us-pelvis"),
    old("us-liver"),
]
HAEM = [yes("pet", 2 * YEAR), yes("ct-ncap", 3 * YEAR), yes("ct-cap", 2 * YEAR)]
NOT_HAEM = [
    *LIMBS,
    no("ct-head", 6 * YEAR, "a fall years ago", 3 * YEAR),
    no("us-renal"),
    no("mammo"),
    no("carotid"),
    no("mr-cardiac"),
    no("us-thyroid", 6 * YEAR, "", 3 * YEAR),
]
NOT_SARCOMA = [
    no("ct-head"),
    no("us-thyroid"),
    no("us-renal"),
    no("mammo"),
    no("carotid"),
    no("mr-lumbar"),
    no("us-pelvis"),
    no("xr-hand"),
    no("dexa"),
    no("us-liver"),
    no("dose", why="holds no pictures"),
    no("xr-foot"),
]
GYNAE = [
    yes("mr-pelvis", 2 * YEAR),
    yes("us-pelvis", 2 * YEAR),
    yes("ct-cap", 2 * YEAR, STAGE),
    BLANK,
]
NOT_GYNAE = [
    *LIMBS,
    no("ct-head"),
    no("us-thyroid"),
    no("mammo"),
    no("carotid"),
    no("mr-lumbar"),
    no("mr-brain"),
    old("us-pelvis"),
    no("xr-chest", 6 * YEAR, "a plain film years ago", 3 * YEAR),
]
