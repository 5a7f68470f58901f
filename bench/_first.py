"""From the click on a case to its first picture, and to its picture at full resolution.

Twice: to the next case of the list, which the page has made ready while nobody waited for anything,
and to one from the middle of the list, of which it has nothing.
"""

import re
from math import nan
from statistics import median
from typing import Any

from playwright.async_api import Page, Route, expect

from bench import _room
from bench._reference import digest_of
from tests.e2e.product import Product

ROUNDS = 7
FROM = {"next": "Ayesha", "first": _room.OTHER}  # the case before it on the list, and another
QUIET_MS = 1500
KINDS = {
    "case": "/api/cases/",
    "grant": "/grant",
    "metadata": "/metadata",
    "codec": "openjphjs.wasm",
    "pixels": "/segments/",
}
WITHIN_MS = 10_000
SIZE = (_room.WIDTH, _room.HEIGHT)


async def measure(product: Product) -> dict[str, Any]:
    """Medians over fresh pages. Each picture is compared with the reference byte for byte."""
    async with _room.chromiums(1) as [browser]:
        page = await _room.sign_in(browser, product.url, "chair")
        room = await _room.open_room(page)
        metadata: list[Any] = []
        await _remember_metadata(page, metadata)
        await _room.turn_to(page, _room.PATIENT)
        window = await _room.fit(page)
        document = next(one for one in metadata if len(one["frames"]) == _room.FRAMES)
        wanted = digest_of(product.folder, _room.STUDY, document, SIZE)
        rounds = {
            name: [await _one(page, room, window, wanted, before) for _ in range(ROUNDS + 1)][
                1:
            ]  # the first warms what a day's meeting has warm
            for name, before in FROM.items()
        }
    found: dict[str, Any] = {"figures": {}, "notes": {}}
    for name, counted in rounds.items():
        found["figures" if name == "first" else "notes"] |= {
            f"{name}_low_res_ms": median(one["first picture"] for one in counted),
            f"{name}_full_res_ms": median(one["whole picture"] for one in counted),
        }
        found["notes"] |= {
            f"{name}_full_res_each_ms": [one["whole picture"] for one in counted],
            f"{name}_stages_p50_ms": {
                stage: median(one.get(stage, nan) for one in counted)
                for stage in dict.fromkeys(stage for one in counted for stage in one)
            },
        }
    return found


async def _remember_metadata(page: Page, found: list[Any]) -> None:
    async def keep(route: Route) -> None:
        response = await route.fetch()
        found.append(await response.json())
        await route.fulfill(response=response)

    await page.route(re.compile("/imaging/series/.*/metadata"), keep)


async def _one(
    other: Page, room: str, window: dict[str, int], wanted: str, before: str
) -> dict[str, float]:
    """Milliseconds from the click to each stage, in a page that has seen nothing but `before`."""
    await _room.turn_to(other, before)
    page = await other.context.new_page()
    await page.set_viewport_size(window)
    await page.goto(room)
    await _room.wait_whole(page)
    await _quiet(page)
    await _room.watch(page, "whole")
    await page.locator(".case__button", has_text=_room.PATIENT).first.click()
    await expect(page.locator("[data-part=identity]")).to_contain_text(_room.PATIENT)
    await _room.wait_whole(page)
    await page.wait_for_timeout(300)
    clicks = await _room.noted(page, "clicks")
    stages = await _stages(page, clicks[0])
    draws = await page.evaluate("watch.digests()")
    await page.close()
    after = [draw for draw in draws if draw["at"] > clicks[0] and draw["isLit"]]
    same = [draw for draw in after if draw["sha256"] == wanted]
    if not same or (same[0]["width"], same[0]["height"]) != SIZE:
        raise RuntimeError(f"no picture was the reference: {after}")
    stages["first picture"] = round(after[0]["at"] - clicks[0], 1)
    stages["whole picture"] = round(same[0]["at"] - clicks[0], 1)
    return stages


async def _quiet(page: Page) -> None:
    """Until nothing was fetched for a while, for what is shown or for what comes next."""
    for _ in range(200):
        await page.wait_for_timeout(100)
        if await page.evaluate(_SINCE_LAST) > QUIET_MS:
            return
    raise RuntimeError("the page does not stop fetching")


async def _stages(page: Page, clicked: float) -> dict[str, float]:
    """When the room answered, and when each kind of request first began and last ended."""
    heard = await _room.noted(page, "heard")
    opened = [one["at"] for one in heard if "case.opened" in one["text"]]
    found = {"room says so": round(opened[0] - clicked, 1)} if opened else {}
    for address, began, ended in await page.evaluate(_REQUESTS):
        name = next((name for name, part in KINDS.items() if part in address), "")
        if name and ended > clicked and ended < clicked + WITHIN_MS:
            found.setdefault(f"{name} asked", round(began - clicked, 1))
            found.setdefault(f"{name} here", round(ended - clicked, 1))
    return found


_REQUESTS = """() => performance.getEntriesByType("resource").map((entry) => [
  entry.name,
  performance.timeOrigin + entry.startTime,
  performance.timeOrigin + entry.responseEnd,
])"""

_SINCE_LAST = """() => performance.now() - Math.max(
  ...performance.getEntriesByType("resource").map((entry) => entry.responseEnd))"""
