"""A meeting is closed with two cases unfinished; both are finished and signed afterwards."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import sign_in, violations

pytestmark = pytest.mark.e2e

STAYS_MS = 2000  # two of the room's redraws
TEXTS = ["Resection with 5-ALA; <5 mm & margin.", "Stereotactic biopsy, then MDT."]
STEPS = """
import json
from mdt.outcomes.models import OutcomeVersion
kept = OutcomeVersion.objects.filter(case__meeting__public_id="{meeting}")
print(json.dumps({{
    version.recommendation: [[step.kind, step.by.username] for step in version.steps.order_by("pk")]
    for version in kept
}}))
"""
ALL_STEPS = [["read-back", "coordinator"], ["confirmed", "chair"], ["signed", "chair"]]


@pytest.fixture(scope="module")
def meeting(product):
    return product.new_meeting()


@pytest.fixture
def enter(product, two_browsers):
    """A person's page, whichever address; at the end none may have broken its policy."""
    pages = []

    def enter(username, path):
        page = sign_in(two_browsers[0], product.url, username)
        pages.append(page)
        page.goto(path)
        return page

    yield enter
    for page in pages:
        assert violations(page) == []
        page.context.close()


@pytest.fixture
def steps(product, meeting):
    """What the database keeps: by recommendation, each step and who took it."""

    def steps():
        text = product.manage("shell", "--verbosity", "0", "-c", STEPS.format(meeting=meeting))
        return json.loads(text)

    return steps


def test_closed_then_two_cases_are_finished_and_signed(enter, meeting, steps):
    room, names = f"/meetings/{meeting}/room", []
    chair = enter("chair", room)
    chair.get_by_role("button", name="Open the room").click()
    expect(chair.locator("[data-part=empty]")).to_contain_text("No case is open")
    writer = enter("coordinator", room)
    for number, text in enumerate(TEXTS):
        chair.locator("button.case__button").nth(number).click()
        expect(writer.locator("[data-part=identity]")).to_contain_text(f"{number + 1}/")
        if number:  # what was written for the first holds the panel: on to the second on purpose
            writer.get_by_role("button", name=re.compile("^Go to")).click()
        names.append(recorded(writer, text))
    read_back_from_the_rail(writer, chair, names[0], TEXTS[0])

    writer.get_by_role("button", name="Close the meeting").click()
    question = writer.locator("[data-part=meeting-acts]")
    expect(question).to_contain_text(f"to confirm: {names[0]} · {names[1]}.")
    writer.get_by_role("button", name="Yes, close").click()
    expect(writer.get_by_role("button", name="Close the meeting")).to_have_count(0)
    assert steps() == {TEXTS[0]: ALL_STEPS[:1], TEXTS[1]: []}

    finished_in_the_closed_room(chair, names[0], TEXTS[0])
    assert steps() == {TEXTS[0]: ALL_STEPS, TEXTS[1]: []}
    finished_on_the_page(enter, meeting, names[1], TEXTS[1])
    assert steps() == dict.fromkeys(TEXTS, ALL_STEPS)
    chair.goto(f"/meetings/{meeting}")
    left = chair.locator("#unfinished")
    expect(left).to_contain_text("not discussed, nothing recorded")
    for name in names:
        expect(left).not_to_contain_text(name)


def recorded(page, text):
    """Write and record an outcome for the case the panel is with; its name."""
    page.locator("[data-key=recommendation]").fill(text)
    page.locator("[data-key=laterality]").select_option("left")
    page.locator("[data-key=discussion_type]").select_option("1")
    page.get_by_role("button", name=re.compile("^Record for")).click()
    expect(page.get_by_role("button", name=re.compile("^Read back for"))).to_be_visible()
    return page.locator("[data-part=outcome-who] b").inner_text()


def read_back_from_the_rail(page, other, name, text):
    """The room is on another case: the panel goes back for one step, and the others read along."""
    page.locator(".rail__case", has_text=name).click()
    expect(page.locator("[data-part=outcome-bound]")).to_contain_text(f"for {name}; the room is on")
    press(page, f"Read back for {name}")
    overlay = other.locator("[data-part=read-back]")
    for words in (name, text, "Side", "Left", "Discussed within trust MDTM", "of another patient"):
        expect(overlay).to_contain_text(words)
    overlay.get_by_role("button", name="Put away").click()


def finished_in_the_closed_room(chair, name, text):
    """In a tab that was open all the while, with nothing typed in it: the rail leads there."""
    expect(chair.locator("[data-part=outcome-who]")).not_to_contain_text(name)
    chair.locator(".rail__case", has_text=name).click()
    for act in ("Confirm", "Sign"):
        expect(chair.locator("[data-part=outcome-said]")).to_contain_text(text)
        press(chair, f"{act} for {name}")
    status = chair.locator("[data-part=outcome-status]")
    expect(status).to_contain_text("signed")
    chair.wait_for_timeout(STAYS_MS)
    expect(chair.locator("[data-part=outcome-who]")).to_contain_text(name)


def press(page, words):
    button = page.get_by_role("button", name=words)
    expect(button).to_be_enabled()  # it rests before it takes a click
    button.click()
    expect(button).to_have_count(0)


def finished_on_the_page(enter, meeting, name, text):
    """From the list of the closed meeting, by keyboard alone, each step by whom it waits for."""
    for who, acts in (("coordinator", ["Read back"]), ("chair", ["Confirm", "Sign"])):
        page = enter(who, f"/meetings/{meeting}")
        page.locator("#unfinished").get_by_role("link", name=name).press("Enter")
        page.wait_for_url(re.compile("/outcome$"))
        for act in acts:
            expect(page.locator(".outcome-recommendation")).to_have_text(text)
            button = page.get_by_role("button", name=f"{act} for {name}")
            expect(button).to_be_enabled()
            button.press("Enter")
            expect(button).to_have_count(0)
            expect(page.locator(".lb-message")).to_contain_text("Version 1 is")
    expect(page.locator("main")).to_contain_text("Signed by")
    expect(page.locator(".outcome-next")).to_have_count(0)
