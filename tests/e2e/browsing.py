"""People at their browsers: signing in, adding by keyboard, looking at what is on the canvas."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from mdt.demo.people import PASSWORD
from tests.e2e.viewer_kit import CHROMIUM

SIZE = {"width": 1366, "height": 768}
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

# Every document reports what its policy refused, from its first line on, to us: what it kept
# itself would be gone with the next page.
COLLECT = """
document.addEventListener("securitypolicyviolation", (event) =>
  window.refusedByPolicy(`${event.violatedDirective} ${event.blockedURI}`));
"""
_REFUSED: WeakKeyDictionary[BrowserContext, list[str]] = WeakKeyDictionary()


@contextmanager
def chromiums(count: int) -> Iterator[list[Browser]]:
    """So many browsers, each a process of its own."""
    with sync_playwright() as playwright, ExitStack() as stack:
        browsers = []
        for _ in range(count):
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
            stack.callback(browser.close)
            browsers.append(browser)
        yield browsers


def context_of(browser: Browser, url: str, size: dict[str, int] | None = None) -> BrowserContext:
    """A browser profile of its own, with a collector of refusals in every page."""
    context = browser.new_context(base_url=url, viewport=size or SIZE)
    context.set_default_timeout(PATIENCE_MS)
    refused = _REFUSED[context] = []
    context.expose_binding(
        "refusedByPolicy", lambda of, what: refused.append(f"{of['page'].url} {what}")
    )
    context.add_init_script(COLLECT)
    return context


def violations(page: Page) -> list[str]:
    """What the content security policy refused on any page its profile has been to, with where."""
    return _REFUSED[page.context]


def sign_in(browser: Browser, url: str, username: str) -> Page:
    page = context_of(browser, url).new_page()
    page.goto("/sign-in")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("/")
    return page


def pixels(page: Page, pane: str = "a", *, within: str = "") -> dict[str, Any]:
    """What is on a pane's canvas now, or on the first canvas `within` something else:
    {width, height, hash, lit}. Read back, not believed.
    """
    found: dict[str, Any] = page.evaluate(
        """async (place) => {
          const canvas = document.querySelector(`${place} canvas`);
          const flat = document.createElement("canvas");
          const image = await createImageBitmap(canvas);
          [flat.width, flat.height] = [image.width, image.height];
          const context = flat.getContext("2d");
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, flat.width, flat.height);
          const digest = await crypto.subtle.digest("SHA-256", data);
          const hash = Array.from(new Uint8Array(digest)).map((b) => b.toString(16)).join("-");
          const lit = data.filter((v, i) => i % 4 === 0 && v > 0).length;
          return { width: flat.width, height: flat.height, hash, lit };
        }""",
        within or f'[data-pane="{pane}"]',
    )
    return found
