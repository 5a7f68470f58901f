"""The committed corpus: nobody's study is taken for another's, and few need a person."""

import re

import pytest

from imaging.identity_numbers import digits_of, is_nhs_number
from tests.imaging.corpus import made
from tests.imaging.corpus.hard import CHI, HARD
from tests.imaging.corpus.measure import corpus, figures, judge


@pytest.fixture(scope="module")
def judged():
    return [judge(line) for line in corpus()]


def test_the_corpus_is_what_its_maker_makes():
    assert made.TARGET.read_text() == made.text(), "run: python -m tests.imaging.corpus.made"


def test_there_are_enough_studies_of_both_truths(judged):
    assert len(judged) >= 400
    truths = [one.line["truth"] for one in judged]
    assert min(truths.count("same"), truths.count("different")) >= 100


def test_nobodys_study_is_taken_for_anothers(judged):
    assert [one.line["case"] for one in judged if one.is_false_same] == []


def test_few_need_a_person_and_none_is_missed(judged):
    found = figures(judged)
    assert found["false_same"] == 0
    assert found["needs_a_person_pct"] <= 2
    assert found["missed_same_pct"] == 0
    assert found["missed_beside_another_pct"] <= 1


def test_a_study_is_brought_back_by_a_question_unless_it_has_no_number_at_all(judged):
    """Every archive answers letter by letter; the rules see only what a question brings back."""
    own = [one for one in judged if one.line["truth"] == "same"]
    unmet = {one.line["case"] for one in own if not one.is_answered}
    assert unmet <= {"no_number_at_all", *(one["case"] for one in HARD)}


@pytest.mark.parametrize("line", HARD, ids=lambda line: line["case"])
def test_a_hard_case_ends_as_it_must(line):
    found = judge(line).finding
    assert found.verdict == line["must_be"], found.evidence


def test_no_number_of_the_corpus_could_be_anybodys():
    text = made.TARGET.read_text()
    for digits in re.findall(r"(?<!\d)\d{10}(?!\d)", text):
        assert digits.startswith("999") or not is_nhs_number(digits)
    assert is_nhs_number(digits_of(CHI)), "a CHI number that fails the check proves nothing"
