"""What one image pane puts on the screen, byte for byte, in either of its two ways to draw."""

import numpy as np
import pytest

from imaging.pixels import render
from tests.e2e import viewer_kit as kit
from tests.e2e.viewer_kit import ct, is_the_reference

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["soft", "shader"])
def drawing(request, page):
    """A pane that draws in one of the two ways, whatever it takes the machine for."""
    kit.remake(page, drawing=request.param)
    return request.param


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
    "a map of small values": (
        np.arange(0, 8001, dtype=np.uint16)[:8000].reshape(80, 100),
        {
            **{"slope": 1e-4, "unit": ""},
            "voi": [{"centre": 0.4, "width": 0.8, "function": "LINEAR_EXACT", "name": "computed"}],
        },
    ),
    "one pixel": (np.array([[40]], np.int16), {}),
    "the ends of signed": (np.array([[-32768, 32767], [32767, -32768]], np.int16), {}),
    "the ends of unsigned": (np.array([[0, 65535], [65535, 0], [9, 65535]], np.uint16), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_picture_is_the_reference_byte_for_byte(page, server, drawing, case):
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
    {"centre": 40, "width": 0.3, "function": "LINEAR_EXACT"},
    {"centre": 40.2, "width": 0.7, "function": "SIGMOID"},
]


@pytest.mark.parametrize("voi", WINDOWS, ids=lambda v: f"{v['function']} {v['width']}")
def test_a_window_is_the_reference_byte_for_byte(page, server, drawing, voi):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    page.evaluate("(voi) => pane.setView({ ...pane.getView(), voi })", voi)
    assert is_the_reference(page, ct(), server.series["s"])


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_voi_lut_is_shown_through_its_table(page, server, drawing, photometric):
    values = [(i * 7) % 256 for i in range(600)]
    lut = {"first": -200, "values": values, "name": "T"}
    computed = {"centre": 0.0, "width": 10.0, "function": "LINEAR", "name": "computed"}
    said = {"voi_lut": lut, "voi": [computed], "photometric": photometric}
    server.series["s"] = kit.make_series([ct()], **said)
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
    ["rotate-right", "rotate-right"],
    ["invert", "flip-vertical", "interpolation"],
    ["preset-4"],
]


@pytest.mark.parametrize("acts", ACTS, ids="+".join)
def test_what_a_button_does_is_the_reference_byte_for_byte(page, server, drawing, acts):
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
    kit.remake(page, largestTexture=128, drawing="shader")
    kit.open_series(page)
    assert is_the_reference(page, array, server.series["s"])


def drawn_by(page):
    return page.evaluate("document.querySelector('.pane-canvas').dataset.drawing")


def test_without_a_graphics_card_upright_greys_are_drawn_in_script(page, server):
    server.series["s"] = kit.make_series([ct()])
    kit.open_series(page)
    assert drawn_by(page) == "soft"
    page.evaluate("pane.act('rotate-right')")
    kit.pixels(page)
    assert drawn_by(page) == "shader"


def test_with_a_graphics_card_the_shaders_draw(page, server):
    server.series["s"] = kit.make_series([ct()])
    page.evaluate(
        "() => { const proto = WebGL2RenderingContext.prototype; const kept = proto.getParameter;"
        " proto.getParameter = function (name) {"
        " return name === 0x9246 ? 'ANGLE (NVIDIA)' : kept.call(this, name); };"
        " pane.destroy(); makePane(); proto.getParameter = kept; }"
    )
    kit.open_series(page)
    assert drawn_by(page) == "shader"


def test_changes_of_the_canvas_leave_nothing_of_before(page, server, drawing):
    """Smaller, moved, another size: what was covered and is not any more is black."""
    array = ct(shape=(200, 200))
    server.series["s"] = kit.make_series([array])
    kit.open_series(page)
    whole = kit.view_of(page)
    for change in ({"height": whole["height"] * 3}, {"height": 20.0}, {}):
        page.evaluate("(change) => pane.setView({ ...pane.getView(), ...change })", whole | change)
        assert is_the_reference(page, array, server.series["s"])


def test_a_view_of_somebody_else_is_drawn_at_once_and_only_once_a_frame(page, server):
    server.series["s"] = kit.make_series([ct(seed) for seed in range(4)])
    kit.open_series(page, frame=1)
    for act in ("next", "next", "next", "first"):
        page.evaluate("(act) => pane.act(act)", act)
        kit.wait_whole(page)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    shown = page.evaluate(
        """async () => {
          const shown = [];
          pane.addEventListener("shown", ({ detail }) => shown.push(detail.frame));
          for (const frame of [2, 3, 4]) pane.setView({ ...pane.getView(), frame });
          const atOnce = [...shown];
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          return [atOnce, shown];
        }"""
    )
    assert shown == [[2], [2, 4]]


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


def test_a_lost_graphics_card_gives_the_same_picture_back(page, server, drawing):
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
