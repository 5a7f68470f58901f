"""How many different frames a second the wheel brings, with the series in memory."""

from itertools import pairwise
from typing import Any

from playwright.async_api import Page

from bench import _room
from tests.e2e.product import Product

SECONDS = 4
AWAY_FROM_ENDS = 6
STEP = 100


async def measure(product: Product) -> dict[str, Any]:
    async with _room.chromiums(1) as [browser]:
        page = await _room.sign_in(browser, product.url, "chair")
        await _room.open_room(page)
        await _room.turn_to(page, _room.PATIENT)
        await _room.fit(page)
        await _room.hover(page)
        known = await _room.through(page)
        await _room.watch(page, "later")
        await _turn(page)
        draws, wheels = await page.evaluate("watch.marks()"), await _room.noted(page, "wheels")
        frames = await page.evaluate("watch.frames")
    if not {draw["mark"] for draw in draws} <= set(known):
        raise RuntimeError("something else than a frame of the series was drawn")
    return _counted(draws, wheels, frames)


async def _turn(page: Page) -> None:
    """A wheel step at every animation frame, there and back so as not to stand at an end.

    The page makes the steps itself: what comes through the browser's own process from outside
    arrives in twos and threes, and a second step before a frame draws nothing more.
    """
    about = {"seconds": SECONDS, "span": _room.FRAMES - AWAY_FROM_ENDS, "step": STEP}
    await page.evaluate(_TURN, about)


_TURN = """({ seconds, span, step }) => new Promise((done) => {
  const pane = document.querySelector(".pane:hover");
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  const turn = () => {
    if (performance.now() > end) return done();
    const deltaY = Math.floor(sent++ / span) % 2 === 0 ? step : -step;
    pane.dispatchEvent(new WheelEvent("wheel", { deltaY, bubbles: true, cancelable: true }));
    requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
})"""


def _counted(draws: list[Any], wheels: list[float], frames: int) -> dict[str, Any]:
    changes = [b for a, b in pairwise(draws) if a["mark"] != b["mark"]]
    seconds = (draws[-1]["at"] - wheels[0]) / 1000
    costs = sorted(draw["at"] - draw["startedAt"] for draw in draws)
    return {
        "figures": {"scroll_per_s": round((len(changes) + 1) / seconds, 1)},
        "notes": {
            "scroll_wheel_events_per_s": round(len(wheels) / seconds, 1),
            "scroll_draws_per_s": round(len(draws) / seconds, 1),
            "scroll_animation_frames_per_s": round(frames / seconds, 1),
            "scroll_draw_p50_ms": round(costs[len(costs) // 2], 1),
        },
    }
