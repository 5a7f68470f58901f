"""Which of the studies found matter for this question, and which is current and which its prior.

    choices = choose(studies, question=question, rules=rules, now=timezone.now())
    choices[study.pk].is_chosen    # fetch it for the meeting
    choices[study.pk].reason       # why, or why not, in words for the list: no patient data
    choices[study.pk].role         # "current", "prior" or ""

Give `choose` every study of one person, whatever its state; it reads no database and is asked
again, cheaply, whenever a study changed (headers that came later say more than a search answer).
What a person chose or refused by hand stands over it: the caller names it in `by_hand`, and keeps
those rows' reasons as they are. `texts` are imaging reports by study, of those that the case may
show: one is read where its study's own description names no part of the body.

1. a study whose identity is not settled, or that holds no pictures, is never chosen;
2. copies of one study in several archives are one study (imaging/copies.py);
3. what its archive sent us unasked is chosen; of the rest
   the team's rules are asked in their order, and the first that a study falls under decides
   (imaging/relevance_rules.py); what falls under none is left out;
4. of what is chosen the newest of each kind (same modality, a body part in common, not the other
   side of a pair) is *current*, the older ones are its *priors*;
5. when all that a rule would take is too old, the newest of it stands for all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Literal

from django.utils import timezone

from imaging.body_parts import WHOLE, in_words, meet
from imaging.copies import best_first, by_uid, why_fetched_too
from imaging.relevance_rules import (
    ASKED,
    SAID,
    Kind,
    Question,
    Rule,
    fit,
    kind_of,
    main_modality,
    parts_met,
    wanted_parts,
)

if TYPE_CHECKING:
    from imaging.models import Study

Role = Literal["current", "prior", ""]
BY_HAND, NOT_BY_HAND = "chosen by hand", "left out by hand"
SENT_TO_US = "sent to us by its archive"
OTHER_COPY = "the same study from another archive"
NO_TEXTS: Mapping[int, str] = {}


@dataclass(frozen=True)
class Choice:
    """Whether a study is worth fetching, why in words, and its part beside the others."""

    is_chosen: bool
    reason: str
    role: Role = ""


@dataclass(frozen=True)
class _Looked:
    """One study, what it is of, and what the rules say: `rule` takes it, or `reason` why not."""

    study: "Study"
    kind: Kind
    rule: Rule | None = None
    reason: str = ""
    is_only_old: bool = False


_SENT = Rule()  # what somebody sent for us to look at stands under no other rule


def rules_without_any(question: Question, years: int) -> list[Rule]:
    """What stands in where a team has no rules: what the question names, else everything."""
    parts = frozenset({ASKED}) if question.parts else frozenset[str]()
    return [Rule(parts=parts, years=years, minds_side=True)]


def choose(
    studies: Iterable["Study"],
    *,
    question: Question,
    rules: Sequence[Rule],
    now: datetime,
    by_hand: Mapping[int, bool] | None = None,
    texts: Mapping[int, str] = NO_TEXTS,
) -> dict[int, Choice]:
    """For every one of `studies` (of one person) a Choice, by primary key. See the module."""
    choices: dict[int, Choice] = {}
    certain: list[Study] = []
    for study in _newest_first(studies):
        if refusal := _why_not(study):
            choices[study.pk] = Choice(False, refusal)
        else:
            certain.append(study)
    groups = [best_first(copies, now) for copies in by_uid(certain)]
    by_hand = by_hand or {}
    hand = {copies[0].pk: _hand(copies, by_hand) for copies in groups}
    kinds = {copies[0]: kind_of(copies[0], _told(copies, texts)) for copies in groups}
    today = timezone.localdate(now)
    looked = [_look(study, kind, question, rules, today) for study, kind in kinds.items()]
    choices |= _choose_among(looked, hand, question)
    for first, *others in groups:
        choices |= {copy.pk: _of_copy(copy, first, choices[first.pk]) for copy in others}
    return choices


def current_and_prior(
    studies: Iterable["Study"],
    question: Question | None = None,
    texts: Mapping[int, str] = NO_TEXTS,
) -> tuple["Study | None", "Study | None"]:
    """The two studies to lay side by side: a current one and the newest before it of its kind.

    Of several kinds the one that the question names comes first, then one that has a prior, then
    the newest. `studies` are those chosen, by rule or by hand.
    """
    newest_first = [
        (study, kind_of(study, texts.get(study.pk, ""))) for study in _newest_first(studies)
    ]
    asked = question.parts if question else frozenset[str]()
    pairs = [
        (study, _newest_prior(kind, newest_first[place + 1 :]), meet(kind.parts, asked))
        for place, (study, kind) in enumerate(newest_first)
    ]
    pairs.sort(key=lambda pair: (not pair[2], pair[1] is None))  # stable: newest first
    return pairs[0][:2] if pairs else (None, None)


def _choose_among(
    looked: Sequence[_Looked], hand: Mapping[int, bool | None], question: Question
) -> dict[int, Choice]:
    taken = _within_limits(looked)
    if not taken and not any(hand.values()):
        taken = [one for one in looked if one.is_only_old][:1]
    choices: dict[int, Choice] = {}
    chosen: list[Kind] = []
    for one in looked:
        by_hand = hand[one.study.pk]
        is_chosen = one in taken if by_hand is None else by_hand
        is_prior = is_chosen and any(one.kind.is_same(newer) for newer in chosen)
        role: Role = "" if not is_chosen else "prior" if is_prior else "current"
        reason = _reason(one, question, role) if is_chosen else _why_left_out(one)
        if by_hand is not None:
            reason = BY_HAND if by_hand else NOT_BY_HAND
        choices[one.study.pk] = Choice(is_chosen, reason, role)
        chosen += [one.kind] if is_chosen else []
    return choices


def _told(copies: Sequence["Study"], texts: Mapping[int, str]) -> str:
    """The report of a study, of whichever copy."""
    return next((texts[copy.pk] for copy in copies if copy.pk in texts), "")


def _look(
    study: "Study", kind: Kind, question: Question, rules: Sequence[Rule], today: date
) -> _Looked:
    """Ask the rules in their order; the first that fits decides."""
    if study.sent_at:
        return _Looked(study, kind, _SENT)
    near: dict[str, Rule] = {}
    for rule in rules:
        fits = fit(rule, study, kind, question, today)
        if not fits:
            return _Looked(study, kind, None if rule.leaves_out else rule, _left_out_by(rule))
        if not rule.leaves_out:
            near.setdefault(fits, rule)
    if rule_for_younger := near.get("age"):
        undated = "date not stated"
        reason = f"not in the {rule_for_younger.span}" if study.study_date else undated
        return _Looked(study, kind, None, reason, is_only_old=True)
    if "side" in near:
        return _Looked(study, kind, None, f"the other side: the question is of the {question.side}")
    return _Looked(study, kind, None, f"no rule takes {_name(kind)}")


def _within_limits(looked: Sequence[_Looked]) -> list[_Looked]:
    """Those that a rule takes, without the ones beyond its `at_most` of a kind."""
    taken: list[_Looked] = []
    fitting = [one for one in looked if one.rule]
    for place, one in enumerate(fitting):
        rule = one.rule
        alike = [o for o in taken if o.rule == rule and o.kind.is_same(one.kind)]
        older = [o for o in fitting[place + 1 :] if o.rule == rule and o.kind.is_same(one.kind)]
        is_baseline = bool(rule and rule.keeps_oldest and not older)
        if not rule or not rule.at_most or len(alike) < rule.at_most or is_baseline:
            taken.append(one)
    return taken


def _reason(one: _Looked, question: Question, role: Role) -> str:
    if one.rule is _SENT:
        return SENT_TO_US
    if role == "current":
        what = "newest of its kind"
    else:
        what = "same body part" if one.kind.parts else "same kind"
    age = one.rule.span if one.rule else one.reason
    why = ", ".join(filter(None, [_why(one, question), _reported(one.kind), age]))
    return f"{what}: {why}" if why else what


def _why(one: _Looked, question: Question) -> str:
    """What of the rule or the question a chosen study meets; empty where nothing narrows it."""
    if not one.rule or not one.rule.parts:
        return ""
    if not one.kind.parts:
        return "body part not stated"
    wanted = wanted_parts(one.rule, question)
    met = parts_met(wanted, one.kind)
    if ASKED in one.rule.parts and question.parts:
        return f"the question names {in_words(met)}"
    of_study = {part for part in one.kind.parts if meet({part}, met)}
    return f"this team looks at {in_words(met if WHOLE in of_study else of_study)}"


def _why_left_out(one: _Looked) -> str:
    if one.rule:
        return f"more than {one.rule.at_most} of its kind"
    return one.reason


def _left_out_by(rule: Rule) -> str:
    return "a rule of this team leaves it out" if rule.leaves_out else ""


def _name(kind: Kind) -> str:
    modality = SAID.get(kind.modality, kind.modality) or "what states no modality"
    if kind.reported:
        return f"{modality}: {_reported(kind)}"
    return f"{modality} of {in_words(kind.parts)}" if kind.parts else modality


def _reported(kind: Kind) -> str:
    return f"its report speaks of the {in_words(kind.reported)}" if kind.reported else ""


def _of_copy(copy: "Study", first: "Study", of_first: Choice) -> Choice:
    """A copy beside the one shown: left alone unless there is a reason to have it as well."""
    why = why_fetched_too(copy, first) if of_first.is_chosen else ""
    return Choice(bool(why), why or OTHER_COPY)


def _hand(copies: Sequence["Study"], by_hand: Mapping[int, bool]) -> bool | None:
    """What a person decided of a study, of whichever copy; None: nobody did."""
    said = [by_hand[copy.pk] for copy in copies if copy.pk in by_hand]
    return any(said) if said else None


def _newest_prior(kind: Kind, older: Sequence[tuple["Study", Kind]]) -> "Study | None":
    return next((study for study, other in older if kind.is_same(other)), None)


def _why_not(study: "Study") -> str:
    """Why a study is out of the question; empty when it is not."""
    if study.state == study.State.WITHHELD or study.verdict == study.Verdict.DIFFERENT:
        return "identity does not agree"
    if study.verdict != study.Verdict.SAME:
        return "identity needs a person"
    if study.modalities and not main_modality(study.modalities):
        return "holds no pictures"
    return ""


def _newest_first(studies: Iterable["Study"]) -> "list[Study]":
    return sorted(studies, key=_age, reverse=True)


def _age(study: "Study") -> tuple[date, time, str, int]:
    return (
        study.study_date or date.min,
        study.study_time or time.min,
        study.study_instance_uid,
        -study.pk,
    )
