"""The same study in several archives: one study, fetched from the archive that has more of it."""

from datetime import timedelta

import pytest

from imaging.models import Archive, Study
from imaging.relevance import NOT_BY_HAND, OTHER_COPY
from tests.imaging.test_relevance import NOW, are_chosen, chosen, study

State = Study.State


def copy(**fields):
    return study("2026-02-01", **{"study_instance_uid": "1.2"} | fields)


def test_it_is_chosen_once_where_the_archive_says_it_holds_more():
    less, more = copy(expected_count=312), copy(expected_count=320)
    assert are_chosen(less, more) == [False, True]
    assert chosen(less, more)[0].reason == OTHER_COPY


@pytest.mark.parametrize(
    "out_of_order",
    [{"failing_since": NOW}, {"is_paused": True}, {"rests_until": NOW + timedelta(minutes=5)}],
    ids=str,
)
def test_an_archive_that_answers_comes_before_one_that_holds_more(out_of_order):
    more = copy(expected_count=320, archive=Archive(**out_of_order))
    assert are_chosen(more, copy(expected_count=312)) == [False, True]


def test_when_the_first_failed_the_other_is_fetched():
    failed = copy(expected_count=320, state=State.FAILED)
    assert are_chosen(failed, copy(expected_count=312)) == [False, True]


def test_what_came_in_part_stays_open_while_the_rest_comes_from_the_other():
    part = copy(expected_count=320, stored_count=312, state=State.PARTIAL)
    other = copy(expected_count=320)
    assert are_chosen(part, other) == [True, True]
    said = "the other archive sent 312 of 320: fetched here too"
    assert chosen(part, other)[1].reason == said
    assert not chosen(part, copy(expected_count=312))[1].is_chosen


def test_while_the_first_is_on_its_way_the_other_is_left_alone():
    coming = copy(expected_count=320, stored_count=12, state=State.PULLING)
    assert are_chosen(coming, copy(expected_count=400)) == [True, False]


def test_of_what_is_here_twice_both_stay_open():
    ones = copy(stored_count=320, state=State.COMPLETE)
    assert are_chosen(ones, copy(stored_count=312, state=State.PARTIAL)) == [True, True]


def test_a_withheld_copy_leaves_the_other_to_be_chosen():
    assert are_chosen(copy(state=State.WITHHELD), copy()) == [False, True]


def test_a_copy_is_neither_prior_nor_counted_against_a_limit():
    earlier = study("2025-02-01")
    roles = [one.role for one in chosen(copy(), copy(), earlier)]
    assert roles == ["current", "", "prior"]


def test_what_a_person_left_out_stays_out_in_whichever_archive_it_turns_up():
    known, more = copy(expected_count=1), copy(expected_count=2)
    found = chosen(known, more, by_hand={known.pk: False})
    assert [one.is_chosen for one in found] == [False, False]
    assert found[1].reason == NOT_BY_HAND
