"""The room's page in one browser, against the whole product: what a test of parts cannot see."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import PATIENCE_MS, SIZE, sign_in

pytestmark = pytest.mark.e2e

SHARE_OF_PICTURES = 0.7


@pytest.fixture(scope="module")
def meeting(product):
    return product.new_meeting()


@pytest.fixture
def join(product, two_browsers, meeting):
    """Let a person enter the room of a meeting nobody has opened."""
    pages = []

    def enter(username, width=SIZE["width"], height=SIZE["height"]):
        page = sign_in(two_browsers[0], product.url, username)
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"/meetings/{meeting}/room")
        expect(page.locator("[data-part=line]")).to_contain_text("live", timeout=PATIENCE_MS)
        return page

    yield enter
    for page in pages:
        page.context.close()


def test_the_room_is_opened_a_case_turned_to_and_an_outcome_typed_for_it(join):
    chair = join("chair")
    chair.get_by_role("button", name="Open the room").click()
    expect(chair.locator("[data-part=empty]")).to_contain_text("No case is open")
    first, second = (chair.locator(".case button").nth(n) for n in (0, 1))
    first.click()
    expect(chair.locator("[data-part=identity]")).to_contain_text("1/")
    writer = join("coordinator")
    writer.locator("textarea").first.fill("<5 mm margin")
    expect(chair.locator("textarea").first).to_have_value("<5 mm margin")

    name = writer.locator("[data-part=outcome-who] b").inner_text()
    chair.keyboard.press("n")
    expect(chair.locator(".bar")).to_contain_text("hold Shift")
    expect(second).to_be_enabled()
    chair.keyboard.press("Shift+N")
    expect(writer.locator("[data-part=outcome-bound]")).to_contain_text("You are writing for")
    assert writer.locator("[data-part=outcome-who] b").inner_text() == name
    expect(writer.locator("[data-part=outcome-status]")).to_contain_text("saved")
    for page in (chair, writer):
        assert page.evaluate("violations") == []


def test_pictures_hold_most_of_the_width_and_nothing_is_wider_than_a_phone(join):
    wide = join("radiologist")
    pictures = wide.locator(".pictures").bounding_box()
    assert pictures["width"] >= SHARE_OF_PICTURES * 1366
    narrow = join("nurse", 320, 640)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 320
