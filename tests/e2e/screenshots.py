"""The pictures of the README, made of a demo of its own: make screenshots."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import imagecodecs
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import chromiums, sign_in
from tests.e2e.product import ROOT, running

IMAGES = ROOT / "docs/images"
LONG_MS = 120_000
RECOMMENDATION = "Resection with 5-ALA, aim for >=98 % & <5 mm margin; then MDT review."


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, running(Path(folder)) as product, chromiums(2) as two:
        take(product.url, two)


def take(url: str, browsers: list[Browser]) -> None:
    """The list with the studies of its first case, then the room with its pictures marked."""
    here, there = browsers
    coordinator = sign_in(here, url, "coordinator")
    coordinator.locator(".lb-meeting__link").first.click()
    expect(coordinator.locator(".lb-summary")).to_contain_text("4 of 6", timeout=LONG_MS)
    coordinator.locator(".lb-case__name").first.click()
    expect(coordinator.locator(".lb-studies").first).to_contain_text("RW6")
    save(coordinator, "list")
    chair = sign_in(here, url, "chair")
    chair.goto(f"{coordinator.url}/room")
    chair.get_by_role("button", name="Open the room").click()
    expect(chair.locator("[data-part=empty]")).to_contain_text("No case is open")
    coordinator.goto(chair.url)
    chair.locator(".case__button").first.click()
    radiologist = sign_in(there, url, "radiologist")
    radiologist.goto(chair.url)
    present(radiologist, chair)
    coordinator.locator("[data-key=recommendation]").fill(RECOMMENDATION)
    expect(chair.locator("[data-key=recommendation]")).to_have_value(RECOMMENDATION)
    expect(coordinator.locator("[data-part=outcome-status]")).to_contain_text("saved")
    save(chair, "room")


def present(page: Page, follower: Page) -> None:
    """Take the picture, measure the lesion, say what its edge is, and point at it."""
    for one in (page, follower):
        expect(one.locator("[data-pane=b] canvas")).to_be_visible(timeout=LONG_MS)
        wait_whole(one)
    page.locator("[data-key=take]").click()
    expect(follower.locator("[data-part=presence]")).to_contain_text("Osei")
    scroll(page, "a", 16)
    scroll(page, "b", 8)
    drag(page, (0.5, 0.6), (0.374, 0.6), button="middle")  # room for what is written beside
    page.locator("[data-act=tool-length]").click()
    drag(page, (0.4365, 0.3636), (0.553, 0.3636))
    page.locator("[data-act=tool-arrow]").click()
    drag(page, (0.4945, 0.415), (0.488, 0.55))
    page.keyboard.type("enhances")
    page.keyboard.press("Enter")
    expect(follower.locator("[data-pane=a] svg")).to_contain_text("enhances")
    page.locator("[data-act=tool-window]").click()
    page.locator("[data-act=point]").click()
    page.mouse.move(*place(page, 0.66, 0.45))
    page.mouse.move(*place(page, 0.65, 0.44))
    wait_whole(follower)


def wait_whole(page: Page) -> None:
    """Until no pane says that it shows less than the whole picture."""
    panes = page.locator("[data-part=panes]")
    expect(panes).not_to_contain_text(re.compile("PREVIEW|loading", re.IGNORECASE))


def scroll(page: Page, pane: str, frames: int) -> None:
    """On to where the lesion lies (mdt/demo/phantom.py)."""
    page.mouse.move(*place(page, 0.5, 0.5, pane))
    for _ in range(frames):
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(50)
    wait_whole(page)


def place(page: Page, x: float, y: float, pane: str = "a") -> tuple[float, float]:
    """A point of a pane, from parts of its canvas to pixels of the page."""
    box = page.locator(f"[data-pane={pane}] canvas").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(
    page: Page,
    start: tuple[float, float],
    end: tuple[float, float],
    button: Literal["left", "middle"] = "left",
) -> None:
    page.mouse.move(*place(page, *start))
    page.mouse.down(button=button)
    page.mouse.move(*place(page, *end), steps=5)
    page.mouse.up(button=button)


def save(page: Page, name: str) -> None:
    """With an eighth of the shades, which nobody misses and which keeps the files small."""
    page.wait_for_timeout(500)  # what fades in has faded
    shot = imagecodecs.png_decode(page.screenshot())
    (IMAGES / f"{name}.png").write_bytes(imagecodecs.png_encode(shot & 0xF8, level=9))
