"""The whole product, one for this folder's tests; and one image pane in a browser."""

import pytest

from tests.e2e import browsing
from tests.e2e import viewer_kit as kit
from tests.e2e.product import running

# ---- the whole product ------------------------------------------------------------------


@pytest.fixture(scope="package")
def product(tmp_path_factory):
    with running(tmp_path_factory.mktemp("product")) as product:
        yield product


@pytest.fixture(scope="package")
def two_browsers():
    """Started once: a profile of its own keeps each test apart, and costs a tenth of a browser."""
    with browsing.chromiums(2) as browsers:
        yield browsers


@pytest.fixture
def enter(product, two_browsers):
    """Who looks at what; at the end no page may have broken its policy."""
    pages = []

    def enter(username, path):
        page = browsing.sign_in(two_browsers[0], product.url, username)
        pages.append(page)
        page.goto(path)
        return page

    yield enter
    for page in pages:
        assert browsing.violations(page) == []
        page.context.close()


# ---- one pane ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(two_browsers):
    return two_browsers[0]


@pytest.fixture(scope="module")
def server():
    with kit.serving() as server:
        yield server


@pytest.fixture(scope="module")
def one_page(browser, server):
    page = kit.open_page(browser, server)
    yield page
    page.close()


@pytest.fixture
def page(one_page, server):
    """A new pane on the same page: a new page for each test would take most of their time."""
    one_page.evaluate("pane.destroy()")
    one_page.mouse.move(0, 700)
    server.series.clear()
    server.asked.clear()
    server.grant_seconds = 60.0
    one_page.evaluate("document.getElementById('pane').style.height = ''")
    one_page.evaluate("events.length = 0; makePane()")
    yield one_page
    assert one_page.evaluate("violations") == []
