"""What one image pane says, and what hands and marks do to it."""

import numpy as np
import pytest

from imaging.pixels import render
from tests.e2e import viewer_kit as kit
from tests.e2e.viewer_kit import ct, drag, words

pytestmark = pytest.mark.e2e


def expected(array, series, view):
    image, frame = series.metadata["images"][0], series.metadata["frames"][view["frame"] - 1]
    return render(array, image, frame, view, (512, 384))


def is_the_reference(page, array, series):
    return np.array_equal(kit.pixels(page), expected(array, series, kit.view_of(page)))


# ---- words ------------------------------------------------------------------------------------


def test_who_and_what_is_seen_is_always_on_the_screen(page, server):
    lossy = {"ratio": 10.2, "method": "ISO_10918_1"}
    series = server.series["s"] = kit.make_series([ct(), ct()], lossy=lossy)
    series.metadata["geometry"]["notes"] = ["gap"]
    page.evaluate(
        "pane.identity = { name: 'KHAN, Amina', sex: 'F', birth_date: '1957-03-12',"
        " nhs_number: '9990000018', role: 'current' }"
    )
    kit.open_series(page, frame=1)
    for text in (
        *("CURRENT", "KHAN, Amina", "F · 12 Mar 1957 · 999 000 0018", "CT 20 Nov 2026 RM3"),
        *("HEAD 1.5", "1/2", "W 400 C 40", "zoom", "slices are missing", "2 cm"),
        *("LOSSY 10.2:1 ISO_10918_1", "not for primary diagnosis"),
    ):
        assert text in words(page)


def edges(page):
    return "".join(
        page.locator(f".pane-edge-{e}").inner_text() for e in ("top", "right", "bottom", "left")
    )


def test_the_letters_at_the_edges_follow_turns_and_flips(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    assert edges(page) == "ALPR"
    page.evaluate("pane.act('rotate-right'); pane.pixels()")
    assert edges(page) == "RALP"
    page.evaluate("pane.act('reset'); pane.act('flip-horizontal'); pane.pixels()")
    assert edges(page) == "ARPL"
    assert "FLIPPED" in words(page)


def test_a_pane_without_orientation_says_so_and_shows_no_letters(page, server):
    server.series["s"] = kit.make_series([ct()], is_placed=False)
    kit.open_series(page)
    assert edges(page) == ""
    assert "SIDE NOT STATED" in words(page)


def test_without_a_patient_the_pane_says_so(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    assert "PATIENT NOT STATED" in words(page)


# ---- hands ------------------------------------------------------------------------------------


def test_the_wheel_turns_one_frame_a_step_and_shift_makes_it_fast(page, server):
    server.series["s"] = kit.make_series([ct(n) for n in range(20)])
    kit.open_series(page, frame=3)
    page.locator("#pane").hover()
    page.mouse.wheel(0, 120)
    assert kit.view_of(page)["frame"] == 4
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 120)
    page.keyboard.up("Shift")
    assert kit.view_of(page)["frame"] == 9
    page.mouse.wheel(0, -120)
    assert kit.view_of(page)["frame"] == 8
    assert [e["view"]["frame"] for e in kit.events(page, "view")] == [4, 9, 8]
    kit.wait_whole(page)
    assert is_the_reference(page, ct(7), server.series["s"])


def test_left_windows_middle_pans_right_zooms(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    before = kit.view_of(page)
    drag(page, (200, 200), (260, 230))
    windowed = kit.view_of(page)
    assert windowed["voi"]["width"] > before["voi"]["width"]
    assert windowed["voi"]["centre"] > before["voi"]["centre"]
    drag(page, (200, 200), (230, 200), button="middle")
    panned = kit.view_of(page)
    assert panned["centre"]["x"] < before["centre"]["x"]
    drag(page, (200, 200), (200, 150), button="right")
    assert kit.view_of(page)["height"] < before["height"]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("i", {"invert": True}),
        ("r", {"rotation": 90}),
        ("l", {"rotation": 270}),
        ("h", {"flip": True}),
        ("v", {"flip": True, "rotation": 180}),
        ("ArrowDown", {"frame": 3}),
        ("ArrowUp", {"frame": 1}),
        ("Home", {"frame": 1}),
        ("End", {"frame": 4}),
        ("2", {"voi": {"centre": -600, "width": 1500, "function": "LINEAR"}}),
    ],
)
def test_a_key_does_what_hands_know(page, server, key, change):
    server.series["s"] = kit.make_series([ct(n) for n in range(4)])
    kit.open_series(page, frame=2)
    page.locator("#pane").focus()
    page.keyboard.press(key)
    view = kit.view_of(page)
    assert {name: view[name] for name in change} == change


