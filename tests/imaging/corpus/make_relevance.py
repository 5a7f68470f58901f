"""Makes relevance.jsonl: `python -m tests.imaging.corpus.make_relevance`. The same each time.

Of each question several people are made, with their own studies, ages, names and codes.
"""

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.imaging.corpus.clinic import Asked, Item
from tests.imaging.corpus.examinations import EXAMINATIONS
from tests.imaging.corpus.questions import QUESTIONS

TARGET = Path(__file__).with_name("relevance.jsonl")
TODAY = date(2026, 11, 24)
PEOPLE = 4  # of each question
OTHER_SIDE = {"left": "right", "right": "left"}
SHORT = {"left": ["Lt", "L", "left"], "right": ["Rt", "R", "right"]}
#: What machines put as Body Part Examined when nobody changes it.
LEFT_AS_IT_WAS = {"CT": ["CHEST", "ABDOMEN", "HEAD"], "MR": ["HEAD", "LSPINE"], "US": ["ABDOMEN"]}
WRONG_CODE, CUT_SHORT, MISTYPED, NO_NAME, HISTORY = 0.06, 0.06, 0.04, 0.03, 0.3
CUT_TO = 16  # characters, as some systems keep
#: What is told of the person besides; it changes nothing about what matters.
HISTORIES = {
    "tuning": [
        "Hx breast cancer 2012.",
        "Previous prostate ca, discharged.",
        "AF, CKD 3, lives alone.",
        "PMH: appendicectomy, hysterectomy, asthma.",
        "PS 1. BMI 34.",
    ],
    "held-out": [
        "History of thyroid cancer 2009.",
        "Background of renal stones and COPD.",
        "T2DM, previous CABG, knee replacement 2018.",
        "PMHx melanoma of the left shoulder 2011.",
        "WHO 2, frail, hearing aid.",
    ],
}


def main() -> None:
    dice = random.Random(20261124)  # noqa: S311
    lines = [
        _line(asked, f"{number}-{person}", dice)
        for number, asked in enumerate(QUESTIONS, start=1)
        for person in range(1, PEOPLE + 1)
    ]
    TARGET.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _line(asked: Asked, name: str, dice: random.Random) -> dict[str, Any]:
    relevant = dice.sample(asked.relevant, dice.randint(2, len(asked.relevant)))
    other = dice.sample(asked.other, dice.randint(3, min(9, len(asked.other))))
    again = [dice.choice(relevant) for _ in range(dice.randint(0, 3))]
    studies = [_study(item, True, asked, dice) for item in relevant + again]
    studies += [_study(item, False, asked, dice) for item in other]
    dice.shuffle(studies)
    return {
        "name": name,
        "half": asked.half,
        "by": "made",
        "pathway": asked.pathway,
        "mdt_type": asked.mdt_type,
        "question": _question(asked, dice),
        "side": asked.side,
        "today": TODAY.isoformat(),
        "studies": studies,
    }


def _question(asked: Asked, dice: random.Random) -> str:
    if dice.random() >= HISTORY:
        return asked.text
    return f"{asked.text} {dice.choice(HISTORIES[asked.half])}"


def _spoilt(described: str, dice: random.Random) -> str:
    """As it comes from some systems: in capitals, cut short, mistyped, or not at all."""
    if dice.random() < 0.15:
        described = described.upper()
    if dice.random() < CUT_SHORT:
        described = described[:CUT_TO].strip()
    if dice.random() < MISTYPED and len(described) > 8:
        gone = dice.randrange(4, len(described))
        described = described[:gone] + described[gone + 1 :]
    return "" if dice.random() < NO_NAME else described


def _code(modalities: str, codes: list[str], dice: random.Random) -> str:
    if dice.random() < WRONG_CODE:
        return dice.choice(LEFT_AS_IT_WAS.get(modalities, codes))
    return dice.choice(codes)


def _study(item: Item, is_relevant: bool, asked: Asked, dice: random.Random) -> dict[str, Any]:
    name, youngest, oldest, side, why = item
    modalities, codes, to_tune, held_back = EXAMINATIONS[name]
    side = {"same": asked.side, "other": OTHER_SIDE.get(asked.side, "")}.get(side, "")
    side = side or dice.choice(["left", "right"])
    description = dice.choice(to_tune if asked.half == "tuning" else held_back)
    has_side = "{side}" in description
    is_coded = has_side and dice.random() < 0.3
    described = description.format(side=dice.choice(SHORT[side])).strip()
    return {
        "date": (TODAY - timedelta(days=dice.randint(youngest, oldest))).isoformat(),
        "modalities": modalities,
        "body_part": _code(modalities, codes, dice),
        "description": _spoilt(described, dice),
        "laterality": side[0].upper() if is_coded else "",
        "relevant": is_relevant,
        "why": why,
    }


if __name__ == "__main__":
    main()
