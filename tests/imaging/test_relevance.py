from datetime import date, datetime, time
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from imaging.models import Archive, Study
from imaging.relevance import Choice, choose, current_and_prior, rules_without_any
from imaging.relevance_rules import ASKED, Question, Rule

NOW = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("Europe/London"))
pks = count(1)


def study(day, **fields):
    number = next(pks)
    defaults = {
        "pk": number,
        "archive": Archive(),
        "study_instance_uid": f"1.{number}",
        "modalities": "CT",
        "body_part": "HEAD",
        "verdict": Study.Verdict.SAME,
        "study_date": date.fromisoformat(day) if day else None,
    }
    return Study(**defaults | fields)


def chosen(*studies, rules=(), question="", side="", by_hand=None, now=NOW):
    """By the rules given; else by what stands in for a team that has none."""
    asked = Question(question, side)
    rules = list(rules) or rules_without_any(asked, 2)
    choices = choose(studies, question=asked, rules=rules, now=now, by_hand=by_hand)
    return [choices[study.pk] for study in studies]


def are_chosen(*studies, **how):
    return [choice.is_chosen for choice in chosen(*studies, **how)]


def test_the_newest_of_its_kind_is_current_and_those_before_it_are_priors():
    assert chosen(study("2025-01-01"), study("2026-02-01"), study("2025-06-01")) == [
        Choice(True, "same body part: last 2 years", "prior"),
        Choice(True, "newest of its kind: last 2 years", "current"),
        Choice(True, "same body part: last 2 years", "prior"),
    ]


@pytest.mark.parametrize(
    "other", [{"modalities": "MR"}, {"body_part": "CHEST"}, {"modalities": "PT,CT"}]
)
def test_another_kind_has_a_current_of_its_own(other):
    assert [one.role for one in chosen(study("2026-02-01"), study("2025-02-01", **other))] == [
        "current",
        "current",
    ]


def test_a_study_of_several_parts_is_a_prior_of_each():
    wide = study("2025-06-01", body_part="CHEST ABDOMEN")
    assert chosen(study("2026-02-01", body_part="CHEST"), wide)[1].role == "prior"


def test_what_is_too_old_is_not_chosen_and_the_last_day_counts():
    first, last = study("2024-02-29"), study("2024-03-01")
    assert [one.is_chosen for one in chosen(study("2026-02-01"), first, last)] == [
        True,
        False,
        True,
    ]
    assert chosen(study("2026-02-01"), first)[1].reason == "not in the last 2 years"


def test_when_nothing_is_young_the_newest_stands_for_all():
    assert chosen(study("2010-01-01"), study("2012-01-01")) == [
        Choice(False, "not in the last 2 years"),
        Choice(True, "newest of its kind: not in the last 2 years", "current"),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"verdict": Study.Verdict.NEEDS_A_PERSON}, "identity needs a person"),
        ({"verdict": Study.Verdict.DIFFERENT}, "identity does not agree"),
        ({"state": Study.State.WITHHELD}, "identity does not agree"),
        ({"modalities": "SR,PR"}, "holds no pictures"),
        ({"study_date": None}, "date not stated"),
    ],
    ids=str,
)
def test_what_is_never_chosen_beside_another_says_why(fields, reason):
    _, choice = chosen(study("2026-01-01"), study("2026-02-01", **fields))
    assert (choice.is_chosen, choice.reason, choice.role) == (False, reason, "")


def test_unknown_parts_of_one_modality_are_compared_and_said_to_be_of_one_kind():
    plain = {"body_part": ""}
    assert chosen(study("2026-02-01", **plain), study("2026-01-01", **plain))[1] == Choice(
        True, "same kind: last 2 years", "prior"
    )


def test_the_pair_to_show_is_the_newest_that_has_a_prior():
    alone = study("2026-02-20", modalities="US", body_part="LIVER")
    current, prior = study("2026-02-01"), study("2025-02-01")
    assert current_and_prior([alone, prior, current, study("2024-06-01")]) == (current, prior)
    assert current_and_prior([alone]) == (alone, None)
    assert current_and_prior([]) == (None, None)


def test_two_studies_of_one_day_are_told_apart_by_their_time():
    before = study("2026-02-01", study_time=time(9))
    after = study("2026-02-01", study_time=time(11))
    assert current_and_prior([before, after]) == (after, before)


NEURO = [
    Rule(modalities=frozenset({"MR", "CT"}), parts=frozenset({"head"}), years=10, at_most=2),
    Rule(
        modalities=frozenset({"CT"}), parts=frozenset({"chest"}), years=1, question_words=("met",)
    ),
    Rule(parts=frozenset({ASKED}), years=2, minds_side=True),
]


def test_the_first_rule_that_fits_decides_and_what_fits_none_is_left_out():
    mr = study("2020-01-01", modalities="MR")
    knee = study("2026-01-01", modalities="MR", body_part="KNEE")
    assert chosen(mr, knee, rules=NEURO) == [
        Choice(True, "newest of its kind: this team looks at head, last 10 years", "current"),
        Choice(False, "no rule takes MR of knee"),
    ]


@pytest.mark.parametrize(("question", "is_chosen"), [("Brain mets?", True), ("Glioma?", False)])
def test_a_rule_may_wait_for_a_word_of_the_question(question, is_chosen):
    tap = study("2026-01-01", body_part="CHEST", description="CT TAP")
    assert are_chosen(study("2026-02-01"), tap, rules=NEURO, question=question) == [True, is_chosen]


