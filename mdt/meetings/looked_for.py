"""What a team looks for in a case: its question, and the rules of which studies matter."""

from dataclasses import dataclass

from imaging.body_parts import in_words
from imaging.relevance import rules_without_any
from imaging.relevance_rules import Question, Rule
from mdt.laterality import ONE_SIDE
from mdt.meetings.models import ListedCase
from mdt.referrals.models import Referral
from mdt.teams.queries import relevance_rules_of


def question_of(referral: Referral) -> Question:
    side = referral.laterality if referral.laterality in ONE_SIDE else ""
    return Question(referral.question, side)


def rules_for(case: ListedCase) -> list[Rule]:
    """The team's own rules; of a team that has none, what stands in for them. One query."""
    team = case.meeting.team
    return relevance_rules_of(team) or rules_without_any(
        question_of(case.referral), team.prior_years
    )


@dataclass(frozen=True)
class WhyThese:
    """Why a case's studies were chosen or left out, in words for whoever asks."""

    question_names: str
    side: str
    rules: list[str]
    is_own: bool  # the team's own rules, not what stands in for them


def why_these(case: ListedCase) -> WhyThese:
    question, own = question_of(case.referral), relevance_rules_of(case.meeting.team)
    rules = own or rules_without_any(question, case.meeting.team.prior_years)
    return WhyThese(
        in_words(question.parts), question.side, [rule.words for rule in rules], bool(own)
    )