def test_keys_are_letters_while_a_text_field_has_the_focus(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("() => { document.body.onkeydown = (event) => { pane.handleKey(event); }; }")
    page.locator("#text").focus()
    page.keyboard.press("i")
    assert kit.view_of(page)["invert"] is False


def test_while_presenting_a_key_without_shift_moves_nothing_and_says_why(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("pane.needsShift = true")
    page.locator("#pane").focus()
    page.keyboard.press("i")
    assert kit.view_of(page)["invert"] is False
    assert "Hold Shift" in words(page)
    page.keyboard.press("Shift+I")
    assert kit.view_of(page)["invert"] is True


def test_the_pointer_is_told_in_patient_millimetres_and_its_leaving_too(page, server):
    server.series["s"] = kit.make_series([ct(shape=(384, 512))])
    kit.open_series(page)
    box = page.locator("#pane").bounding_box()
    page.mouse.move(box["x"] + 100.5, box["y"] + 50.5)
    page.mouse.move(box["x"] + 100.5, box["y"] + 600)
    points = [e["point"] for e in kit.events(page, "point")]
    assert points[0] == {"unit": "mm", "x": -78, "y": -103, "z": -80}
    assert points[-1] is None
    assert f"{ct(shape=(384, 512))[50, 100]} HU" not in words(page)


def test_where_others_point_is_shown_with_their_names(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    point = {"unit": "mm", "x": -100, "y": -100, "z": -80}
    page.evaluate("(point) => pane.pointAt({ by: 'p1', name: 'Dr R', author: 1, point })", point)
    assert "Dr R" in words(page)
    page.evaluate("pane.pointAt({ by: 'p1', name: 'Dr R', author: 1, point: null })")
    assert "Dr R" not in words(page)


# ---- marks ------------------------------------------------------------------------------------


def mark(key="key0", **more):
    points = [{"unit": "mm", "x": -100, "y": -100, "z": -80}]
    points.append({"unit": "mm", "x": -70, "y": -60, "z": -80})
    return {
        "mark_id": "m1",
        "version": 1,
        "by": "p1",
        "name": "Dr R",
        "place": {"series": "s", "version": 1, "frame": key},
        "drawing": {"kind": "length", "points": points, "text": ""},
        "measured": None,
    } | more


def test_a_length_is_drawn_live_and_told_in_millimetres(page, server):
    server.series["s"] = kit.make_series([ct(shape=(384, 512))])
    kit.open_series(page)
    page.evaluate("pane.setTool('length')")
    drag(page, (100.5, 50.5), (160.5, 130.5))
    [drawn] = kit.events(page, "drawn")
    assert drawn["place"] == {"series": "s", "version": 1, "frame": "key0"}
    assert drawn["drawing"]["points"] == [
        {"unit": "mm", "x": -78, "y": -103, "z": -80},
        {"unit": "mm", "x": -48, "y": -63, "z": -80},
    ]
    previews = kit.events(page, "preview")
    assert previews[0]["drawing"]["kind"] == "length"
    assert previews[-1]["drawing"] is None
    assert "50.0 mm not saved yet" in words(page)
    kept = mark(drawing=drawn["drawing"])
    page.evaluate("(kept) => pane.setMarks([kept])", kept)
    assert "not saved yet" not in words(page)
    assert "50.0 mm" in words(page)


def test_without_spacing_a_length_is_in_pixels_and_says_so(page, server):
    none = {"row": None, "column": None, "kind": "none", "note": ""}
    series = kit.make_series([ct(shape=(384, 512))], is_placed=False, spacing=none)
    server.series["s"] = series
    kit.open_series(page)
    page.evaluate("pane.setTool('length')")
    drag(page, (100.5, 50.5), (160.5, 130.5))
    assert kit.events(page, "drawn")[0]["drawing"]["points"][0] == {"unit": "px", "x": 100, "y": 50}
    assert "100.0 px (not calibrated)" in words(page)


def test_an_arrow_asks_for_its_text(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("pane.setTool('arrow')")
    drag(page, (200, 100), (260, 180))
    page.keyboard.type("ring <5 mm")
    page.keyboard.press("Enter")
    [drawn] = kit.events(page, "drawn")
    assert drawn["drawing"]["kind"] == "arrow"
    assert drawn["drawing"]["text"] == "ring <5 mm"
    assert kit.view_of(page)["rotation"] == 0  # the r of "ring" was a letter


def test_a_mark_is_seen_on_its_own_frame_only(page, server):
    server.series["s"] = kit.make_series([ct(0), ct(1)])
    kit.open_series(page, frame=1)
    page.evaluate("(kept) => pane.setMarks([kept])", mark())
    assert "50.0 mm" in words(page)
    page.evaluate("pane.act('next'); pane.pixels()")
    assert "50.0 mm" not in words(page)


def at(page, point):
    """Where a point lies on the page."""
    box = page.locator("#pane").bounding_box()
    view = kit.view_of(page)
    scale = box["height"] / view["height"]
    x = box["x"] + box["width"] / 2 + (point["x"] - view["centre"]["x"]) * scale
    return x, box["y"] + box["height"] / 2 + (point["y"] - view["centre"]["y"]) * scale


def test_ones_own_mark_is_moved_by_its_end_nudged_and_removed(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("(kept) => { pane.mayChange = () => true; pane.setMarks([kept]); }", mark())
    x, y = at(page, mark()["drawing"]["points"][1])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.mouse.up()
    [changed] = kit.events(page, "changed")
    assert (changed["mark_id"], changed["version"]) == ("m1", 1)
    moved = changed["drawing"]["points"]
    assert moved[0] == mark()["drawing"]["points"][0]
    assert moved[1]["x"] == pytest.approx(-70 + 30 * kit.view_of(page)["height"] / 384)
    page.keyboard.press("ArrowRight")
    kit.until(page, "events.filter(([k]) => k === 'changed').length === 2")
    nudged = kit.events(page, "changed")[1]["drawing"]["points"][1]
    assert nudged["x"] == pytest.approx(moved[1]["x"] + 0.5)
    page.keyboard.press("Delete")
    # the two moves are on their way: what is removed is the mark as they leave it
    assert kit.events(page, "removed") == [{"mark_id": "m1", "version": 3}]


def test_somebody_elses_mark_stays_where_it_is(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("(kept) => pane.setMarks([kept])", mark())
    x, y = at(page, mark()["drawing"]["points"][1])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.mouse.up()
    page.keyboard.press("Delete")
    assert kit.events(page, "changed") == []
    assert kit.events(page, "removed") == []


def test_what_somebody_else_is_drawing_is_shown_until_they_let_go(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    preview = {"by": "p2", "name": "Dr S", "place": mark()["place"], "drawing": mark()["drawing"]}
    page.evaluate("(preview) => pane.showPreview(preview)", preview)
    assert "50.0 mm" in words(page)
    assert "Dr S" in words(page)
    page.evaluate("(preview) => pane.showPreview(preview)", preview | {"drawing": None})
    assert "Dr S" not in words(page)


# ---- fetching ---------------------------------------------------------------------------------


def test_a_newer_wish_overtakes_an_older_one(page, server):
    series = server.series["s"] = kit.make_series([ct(n, (512, 512)) for n in range(40)])
    series.held = set(range(1, 30))
    page.evaluate("pane.open({ series: 's', frame: 1 })")
    page.wait_for_timeout(200)
    page.evaluate("pane.act('last')")
    kit.wait_whole(page)
    assert is_the_reference(page, ct(39, (512, 512)), series)
    series.gate.set()


def test_a_frame_comes_in_two_parts_and_its_neighbours_many_at_a_time(page, server):
    series = server.series["s"] = kit.make_series([ct(n, (512, 512)) for n in range(6)])
    kit.open_series(page, frame=3)
    page.wait_for_timeout(400)
    looked_at = series.metadata["frames"][2]
    start, low = looked_at["offset"], looked_at["offset"] + looked_at["ends"][-3]
    parts = {(start, low - 1), (low, start + looked_at["length"] - 1)}
    assert parts <= set(server.ranges())
    assert len(server.ranges()) <= 5
