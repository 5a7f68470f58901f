"""The room's page in one browser, against the whole product: what a test of parts cannot see."""

import pytest
from playwright.sync_api import expect, sync_playwright

from mdt.demo.people import PASSWORD
from tests.e2e.product import running
from tests.e2e.viewer_kit import CHROMIUM

SHARE_OF_PICTURES = 0.7
TELL = """window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(event.violatedDirective))"""


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with running(tmp_path_factory.mktemp("room")) as product:
        yield product


@pytest.fixture
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


def join(browser, product, username, width=1366, height=768):
    """A person in the room of the demo's meeting of today."""
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.add_init_script(TELL)
    page.goto(f"{product.url}/sign-in")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.goto(f"{product.url}/meetings/{todays_meeting(product)}/room")
    expect(page.locator("[data-part=line]")).to_contain_text("live", timeout=20_000)
    return page


def todays_meeting(product):
    code = (
        "from mdt.meetings.models import Meeting; from django.utils import timezone; "
        "print(Meeting.objects.get(starts_at__date=timezone.localdate()).public_id)"
    )
    return product.manage("shell", "--verbosity", "0", "-c", code).strip()


def test_the_room_is_opened_a_case_turned_to_and_an_outcome_typed_for_it(browser, product):
    chair = join(browser, product, "chair")
    chair.get_by_role("button", name="Open the room").click()
    expect(chair.locator("[data-part=empty]")).to_contain_text("No case is open")
    first, second = (chair.locator(".case button").nth(n) for n in (0, 1))
    first.click()
    expect(chair.locator("[data-part=identity]")).to_contain_text("1/")
    writer = join(browser, product, "coordinator")
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


def test_pictures_hold_most_of_the_width_and_nothing_is_wider_than_a_phone(browser, product):
    wide = join(browser, product, "radiologist")
    pictures = wide.locator(".pictures").bounding_box()
    assert pictures["width"] >= SHARE_OF_PICTURES * 1366
    narrow = join(browser, product, "nurse", 320, 640)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 320
