"""What a pane must never let a person take for something else: a half, a last, another frame."""

import re

import numpy as np
import pytest

from tests.e2e import viewer_kit as kit
from tests.e2e.test_viewer import hold_rest
from tests.e2e.test_viewer_hands import at, edges, mark
from tests.e2e.viewer_kit import ct, is_the_reference, words

pytestmark = pytest.mark.e2e


def test_a_new_grip_on_a_length_waits_for_the_full_picture(page, server):
    series = hold_rest(server, page, ct(shape=(512, 512)))
    kit.until(page, "pane.quality === 25")
    page.evaluate("(kept) => { pane.mayChange = () => true; pane.setMarks([kept]); }", mark())
    x, y = at(page, mark()["drawing"]["points"][1])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.mouse.up()
    page.keyboard.press("ArrowRight")
    assert {e["code"] for e in kit.events(page, "refused")} == {"frame.preview"}
    page.wait_for_timeout(700)
    assert kit.events(page, "changed") == []
    series.gate.set()


def test_a_checksum_that_is_missing_is_no_checksum_that_agrees(page, server):
    series = server.series["s"] = kit.make_series([ct()])
    series.metadata["frames"][0]["crc32"] = None
    page.evaluate("pane.open({ series: 's' })")
    kit.until_said(page, "frame.crc")
    assert kit.pixels(page).max() == 0


def test_when_a_series_is_refused_no_word_of_the_last_one_stays(page, server):
    lossy = {"ratio": 10.2, "method": "ISO_10918_1"}
    server.series["s"] = kit.make_series([ct()], lossy=lossy)
    kit.open_series(page)
    page.evaluate("pane.act('flip-horizontal'); pane.pixels()")
    assert page.evaluate("pane.open({ series: 'other' })") is False
    page.evaluate("pane.pixels()")
    for text in ("LOSSY", "FLIPPED", "1/1", "W 400", "zoom", "HEAD", " cm"):
        assert text not in words(page)
    assert edges(page) == ""


def test_every_frame_after_one_that_breaks_the_decoder_is_shown(page, server):
    series = server.series["s"] = kit.make_series([ct(0), ct(1)])
    series.segment[2:200] = bytes(198)
    page.evaluate("pane.open({ series: 's', frame: 1 })")
    kit.until_said(page, "damaged")
    page.evaluate("pane.act('next')")
    kit.wait_whole(page)
    assert is_the_reference(page, ct(1), series)


def value_said(page):
    return page.locator(".pane-value").inner_text()


def test_the_value_under_a_pointer_at_rest_is_that_of_the_frame_shown(page, server):
    series = server.series["s"] = kit.make_series(
        [np.full((384, 512), value, np.uint16) for value in (12345, 54321, 7)]
    )
    series.metadata["frames"][2].update(segment=None, code="frame.damaged")
    kit.open_series(page, frame=1)
    box = page.locator("#pane").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    assert value_said(page) == "12345 HU"
    page.evaluate("pane.act('next')")
    kit.wait_whole(page)
    assert value_said(page) == "54321 HU"
    page.evaluate("pane.act('next'); pane.pixels()")
    assert value_said(page) == ""


def test_a_line_never_ends_in_another_slice_than_it_began(page, server):
    server.series["s"] = kit.make_series([ct(0), ct(1)])
    kit.open_series(page, frame=1)
    page.evaluate("pane.act('next')")
    kit.wait_whole(page)
    page.evaluate("pane.act('previous'); pane.setTool('length')")
    box = page.locator("#pane").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 200)
    page.mouse.wheel(0, 120)
    assert kit.view_of(page)["frame"] == 2
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.up()
    assert kit.events(page, "drawn") == []
    assert kit.events(page, "preview")[-1]["drawing"] is None


def test_a_mark_of_another_frame_is_neither_nudged_nor_removed(page, server):
    server.series["s"] = kit.make_series([ct(0), ct(1), ct(2)])
    kit.open_series(page, frame=1)
    page.evaluate("(kept) => { pane.mayChange = () => true; pane.setMarks([kept]); }", mark())
    page.mouse.click(*at(page, mark()["drawing"]["points"][1]))
    page.mouse.wheel(0, 120)
    assert kit.view_of(page)["frame"] == 2
    page.locator("#pane").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    assert kit.view_of(page)["frame"] == 3
    page.wait_for_timeout(700)
    assert kit.events(page, "changed") == []
    assert kit.events(page, "removed") == []


def test_a_series_opens_at_a_marked_frame_and_asks_for_that_first(page, server):
    series = server.series["s"] = kit.make_series([ct(n, (512, 512)) for n in range(9)])
    asked: list[int] = []  # as the page sends them: those sent together may overtake each other

    def note(request):
        if bytes_from := re.match(r"bytes=(\d+)-", request.headers.get("range", "")):
            asked.append(series.frame_at(int(bytes_from[1])))

    page.on("request", note)
    kit.open_series(page, key="key7")
    assert kit.view_of(page)["frame"] == 8
    assert is_the_reference(page, ct(7, (512, 512)), series)
    assert asked[0] == 8


