"""What one image pane refuses to show, what it says instead, and what it asks for first."""

import numpy as np
import pytest

from tests.e2e import viewer_kit as kit
from tests.e2e.viewer_kit import ct, drag, expected, is_the_reference

pytestmark = pytest.mark.e2e


# ---- what is not whole is not taken for it ------------------------------------------------


def hold_rest(server, page, array):
    """Open a series of one large frame whose full resolution is held back."""
    series = server.series["s"] = kit.make_series([array])
    frame = series.metadata["frames"][0]
    low = frame["ends"][-3]
    series.frame_at = lambda offset: 1 if offset >= low else 0
    series.held = {1}
    assert page.evaluate("pane.open({ series: 's' })")
    return series


def test_a_low_resolution_comes_first_and_says_so(page, server):
    array = ct(shape=(512, 512))
    series = hold_rest(server, page, array)
    kit.until(page, "pane.quality === 25")
    assert page.locator(".pane-middle").inner_text() == "PREVIEW 25 %"
    preview, whole = kit.pixels(page), expected(array, series, kit.view_of(page))
    assert not np.array_equal(preview, whole)
    assert np.corrcoef(preview.ravel(), whole.ravel())[0, 1] > 0.9
    series.gate.set()
    kit.until(page, "pane.quality === 100")
    assert is_the_reference(page, array, series)
    assert page.locator(".pane-middle").inner_text() == ""


@pytest.mark.parametrize("tool", ["length", "arrow"])
def test_nothing_is_measured_or_marked_on_a_preview(page, server, tool):
    series = hold_rest(server, page, ct(shape=(512, 512)))
    kit.until(page, "pane.quality === 25")
    page.evaluate("(tool) => pane.setTool(tool)", tool)
    drag(page, (150, 150), (250, 200))
    assert [e["code"] for e in kit.events(page, "refused")] == ["frame.preview"]
    assert kit.events(page, "drawn") == []
    assert "Wait for the full picture" in page.locator(".pane-notice").inner_text()
    series.gate.set()


def test_a_frame_whose_checksum_differs_is_never_shown_as_whole(page, server):
    series = server.series["s"] = kit.make_series([ct(shape=(512, 512))])
    series.metadata["frames"][0]["crc32"] ^= 1
    page.evaluate("pane.open({ series: 's' })")
    kit.until_said(page, "frame.crc")
    assert "arrived damaged" in page.locator(".pane-middle").inner_text()
    assert kit.pixels(page).max() == 0
    assert 100 not in [e["quality"] for e in kit.events(page, "shown")]


def test_a_damaged_body_is_said_and_the_frames_beside_it_are_shown(page, server):
    series = server.series["s"] = kit.make_series([ct(0), ct(1)])
    first = series.metadata["frames"][0]
    series.segment[first["length"] - 400 : first["length"] - 300] = bytes(100)
    page.evaluate("pane.open({ series: 's', frame: 1 })")
    kit.until_said(page, "damaged")
    page.evaluate("pane.act('next')")
    kit.wait_whole(page)
    assert is_the_reference(page, ct(1), series)


def test_while_a_frame_is_not_here_nothing_older_stands_in_for_it(page, server):
    series = server.series["s"] = kit.make_series([ct(0), ct(1)])
    series.held = {2}
    kit.open_series(page, frame=1)
    page.evaluate("pane.act('next')")
    assert kit.pixels(page).max() == 0
    assert page.locator(".pane-middle").inner_text() == "loading"
    assert page.locator(".pane-frame").inner_text() == "2/2"
    assert page.evaluate("pane.quality") == 0
    series.gate.set()
    kit.wait_whole(page)


@pytest.mark.parametrize("code", ["frame.damaged", "frame.unsupported", "frame.too_large"])
def test_why_a_frame_cannot_be_shown_is_said_in_words(page, server, code):
    series = server.series["s"] = kit.make_series([ct()])
    series.metadata["frames"][0].update(segment=None, code=code)
    page.evaluate("pane.open({ series: 's' })")
    kit.until_said(page, code)
    assert "picture" in page.locator(".pane-middle").inner_text()
    assert kit.pixels(page).max() == 0


def test_a_frame_not_made_yet_is_wanted_and_shown_when_it_is(page, server):
    series = server.series["s"] = kit.make_series([ct(n) for n in range(4)])
    for number in (1, 2, 3, 4):
        series.unmake(number)
    page.evaluate("pane.open({ series: 's', frame: 3 })")
    kit.until(page, "pane.quality === 100")
    assert is_the_reference(page, ct(2), series)
    assert server.paths("POST", "/want")[0]["frames"][0] == 3


def test_without_webgl2_the_pane_says_so(page, server):
    page.evaluate(
        "() => { pane.destroy(); const canvas = HTMLCanvasElement.prototype;"
        " const kept = canvas.getContext; canvas.getContext = () => null; makePane();"
        " canvas.getContext = kept; }"
    )
    kit.until_said(page, "viewer.no_webgl2")
    assert "WebGL 2" in page.locator(".pane-middle").inner_text()


# ---- access ---------------------------------------------------------------------------------


def test_a_grant_comes_before_everything_and_displayed_after_the_first_picture(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.wait_for_timeout(100)
    asked = [(m, path) for m, path, _, _ in server.asked if path.startswith("/imaging")]
    assert asked[0] == ("POST", "/imaging/series/s/grant")
    assert asked[-1] == ("POST", "/imaging/series/s/displayed")
    assert server.paths("POST", "/grant") == [{"case": "case", "purpose": "display"}]
    tokens = {h.get("X-CSRFToken") for m, p, h, _ in server.asked if m == "POST"}
    assert tokens == {"a-token"}


def test_a_grant_is_renewed_before_it_ends(page, server):
    server.grant_seconds = 1.0
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.wait_for_timeout(900)
    bodies = server.paths("POST", "/grant")
    assert len(bodies) >= 2
    assert bodies[1]["renew"].startswith("g")


def test_a_series_that_may_no_longer_be_seen_goes_from_the_screen(page, server):
    server.grant_seconds = 1.0
    series = server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    series.refusal = 404
    kit.until(page, "pane.getView() === null")
    assert kit.pixels(page).max() == 0
    assert kit.events(page, "refused")[-1]["code"] == "test.404"


def test_a_database_that_is_away_takes_no_picture_off_the_screen(page, server):
    server.grant_seconds = 0.5
    series = server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    series.refusal = 503
    page.wait_for_timeout(1000)
    assert is_the_reference(page, ct(), series)


def test_a_series_that_is_not_ones_own_is_refused_in_words(page, server):
    assert page.evaluate("pane.open({ series: 'other' })") is False
    assert kit.events(page, "refused") == [{"code": "test.404", "message": "This was refused."}]
    kit.until_said(page, "test.404")
