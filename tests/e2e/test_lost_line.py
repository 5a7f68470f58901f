"""A presenter whose line was lost: what they are told, and how everybody's picture comes back."""

import socket
from contextlib import suppress
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import pixels, sign_in, violations

pytestmark = pytest.mark.e2e

AWAY_MS = 13_000  # longer than the lease of a presenter
SAME_WITHIN_MS = 20_000
FRAME = "[data-pane=a] .pane-frame"
PRESENTS = "You present: everybody sees this picture."
NO_LONGER = "You present no longer: nobody sees what you do here."


class Wifi:
    """What lies between a browser and the product. Gone, it ends all and lets nothing in."""

    def __init__(self, to_port):
        self._to_port, self._is_there = to_port, True
        self._open = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        Thread(target=self._let_in, daemon=True).start()

    def go(self):
        self._is_there = False
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def come_back(self):
        self._is_there = True

    def end(self):
        self.go()
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _let_in(self):
        with suppress(OSError):
            while True:
                here, _ = self._door.accept()
                if self._is_there:
                    Thread(target=self._carry, args=(here,), daemon=True).start()
                else:
                    here.close()

    def _carry(self, here):
        """Both ways, until either end is done."""
        with here, socket.create_connection(("127.0.0.1", self._to_port)) as there:
            self._open += [here, there]
            back = Thread(target=_relay, args=(there, here), daemon=True)
            back.start()
            _relay(here, there)
            back.join()


def _relay(one, other):
    with suppress(OSError):
        while data := one.recv(2**16):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wifi(product):
    wifi = Wifi(int(product.url.rpartition(":")[2]))
    yield wifi
    wifi.end()


@pytest.fixture
def presented(product, two_browsers, wifi):
    """The radiologist presents, over a line that can be lost, and the chair follows."""
    room, pages = f"/meetings/{product.new_meeting()}/room", []

    def enter(browser, url, username):
        page = sign_in(browser, url, username)
        pages.append(page)
        page.goto(room)
        expect(page.locator("[data-part=line]")).to_contain_text("live")
        return page

    chair = enter(two_browsers[0], product.url, "chair")
    chair.get_by_role("button", name="Open the room").click()
    radiologist = enter(two_browsers[1], wifi.url, "radiologist")
    chair.locator(".case__button", has_text="OKONKWO").click()
    for page in pages:
        expect(page.locator("[data-pane=a] [data-quality='100']")).to_be_attached(timeout=90_000)
    radiologist.locator("[data-key=take]").click()
    expect(radiologist.locator("[data-part=mode]")).to_contain_text(PRESENTS)
    assert same(chair, radiologist)
    yield chair, radiologist
    for page in pages:
        assert violations(page) == []
        page.context.close()


def step(page):
    """One image on, by the wheel over the picture."""
    before = frame(page)
    box = page.locator("[data-pane=a] canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 100)
    expect(page.locator(FRAME)).not_to_have_text(before)


def frame(page):
    return page.locator(FRAME).inner_text()


def same(*pages):
    """Whether the same pixels are on both canvases, or come there soon."""
    for _ in range(SAME_WITHIN_MS // 200):
        one, other = (pixels(page) for page in pages)
        if one == other and one["lit"] > 1000:
            return True
        pages[0].wait_for_timeout(200)
    return False


def test_whose_line_was_lost_for_the_lease_takes_everybodys_picture_again(presented, wifi):
    chair, radiologist = presented
    mode = radiologist.locator("[data-part=mode]")
    step(radiologist)
    assert same(chair, radiologist)

    wifi.go()
    radiologist.wait_for_timeout(AWAY_MS)
    expect(mode).to_contain_text(NO_LONGER)
    wifi.come_back()
    expect(radiologist.locator("[data-part=line]")).to_contain_text("live")
    expect(chair.locator(".bar--presenter")).to_contain_text("NO PRESENTER since")
    expect(mode).to_contain_text(NO_LONGER)
    expect(radiologist.locator("[data-part=presence]")).not_to_contain_text("You present")
    kept = frame(chair), pixels(chair)
    step(radiologist)
    chair.wait_for_timeout(1000)
    assert (frame(chair), pixels(chair)) == kept

    mode.get_by_role("button", name="Present again").focus()
    radiologist.keyboard.press("Enter")
    expect(mode).to_contain_text(PRESENTS)
    for page in (chair, radiologist):  # it took room from the picture
        expect(page.locator(".bar--presenter")).to_have_count(0)
    assert same(chair, radiologist)
    assert frame(chair) != kept[0]
    step(radiologist)
    assert same(chair, radiologist)


def test_whose_line_was_lost_for_a_moment_presents_on(presented, wifi):
    chair, radiologist = presented
    line, lost = (radiologist.locator(one) for one in ("[data-part=line]", ".bar--lost"))
    wifi.go()
    expect(line).to_contain_text("not connected")
    before = frame(chair)
    step(radiologist)
    wifi.come_back()
    expect(line).to_contain_text("live")
    expect(lost).to_have_count(0)
    expect(radiologist.locator("[data-part=mode]")).to_contain_text(PRESENTS)
    assert same(chair, radiologist)
    assert frame(chair) != before
