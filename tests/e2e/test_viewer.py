"""What one image pane puts on the screen, byte for byte, and what it refuses to."""

import numpy as np
import pytest

from imaging.pixels import render
from tests.e2e import viewer_kit as kit
from tests.e2e.viewer_kit import ct, drag

SIZE = (512, 384)
pytestmark = pytest.mark.e2e


def expected(array, series, view):
    image, frame = series.metadata["images"][0], series.metadata["frames"][view["frame"] - 1]
    return render(array, image, frame, view, SIZE)


def is_the_reference(page, array, series):
    return np.array_equal(kit.pixels(page), expected(array, series, kit.view_of(page)))


CASES = {
    "signed": (ct(), {}),
    "unsigned": ((ct().astype(np.int32) + 33000).astype(np.uint16), {"intercept": -33000.0}),
    "a slope": (ct(), {"slope": 0.37, "intercept": 12.5}),
    "a falling slope": (ct(), {"slope": -1.5, "intercept": 100.0}),
    "MONOCHROME1": (ct(), {"photometric": "MONOCHROME1"}),
    "rows twice as far apart": (
        ct(),
        {"spacing": {"row": 1.0, "column": 0.5, "kind": "calibrated", "note": ""}},
    ),
    "colour": (np.random.default_rng(1).integers(0, 256, (200, 260, 3)).astype(np.uint8), {}),
    "larger than the canvas": (ct(shape=(900, 1100)), {}),
    "much larger than the canvas": (ct(shape=(1500, 2100)), {}),
    "one pixel": (np.array([[40]], np.int16), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_picture_is_the_reference_byte_for_byte(page, server, case):
    array, image = CASES[case]
    server.series["s"] = kit.make_series([array], **image)
    kit.open_series(page)
    assert is_the_reference(page, array, server.series["s"])
    assert kit.pixels(page).std() > 1 or case == "one pixel"


WINDOWS = [
    {"centre": 40, "width": 80, "function": "LINEAR"},
    {"centre": 40.5, "width": 1, "function": "LINEAR"},
    {"centre": 0, "width": 2000, "function": "LINEAR_EXACT"},
    {"centre": 100.3, "width": 333.7, "function": "SIGMOID"},
    {"centre": 0, "width": 65536, "function": "LINEAR"},
]


@pytest.mark.parametrize("voi", WINDOWS, ids=lambda v: f"{v['function']} {v['width']}")
def test_a_window_is_the_reference_byte_for_byte(page, server, voi):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("(voi) => pane.setView({ ...pane.getView(), voi })", voi)
    assert is_the_reference(page, ct(), server.series["s"])


def test_a_voi_lut_is_shown_through_its_table(page, server):
    values = [(i * 7) % 256 for i in range(600)]
    lut = {"first": -200, "values": values, "name": "T"}
    computed = {"centre": 0.0, "width": 10.0, "function": "LINEAR", "name": "computed"}
    server.series["s"] = kit.make_series([ct()], voi_lut=lut, voi=[computed])
    kit.open_series(page)
    assert kit.view_of(page)["voi"] == {"centre": 100, "width": 600, "function": "LINEAR"}
    assert is_the_reference(page, ct(), server.series["s"])


ACTS = [
    ["rotate-right"],
    ["rotate-left"],
    ["flip-horizontal"],
    ["flip-vertical"],
    ["rotate-right", "flip-horizontal", "zoom-in"],
    ["invert"],
    ["interpolation"],
    ["zoom-out", "interpolation"],
    ["preset-4"],
]


@pytest.mark.parametrize("acts", ACTS, ids="+".join)
def test_what_a_button_does_is_the_reference_byte_for_byte(page, server, acts):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    before = kit.pixels(page)
    for act in acts:
        assert page.evaluate("(act) => pane.act(act)", act)
    assert is_the_reference(page, ct(), server.series["s"])
    assert not np.array_equal(kit.pixels(page), before)
    assert kit.events(page, "view")[-1]["view"] == kit.view_of(page)


def test_flips_mirror_the_screen_whatever_the_rotation(page, server):
    server.series["s"] = kit.make_series([ct(shape=(256, 256))])
    kit.open_series(page)
    for rotations in range(4):
        before = kit.pixels(page)
        page.evaluate("pane.act('flip-horizontal')")
        assert np.abs(kit.pixels(page)[:, ::-1].astype(int) - before).max() <= 1, rotations
        page.evaluate("pane.act('flip-horizontal'); pane.act('flip-vertical')")
        assert np.abs(kit.pixels(page)[::-1].astype(int) - before).max() <= 1, rotations
        page.evaluate("pane.act('flip-vertical'); pane.act('rotate-right')")


def test_an_odd_angle_is_the_reference_byte_for_byte(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("pane.setView({ ...pane.getView(), rotation: 33.3, height: 90.1 })")
    assert is_the_reference(page, ct(), server.series["s"])


def test_a_picture_beyond_the_largest_texture_is_whole(page, server):
    array = ct(shape=(300, 420))
    server.series["s"] = kit.make_series([array])
    page.evaluate("pane.destroy(); makePane({ largestTexture: 128 })")
    kit.open_series(page)
    assert is_the_reference(page, array, server.series["s"])


def test_two_browsers_of_one_size_show_the_same_bytes(page, browser, server):
    server.series["s"] = kit.make_series([ct(seed) for seed in range(5)])
    kit.open_series(page)
    page.mouse.move(200, 150)
    page.mouse.wheel(0, 100)
    page.evaluate("pane.act('zoom-in'); pane.act('rotate-right')")
    other = kit.open_page(browser, server)
    opened = (
        "(view) => { const done = pane.open({ series: 's' }); pane.setView(view); return done; }"
    )
    assert other.evaluate(opened, kit.view_of(page))
    kit.wait_whole(other)
    kit.wait_whole(page)
    assert np.array_equal(kit.pixels(page), kit.pixels(other))
    assert kit.events(other, "view") == []
    other.context.close()


def test_another_size_of_canvas_shows_the_same_millimetres(page, browser, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("document.getElementById('pane').style.height = '200px'")
    kit.until(page, "pane.pixels().height === 200")
    view = kit.view_of(page)
    image, frame = (
        server.series["s"].metadata["images"][0],
        server.series["s"].metadata["frames"][0],
    )
    assert np.array_equal(kit.pixels(page), render(ct(), image, frame, view, (512, 200)))


def test_a_dense_screen_gets_all_its_pixels(browser, server, page):
    server.series["s"] = kit.make_series([ct()])
    dense = kit.open_page(browser, server, device_scale_factor=2)
    kit.open_series(dense)
    image, frame = (
        server.series["s"].metadata["images"][0],
        server.series["s"].metadata["frames"][0],
    )
    wanted = render(ct(), image, frame, kit.view_of(dense), (1024, 768))
    assert np.array_equal(kit.pixels(dense), wanted)
    dense.context.close()


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


def test_a_lost_graphics_card_gives_the_same_picture_back(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    before = kit.pixels(page)
    page.evaluate(
        "window.card = document.querySelector('.pane-canvas').getContext('webgl2')"
        ".getExtension('WEBGL_lose_context'); card.loseContext()"
    )
    kit.until_said(page, "graphics card")
    assert page.evaluate("pane.pixels()") is None
    page.evaluate("card.restoreContext()")
    kit.until(page, "pane.quality === 100")
    assert np.array_equal(kit.pixels(page), before)


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
