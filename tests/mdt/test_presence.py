"""The roster and the presenter's lease: rules over tabs and times, without a socket."""

from datetime import UTC, datetime, timedelta

import pytest

from mdt.live.presence import Lease, Tab, roster_of, tab_used_last
from mdt.protocol import Heartbeat

NOW = datetime(2026, 11, 24, 10, 42, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def tab(person="ann", name="t1", seen=0, used=0, **state):
    return Tab(
        person=person,
        name=person.title(),
        specialty="Radiology",
        tab=name,
        seen_at=ago(seen),
        used_at=ago(used),
        **state,
    )


def roster(*tabs, lease=None):
    return roster_of(tabs, lease or Lease(), NOW)


def test_a_person_with_two_tabs_is_there_once():
    assert [p.person for p in roster(tab(name="t1"), tab(name="t2"), tab("bob")).present] == [
        "ann",
        "bob",
    ]


def test_a_person_is_as_well_off_as_their_best_tab():
    poor = tab(name="t1", following=False, preview=25, is_behind=True)
    better = tab(name="t2", following=True, preview=50, is_behind=False)
    (person,) = roster(poor, better).present
    assert (person.following, person.preview, person.is_behind) == (True, 50, False)
    (person,) = roster(poor, tab(name="t3", preview=None)).present
    assert person.preview is None


@pytest.mark.parametrize(("seen", "is_there"), [(15, True), (16, False)])
def test_a_silent_tab_is_not_in_the_roster(seen, is_there):
    assert bool(roster(tab(seen=seen)).present) is is_there


def test_a_hand_over_goes_to_the_tab_used_last():
    tabs = [tab(name="t1", used=9), tab(name="t2", used=2), tab("bob", name="t3")]
    assert tab_used_last(tabs, "ann", NOW) == "t2"


def test_who_is_silent_or_absent_gets_no_hand_over():
    assert tab_used_last([tab(seen=20)], "ann", NOW) is None
    assert tab_used_last([tab()], "bob", NOW) is None


@pytest.mark.parametrize(
    ("seen", "is_presented", "is_lost"),
    [(4, True, False), (6, True, True), (10, True, True), (11, False, True)],
)
def test_a_presenter_is_lost_after_five_seconds_and_lapses_after_ten(seen, is_presented, is_lost):
    shown = roster(lease=Lease(since=ago(600), seen_at=ago(seen)))
    assert shown.presenter_since == (ago(600).isoformat() if is_presented else None)
    assert shown.presenter_lost_at == (ago(seen).isoformat() if is_lost else None)


def test_without_a_presenter_nobody_is_lost():
    assert (roster().presenter_since, roster().presenter_lost_at) == (None, None)


def test_a_heartbeat_renews_a_lease_that_runs():
    assert Lease(since=ago(600), seen_at=ago(9)).heard(NOW).seen_at == NOW


def test_a_heartbeat_does_not_wake_a_lease_that_has_lapsed():
    lapsed = Lease(since=ago(600), seen_at=ago(11))
    assert lapsed.heard(NOW) == lapsed
    assert Lease().heard(NOW) == Lease()


@pytest.mark.parametrize(("seq", "is_behind"), [(7, True), (8, False), (9, False)])
def test_a_tab_is_behind_what_was_said_some_time_ago(seq, is_behind):
    one = tab()
    one.hear(Heartbeat(seq=seq, following=True), at=NOW, settled_seq=8)
    assert one.is_behind is is_behind
