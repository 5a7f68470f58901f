"""The labelled set of relevance, read: made lines and those written by hand, in one form."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

HERE = Path(__file__).parent
BY_HAND_TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Labelled:
    day: date
    modalities: str
    body_part: str
    description: str
    laterality: str
    is_relevant: bool
    why: str
    report: str = ""


@dataclass(frozen=True)
class LabelledQuestion:
    """`half` is "tuning", or "held-out": never looked at while the rules were tuned; or
    "reports": measured apart, with and without what the reports say.
    """

    half: str
    pathway: str
    mdt_type: str
    text: str
    side: str
    today: date
    studies: list[Labelled]

    @property
    def now(self) -> datetime:
        noon = datetime(self.today.year, self.today.month, self.today.day, 12)
        return noon.replace(tzinfo=ZoneInfo("Europe/London"))


def questions() -> list[LabelledQuestion]:
    return [*_made(), *_by_hand("relevance_by_hand", "held-out"), *with_reports()]


def with_reports() -> list[LabelledQuestion]:
    return list(_by_hand("relevance_reports", "reports"))


def _made() -> Iterator[LabelledQuestion]:
    for text in (HERE / "relevance.jsonl").read_text().splitlines():
        line = json.loads(text)
        studies = [
            Labelled(
                day=date.fromisoformat(one["date"]),
                modalities=one["modalities"],
                body_part=one["body_part"],
                description=one["description"],
                laterality=one["laterality"],
                is_relevant=one["relevant"],
                why=one["why"],
            )
            for one in line["studies"]
        ]
        yield LabelledQuestion(
            half=line["half"],
            pathway=line["pathway"],
            mdt_type=line["mdt_type"],
            text=line["question"],
            side=line["side"],
            today=date.fromisoformat(line["today"]),
            studies=studies,
        )


def _by_hand(name: str, half: str) -> Iterator[LabelledQuestion]:
    blocks = (HERE / f"{name}.txt").read_text().split("\n? ")[1:]
    for block in blocks:
        head, *lines = block.strip().splitlines()
        pathway, mdt_type, side, text = _cells(head)
        studies = [_study(line) for line in lines]
        yield LabelledQuestion(half, pathway, mdt_type, text, side, BY_HAND_TODAY, studies)


def _study(line: str) -> Labelled:
    sign_and_day, modalities, body_part, description, why, *report = _cells(line)
    sign, day = sign_and_day.split()
    return Labelled(
        day=date.fromisoformat(day),
        modalities=modalities,
        body_part=body_part,
        description=description,
        laterality="",
        is_relevant=sign == "+",
        why=why,
        report="".join(report).replace("\\n", "\n"),
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
