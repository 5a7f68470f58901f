"""The whole job on real images, in two browsers, over the processes of `make run`.

One story from the list to the consultant's page the day after; each part asserts what is on the
screen, by words and by pixels. Then: everybody else is refused.
"""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import pixels, sign_in, violations

pytestmark = pytest.mark.e2e

TYPED_IN = "999 000 0085"  # in two trusts' archives, on nobody's list
NAME = "BEAUMONT, Claire"
QUESTION = "Ring-enhancing lesion, larger than in the summer: <5 mm margin possible?"
RECOMMENDATION = "Resection with 5-ALA; aim for >=98 % & <5 mm margin, then MDT review."


@pytest.fixture(scope="module")
def story(product, two_browsers):
    """The story told once; the tests look at what it left. If it breaks, each page is kept."""
    story = Story(product, *two_browsers)
    try:
        return story.told()
    except BaseException:
        for number, page in enumerate(story.pages):
            page.screenshot(path=product.folder / f"page-{number}.png")
        raise


class Story:
    """Who does what, in order. `seen` keeps what the tests ask about."""

    def __init__(self, product, here, there):
        self.product, self.here, self.there = product, here, there
        self.seen = {}
        self.asked = set()  # every address any of the pages has asked for
        self.grants = {}  # a grant as a member's page sent it, by the address it was sent to
        self.pages = []

    def told(self):
        self.coordinator_builds_the_list()
        self.chair_opens_the_room()
        self.radiologist_presents()
        self.everybody_points_and_looks_around()
        self.radiologist_draws()
        self.outcome_is_typed_read_back_confirmed_and_signed()
        self.everybody_leaves_and_one_comes_back()
        self.consultant_reads_it_afterwards()
        return self

    def page_of(self, browser, username):
        page = sign_in(browser, self.product.url, username)
        page.on("request", self.note)
        self.pages.append(page)
        return page

    def note(self, request):
        self.asked.add((request.method, request.url))
        if grant := request.headers.get("x-view-grant"):
            self.grants[request.url] = grant

    def coordinator_builds_the_list(self):
        page = self.coordinator = self.page_of(self.here, "coordinator")
        planned = page.locator(".lb-meeting", has_not_text="room open")  # today's stands first
        planned.locator(".lb-meeting__link").first.click()
        page.wait_for_load_state()  # its keys are its script's
        self.meeting_url = page.url
        press = page.keyboard.press
        page.locator("body").press("n")
        page.keyboard.type("999 000 0084")
        press("Enter")
        expect(page.locator("#add")).to_contain_text("nhs_number")
        self.seen["refused number"] = page.locator("#add").inner_text()
        expect(page.locator("#add [name=nhs_number]")).to_be_focused()
        press("Control+a")
        page.keyboard.type(TYPED_IN)
        press("Enter")
        expect(page.locator("[data-step=patient] [name=family_name]")).to_be_focused()
        for words in ("Beaumont", "Claire", "21/6/1969"):
            page.keyboard.type(words)
            press("Tab")
        page.keyboard.type("F")
        press("Tab")
        page.keyboard.type(QUESTION)
        press("Tab")
        press("Space")  # the first side: left
        press("Enter")
        expect(page.locator("#list")).to_contain_text(NAME)
        self.card = page.locator(".lb-case", has_text=NAME)
        self.seen["first light"] = self.card.locator(".lb-light").first.get_attribute("class")
        # All is here of those that answer; Bolton's archive does not, and might hold something.
        expect(self.card.locator(".lb-light--amber")).to_contain_text("Bolton", timeout=90_000)
        self.card.locator(".lb-case__name").press("Enter")
        studies = self.card.locator(".lb-studies")
        expect(studies).to_contain_text("RW6")
        self.seen["studies"] = studies.inner_text()
        self.seen["light"] = self.card.locator(".lb-light--amber").first.inner_text()

    def chair_opens_the_room(self):
        page = self.chair = self.page_of(self.here, "chair")
        page.goto(self.meeting_url)
        page.get_by_role("button", name="Open room").click()
        page.wait_for_url(re.compile("/room$"))
        self.room_url = page.url
        for who, browser in (("radiologist", self.there), ("coordinator", self.here)):
            other = self.page_of(browser, who)
            other.goto(self.room_url)
            setattr(self, who, other)
        page.locator(".case__button", has_text="BEAUMONT").click()
        for one in (page, self.radiologist, self.coordinator):
            expect(one.locator("[data-part=identity]")).to_contain_text("BEAUMONT")
            self.wait_whole(one)

    def radiologist_presents(self):
        page, follower = self.radiologist, self.chair
        page.locator("[data-key=take]").click()
        expect(page.locator("[data-part=presence]")).to_contain_text("You present")
        expect(follower.locator("[data-part=presence]")).to_contain_text("Osei")
        self.follows_by_pixels("as it opened")
        self.hover(page)
        before = pixels(page)
        page.mouse.wheel(0, 100)
        self.follows_by_pixels("after a step of the wheel")
        assert pixels(page)["hash"] != before["hash"]
        self.drag(page, (60, 40))
        self.follows_by_pixels("after a window")
        page.keyboard.press("Shift+I")
        self.follows_by_pixels("inverted")
        page.keyboard.press("Shift+I")
        page.keyboard.press("Shift++")
        self.follows_by_pixels("zoomed")

    def everybody_points_and_looks_around(self):
        page = self.chair
        page.locator("[data-act=point]").click()
        self.hover(page, 0.3, 0.3)
        page.mouse.move(*self.place(page, 0.4, 0.45))
        pointer = self.radiologist.locator(".pane__pointer, [class*=pointer]", has_text="Patel")
        expect(pointer.first).to_be_visible()
        page.locator("[data-act=point]").click()
        page.keyboard.press("f")
        shown = pixels(page)["hash"]
        self.hover(page)
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(300)
        own = pixels(page)["hash"]
        self.hover(self.radiologist)
        self.radiologist.mouse.wheel(0, 100)
        self.radiologist.mouse.wheel(0, 100)
        page.wait_for_timeout(500)
        self.seen["looked around"] = own != shown and pixels(page)["hash"] == own
        self.seen["bar while looking around"] = page.locator("[data-part=mode]").inner_text()
        page.keyboard.press("f")
        self.follows_by_pixels("back with one key")

    def radiologist_draws(self):
        page, follower = self.radiologist, self.chair
        page.locator("[data-act=tool-length]").click()
        self.hover(page, 0.35, 0.4)
        page.mouse.down()
        page.mouse.move(*self.place(page, 0.5, 0.5), steps=5)
        expect(follower.locator("[data-pane=a] svg")).to_contain_text("mm")
        self.seen["seen while drawn"] = True
        page.mouse.move(*self.place(page, 0.6, 0.5), steps=5)
        page.mouse.up()
        expect(follower.locator("[data-part=case-marks]")).to_contain_text("mm")
        page.locator("[data-act=tool-arrow]").click()
        self.hover(page, 0.6, 0.6)
        page.mouse.down()
        page.mouse.move(*self.place(page, 0.7, 0.7), steps=5)
        page.mouse.up()
        page.keyboard.type("enhancing rim")
        page.keyboard.press("Enter")
        expect(follower.locator("[data-pane=a] svg")).to_contain_text("enhancing rim")
        page.locator("[data-act=tool-window]").click()
        page.reload()
        expect(page.locator("[data-part=case-marks]")).to_contain_text("enhancing rim")

    def outcome_is_typed_read_back_confirmed_and_signed(self):
        page = self.coordinator
        box = page.locator("[data-key=recommendation]")
        box.click()
        page.keyboard.type(RECOMMENDATION, delay=5)
        expect(self.chair.locator("[data-key=recommendation]")).to_have_value(RECOMMENDATION)
        page.locator("[data-key=laterality]").select_option("left")
        page.get_by_text("Plan and stage").click()
        page.locator("[data-key=discussion_type]").select_option("1")
        page.locator("[data-key=intent]").select_option("C")
        expect(page.locator("[data-part=outcome-status]")).to_contain_text("saved")
        page.get_by_role("button", name="Record for").click()
        page.get_by_role("button", name="Read back").click()
        expect(self.radiologist.locator("[data-part=read-back]")).to_contain_text(RECOMMENDATION)
        self.chair.get_by_role("button", name="Confirm").click()
        self.chair.get_by_role("button", name="Sign").click()
        expect(self.coordinator.locator("[data-part=outcome-status]")).to_contain_text("signed")

    def everybody_leaves_and_one_comes_back(self):
        for page in (self.chair, self.radiologist, self.coordinator):
            page.goto("/")
        page = self.radiologist
        page.goto(self.room_url)
        self.wait_whole(page)
        expect(page.locator("[data-part=case-marks]")).to_contain_text("enhancing rim")
        self.seen["marks afterwards"] = page.locator("[data-part=case-marks]").inner_text()
        page.goto("/")

    def consultant_reads_it_afterwards(self):
        page = self.consultant = self.page_of(self.there, "consultant")
        page.goto("/outcomes/")
        page.get_by_role("link", name=re.compile("BEAUMONT")).first.click()
        expect(page.locator(".outcome-recommendation")).to_have_text(RECOMMENDATION)
        expect(page.locator(".outcome-present")).to_contain_text("Osei")
        picture = page.locator(".outcome-picture", has=page.locator(".mark"))
        expect(picture).to_contain_text("mm", use_inner_text=False)
        self.outcome_url = page.url
        self.seen["reading page"] = page.locator("main").inner_text()
        expect(page.locator(".outcome-picture__stage")).to_have_count(0)  # drawn, and left behind
        self.seen["still"] = pixels(page, within=".outcome-picture__frame:has(.mark)")
        self.seen["marks on the still"] = picture.locator(".mark").count()
        picture.click()
        expect(page.locator("#pane .mark.is-kept").first).to_be_visible()
        expect(page.locator("#pane")).not_to_contain_text(re.compile("PREVIEW|loading", re.I))
        self.seen["opened"] = pixels(page, within="#pane")

    def wait_whole(self, page, pane="a"):
        """Until the pane shows a whole picture and no word of a preview or of loading."""
        expect(page.locator(f"[data-pane={pane}] canvas")).to_be_visible()
        expect(page.locator(f"[data-pane={pane}]")).not_to_contain_text(
            re.compile("PREVIEW|loading", re.IGNORECASE)
        )

    def follows_by_pixels(self, when):
        """The follower's canvas comes to equal the presenter's, bit for bit."""
        for _ in range(100):
            theirs, ours = pixels(self.radiologist), pixels(self.chair)
            if theirs == ours and theirs["lit"] > 1000:
                return
            self.chair.wait_for_timeout(100)
        raise AssertionError(f"the follower sees another picture {when}: {theirs} {ours}")

    def place(self, page, x, y, pane="a"):
        box = page.locator(f"[data-pane={pane}] canvas").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def hover(self, page, x=0.5, y=0.5):
        page.mouse.move(*self.place(page, x, y))

    def drag(self, page, by):
        x, y = self.place(page, 0.5, 0.5)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by[0], y + by[1], steps=8)
        page.mouse.up()


