"""Every page there is, reached by links from the first one, and none breaks its policy."""

from urllib.parse import urldefrag, urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import expect

from tests.e2e.browsing import context_of, sign_in, violations
from tests.mdt.test_refusals import OPEN, OWN, PAGES

pytestmark = pytest.mark.e2e

PEOPLE = ("coordinator", "chair", "consultant", "imaging", "administrator", "observer")
#: Parts of pages, which their pages ask for; and papers, which are no pages.
FRAGMENTS = {
    *("meeting-list", "case-studies", "upload-rows", "attendance-rows", "check-in-code-now"),
    *("archive-cards", "archive-card", "archive-test-step", "report-document", "unfinished"),
}
#: Only where somebody waits for their imaging team just then.
SOMETIMES = {"identity-report", "identity-study"}
WANTED = {name for name, (method, _) in PAGES.items() if method == "get"} | OWN | OPEN
WANTED -= FRAGMENTS | SOMETIMES | {"livez", "readyz", "sign-out", "sign-in-as"}
MOST_OF_A_KIND, PATIENCE_S = 1, 60
LINKS = "Array.from(document.querySelectorAll('a[href], [data-view-href]'), (one) => one.href)"


def walk(page, begin):
    """Go wherever links lead, to one address of each route; the names of the routes."""
    seen, waiting, been = set(), [begin, "/"], {}
    while waiting:
        address = waiting.pop(0)
        name = resolve(urlsplit(address).path).url_name
        if address in seen or been.get(name, 0) >= MOST_OF_A_KIND:
            continue
        seen.add(address)
        answer = page.goto(address)
        assert answer.status == 200, (name, answer.status)
        been[name] = been.get(name, 0) + 1
        for card in page.locator(".lb-case__name").all()[:MOST_OF_A_KIND]:
            card.press("Enter")
        page.wait_for_timeout(300)  # what it asks for by itself
        links = [urldefrag(link).url for link in page.evaluate(LINKS)]
        waiting += [link for link in links if is_page(page, link)]
    return set(been)


def is_page(page, link):
    here, there = urlsplit(page.url), urlsplit(link)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        return False
    return resolve(there.path).url_name not in FRAGMENTS | {"series-segment", None}


@pytest.fixture
def all_there(product, two_browsers):
    """A room is open, and of the meeting that has been the marked picture is here: its address."""
    chair = sign_in(two_browsers[0], product.url, "chair")
    chair.goto(f"/meetings/{product.new_meeting()}")
    chair.get_by_role("button", name="Open room").click()
    expect(chair.locator("[data-part=line]")).to_contain_text("live")
    chair.goto("/outcomes/")
    chair.locator("main a[href*='/cases/']").last.click()
    for _ in range(PATIENCE_S):
        if chair.locator("a.outcome-picture").count():
            break
        chair.wait_for_timeout(1000)
        chair.reload()
    address = chair.url
    chair.context.close()
    return address


def test_every_page_is_reached_by_links_and_breaks_no_policy(product, two_browsers, all_there):
    been, broken = set(), []
    stranger = context_of(two_browsers[0], product.url).new_page()
    for path in ("/sign-in", "/sign-in/people", "/no-such-page"):
        stranger.goto(path)
    broken += violations(stranger)
    stranger.context.close()
    for username in PEOPLE:
        page = sign_in(two_browsers[0], product.url, username)
        been |= walk(page, all_there if username in ("chair", "consultant") else "/")
        broken += violations(page)
        page.context.close()
    assert broken == []
    assert WANTED - been - {"sign-in", "sign-in-people"} == set()


def test_a_policy_that_is_broken_is_noticed_even_if_the_page_is_left(product, two_browsers):
    page = sign_in(two_browsers[0], product.url, "coordinator")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    page.goto("/outcomes/")
    assert [one for one in violations(page) if "style-src" in one]
    page.context.close()
