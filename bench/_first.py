"""From the click on a case to its first picture, and to its picture at full resolution."""

from math import nan
from statistics import median
from typing import Any

from playwright.async_api import BrowserContext, Page, Response, expect

from bench import _room
from bench._reference import digest_of
from tests.e2e.product import Product

ROUNDS = 7
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
        wanted = digest_of(product.folder, _room.STUDY, metadata[-1], SIZE)
        rounds = [
            await _one(page.context, room, window, wanted) for _ in range(ROUNDS + 1)
        ]  # the first warms what a day's meeting has warm
    counted = rounds[1:]
    return {
        "figures": {
            "first_low_res_ms": median(one["first picture"] for one in counted),
            "first_full_res_ms": median(one["whole picture"] for one in counted),
        },
        "notes": {
            "first_full_res_each_ms": [one["whole picture"] for one in counted],
            "first_stages_p50_ms": {
                name: median(one.get(name, nan) for one in counted) for name in counted[0]
            },
        },
    }


async def _remember_metadata(page: Page, found: list[Any]) -> None:
    async def keep(response: Response) -> None:
        if "/imaging/series/" in response.url and "/metadata" in response.url:
            found.append(await response.json())

    page.on("response", keep)


async def _one(
    context: BrowserContext, room: str, window: dict[str, int], wanted: str
) -> dict[str, float]:
    """Milliseconds from the click to each stage, in a page of its own."""
    page = await context.new_page()
    await page.set_viewport_size(window)
    await page.goto(room)
    await _room.turn_to(page, _room.OTHER)
    await page.wait_for_timeout(1500)
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
