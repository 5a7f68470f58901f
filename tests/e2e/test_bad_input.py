"""What goes wrong is said where the person is looking: a sentence, a code, and nothing lost."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import sign_in, violations

pytestmark = pytest.mark.e2e

KEEP_THE_LINE = """
const Line = WebSocket;
window.WebSocket = class extends Line {
  constructor(...where) { super(...where); window.line = this; }
};
"""


@pytest.fixture(scope="module")
def meeting(product):
    return product.new_meeting()


@pytest.fixture
def enter(product, two_browsers, meeting):
    """Let a person look at a page of the meeting: its list (""), or its room ("/room")."""
    pages = []

    def enter(username, where):
        page = sign_in(two_browsers[0], product.url, username)
        pages.append(page)
        page.add_init_script(KEEP_THE_LINE)
        page.goto(f"/meetings/{meeting}{where}")
        if where:
            expect(page.locator("[data-part=line]")).to_contain_text("live")
        return page

    yield enter
    for page in pages:
        assert violations(page) == []
        page.context.close()


def studies_of(page, name):
    """The detail of one case on the list, opened."""
    card = page.locator(".lb-case", has_text=name)
    card.locator(".lb-case__name").click()
    return card.locator(".lb-studies")


def test_an_archive_that_cannot_be_reached_is_named_with_its_code(enter, product):
    """Of which case it was asked first is chance: after a few failures it is left alone a while."""
    page = enter("coordinator", "")
    page.goto(f"/meetings/{product.todays_meeting()}")
    for name in page.locator(".lb-case__name").all():
        name.click()
    failed = page.locator(".lb-answer--failed").first
    expect(failed).to_contain_text("does not answer", timeout=60_000)
    expect(failed.locator(".lb-code")).to_have_text(re.compile(r"^archive\.\w+$"))


def test_a_study_that_came_in_part_says_what_is_missing_with_its_code(enter):
    studies = studies_of(enter("coordinator", ""), "PRICE")
    short = studies.locator(".lb-study", has_text="RMP")
    expect(short).to_contain_text("images missing", timeout=60_000)
    expect(short.locator(".lb-code")).to_have_text("pull.missing")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("'{'", "This was not understood. (protocol.bad_message)"),
        ("JSON.stringify({ type: 'case.open' })", "(protocol.bad_message)"),
        ("'x'.repeat(64 * 1024 + 1)", "This is more than 64 KiB. (protocol.too_long)"),
    ],
)
def test_a_message_the_room_refuses_is_said_over_the_pictures(message, words, enter):
    page = enter("nurse", "/room")
    page.evaluate(f"line.send({message})")
    expect(page.locator(".bar--refused")).to_contain_text(words)
    expect(page.locator("[data-part=line]")).to_contain_text("live")
    assert page.evaluate("line.readyState") == 1


def test_a_second_tab_is_said_in_both_and_over_when_one_goes(enter):
    first = enter("nurse", "/room")
    second = first.context.new_page()
    second.goto(first.url)
    for page in (first, second):
        expect(page.locator(".bar--tab")).to_contain_text("You count once. (room.second_tab)")
    second.close()
    expect(first.locator(".bar--tab")).to_have_count(0)


def test_of_two_who_sign_at_once_the_second_is_told_where_they_clicked(enter):
    chair = enter("chair", "/room")
    chair.get_by_role("button", name="Open the room").click()
    expect(chair.locator("[data-part=empty]")).to_contain_text("No case is open")
    chair.locator(".case__button").first.click()
    expect(chair.locator("[data-part=identity]")).to_contain_text("1/")
    record(chair)
    deputy, late = enter("deputy", "/room"), []
    deputy.route("**/steps", lambda route: late.append(route))
    deputy.get_by_role("button", name="Sign").click()
    chair.get_by_role("button", name="Sign").click()
    expect(chair.locator("[data-part=outcome-status]")).to_contain_text("signed")
    late[0].continue_()
    status = deputy.locator("[data-part=outcome]")
    expect(status).to_contain_text("Patel was first: this version is signed already.")
    expect(status).to_contain_text("(mdt.conflict)")
    assert chair.locator("[data-part=outcome-status]").inner_text().count("signed") == 1


def record(page):
    """Write an outcome that can be recorded, and take it to where it can be signed."""
    page.locator("[data-key=recommendation]").fill("Resection.")
    page.locator("[data-key=laterality]").select_option("left")
    page.get_by_text("Plan and stage").click()
    page.locator("[data-key=discussion_type]").select_option("1")
    page.locator("[data-key=intent]").select_option("C")
    expect(page.locator("[data-part=outcome-status]")).to_contain_text("saved")
    for step in ("Record for", "Read back", "Confirm"):
        page.get_by_role("button", name=step).click()
