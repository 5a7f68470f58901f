"""The rules of relevance that a new team starts with, by its MDT type (COSD CR3190).

A place to begin, to be changed by each team as it likes: rows of RelevanceRule. A type without an
entry starts with none, and then what the question names stands for rules.
"""

from typing import Any

from mdt.teams.models import RelevanceRule, Team

Fields = dict[str, Any]
CROSS = "CT,MR,PT"
TRUNK = "chest,abdomen,pelvis"


def _asked(years: int, parts: str = "", modalities: str = "", **more: Any) -> Fields:
    """What the question names; `parts` where it names nothing."""
    parts = f"asked,{parts}" if parts else "asked"
    return _rule(modalities, parts, years, minds_side=True, **more)


def _rule(modalities: str, body_parts: str, years: int | None, **more: Any) -> Fields:
    return {"modalities": modalities, "body_parts": body_parts, "years": years, **more}


BREAST = [
    _rule("MG", "breast", 6, at_most=5, keeps_oldest=True),
    _rule("MR,US", "breast", 5, at_most=5, minds_side=True),
    _rule("CT,PT,NM", "chest,abdomen,whole", 2),
    _rule("MR,CT", "head,spine,abdomen.liver", 1),
    _asked(2),
]
NEURO = [
    _rule("MR,CT,PT,XA", "head.brain,head.pituitary,head.iam", 10, at_most=7, keeps_oldest=True),
    _rule("MR", "spine", 2, question_words="spin,drop,leptomen,ependym,medullo,cord,mscc"),
    _rule("CT,PT", TRUNK, 1, question_words="met,staging,stage,primary,lesions,lymphoma,srs,pcnsl"),
    _asked(2),
]
COLORECTAL = [
    _rule("CT,PT", TRUNK, 4, at_most=5, keeps_oldest=True),
    _rule("MR,US", "abdomen.bowel,pelvis.rectum,abdomen.liver", 4),
    _rule("RF", "abdomen.bowel,pelvis.rectum", 2),
    _asked(2),
]
GYNAE = [
    _rule("MR,US", "pelvis.female", 4),
    _rule("CT,PT", TRUNK, 3, at_most=4, keeps_oldest=True),
    _asked(2),
]
HAEMATOLOGY = [
    _rule("PT,CT", "neck,chest,abdomen,pelvis", 4, at_most=6, keeps_oldest=True),
    _rule("MR,DX,CT", "whole,spine,pelvis.bone", 2),
    _rule("US", "neck,abdomen.spleen", 1),
    _asked(2, modalities="MR,US,XA,NM"),
]
HEAD_AND_NECK = [
    _rule("MR,CT,US,PT", "neck,head.face", 4, at_most=5, keeps_oldest=True),
    _rule("DX,RF", "head.face,neck.throat", 2),
    _rule("CT,DX", "chest", 1),
    _asked(2),
]
LUNG = [
    _rule("CT,PT", "chest", 6, at_most=6, keeps_oldest=True),
    _rule("MR", "chest", 2),
    _rule("DX", "chest", 1, at_most=2),
    _rule("CT,MR", "head", 1),
    _rule("CT,MR", "abdomen.liver,abdomen.adrenal", 1),
    _rule("NM", "chest", 1),
    _asked(2),
]
SARCOMA = [
    _asked(6, "limb", at_most=6, keeps_oldest=True),
    _rule("CT,PT", "chest", 3, at_most=4, keeps_oldest=True),
    _rule("MR,NM", "whole", 2),
]
HPB = [
    _rule(
        "CT,MR,US,PT,RF,XA,ES",
        "abdomen.liver,abdomen.biliary,abdomen.pancreas",
        4,
        at_most=5,
        keeps_oldest=True,
    ),
    _rule("CT,PT", "chest", 2),
    _asked(2),
]
UPPER_GI = [
    _rule("CT,PT", TRUNK, 3, at_most=4, keeps_oldest=True),
    _rule("US,RF,ES", "chest.oesophagus,abdomen.bowel", 2),
    _asked(2),
]
UROLOGY = [
    _asked(
        5,
        "abdomen.kidney,pelvis.bladder,pelvis.prostate,pelvis.testis",
        at_most=5,
        keeps_oldest=True,
    ),
    _rule("CT,PT,NM", TRUNK, 2),
]
OTHER = [_asked(5, at_most=5, keeps_oldest=True), _rule(CROSS, f"head,{TRUNK}", 2)]

#: By the first two digits of the MDT type, or all four.
DEFAULTS: dict[str, list[Fields]] = {
    "01": BREAST,
    "02": NEURO,
    "03": COLORECTAL,
    "05": GYNAE,
    "06": HAEMATOLOGY,
    "07": HEAD_AND_NECK,
    "08": LUNG,
    "09": SARCOMA,
    "10": OTHER,
    "1101": UPPER_GI,
    "1102": UPPER_GI,
    "11": HPB,
    "12": UROLOGY,
}


def default_rules(mdt_type: str) -> list[RelevanceRule]:
    """Rules for a team of this type, in their order, not saved and of no team yet."""
    found = DEFAULTS.get(mdt_type) or DEFAULTS.get(mdt_type[:2], [])
    return [RelevanceRule(order=order, **fields) for order, fields in enumerate(found, start=1)]


def give_default_rules(team: Team) -> None:
    """Rules for a team that has none; one that has its own keeps them."""
    if team.relevance_rules.exists():
        return
    rules = default_rules(team.mdt_type)
    for rule in rules:
        rule.team = team
    RelevanceRule.objects.bulk_create(rules)
