"""What imaging.identity makes of the corpus: verdicts against the truth."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imaging.archives.base import FoundStudy, Question
from imaging.claims import KeptClaim
from imaging.identity import Finding, Sought, verdict
from imaging.identity_numbers import Source
from imaging.pull.asking import Asked, by_name, by_number
from tests.imaging.corpus.made import TARGET
from tests.imaging.fakes import is_meant


@dataclass(frozen=True)
class Judged:
    """One line of the corpus and what came of it."""

    line: dict[str, Any]
    finding: Finding
    is_answered: bool = True
    is_answered_by_number: bool = True

    @property
    def is_false_same(self) -> bool:
        return self.finding.verdict == "same" and self.line["truth"] != "same"

    @property
    def is_missed(self) -> bool:
        """The person's own study, refused as another's, or brought back by no question: nobody
        would look at it again.
        """
        is_met = self.is_answered and self.finding.verdict != "different"
        return self.line["truth"] == "same" and not is_met

    @property
    def is_missed_beside_another(self) -> bool:
        """The same, at an archive where a number recognises the person: it is asked for no name."""
        is_own = self.line["truth"] == "same"
        return self.is_missed or (is_own and not self.is_answered_by_number)


def corpus() -> list[dict[str, Any]]:
    return [json.loads(line) for line in TARGET.read_text().splitlines()]


def judge(line: dict[str, Any]) -> Judged:
    claim = KeptClaim(**line["claim"])
    sought, source = Sought(**line["sought"]), Source(**line["source"])
    numbers = by_number(sought, source, Asked(source.trusts))
    is_by_number = answers(claim, numbers)
    is_answered = is_by_number or answers(claim, filter(None, [by_name(sought)]))
    return Judged(line, verdict(sought, claim, source), is_answered, is_by_number)


def answers(claim: KeptClaim, asked: Iterable[Question]) -> bool:
    """Whether an archive that files a study so, letter by letter, answers a question with it."""
    filed = FoundStudy(
        "1.2.3",
        patient_id=claim.patient_id,
        patient_name=claim.patient_name,
        birth_date=claim.birth_date,
    )
    return any(is_meant(filed, question) for question in asked)


def figures(judged: Iterable[Judged]) -> dict[str, float]:
    """Percentages of the realistic part; false "same" of the whole corpus."""
    judged = list(judged)
    realistic = [one for one in judged if one.line["part"] == "realistic"]
    doubted = [one for one in realistic if one.finding.verdict == "needs-a-person"]
    own = [one for one in realistic if one.line["truth"] == "same"]
    return {
        "needs_a_person_pct": round(100 * len(doubted) / len(realistic), 2),
        "false_same": sum(one.is_false_same for one in judged),
        "missed_same_pct": round(100 * sum(one.is_missed for one in own) / len(own), 2),
        "missed_beside_another_pct": round(
            100 * sum(one.is_missed_beside_another for one in own) / len(own), 2
        ),
    }