def test_a_wrong_nhs_number_is_refused_where_it_was_typed(story):
    assert (
        "not an NHS number" in story.seen["refused number"]
        or "check" in story.seen["refused number"]
    )


def test_studies_of_several_trusts_are_found_with_their_reasons(story):
    for words in ("RM3", "RW6", "CT", "newest of its kind", "this team looks at head"):
        assert words in story.seen["studies"]


def test_the_light_says_that_archives_are_asked_and_then_who_does_not_answer(story):
    assert "lb-light--blue" in story.seen["first light"]
    assert "Bolton does not answer" in story.seen["light"]


def test_the_marks_are_there_after_all_have_left(story):
    assert "enhancing rim" in story.seen["marks afterwards"]
    assert " mm" in story.seen["marks afterwards"]


def test_the_consultant_sees_the_discussed_picture_and_opens_it_with_its_marks(story):
    assert story.seen["still"]["lit"] > 1000
    assert story.seen["marks on the still"] == 2
    assert story.seen["opened"]["lit"] > 10_000


def test_looking_around_leaves_the_rooms_picture_until_one_key_brings_it_back(story):
    assert story.seen["looked around"]
    assert "looking around" in story.seen["bar while looking around"].lower()


def test_the_consultant_reads_the_outcome_byte_for_byte_with_who_was_there(story):
    assert RECOMMENDATION in story.seen["reading page"]
    for name in ("Patel", "Osei", "Coleman"):
        assert name in story.seen["reading page"]


