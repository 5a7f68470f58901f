"""Marks in two browsers and after the meeting: the same words, in the same colour."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import PATIENCE_MS, sign_in, violations

pytestmark = pytest.mark.e2e

RECORD = """
from uuid import uuid4
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.outcomes.services import record_outcome
case = ListedCase.objects.get(public_id="{case}")
record_outcome(case=case, written_for=case.public_id, if_version=0, event_id=uuid4(),
    by=Person.objects.get(username="chair"), recommendation="Resect", laterality="left",
    discussion_type="1")
"""
WHOLE_WITHIN_MS = 90_000  # the demo's pictures may still be on their way


@pytest.fixture(scope="module")
def room(product, two_browsers):
    """The chair and the radiologist, each in a browser, at a case whose pictures are all here."""
    address = f"/meetings/{product.new_meeting()}/room"
    chair, author = (
        sign_in(browser, product.url, who)
        for browser, who in zip(two_browsers, ("chair", "radiologist"), strict=True)
    )
    chair.goto(address)
    chair.get_by_role("button", name="Open the room").click()
    author.goto(address)
    case = chair.locator(".case button").nth(1)
    expect(case).to_contain_text("images ready", timeout=WHOLE_WITHIN_MS)
    case.click()
    for page in (chair, author):
        expect(page.locator("[data-pane=a] canvas")).to_be_visible(timeout=WHOLE_WITHIN_MS)
        expect(page.locator("[data-pane=a]")).not_to_contain_text(
            re.compile("PREVIEW|loading", re.IGNORECASE), timeout=WHOLE_WITHIN_MS
        )
    yield chair, author
    assert [violations(page) for page in (chair, author)] == [[], []]
    for page in (chair, author):
        page.context.close()


@pytest.fixture(scope="module")
def case_id(room):
    """The open case, with an arrow of the radiologist's in it: "rim"."""
    chair, author = room
    author.locator("[data-act=tool-arrow]").click()
    box = author.locator("[data-pane=a] canvas").bounding_box()
    x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5
    author.mouse.move(x, y)
    author.mouse.down()
    author.mouse.move(x + 60, y + 40, steps=4)
    author.mouse.up()
    author.keyboard.type("rim")
    author.keyboard.press("Enter")
    author.locator("[data-act=tool-window]").click()
    for page in room:
        expect(page.locator("[data-part=case-marks]")).to_contain_text("rim")
        expect(page.locator("[data-part=case-marks]")).not_to_contain_text("not saved")
    return chair.evaluate(
        """async () => {
          const [, meeting] = location.pathname.match("/meetings/([^/]+)/");
          return (await (await fetch(`/api/meetings/${meeting}/room`)).json()).position.case_id;
        }"""
    )


def colour(page):
    mark = page.locator(".mark.is-kept, .outcome-picture .mark").first
    return mark.evaluate("(one) => one.style.getPropertyValue('--author')")


def test_an_authors_new_words_are_seen_by_everybody_and_kept(room, case_id):
    chair, author = room
    author.locator("[data-mark]").first.focus()
    author.keyboard.press("Enter")
    expect(author.locator(".mark-text")).to_have_value("rim")
    author.keyboard.press("Control+a")
    author.keyboard.type("ring <5 mm")
    author.keyboard.press("Enter")
    for page in room:
        expect(page.locator("[data-pane=a] svg.pane-marks")).to_contain_text("ring <5 mm")
        expect(page.locator("[data-part=case-marks]")).to_contain_text("ring <5 mm")
    chair.reload()
    expect(chair.locator("[data-pane=a] svg.pane-marks")).to_contain_text("ring <5 mm")

    author.locator("[data-mark]").first.focus()
    author.keyboard.press("Enter")
    author.keyboard.type("never")
    author.keyboard.press("Escape")
    expect(author.locator("[data-pane=a] svg.pane-marks")).to_contain_text("ring <5 mm")


def test_nobody_else_is_offered_an_authors_words_by_key_or_pointer(room, case_id):
    chair, _ = room
    chair.locator("[data-mark]").first.focus()
    chair.keyboard.press("Enter")
    chair.locator("[data-mark] .mark-hit").first.dblclick(force=True)
    expect(chair.locator(".mark-text")).to_have_count(0)


def test_the_author_has_one_colour_in_both_rooms_and_on_the_pages_read_afterwards(
    room, case_id, product
):
    chair, author = room
    product.manage("shell", "--verbosity", "0", "-c", RECORD.format(case=case_id))
    page = chair.context.new_page()
    page.goto(f"/cases/{case_id}/outcome")
    expect(page.locator(".outcome-picture .mark")).to_have_count(1, timeout=PATIENCE_MS)
    colours = [colour(author), colour(chair), colour(page)]
    expect(page.locator(".outcome-picture__says")).to_contain_text("ring <5 mm")
    page.locator(".outcome-picture").first.click()
    expect(page.locator("#pane .mark.is-kept")).to_have_count(1)
    colours.append(colour(page))
    said = page.locator(".said-shape").first
    colours.append(said.evaluate("(one) => one.style.getPropertyValue('--author')"))
    assert len(set(colours)) == 1, colours
    assert violations(page) == []
