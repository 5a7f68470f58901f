"""What a pull came to, from UIDs alone: complete is said of nothing else than all of it."""

from collections import Counter

import pytest

from imaging.archives.base import ArchiveError, Listed
from imaging.models import Study
from imaging.pull.reconcile import Came, Outcome, reckon

State = Study.State


def listed(*sops):
    return [Listed("1.2.1", f"1.2.1.{sop}") for sop in sops]


def came(first, again, stored, **more):
    uids = [one.sop_instance_uid for one in listed(*stored)]
    known = {"refused": Counter(), "failure": None, "series_numbers": {}}
    return Came(
        listed=listed(*first),
        listed_again=None if again is None else listed(*again),
        stored=uids,
        **known | more,
    )


def test_what_is_listed_twice_the_same_and_stored_is_complete():
    assert reckon(came("ab", "ba", "ab")).state == State.COMPLETE


@pytest.mark.parametrize(
    ("first", "again", "stored", "code"),
    [
        ("ab", "ac", "ab", "pull.still_arriving"),  # as many, and not the same
        ("ab", "a", "ab", "pull.still_arriving"),
        ("ab", "abc", "abc", "pull.still_arriving"),
        ("ab", None, "ab", "pull.unconfirmed"),
        ("ab", "ab", "ac", "pull.missing"),  # as many, and not the same
        ("ab", "", "ab", "pull.vanished"),
    ],
)
def test_whatever_differs_in_one_image_is_partial_and_says_why(first, again, stored, code):
    outcome = reckon(came(first, again, stored))
    assert (outcome.state, outcome.code) == (State.PARTIAL, code)


CUT = ArchiveError("archive.cut_short", "The connection broke.")


def test_a_stream_that_broke_off_after_more_than_is_listed_is_not_all_of_the_study():
    outcome = reckon(came("ab", "ab", "abc", failure=CUT))
    assert (outcome.state, outcome.code) == (State.PARTIAL, "archive.cut_short")
    assert outcome.message == "3 images came, and the archive lists only 2. The connection broke."
    assert outcome.may_retry


def test_a_stream_that_broke_off_after_all_that_is_listed_is_all_of_it():
    assert reckon(came("ab", "ab", "ab", failure=CUT)).state == State.COMPLETE


def test_an_archive_that_states_more_than_it_lists_has_not_sent_all():
    outcome = reckon(came("ab", "ab", "ab", stated=3))
    assert (outcome.state, outcome.code) == (State.PARTIAL, "pull.fewer_listed")
    assert outcome.message == "The archive says that it holds 3 images, and lists 2."
    assert outcome.may_retry


@pytest.mark.parametrize("stated", [None, 0, 1, 2])
def test_a_count_that_is_reached_makes_no_study_short(stated):
    assert reckon(came("ab", "ab", "ab", stated=stated)) == Outcome(State.COMPLETE)


def test_what_came_in_a_whole_stream_counts_though_it_is_not_listed():
    sent = {one.sop_instance_uid for one in listed(*"abc")}
    outcome = reckon(came("ab", "ab", "abc", stated=3, sent=sent))
    assert outcome.state == State.COMPLETE


def test_what_is_here_and_not_listed_any_more_is_said():
    outcome = reckon(came("ab", "ab", "abcd", stated=2))
    assert (outcome.state, outcome.code) == (State.COMPLETE, "pull.no_longer_listed")
    assert outcome.message == "2 images here are not listed by the archive, or no longer."
