"""What each field of an outcome may hold: pure rules over what was typed or sent."""

import re
from collections.abc import Container, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple, Required, TypedDict, cast, get_args

from mdt.errors import MdtError
from mdt.laterality import Laterality
from mdt.outcomes.codes import (
    CnsIndication,
    DiscussionType,
    Intent,
    NoTreatmentReason,
    PerformanceStatus,
    TnmEdition,
    Treatment,
)
from mdt.protocol import OutcomeField

MAX_TEXT = 4000
MAX_TREATMENTS = 4  # as many as the cancer register's care plan holds
MAX_ACTIONS = 20
MAX_CATEGORY = 15
MAX_COMMENT = 60
NAMES = frozenset(get_args(OutcomeField))
LISTS = frozenset({"treatments", "actions"})
DATES = frozenset({"planning_date", "stage_date"})

#: A category without its prefix does not say whether it was found clinically or by pathology.
#: Only the first sign after the letter is checked: suffixes, as in "cN1(sn)", are many.
PREFIX = "(?:y?[cp]|y)"
CATEGORIES = {
    "t_category": (re.compile(rf"{PREFIX}T(?:X|is|a|[0-4])\S*"), "cT2"),
    "n_category": (re.compile(rf"{PREFIX}N(?:X|[0-4])\S*"), "cN0"),
    "m_category": (re.compile(rf"{PREFIX}M(?:X|[01])\S*"), "cM0"),
}
CODED = {
    "laterality": Laterality,
    "discussion_type": DiscussionType,
    "intent": Intent,
    "no_treatment_reason": NoTreatmentReason,
    "performance_status": PerformanceStatus,
    "cns_indication": CnsIndication,
    "tnm_edition": TnmEdition,
}
REQUIRED = {
    "laterality": "Say which side. 'Not applicable' and 'Not known' are answers too.",
    "discussion_type": "Say whether the case was discussed. 'Not discussed' is an answer too.",
}
#: What only a meeting that discussed the case can have decided.
PLAN = ("intent", "treatments", "no_treatment_reason", "planning_date")
LENGTHS = {"mdt_type_comment": MAX_COMMENT, "stage_group": MAX_CATEGORY, "tnm_version": 2}
LENGTHS |= dict.fromkeys(DATES, len("2026-11-28"))
LENGTHS |= dict.fromkeys(CATEGORIES, MAX_CATEGORY)


class OutcomeAction(TypedDict):
    """What is to be done, who does it, by when (YYYY-MM-DD, or empty)."""

    what: str
    who: str
    due: str


class OutcomeFields(TypedDict, total=False):
    """The fields of one outcome version, by their names in OutcomeVersion. Empty: not stated."""

    recommendation: Required[str]
    laterality: Required[str]
    discussion_type: Required[str]
    planning_date: str
    mdt_type_comment: str
    intent: str
    treatments: list[str]
    no_treatment_reason: str
    performance_status: str
    cns_indication: str
    t_category: str
    n_category: str
    m_category: str
    stage_group: str
    tnm_edition: str
    tnm_version: str
    stage_date: str
    actions: list[OutcomeAction]


class InvalidField(MdtError):
    """One field cannot be taken as it is. The code names the field: `outcome.laterality`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.code = f"outcome.{field}"


def named_fields(sent: Mapping[str, Any], *, beside: Container[str]) -> OutcomeFields:
    """The outcome's fields out of a form, which holds `beside` as well.

    Raises InvalidField for any other name: a misspelt field would be text lost in silence.
    """
    fields = {name: value for name, value in sent.items() if name not in beside}
    check_draft(fields)
    return cast(OutcomeFields, fields)


class Days(NamedTuple):
    """The days between which those of an outcome lie."""

    born: date
    referred: date
    today: date


def columns_of(fields: OutcomeFields) -> dict[str, Any]:
    """What was sent and checked, as OutcomeVersion keeps it: a day is a date."""
    sent: dict[str, Any] = dict(fields)
    days = {name: date.fromisoformat(sent[name]) if sent.get(name) else None for name in DATES}
    return sent | days


def check(fields: Mapping[str, Any], days: Days) -> None:
    """Raise InvalidField unless `fields` can be recorded. Text is never changed, only looked at."""
    check_draft(fields)
    for name, message in REQUIRED.items():
        if not fields.get(name, "").strip():
            raise InvalidField(name, message)
    for name, codes in CODED.items():
        _check_code(name, fields.get(name, ""), codes.values)
    for name, (pattern, example) in CATEGORIES.items():
        _check_category(name, fields.get(name, ""), pattern, example)
    _check_discussion(fields)
    _check_edition(fields)
    _check_dates(fields, days)
    _check_treatments(fields.get("treatments", []))
    _check_plan(fields)
    _check_actions(fields.get("actions", []))


def check_draft(fields: Mapping[str, Any]) -> None:
    """Raise InvalidField unless `fields` can be kept as typing: half a word is good enough."""
    for name, value in fields.items():
        if name not in NAMES:
            raise InvalidField("unknown", "There is no such field in an outcome.")
        if not isinstance(value, list if name in LISTS else str):
            raise InvalidField(name, "This field was sent in a shape that cannot be kept.")
        limit = LENGTHS.get(name, MAX_TEXT)
        for text in _texts(name, value):
            _check_text(name, text, limit)


def _texts(name: str, value: Any) -> Iterable[str]:
    """Every text in a field's value, wherever it lies."""
    if isinstance(value, str):
        yield value
        return
    for item in value:
        is_object = isinstance(item, dict)
        parts = [*item, *item.values()] if is_object else [item]
        for part in parts:
            if not isinstance(part, str) or (is_object and name != "actions"):
                raise InvalidField(name, "This field was sent in a shape that cannot be kept.")
            yield part


