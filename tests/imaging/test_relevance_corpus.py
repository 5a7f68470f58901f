"""The labelled set: large and broad enough, as its maker makes it, and met by the rules."""

from collections import Counter

import pytest

from bench import _relevance
from tests.imaging.corpus import make_relevance
from tests.imaging.corpus.reading import questions, with_reports

PATHWAYS = 10


def test_it_has_the_questions_pathways_and_studies_it_should():
    asked = [one for one in questions() if one.half != "reports"]
    assert len(asked) >= 150
    assert len({one.pathway for one in asked}) >= PATHWAYS
    made = [one for one in asked if len(one.studies) >= 5]
    assert len(made) >= 150
    assert all(len(one.studies) <= 20 for one in asked)
    assert all(label.why for one in asked for label in one.studies)


def test_it_is_what_its_maker_makes(tmp_path, monkeypatch):
    kept = make_relevance.TARGET.read_text()
    monkeypatch.setattr(make_relevance, "TARGET", tmp_path / "again.jsonl")
    make_relevance.main()
    assert (tmp_path / "again.jsonl").read_text() == kept


def test_no_question_is_in_both_halves():
    halves = Counter(text for text, _ in {(q.text.split("?")[0], q.half) for q in questions()})
    assert set(halves.values()) == {1}


@pytest.mark.parametrize(
    ("figure", "bound"), [("relevance_precision", 0.94), ("relevance_recall", 0.97)]
)
def test_the_held_back_half_is_met(figure, bound):
    assert _relevance.measure()[figure] >= bound


def test_reports_that_are_read_leave_out_more_of_what_does_not_matter_and_nothing_that_does():
    assert sum(bool(study.report) for asked in with_reports() for study in asked.studies) >= 20
    without = _relevance.figures(_relevance.verdicts("reports", reads=False))
    reading = _relevance.figures(_relevance.verdicts("reports"))
    assert reading[0] >= max(without[0], 0.85)
    assert reading[1] >= max(without[1], 0.97)
