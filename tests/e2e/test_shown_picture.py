"""Nobody draws: the consultant still finds the discussed picture, as the presenter left it."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import pixels

pytestmark = pytest.mark.e2e

TEXT = "Surveillance with MR in three months; nothing was drawn."
PLACE = "[data-pane=a] canvas"
READY_WITHIN_MS = 120_000  # it may be the first to ask the archives


@pytest.fixture(scope="module")
def meeting(product):
    return product.new_meeting()


def test_the_consultant_sees_the_picture_as_it_was_presented_though_nobody_drew(enter, meeting):
    room = f"/meetings/{meeting}/room"
    chair = enter("chair", room)
    chair.get_by_role("button", name="Open the room").click()
    presenter = enter("radiologist", room)
    presenter.locator("[data-key=take]").click()
    expect(presenter.locator("[data-part=presence]")).to_contain_text("You present")
    chair.locator("button.case__button").first.click()
    for page in (chair, presenter):
        is_whole(page, "[data-pane=a]")
    shown = presented(presenter)

    signed(chair)
    chair.get_by_role("button", name="Close the meeting").click()
    chair.get_by_role("button", name="Yes, close").click()
    expect(chair.get_by_role("button", name="Close the meeting")).to_have_count(0)

    cases = chair.request.get(f"/api/meetings/{meeting}/room").json()["cases"]
    consultant = enter("consultant", f"/cases/{cases[0]['id']}/outcome")
    expect(consultant.locator(".outcome-recommendation")).to_have_text(TEXT)
    picture = consultant.locator(".outcome-picture").first
    expect(picture).to_contain_text("As shown last")
    expect(consultant.locator(".outcome-picture__stage")).to_have_count(0)  # drawn, left behind
    still = pixels(consultant, within=".outcome-picture__frame")
    assert still["lit"] > 1000
    expect(picture).to_contain_text("FLIPPED")
    expect(picture.locator(".pane-edge-left")).to_have_text("L")  # as on the presenter's screen
    assert consultant.locator(".outcome-picture .mark").count() == 0

    picture.click()
    consultant.wait_for_url(re.compile(r"/view\?shown="))
    is_whole(consultant, "#pane")
    as_large(consultant, shown)
    assert until(consultant, lambda: pixels(consultant, within="#pane"), shown) == shown
    consultant.locator("#pane").hover()
    consultant.mouse.wheel(0, 300)
    consultant.keyboard.press("r")
    assert until_not(consultant, lambda: pixels(consultant, within="#pane"), shown) != shown
    consultant.get_by_role("button", name="As discussed").click()
    assert until(consultant, lambda: pixels(consultant, within="#pane"), shown) == shown


def presented(page):
    """Scroll, window, zoom and mirror as a radiologist does; what is on the canvas then."""
    first = pixels(page)
    box = page.locator(PLACE).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    for _ in range(3):
        page.mouse.wheel(0, 100)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=8)
    page.mouse.up()
    for key in ("Shift++", "Shift+H"):
        page.keyboard.press(key)
    expect(page.locator("[data-pane=a]")).to_contain_text("FLIPPED")
    expect(page.locator("[data-pane=a] .pane-edge-left")).to_have_text("L")
    is_whole(page, "[data-pane=a]")
    page.wait_for_timeout(500)
    shown = pixels(page)
    assert shown["hash"] != first["hash"]
    assert shown["lit"] > 1000
    return shown


def signed(chair):
    """Record, read back, confirm and sign, all by the chair."""
    chair.locator("[data-key=recommendation]").fill(TEXT)
    chair.locator("[data-key=laterality]").select_option("left")
    chair.locator("[data-key=discussion_type]").select_option("1")
    chair.get_by_role("button", name=re.compile("^Record for")).click()
    for act in ("Read back", "Confirm", "Sign"):
        button = chair.get_by_role("button", name=re.compile(f"^{act} for"))
        expect(button).to_be_enabled()  # it rests before it takes a click
        button.click()
        expect(button).to_have_count(0)
    expect(chair.locator("[data-part=outcome-status]")).to_contain_text("signed")


def is_whole(page, place):
    within = {"timeout": READY_WITHIN_MS}
    expect(page.locator(f"{place} canvas").first).to_be_visible(**within)
    is_coming = re.compile("PREVIEW|loading", re.IGNORECASE)
    expect(page.locator(place)).not_to_contain_text(is_coming, **within)


def as_large(page, shown):
    """The canvas as large as the presenter's was, to compare one with the other."""
    page.locator("#pane").evaluate(
        """(pane, [width, height]) => {
          Object.assign(pane.style, { flex: "none", width: `${width}px`, height: `${height}px` });
        }""",
        [shown["width"], shown["height"]],
    )


def until(page, look, wanted):
    """What is seen at last: `wanted`, or whatever stands there after a while."""
    for _ in range(50):
        if (seen := look()) == wanted:
            break
        page.wait_for_timeout(100)
    return seen


def until_not(page, look, before):
    for _ in range(50):
        if (seen := look()) != before:
            break
        page.wait_for_timeout(100)
    return seen
