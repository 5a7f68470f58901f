"""What browsers may say, and how fast, without a room."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mdt import protocol
from mdt.live.bucket import Bucket

ID = "6f0f2ad5-6f7d-4a4e-9c55-0d2a5a3bb0d5"
POINT = {"unit": "px", "x": 1, "y": 2}
VOI = {"centre": 40, "width": 400}
DRAWING = {"kind": "length", "points": [POINT, POINT]}
PLACE = {"series": "s1", "version": 1, "frame": "f.1"}
FENCE = {"case": 1, "term": 1, "n": 1}
PANE = {"id": "a", "kind": "stack", "series": "s1", "version": 1}
VIEW = {"kind": "stack", "frame": 1, "centre": POINT, "height": 10, "voi": VOI}
COMMANDS = {
    "room.hello": {"version": 1, "tab": "t-1", "since": 3},
    "case.open": {"id": ID, "case_id": "c1"},
    "presenter.take": {"id": ID},
    "presenter.give": {"id": ID, "to": "p1"},
    "mark.create": {"id": ID, "case_id": "c1", "place": PLACE, "drawing": DRAWING},
    "mark.change": {"id": ID, "mark_id": "m1", "if_version": 1, "drawing": DRAWING},
    "mark.remove": {"id": ID, "mark_id": "m1", "if_version": 1},
    "outcome.draft": {
        "id": ID,
        "case_id": "c1",
        "written_for": "c1",
        "if_version": 0,
        "fields": {"treatments": ["01"]},
    },
    "view.show": {"fence": FENCE, "pane": "a", "view": VIEW},
    "layout.show": {"fence": FENCE, "layout": {"panes": [], "active": ""}},
    "pointer.move": {"fence": FENCE, "pane": "a", "point": None},
    "mark.preview": {"fence": FENCE, "pane": "a", "place": PLACE, "drawing": None},
    "outcome.type": {"case_id": "c1", "field": "recommendation", "text": "a", "n": 1},
    "room.heartbeat": {"seq": 1, "following": True, "preview": 25},
}
TAGS = {kind.model_fields["type"].default for kind in protocol.COMMANDS}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def parse(type, fields):
    return protocol.parse_command(json.dumps({"type": type, **fields}))


def understood(text):
    """The type of the command that was understood, None when it was refused."""
    try:
        return protocol.parse_command(text).type
    except ValidationError:
        return None


def test_the_table_holds_every_command():
    assert set(COMMANDS) == TAGS


@pytest.mark.parametrize("type", COMMANDS)
def test_a_command_as_it_should_be_is_understood(type):
    assert parse(type, COMMANDS[type]).type == type


@pytest.mark.parametrize("type", COMMANDS)
def test_a_command_without_one_of_its_fields_is_refused(type):
    kind = next(k for k in protocol.COMMANDS if k.model_fields["type"].default == type)
    for field in COMMANDS[type]:
        if kind.model_fields[field].is_required():
            fields = {k: v for k, v in COMMANDS[type].items() if k != field}
            with pytest.raises(ValidationError):
                parse(type, fields)


@pytest.mark.parametrize("type", COMMANDS)
def test_a_command_with_a_field_too_many_is_refused(type):
    with pytest.raises(ValidationError):
        parse(type, {**COMMANDS[type], "more": 1})


BAD_VALUES = [
    ("room.hello", "tab", ""),
    ("room.hello", "tab", "a b"),
    ("room.hello", "since", -1),
    ("case.open", "case_id", "a" * 17),
    ("case.open", "case_id", "a\0"),
    ("case.open", "id", 7),
    ("mark.create", "place", {**PLACE, "version": 0}),
    ("mark.create", "drawing", {**DRAWING, "points": [POINT]}),
    ("mark.create", "drawing", {**DRAWING, "points": [POINT] * 3}),
    ("mark.create", "drawing", {**DRAWING, "kind": "circle"}),
    ("mark.create", "drawing", {**DRAWING, "text": "x" * 201}),
    ("mark.create", "drawing", {**DRAWING, "text": "\0"}),
    ("mark.change", "if_version", 0),
    ("outcome.draft", "if_version", -1),
    ("outcome.draft", "fields", {"was_quorate": True}),
    ("view.show", "fence", {**FENCE, "n": -1}),
    ("view.show", "view", {**VIEW, "frame": 0}),
    ("view.show", "view", {**VIEW, "height": 0}),
    ("view.show", "view", {**VIEW, "kind": "hologram"}),
    ("view.show", "view", {**VIEW, "voi": {**VOI, "width": 0}}),
    ("view.show", "view", {**VIEW, "voi": {**VOI, "width": 0.99}}),
    ("view.show", "view", {**VIEW, "voi": {**VOI, "width": 0, "function": "LINEAR_EXACT"}}),
    ("view.show", "view", {**VIEW, "voi": {**VOI, "width": -1, "function": "SIGMOID"}}),
    ("view.show", "pane", "p" * 17),
    ("view.show", "pane", "a\0"),
    ("pointer.move", "pane", "a\0"),
    ("mark.preview", "pane", "a\0"),
    ("layout.show", "layout", {"panes": [1], "active": ""}),
    ("layout.show", "layout", {"panes": [{**PANE, "id": "a\0"}], "active": "a"}),
    ("layout.show", "layout", {"panes": [{**PANE, "id": ""}], "active": "a"}),
    ("layout.show", "layout", {"panes": [{**PANE, "series": "s1\0"}], "active": "a"}),
    ("layout.show", "layout", {"panes": [PANE], "active": "a\0"}),
    ("outcome.type", "field", "was_quorate"),
    ("outcome.type", "text", "x" * 4001),
    ("room.heartbeat", "preview", 101),
]


@pytest.mark.parametrize(("type", "field", "value"), BAD_VALUES)
def test_a_value_out_of_its_bounds_is_refused(type, field, value):
    with pytest.raises(ValidationError):
        parse(type, {**COMMANDS[type], field: value})


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_a_window_may_be_narrower_than_one_where_its_function_allows_it(function):
    voi = {"centre": 0.4, "width": 0.8, "function": function}
    parsed = parse("view.show", {**COMMANDS["view.show"], "view": {**VIEW, "voi": voi}})
    assert parsed.view.voi.model_dump() == voi


def test_a_layout_names_its_panes_and_a_pointer_may_have_left_where_nothing_hangs():
    layout = parse("layout.show", {"fence": FENCE, "layout": {"panes": [PANE], "active": "a"}})
    assert layout.layout.panes[0].series == "s1"
    assert parse("pointer.move", {"fence": FENCE, "pane": "", "point": None}).point is None


@given(st.sampled_from(sorted(COMMANDS)), st.data())
def test_any_value_in_any_field_is_understood_or_refused_and_nothing_else(type, data):
    field = data.draw(st.sampled_from(sorted(COMMANDS[type])))
    value = data.draw(json_values)
    assert understood(json.dumps({"type": type, **COMMANDS[type], field: value})) in (type, None)


@given(st.text() | json_values.map(json.dumps))
def test_any_text_is_understood_or_refused_and_nothing_else(text):
    assert understood(text) in {None, *TAGS}
    assert protocol.id_of(text) is None or isinstance(protocol.id_of(text), UUID)


def test_the_id_of_what_is_not_understood_is_found_for_its_nak():
    assert protocol.id_of(json.dumps({"id": ID, "type": "?"})) == UUID(ID)
    assert protocol.id_of("[" * 100_000) is None


def test_a_bucket_gives_its_burst_and_then_its_rate(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("mdt.live.bucket.monotonic", lambda: clock[0])
    bucket = Bucket(rate=10, burst=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock[0] = 0.25
    assert [bucket.take() for _ in range(3)] == [True, True, False]
