"""Browsers in the demo's room: signed in, a canvas of the size asked for, hands that are real."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from mdt.demo.people import PASSWORD
from tests.e2e.viewer_kit import CHROMIUM

WATCH = (Path(__file__).parent / "_watch.js").read_text()
WIDTH, HEIGHT = 1024, 768
PATIENCE_MS = 60_000
PATIENT = "OKONKWO"  # one pane: 96 frames of 512 x 512, a real angiogram, compressed as it came
OTHER = "WALSH"
STUDY = "okonkwo-xa"
FRAMES = 96
expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def chromiums(count: int) -> AsyncIterator[list[Browser]]:
    """So many browsers, each with processes of its own."""
    async with async_playwright() as playwright, AsyncExitStack() as stack:
        browsers = []
        for _ in range(count):
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=CHROMIUM
            )
            stack.push_async_callback(browser.close)
            browsers.append(browser)
        yield browsers


async def context_of(browser: Browser, url: str) -> BrowserContext:
    size = {"width": 1500, "height": 900}
    context = await browser.new_context(base_url=url, viewport=size, device_scale_factor=1)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(WATCH)
    return context


async def sign_in(browser: Browser, url: str, username: str) -> Page:
    page = await (await context_of(browser, url)).new_page()
    await page.goto("/sign-in")
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("/")
    return page


async def open_room(chair: Page) -> str:
    """The chair opens today's meeting, or enters it where it is open already; its address."""
    await chair.goto("/")
    await chair.locator(".lb-meeting__link").first.click()
    door = chair.locator(".lb-head__acts").get_by_text(re.compile("Open room|Enter room"))
    await door.click()
    await chair.wait_for_url(re.compile("/room$"))
    return chair.url


async def turn_to(page: Page, family_name: str) -> None:
    """The room turns to a case, by a click on the list; done when its picture is whole."""
    row = page.locator(".case__button", has_text=family_name).first
    if await row.is_enabled():  # else it is the room's case already
        await row.click()
    await expect(page.locator("[data-part=identity]")).to_contain_text(family_name)
    await wait_whole(page)


async def wait_whole(page: Page) -> None:
    """Until the first pane shows a whole picture and no word of a preview or of loading."""
    await expect(page.locator("[data-pane=a] canvas")).to_be_visible()
    pane = page.locator("[data-pane=a]")
    await expect(pane).not_to_contain_text(re.compile("PREVIEW|loading", re.IGNORECASE))


async def fit(page: Page) -> dict[str, int]:
    """Size the window until the first pane's canvas is 1024 x 768; the window's size."""
    for _ in range(20):
        await page.wait_for_timeout(500)
        canvas = await canvas_size(page)
        window = page.viewport_size
        if canvas == (WIDTH, HEIGHT):
            return dict(window)
        window["width"] += WIDTH - canvas[0]
        window["height"] += HEIGHT - canvas[1]
        await page.set_viewport_size(window)
    raise RuntimeError(f"the canvas stays at {await canvas_size(page)}")


async def canvas_size(page: Page) -> tuple[int, int]:
    size = await page.evaluate(
        """() => {
          const { width, height } = document.querySelector("[data-pane=a] canvas");
          return [width, height];
        }"""
    )
    return tuple(size)


async def hover(page: Page) -> None:
    """The mouse over the picture, where the wheel turns frames."""
    box = await page.locator("[data-pane=a] canvas").bounding_box()
    await page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)


async def watch(page: Page, level: str) -> None:
    """Begin anew to note what happens in the page."""
    await page.evaluate("(level) => { watch.clear(); watch.level = level; }", level)


async def noted(page: Page, name: str) -> list[Any]:
    found: list[Any] = await page.evaluate("(name) => watch[name]", name)
    return found


async def through(page: Page, seen_by: Page | None = None) -> list[int]:
    """Step through the series from its first frame; what each looks like to `seen_by`, in order.

    No two may look the same: a step whose frame looks like one before is waited for.
    """
    seen_by = seen_by or page
    await page.keyboard.press("Shift+End")
    await page.wait_for_timeout(1000)
    await watch(seen_by, "mark")
    await page.keyboard.press("Shift+Home")
    marks = [await _new_mark(seen_by, [])]
    while len(marks) < FRAMES:
        await page.mouse.wheel(0, 100)
        marks.append(await _new_mark(seen_by, marks))
    await page.keyboard.press("Shift+Home")
    await page.wait_for_timeout(1000)
    return marks


async def _new_mark(page: Page, known: list[int]) -> int:
    """The mark of the whole picture that is drawn now, once it is none of the known and stays."""
    last = None
    for _ in range(200):
        await page.wait_for_timeout(80)
        await wait_whole(page)
        mark = await page.evaluate("watch.draws.at(-1)?.mark ?? null")
        if mark is not None and mark == last and mark not in known:
            return mark
        last = mark
    raise RuntimeError(f"no new picture after {len(known)}")
