from datetime import date, time
from itertools import count

import pytest

from imaging.models import Study
from imaging.relevance import Choice, body_parts_of, choose, current_and_prior

TODAY = date(2026, 3, 1)
pks = count(1)


def study(day, **fields):
    number = next(pks)
    defaults = {
        "pk": number,
        "study_instance_uid": f"1.{number}",
        "modalities": "CT",
        "body_part": "HEAD",
        "verdict": Study.Verdict.SAME,
        "study_date": date.fromisoformat(day) if day else None,
    }
    return Study(**defaults | fields)


def chosen(*studies, prior_years=2):
    choices = choose(studies, today=TODAY, prior_years=prior_years)
    return [choices[study.pk] for study in studies]


def test_the_newest_of_its_kind_is_current_and_those_before_it_are_priors():
    assert chosen(study("2025-01-01"), study("2026-02-01"), study("2025-06-01")) == [
        Choice(True, "same body part, last 2 years", "prior"),
        Choice(True, "newest of its kind", "current"),
        Choice(True, "same body part, last 2 years", "prior"),
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
        Choice(True, "newest of its kind", "current"),
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


def test_a_study_that_two_archives_hold_is_chosen_once_where_more_of_it_is_here():
    less = study("2026-02-01", study_instance_uid="1.2", stored_count=0)
    more = study("2026-02-01", study_instance_uid="1.2", stored_count=9)
    assert [one.is_chosen for one in chosen(less, more)] == [False, True]
    assert chosen(less, more)[0].reason == "the same study from another archive"


def test_a_withheld_copy_leaves_the_other_to_be_chosen():
    withheld = study("2026-02-01", study_instance_uid="1.2", state=Study.State.WITHHELD)
    assert chosen(withheld, study("2026-02-01", study_instance_uid="1.2"))[1].is_chosen


@pytest.mark.parametrize(
    ("body_part", "description", "parts"),
    [
        ("HEAD", "", {"head"}),
        ("", "MR brain with contrast", {"head"}),
        ("BRAIN", "chest", {"head"}),
        ("", "CT thorax/abdomen/pelvis", {"chest", "abdomen", "pelvis"}),
        ("", "", set()),
        ("UNKNOWN", "CT", set()),
    ],
)
def test_body_parts_are_read_from_the_code_else_from_the_description(body_part, description, parts):
    assert body_parts_of(study("2026-01-01", body_part=body_part, description=description)) == parts


def test_unknown_parts_of_one_modality_are_compared_and_said_to_be_of_one_kind():
    plain = {"body_part": ""}
    assert chosen(study("2026-02-01", **plain), study("2026-01-01", **plain))[1] == Choice(
        True, "same kind, last 2 years", "prior"
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