def test_a_window_the_picture_does_not_have_is_said_and_changes_nothing(page, server):
    series = server.series["s"] = kit.make_series([kit.ct()])
    series.metadata["images"][0]["unit"] = ""  # as MR has it, with one window in its header
    kit.open_series(page)
    before = kit.view_of(page)
    page.evaluate("pane.act('preset-2')")
    kit.until_said(page, "viewer.no_preset")
    assert kit.view_of(page) == before
    page.evaluate("pane.act('invert')")
    page.evaluate("pane.act('preset-1')")
    assert kit.view_of(page) == before | {"invert": True}


@pytest.mark.parametrize("kind", ["plane", "slide", "document", "video", "hologram"])
def test_a_view_of_a_kind_this_pane_does_not_draw_leaves_no_older_picture(page, server, kind):
    server.series["s"] = kit.make_series([kit.ct(seed) for seed in range(3)])
    kit.open_series(page)
    shown = kit.view_of(page)
    assert kit.pixels(page).max() > 0
    frame = page.locator(".pane-frame")
    assert frame.inner_text()
    page.evaluate("(kind) => pane.setView({ kind })", kind)
    kit.until_said(page, "viewer.other_view")
    assert kit.pixels(page).max() == 0
    assert page.evaluate("pane.quality") == 0
    assert frame.inner_text() == ""
    page.evaluate("(view) => pane.setView(view)", shown)
    kit.wait_whole(page)
    assert "viewer.other_view" not in kit.words(page)
    assert frame.inner_text()


def test_a_view_of_another_kind_before_the_series_is_here_shows_no_picture_of_it(page, server):
    server.series["s"] = kit.make_series([kit.ct(seed) for seed in range(3)])
    page.evaluate("const done = pane.open({ series: 's' }); pane.setView({ kind: 'plane' }); done")
    page.wait_for_function("pane.metadata !== null")
    kit.until_said(page, "viewer.other_view")
    page.wait_for_timeout(500)
    assert kit.pixels(page).max() == 0
    assert kit.events(page, "shown") == [] or page.evaluate("pane.quality") == 0


def test_a_segment_that_is_not_there_fails_its_own_frames_only(page, server):
    series = server.series["s"] = kit.make_series([kit.ct(seed) for seed in range(6)])
    for number in (5, 6):
        series.metadata["frames"][number - 1]["segment"] = 2
    gone = {"status": 404, "json": {"code": "mdt.not_found", "message": "There is nothing."}}
    page.route("**/segments/2", lambda route: route.fulfill(**gone))
    kit.open_series(page)
    page.evaluate("pane.setView({ ...pane.getView(), frame: 5 })")
    kit.until_said(page, "frame.not_served")
    assert "others of the series can" in kit.words(page)
    assert kit.pixels(page).max() == 0

    page.evaluate("pane.setView({ ...pane.getView(), frame: 4 })")
    kit.wait_whole(page)
    assert "frame.not_served" not in kit.words(page)
    assert kit.events(page, "refused") == []
    page.unroute("**/segments/2")
    page.evaluate("pane.setView({ ...pane.getView(), frame: 5 })")
    kit.wait_whole(page)


@pytest.mark.parametrize(
    ("media_type", "code", "words_said"),
    [
        ("image/jpeg", "viewer.no_slide", "slide from the microscope"),
        ("image/jphc", "viewer.no_slide", "slide from the microscope"),
        ("video/mp4", "viewer.no_video", "This is a video."),
    ],
)
def test_what_is_kept_as_it_came_is_said_in_words_and_never_fetched(
    page, server, media_type, code, words_said
):
    series = server.series["s"] = kit.make_series([kit.ct(seed) for seed in range(3)])
    images, frames = series.metadata["images"], series.metadata["frames"]
    received = {"encoding": "as-received", "media_type": media_type, "kind": "rgb8", "voi": []}
    images.append(images[0] | received | {"transfer_syntax_uid": "1.2.840.10008.1.2.4.50"})
    frames[2].update(image=1, crc32=None, ends=[frames[2]["length"]])
    kit.open_series(page, frame=1)
    assert kit.pixels(page).max() > 0
    page.evaluate("pane.setView({ ...pane.getView(), frame: 3 })")
    kit.until_said(page, code)
    assert words_said in kit.words(page)
    assert "look at it in your PACS" in kit.words(page)
    assert kit.pixels(page).max() == 0
    assert page.evaluate("pane.quality") == 0
    page.wait_for_timeout(300)
    assert all(series.frame_at(first) != 3 for first, _ in server.ranges())
    page.evaluate("pane.setTool('length')")
    kit.drag(page, (100, 100), (200, 200))
    assert kit.events(page, "drawn") == []
    page.evaluate("pane.setView({ ...pane.getView(), frame: 2 })")
    kit.wait_whole(page)
    assert code not in kit.words(page)
    assert is_the_reference(page, kit.ct(1), series)


def test_a_series_of_nothing_but_slides_opens_with_the_sentence(page, server):
    series = server.series["s"] = kit.make_series([kit.ct(seed) for seed in range(3)])
    received = {"encoding": "as-received", "media_type": "image/jpeg", "kind": "rgb8", "voi": []}
    series.metadata["images"][0].update(received, transfer_syntax_uid="1.2.840.10008.1.2.4.50")
    for frame in series.metadata["frames"]:
        frame.update(crc32=None, position=None)
    assert page.evaluate("pane.open({ series: 's' })") is True
    kit.until_said(page, "viewer.no_slide")
    assert kit.pixels(page).max() == 0
    assert server.ranges() == []