def test_a_rule_may_wait_for_a_word_of_the_description():
    rule = Rule(description_words=("stealth",))
    stealth = study("2026-01-01", description="MRI Head STEALTH")
    assert are_chosen(stealth, study("2026-02-01", description="MRI Head"), rules=[rule]) == [
        True,
        False,
    ]


def test_what_the_question_names_is_chosen_and_said_to_be_asked():
    kidney = study("2025-08-01", modalities="US", body_part="", description="US Renal Lt")
    _, choice = chosen(study("2026-01-01"), kidney, rules=NEURO, question="Left renal mass?")
    assert choice.reason == "newest of its kind: the question names kidney, last 2 years"


def test_where_the_question_names_nothing_a_rule_may_have_parts_of_its_own():
    rule = Rule(parts=frozenset({ASKED, "pelvis.prostate"}))
    prostate, kidney = (
        study("2026-01-01", body_part="", description=text) for text in ("MR Prostate", "CT Renal")
    )
    assert are_chosen(prostate, kidney, rules=[rule], question="Plan?") == [True, False]
    assert are_chosen(prostate, kidney, rules=[rule], question="Renal mass?") == [False, True]


def test_a_study_of_the_other_side_is_left_out_and_a_whole_one_is_not():
    left, right, both, unsaid = (
        study("2026-01-01", body_part="KNEE", description=text)
        for text in ("MR knee LT", "MR knee RT", "XR knees both", "MR knee")
    )
    rest = {"rules": NEURO, "question": "Tumour of the knee", "side": "left"}
    assert are_chosen(left, right, both, unsaid, **rest) == [True, False, True, True]
    assert chosen(right, left, **rest)[0].reason == "the other side: the question is of the left"


def test_a_side_within_an_unpaired_part_says_nothing():
    head = study("2026-01-01", description="CT head, right frontal")
    assert are_chosen(head, question="Left frontal glioma", side="left") == [True]


def test_the_other_side_is_another_kind():
    left = study("2026-02-01", body_part="KNEE", laterality="L")
    right = study("2026-01-01", body_part="KNEE", laterality="R")
    assert [one.role for one in chosen(left, right)] == ["current", "current"]
    assert current_and_prior([left, right]) == (left, None)


def test_a_ct_of_chest_abdomen_and_pelvis_is_the_prior_of_a_ct_of_the_chest():
    chest = study("2026-02-01", body_part="CHEST")
    wide = study("2025-02-01", body_part="ABDOMEN", description="CT TAP")
    assert current_and_prior([wide, chest]) == (chest, wide)


def test_no_more_of_a_kind_than_the_rule_takes():
    heads = [study(f"2025-0{month}-01") for month in range(1, 5)]
    assert are_chosen(*heads, rules=NEURO) == [False, False, True, True]
    assert chosen(*heads, rules=NEURO)[0].reason == "more than 2 of its kind"


def test_the_oldest_is_kept_as_a_baseline_where_the_rule_says_so():
    heads = [study(f"2025-0{month}-01") for month in range(1, 5)]
    rule = Rule(parts=frozenset({"head"}), at_most=2, keeps_oldest=True)
    assert are_chosen(*heads, rules=[rule]) == [True, False, True, True]


def test_a_rule_may_leave_out_what_a_later_one_would_take():
    rules = [Rule(modalities=frozenset({"DX"}), leaves_out=True), Rule()]
    film = study("2026-01-01", modalities="CR", body_part="CHEST")
    assert chosen(film, rules=rules) == [Choice(False, "a rule of this team leaves it out")]


def test_a_rule_of_the_whole_body_takes_no_single_part_of_it():
    rule = Rule(parts=frozenset({"whole"}))
    whole = study("2026-01-01", body_part="WHOLEBODY")
    assert are_chosen(whole, study("2026-01-01", body_part="KNEE"), rules=[rule]) == [True, False]


def test_what_its_archive_sent_unasked_is_chosen_whatever_the_rules_say():
    sent = study("2012-01-01", body_part="KNEE", sent_at=NOW)
    choice = chosen(sent, study("2026-01-01"), rules=NEURO)[0]
    assert (choice.is_chosen, choice.reason) == (True, "sent to us by its archive")


def test_what_a_person_decided_stands_over_every_rule():
    head = study("2026-01-01")
    knee = study("2026-01-01", body_part="KNEE")
    assert are_chosen(head, knee, rules=NEURO, by_hand={head.pk: False, knee.pk: True}) == [
        False,
        True,
    ]


def test_the_kind_that_the_question_names_is_shown_before_one_that_has_a_prior():
    chest, before = (study(day, body_part="CHEST") for day in ("2026-02-01", "2025-02-01"))
    brain = study("2026-01-01", modalities="MR")
    assert current_and_prior([chest, before, brain], Question("Glioma?")) == (brain, None)
    assert current_and_prior([chest, before, brain], Question("Fit?")) == (chest, before)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(), "Takes every modality of any part of the body, however old."),
        (
            NEURO[0],
            "Takes CT and MR of head, last 10 years, the newest 2 of a kind.",
        ),
        (
            NEURO[1],
            'Takes CT of chest, last year, where a word of the question begins with "met".',
        ),
        (
            Rule(parts=frozenset({ASKED, "breast"}), years=2, minds_side=True),
            "Takes every modality of what the question names (if nothing: breast), last 2 years,"
            " not of the other side.",
        ),
        (
            Rule(modalities=frozenset({"DX"}), leaves_out=True, description_words=("knee",)),
            "Leaves out X-ray of any part of the body, however old,"
            ' where a word of its description begins with "knee".',
        ),
    ],
)
def test_a_rule_says_itself_in_words(rule, words):
    assert rule.words == words
