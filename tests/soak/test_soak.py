"""The whole product under load and many kills: nothing acknowledged is lost, nothing happens twice.

SOAK_MINUTES (5) is how long people work; SOAK_SEED, printed at the start, makes them and the
killer choose the same again.
"""

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.killer import KINDS
from tests.soak.run import INSTANCES, SOAKED, Result, keep, soak

pytestmark = pytest.mark.soak

RESULTS = Path(__file__).parents[2] / "bench" / "results" / "soak.json"
DRAWN = ("mark.create", "mark.change")
#: A web process has about 95 MiB when it listens and 160 once it has served pages. Its queues and
#: caches are bounded (1,000 events a socket, 10,000 keys a cache): some tens of MiB more, and no
#: more however long it lives.
MOST_MIB = 260
GROWTH_MIB = 60
WARM_S = 20


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**9))
    minutes = float(os.environ.get("SOAK_MINUTES") or 5)
    sys.stdout.write(f"\nSOAK_SEED={seed} SOAK_MINUTES={minutes:g}\n")
    result = soak(tmp_path_factory.mktemp("soak"), seed=seed, minutes=minutes)
    keep(result, RESULTS)
    sys.stdout.write(json.dumps(result.figures(), indent=1) + "\n")
    return result


def events_by_id(result: Result) -> dict[str, list[tuple[int, str]]]:
    """(seq, meeting) of every event that a client's command became."""
    found: dict[str, list[tuple[int, str]]] = {}
    for meeting, room in result.record["rooms"].items():
        for seq, id, _ in room["events"]:
            if id:
                found.setdefault(id, []).append((seq, meeting))
    return found


def test_it_was_a_soak(result):
    """Kills of every kind, and enough done under them for the other tests to mean something."""
    assert [kind for kind in KINDS if not result.killed[kind]] == [], (
        f"nobody killed these: run longer {result.hint}"
    )
    assert len(result.acked(*DRAWN)) > result.seconds, f"hardly anything was drawn {result.hint}"
    assert sum(len(desk.recorded) for desk in result.desks) > result.seconds / 10, result.hint
    assert result.tally["lines lost"] > 0, f"no kill of a web process was felt {result.hint}"
    assert result.tally["sent again unanswered"] > 0, f"nothing had to be sent again {result.hint}"
    assert result.listed, f"nobody was listed, so nothing was fetched {result.hint}"


def test_nobody_was_told_what_the_rules_do_not_say(result):
    assert result.faults == [], (
        f"{len(result.faults)} sentences about what should not have been {result.hint}"
    )


def test_every_command_was_answered_once_the_product_was_left_alone(result):
    assert result.unanswered == 0, (
        f"{result.unanswered} commands have neither ack nor nak a minute after the last kill "
        f"{result.hint}"
    )


def test_the_seqs_of_each_meeting_have_no_gap_and_no_repeat(result):
    for meeting, room in result.record["rooms"].items():
        seqs = [seq for seq, _, _ in room["events"]]
        expected = list(range(1, room["head"] + 1))
        assert seqs == expected, (
            f"meeting {meeting}: missing {sorted(set(expected) - set(seqs))[:10]}, twice "
            f"{[seq for seq, count in Counter(seqs).items() if count > 1][:10]} {result.hint}"
        )


def test_what_was_acknowledged_is_in_the_log_once_at_the_seq_that_was_told(result):
    by_id = events_by_id(result)
    wrong = [
        f"{tab.asked[id]['type']} {id}: told seq {seq}, on record {by_id.get(id, 'nowhere')}"
        for tab in result.tabs
        for id, seq in tab.acked.items()
        if tab.asked[id]["type"] != "presenter.take" and by_id.get(id) != [(seq, tab.meeting)]
    ]
    assert wrong == [], f"{len(wrong)} acknowledged commands are not on record {result.hint}"


def test_who_was_told_that_they_present_did(result):
    """A tab that presents already is answered with the seq that began its term."""
    wrong = []
    for tab in result.tabs:
        bodies = {seq: body for seq, _, body in result.record["rooms"][tab.meeting]["events"]}
        for id, seq in tab.acked.items():
            body = bodies.get(seq, {})
            if tab.asked[id]["type"] == "presenter.take" and body.get("tab") != tab.tab:
                wrong.append(f"{tab.tab} took the picture at seq {seq}, where stands {body}")
    assert wrong == [], result.hint


def test_every_acknowledged_mark_is_on_record_exactly_once(result):
    marks = result.record["marks"]
    wrong = {id: marks.get(id, 0) for id in result.acked(*DRAWN) if marks.get(id, 0) != 1}
    assert wrong == {}, f"rows by id of the acknowledged command, 1 expected {result.hint}"


def test_what_was_sent_again_and_again_is_on_record_at_most_once(result):
    by_id = events_by_id(result)
    ids = [id for tab in result.tabs for id in tab.asked]
    ids += [id for desk in result.desks for id in desk.asked]
    twice = {id: by_id[id] for id in ids if len(by_id.get(id, ())) > 1}
    assert twice == {}, f"one id, several events {result.hint}"
    rows = {id: result.record["marks"].get(id, 0) for id in ids}
    assert {id: count for id, count in rows.items() if count > 1} == {}, result.hint


