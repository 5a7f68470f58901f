"""The room's page in one browser, against the whole product: what a test of parts cannot see."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import PATIENCE_MS, SIZE, pixels, sign_in, violations

pytestmark = pytest.mark.e2e

SHARE_OF_PICTURES = 0.7
BEFORE, NEXT = "Ayesha", "OKONKWO"  # beside each other on the list; one picture each at least
READY_WITHIN_S = 240
QUIET_S = 2.0
GRANTS = """
import json
from mdt.audit.models import AuditEvent
from mdt.members import Person
who = Person.objects.get(username="{who}").public_id
kept = AuditEvent.objects.filter(detail__case="{case}", by=who)
rows = kept.filter(action__in=["view.granted", "view.displayed"]).values_list("action", "detail")
print(json.dumps([[action, detail.get("purpose", "")] for action, detail in rows]))
"""


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
        assert violations(page) == []


def test_pictures_hold_most_of_the_width_and_nothing_is_wider_than_a_phone(join):
    wide = join("radiologist")
    pictures = wide.locator(".pictures").bounding_box()
    assert pictures["width"] >= SHARE_OF_PICTURES * 1366
    narrow = join("nurse", 320, 640)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 320


# ---- the next case is made ready -------------------------------------------------------


class Asked(list):
    """The requests of a page since it was last cleared, as (time, address, body)."""

    def __init__(self, page):
        super().__init__()
        page.on("request", lambda one: self.append((time.monotonic(), one.url, one.post_data)))

    def to(self, part):
        return [url for _, url, _ in self if part in url]

    def purposes(self, case):
        bodies = [json.loads(body) for _, url, body in self if url.endswith("/grant") and body]
        return [body["purpose"] for body in bodies if body["case"] == case and "renew" not in body]


@pytest.fixture(scope="module")
def beside(product, two_browsers):
    """A live meeting with two cases side by side on its list, whose pictures are here."""
    meeting = product.new_meeting()
    chair = sign_in(two_browsers[0], product.url, "chair")
    room = f"/api/meetings/{meeting}/room"
    end = time.monotonic() + READY_WITHIN_S
    while True:
        cases = chair.request.get(room).json()["cases"]
        found = [next(one for one in cases if name in one["name"]) for name in (BEFORE, NEXT)]
        bodies = [chair.request.get(f"/api/cases/{one['id']}").json() for one in found]
        if all(body["layout"]["panes"] and one["light"]["colour"] == "green"
               for body, one in zip(bodies, found, strict=True)):  # fmt: skip
            break
        assert time.monotonic() < end, [one["light"] for one in found]
        chair.wait_for_timeout(1000)
    assert found[1]["position"] == found[0]["position"] + 1
    chair.goto(f"/meetings/{meeting}/room")
    chair.get_by_role("button", name="Open the room").click()
    chair.locator("button.case__button", has_text=BEFORE).click()
    wait_whole(chair)
    chair.context.close()
    return meeting, found[1]["id"]


@pytest.fixture
def enter(product, two_browsers, beside):
    """Let a person enter that room; the page, what it asks, and what the audit keeps of it."""
    pages = []

    def enter(username):
        page = sign_in(two_browsers[0], product.url, username)
        pages.append(page)
        asked = Asked(page)
        page.goto(f"/meetings/{beside[0]}/room")
        wait_whole(page)
        while time.monotonic() - asked[-1][0] < QUIET_S:
            page.wait_for_timeout(100)
        return page, asked

    yield enter
    for page in pages:
        page.context.close()


def wait_whole(page):
    pane = page.locator("[data-pane=a]")
    expect(pane.locator("canvas")).to_be_visible()
    expect(pane.locator("[data-quality='100']")).to_be_attached()


def audit(product, case, who):
    """(action, purpose) of what the audit keeps of one person's pictures in one case."""
    text = product.manage("shell", "--verbosity", "0", "-c", GRANTS.format(case=case, who=who))
    return [tuple(row) for row in json.loads(text)]


def test_who_only_observes_is_sent_nothing_of_the_next_case(enter, beside, product):
    _, case = beside
    _, asked = enter("observer")
    assert asked.to("/segments/"), "the case that is open is shown"
    assert not asked.to(f"/api/cases/{case}")
    assert asked.purposes(case) == []
    assert audit(product, case, "observer") == []


def test_the_next_case_opens_with_a_picture_that_is_here_already(enter, beside, product):
    _, case = beside
    page, asked = enter("deputy")
    delivered = asked.purposes(case)
    assert delivered
    assert set(delivered) == {"prefetch"}
    assert {purpose for _, purpose in audit(product, case, "deputy")} == {"prefetch"}

    page.route("**/segments/**", lambda route: route.abort())
    page.route("**/metadata/**", lambda route: route.abort())
    asked.clear()
    page.keyboard.press("Shift+N")
    expect(page.locator("[data-part=identity]")).to_contain_text(NEXT)
    wait_whole(page)
    assert pixels(page)["lit"] > 1000
    assert asked.purposes(case) == ["display"] * len(delivered)
    page.wait_for_timeout(500)
    rows = audit(product, case, "deputy")
    assert rows.count(("view.granted", "display")) == len(delivered)
    assert rows.count(("view.granted", "prefetch")) == len(delivered)
    assert rows.count(("view.displayed", "")) == len(delivered)
    assert violations(page) == []


# ---- by keyboard ------------------------------------------------------------------------


def test_a_name_is_chosen_by_key_and_the_picture_handed_over_by_the_button(enter):
    chair, _ = enter("chair")
    enter("radiologist")
    presence = chair.locator("[data-part=presence]")
    chair.locator("[data-key=take]").click()
    expect(presence).to_contain_text("You present")
    menu = chair.locator("[data-key=give-to]")
    menu.focus()
    chair.keyboard.press("ArrowDown")
    expect(menu).not_to_have_value("")
    chair.wait_for_timeout(500)
    expect(presence).to_contain_text("You present")
    chair.keyboard.press("Tab")
    chair.keyboard.press("Enter")
    expect(presence).not_to_contain_text("You present")
    expect(presence).to_contain_text("presenting:")


def test_space_on_a_closed_section_opens_it_and_moves_no_picture(enter):
    page, _ = enter("coordinator")
    pane = page.locator("[data-pane=a] .picture__pane")
    pane.focus()
    page.keyboard.press("i")
    page.wait_for_timeout(300)
    inverted = pixels(page)["hash"]
    section = page.locator("details", has_text="Plan and stage")
    section.locator("summary").focus()
    page.keyboard.press("Space")
    expect(section).to_have_attribute("open", "")
    page.wait_for_timeout(300)
    assert pixels(page)["hash"] == inverted
