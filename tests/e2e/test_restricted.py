"""A case that is restricted while the room is on it leaves all screens but that of who is named."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import PATIENCE_MS, pixels, sign_in, violations

pytestmark = pytest.mark.e2e

WHOLE_LIST_MS = 4 * PATIENCE_MS
SAVE = """async ([id, referrer, isRestricted]) => {
  const page = new DOMParser().parseFromString(
    await (await fetch(`/cases/${id}/people`)).text(), "text/html");
  const form = page.querySelector("form:has([name=if_version])");
  const data = new FormData(form);
  data.set("referrer", referrer);
  data.delete("is_restricted");
  if (isRestricted) data.set("is_restricted", "on");
  return (await fetch(form.action, { method: "POST", body: data })).status;
}"""


@pytest.fixture
def room(product, two_browsers):
    """The chair and a follower look at the first case's pictures; their room, and its case."""
    address = f"/meetings/{product.new_meeting()}"
    chair, follower = (
        sign_in(browser, product.url, who)
        for browser, who in zip(two_browsers, ("chair", "radiologist"), strict=True)
    )
    chair.goto(f"{address}/room")
    chair.get_by_role("button", name="Open the room").click()
    row = chair.locator("button.case__button", has_text="Ayesha")
    expect(row).to_contain_text("images ready", timeout=WHOLE_LIST_MS)
    row.click()
    follower.goto(f"{address}/room")
    for page in (chair, follower):
        expect(page.locator("[data-part=identity]")).to_contain_text("Ayesha")
        panes = page.locator("[data-part=panes]")
        expect(panes.locator("canvas").first).to_be_visible(timeout=WHOLE_LIST_MS)
        expect(panes).not_to_contain_text(re.compile("PREVIEW|loading", re.IGNORECASE))
    assert pixels(follower)["lit"] > 1000
    told = chair.request.get(f"/api{address}/room").json()
    yield chair, follower, told["position"]["case_id"], told["you"]["person"]
    for page in (chair, follower):
        assert violations(page) == []
        page.context.close()


def test_a_restricted_case_leaves_a_followers_screen_and_stays_on_that_of_who_is_named(
    room,
):
    chair, follower, case, person = room
    assert chair.evaluate(SAVE, [case, person, True]) == 200
    expect(follower.locator("[data-part=panes] canvas")).to_have_count(0)
    expect(follower.locator("body")).not_to_contain_text("Ayesha")
    expect(follower.locator("[data-part=empty]")).to_contain_text("not shown to you")
    follower.reload()
    expect(follower.locator("[data-part=line]")).to_contain_text("live")
    expect(follower.locator("body")).not_to_contain_text("Ayesha")
    expect(follower.locator("[data-part=panes] canvas")).to_have_count(0)
    expect(chair.locator("[data-part=identity]")).to_contain_text("Ayesha")
    assert pixels(chair)["lit"] > 1000
    assert chair.evaluate(SAVE, [case, person, False]) == 200
    expect(follower.locator("[data-part=identity]")).to_contain_text("Ayesha")
    expect(follower.locator("[data-part=panes] canvas").first).to_be_visible()
