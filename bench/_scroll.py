"""How many different frames a second the wheel brings, with the series in memory."""

import asyncio
import time
from itertools import pairwise
from typing import Any

from playwright.async_api import Page

from bench import _room
from tests.e2e.product import Product

SECONDS = 4
AT_ONCE = 3  # wheel events under way: the browser hands the page one an animation frame
AWAY_FROM_ENDS = 6
STEP = 100


async def measure(product: Product) -> dict[str, Any]:
    async with _room.chromiums(1) as [browser]:
        page = await _room.sign_in(browser, product.url, "chair")
        await _room.open_room(page)
        await _room.turn_to(page, _room.PATIENT)
        await _room.fit(page)
        await _room.hover(page)
        await _room.through(page)
        await _room.watch(page, "mark")
        await _turn(page)
        draws, wheels = await _room.noted(page, "draws"), await _room.noted(page, "wheels")
        frames = await page.evaluate("watch.frames")
    return _counted(draws, wheels, frames)


async def _turn(page: Page) -> None:
    """Wheel steps without a pause, there and back so as not to stand at an end."""
    span = _room.FRAMES - AWAY_FROM_ENDS
    sent = 0
    end = time.monotonic() + SECONDS
    under_way: set[asyncio.Task[None]] = set()
    while time.monotonic() < end:
        sign = 1 if (sent // span) % 2 == 0 else -1
        under_way.add(asyncio.create_task(page.mouse.wheel(0, sign * STEP)))
        sent += 1
        if len(under_way) >= AT_ONCE:
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(under_way)


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
            "scroll_draw_and_read_p50_ms": round(costs[len(costs) // 2], 1),
        },
    }