def test_what_was_refused_left_nothing_on_record(result):
    by_id = events_by_id(result)
    refused = {id: code for tab in result.tabs for id, code in tab.refused.items()}
    left = {id: code for id, code in refused.items() if id in by_id or id in result.record["marks"]}
    assert left == {}, f"refused, and on record all the same {result.hint}"


def test_nothing_is_on_record_that_nobody_asked_for(result):
    asked = {id for tab in result.tabs for id in tab.asked}
    assert set(result.record["marks"]) - asked == set(), result.hint


def test_every_acknowledged_outcome_is_on_record_exactly_once(result):
    rows = Counter((case, number, text) for case, number, text in result.record["outcomes"])
    wrong = [
        f"version {number} of case {case}, answered with 201: {rows[case, number, f'soak {id}']}"
        for desk in result.desks
        for id, (case, number) in desk.recorded.items()
        if rows[case, number, f"soak {id}"] != 1
    ]
    assert wrong == [], f"rows of each, 1 expected {result.hint}"
    texts = Counter(text for _, _, text in result.record["outcomes"])
    assert [text for text, count in texts.items() if count > 1] == [], (
        f"one POST, several versions {result.hint}"
    )


def test_the_versions_of_each_outcome_count_from_one_without_a_gap(result):
    numbers: dict[str, list[int]] = {}
    for case, number, _ in sorted(result.record["outcomes"]):
        numbers.setdefault(case, []).append(number)
    for case, found in numbers.items():
        assert found == list(range(1, len(found) + 1)), f"case {case} {result.hint}"


def test_every_acknowledged_step_of_an_outcome_is_on_record(result):
    rows = {(case, number, kind) for case, number, kind in result.record["steps"]}
    told = {step for desk in result.desks for step in desk.stepped.values()}
    assert told - rows == set(), f"answered with 201, and not on record {result.hint}"


def test_every_tab_has_heard_the_log_as_it_is_on_record(result):
    for tab in result.tabs:
        room = result.record["rooms"][tab.meeting]
        on_record = {seq: body for seq, _, body in room["events"]}
        heard = {seq: tab.replay.events[seq] for seq in on_record if seq in tab.replay.events}
        missing = sorted(on_record.keys() - heard.keys())
        assert missing == [], f"{tab.replay.name} has not heard seqs {missing[:10]} {result.hint}"
        other = [seq for seq in on_record if heard[seq] != on_record[seq]]
        assert other == [], f"{tab.replay.name} heard seqs {other[:10]} otherwise {result.hint}"


def test_the_marks_each_tab_shows_are_those_on_record(result):
    for tab in result.tabs:
        marks = result.record["cases"]["marks"]
        cases = {event["case_id"] for event in tab.replay.marks.values()}
        shown = {case: tab.replay.standing(case) for case in cases}
        assert shown == {case: marks[case] for case in cases}, f"{tab.replay.name} {result.hint}"


def test_terms_of_presenters_only_rise(result):
    for meeting, room in result.record["rooms"].items():
        bodies = [body for _, _, body in room["events"]]
        terms = [body["term"] for body in bodies if body["type"] == "presenter.changed"]
        assert terms == list(range(1, room["term"] + 1)), f"meeting {meeting} {result.hint}"


def test_whoever_was_listed_is_on_the_list_once(result):
    listed = result.record["cases"]["listed"]
    assert {one: listed.get(one, 0) for one in result.listed} == dict.fromkeys(result.listed, 1), (
        f"times each is on the list {result.hint}"
    )


def test_every_pull_ended_in_a_named_state_with_its_counts_right(result):
    studies = {one["study"]: one for one in result.record["studies"]}
    assert set(result.listed) - studies.keys() == set(), f"never found {result.hint}"
    for name in result.listed:
        one = studies[name]
        assert one["state"] in SOAKED, f"the pull has not ended: {one} {result.hint}"
        assert one["job"] in ("done", "failed"), f"its job has not ended: {one} {result.hint}"
        assert one["state"] == "complete" or one["code"], f"why is not said: {one} {result.hint}"
        assert one["counted"] == one["rows"] == one["different"] == one["kept"], (
            f"what is counted, on record, different and in the store disagree: {one} {result.hint}"
        )
        if one["state"] == "complete":
            assert one["rows"] == one["expected"] == INSTANCES, f"{one} {result.hint}"


def test_no_process_is_left_over(result):
    assert result.left_over == [], f"these outlived the product {result.hint}"


def test_web_processes_do_not_grow(result):
    lives: dict[tuple[str, int], list[float]] = {}
    for size in result.sizes:
        if size.age_s > WARM_S:
            lives.setdefault((size.name, size.pid), []).append(size.mib)
    assert lives, f"no web process lived for {WARM_S} s: run longer {result.hint}"
    for life, sizes in lives.items():
        assert max(sizes) < MOST_MIB, f"{life} came to {max(sizes):.0f} MiB {result.hint}"
        assert sizes[-1] - sizes[0] < GROWTH_MIB, (
            f"{life} grew from {sizes[0]:.0f} to {sizes[-1]:.0f} MiB {result.hint}"
        )