def _check_text(name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidField(name, f"This is too long: at most {limit} characters.")
    if re.search("[\0\ud800-\udfff]", text):
        raise InvalidField(name, "This holds a character that cannot be kept. Type it again.")


def _check_code(name: str, value: str, codes: list[str]) -> None:
    if value and value not in codes:
        raise InvalidField(name, "This is not one of the codes of the list.")


def _check_category(name: str, value: str, pattern: re.Pattern[str], example: str) -> None:
    if value and not pattern.fullmatch(value):
        raise InvalidField(
            name, f"Give the category with its prefix: c, p, yc or yp, as in {example}."
        )


def _check_discussion(fields: Mapping[str, Any]) -> None:
    """What was not discussed is on record as that: why in words, and nothing planned."""
    is_discussed = fields["discussion_type"] != DiscussionType.NOT_DISCUSSED
    if not fields.get("recommendation", "").strip():
        what = "the recommendation" if is_discussed else "why it was not discussed"
        raise InvalidField("recommendation", f"Write {what} before it is recorded.")
    if not is_discussed and any(fields.get(name) for name in PLAN):
        raise InvalidField(
            "discussion_type",
            "What was not discussed has no plan of this meeting: take away the intent, the "
            "treatments, the reason and the date, or say how it was discussed.",
        )


def _check_edition(fields: Mapping[str, Any]) -> None:
    """The same letters mean another stage in another edition."""
    version = fields.get("tnm_version", "")
    if any(fields.get(name) for name in CATEGORIES):
        if not fields.get("tnm_edition"):
            raise InvalidField("tnm_edition", "Say whose TNM it is: UICC, AJCC or ENETS.")
        if not version:
            raise InvalidField("tnm_version", "Say which version of the TNM it is, as in 8.")
    if version and not re.fullmatch("[0-9]{1,2}", version):
        raise InvalidField("tnm_version", "Give the version of the TNM as a number, as in 8.")


def _check_dates(fields: Mapping[str, Any], days: Days) -> None:
    """Staging may be older than the referral, and so may what another trust's meeting planned."""
    is_ours = fields["discussion_type"] != DiscussionType.ELSEWHERE
    planned_from = days.referred if is_ours else days.born
    _check_day("planning_date", fields, planned_from, days.today)
    _check_day("stage_date", fields, days.born, days.today)


def _check_day(name: str, fields: Mapping[str, Any], first: date, last: date) -> None:
    if not fields.get(name):
        return
    day = _day(fields[name])
    if day is None:
        raise InvalidField(name, "Give this day as a date.")
    if not first <= day <= last:
        raise InvalidField(name, f"This day must be between {first:%-d %b %Y} and today.")


def _day(text: str) -> date | None:
    try:
        return (
            date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
        )
    except ValueError:
        return None


def _check_treatments(treatments: list[str]) -> None:
    if len(treatments) > MAX_TREATMENTS:
        raise InvalidField("treatments", f"At most {MAX_TREATMENTS} treatments can be recorded.")
    if len(set(treatments)) < len(treatments):
        raise InvalidField("treatments", "The same treatment is given twice.")
    for code in treatments:
        _check_code("treatments", code, Treatment.values)
    others = set(treatments) - {Treatment.NO_ACTIVE, Treatment.PALLIATIVE}
    if Treatment.NO_ACTIVE in treatments and others:
        raise InvalidField(
            "treatments", "'No active treatment' cannot stand beside an active treatment."
        )


def _check_plan(fields: Mapping[str, Any]) -> None:
    """No active treatment is a plan too: it says so as a treatment, or says why (CR0490)."""
    if fields.get("intent") != Intent.NO_ACTIVE_TREATMENT:
        return
    has_reason = bool(fields.get("no_treatment_reason"))
    if not has_reason and Treatment.NO_ACTIVE not in fields.get("treatments", []):
        raise InvalidField(
            "no_treatment_reason",
            "The intent is 'no active treatment': give the reason, or 'No active treatment' "
            "as the treatment.",
        )


def _check_actions(actions: list[Any]) -> None:
    if len(actions) > MAX_ACTIONS:
        raise InvalidField("actions", f"At most {MAX_ACTIONS} actions can be recorded.")
    for action in actions:
        if not isinstance(action, dict) or set(action) != {"what", "who", "due"}:
            raise InvalidField("actions", "An action is what is done, by whom and by when.")
        if not action["what"].strip():
            raise InvalidField("actions", "Say what is to be done, or take the action away.")
        _check_due(action["due"])


def _check_due(due: str) -> None:
    if due and _day(due) is None:
        raise InvalidField("actions", "Give the day an action is due as a date.")