def test_no_page_of_the_story_broke_the_content_security_policy(story):
    assert [violations(page) for page in story.pages] == [[]] * len(story.pages)


def test_no_address_of_the_story_carries_a_number_or_a_name(story):
    told = re.compile("999[ +%0-9]*000|beaumont|claire", re.IGNORECASE)
    assert [url for _, url in sorted(story.asked) if told.search(url)] == []


def test_who_is_not_a_member_gets_404_from_every_page_api_and_frame_of_the_story(
    story, two_browsers
):
    page = sign_in(two_browsers[1], story.product.url, "stranger")
    own = re.compile(r"/(static|sign-in|sign-out)|/outcomes/?$|:\d+/$|/livez|/readyz")
    addresses = sorted({url for _, url in story.asked if not own.search(url)})
    assert any("/segments/" in url for url in addresses)
    assert any("/api/" in url for url in addresses)
    answers = {url: page.request.get(url).status for url in addresses}
    allowed = {404, 405}  # 405: a POST-only address, which says the same to everybody
    assert {url: status for url, status in answers.items() if status not in allowed} == {}


def test_a_grant_that_was_changed_or_is_of_another_series_brings_a_stranger_nothing(
    story, two_browsers
):
    page = sign_in(two_browsers[1], story.product.url, "stranger")
    frames = [url for url in story.grants if "/segments/" in url]
    of_series = {url.split("/segments/")[0]: url for url in frames}
    one, other = [*of_series.values()][:2]
    token = story.grants[one]
    for address, grant in (
        (one, token[:-1] + ("A" if token[-1] != "A" else "B")),
        (one, "x" + token),
        (other, token),
    ):
        assert page.request.get(address, headers={"X-View-Grant": grant}).status == 404


def test_who_is_not_a_member_gets_no_room(story, two_browsers):
    page = sign_in(two_browsers[1], story.product.url, "stranger")
    room = re.search(r"/meetings/(\w+)/", story.room_url)[1]
    code = page.evaluate(
        """(room) => new Promise((done) => {
          const socket = new WebSocket(`ws://${location.host}/ws/${room}/`);
          socket.addEventListener("close", ({ code }) => done(code));
        })""",
        room,
    )
    absent = page.evaluate(
        """(room) => new Promise((done) => {
          const socket = new WebSocket(`ws://${location.host}/ws/${room}/`);
          socket.addEventListener("close", ({ code }) => done(code));
        })""",
        uuid4().hex[:16],
    )
    assert (code, absent) == (4404, 4404)
