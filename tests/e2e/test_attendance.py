"""Attendance in the browser: by keyboard alone, and never a tick that the server does not keep."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import sign_in

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def meeting(product, two_browsers):
    """A meeting whose room is open."""
    meeting = product.new_meeting()
    page = sign_in(two_browsers[0], product.url, "chair")
    page.goto(f"/meetings/{meeting}")
    page.get_by_role("button", name="Open room").click()
    page.wait_for_url("**/room")
    page.context.close()
    return meeting


def test_the_coordinator_ticks_by_keyboard_and_the_quorum_follows(enter, meeting):
    page = enter("coordinator", f"/meetings/{meeting}/attendance")
    quorum, here = page.locator(".lb-quorum"), page.locator(".lb-attendee--here")
    expect(quorum).to_contain_text("no radiologist")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(quorum).not_to_contain_text("radiologist")
    expect(page.locator(":focus")).to_be_checked()
    expect(here.filter(has=page.locator(":focus"))).to_contain_text("ticked by Ms Anna Coleman")
    page.keyboard.press("Space")
    expect(quorum).to_contain_text("no radiologist")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-tick]").nth(1)).to_be_focused()


def test_a_tick_that_nobody_kept_does_not_stay_on_the_page(enter, meeting):
    page = enter("coordinator", f"/meetings/{meeting}/attendance")
    page.route("**/attendance/tick", lambda route: route.abort())
    page.keyboard.press("ArrowDown")
    with page.expect_event("requestfailed"):
        page.keyboard.press("Space")
    expect(page.locator("[data-tick]").first).not_to_be_checked()


def test_a_member_reads_the_code_from_the_screen_and_is_present(enter, meeting):
    screen = enter("coordinator", f"/meetings/{meeting}/check-in-code")
    code = screen.locator(".code-page__code").inner_text()
    phone = enter("nurse", "/check-in")
    phone.set_viewport_size({"width": 320, "height": 640})
    phone.get_by_label("Code on the screen").fill(code)
    phone.keyboard.press("Enter")
    expect(phone.locator("main")).to_contain_text("You are here")
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert phone.evaluate(width) == 0
    page = enter("coordinator", f"/meetings/{meeting}/attendance")
    row = page.locator(".lb-attendee").filter(has_text="Mensah")
    expect(row).to_contain_text("entered the code")
