"""The words of marks on one pane: whole wherever the mark lies, in one colour, and changed."""

import pytest

from tests.e2e import viewer_kit as kit
from tests.e2e.viewer_kit import ct, words

pytestmark = pytest.mark.e2e

LONG = "Enhancing rim with <5 mm of oedema, abutting the left motor strip; T2<T3 here. " * 2
IN_THE_WAY = """() => {
  const EDGE = 3; // the dark edge of letters
  const pane = document.getElementById("pane").getBoundingClientRect();
  const corners = [...document.querySelectorAll(".pane-corner")];
  const found = [];
  for (const label of document.querySelectorAll(".mark-label")) {
    const { x: left, top, bottom, width } = label.getBoundingClientRect();
    if (width === 0) continue;
    const lines = [...label.children].map((line) =>
      line.getSubStringLength(0, line.textContent.trimEnd().length));
    const box = { left, right: left + Math.max(...lines) + EDGE, top, bottom };
    const isWhole = box.left >= pane.left && box.right <= pane.right
      && box.top >= pane.top && box.bottom <= pane.bottom;
    if (!isWhole) found.push(["cut", label.textContent, left - pane.x, box.right - pane.x]);
    for (const corner of corners) {
      const it = corner.getBoundingClientRect();
      const isOver = box.left + 1 < it.right && box.right - 1 > it.left
        && box.top + 2 < it.bottom && box.bottom - 2 > it.top;
      if (isOver) found.push([corner.className, label.textContent]);
    }
  }
  return found;
}"""


def mark(first, second, mark_id="m1", kind="length", text="", by="p1"):
    points = [{"unit": "mm", "x": x, "y": y, "z": -80} for x, y in (first, second)]
    return {
        "mark_id": mark_id,
        "version": 1,
        "by": by,
        "name": "Dr Roberta Featherstonehaugh",
        "place": {"series": "s", "version": 1, "frame": "key0"},
        "drawing": {"kind": kind, "points": points, "text": text},
        "measured": None,
    }


def show(page, *marks):
    page.evaluate("(marks) => pane.setMarks(marks)", list(marks))


def opened(page, server):
    server.series["s"] = kit.make_series([ct(shape=(384, 512))])
    page.evaluate("pane.identity = { name: 'KHAN, Amina', birth_date: '1957-03-12' }")
    kit.open_series(page)


def settled(page):
    """After the browser has told how large the corners' words are."""
    page.evaluate("pane.pixels()")
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => setTimeout(r, 30)))")


# ---- whole, wherever they lie -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["length", "arrow"])
@pytest.mark.parametrize("text", ["rim", LONG])
def test_at_every_edge_turned_and_zoomed_words_are_whole_and_on_no_caption(
    page, server, kind, text
):
    opened(page, server)
    left, top, right, bottom = -127, -127, 126, 62
    ends = [
        ((right - 20, -30), (right, -40)),
        ((left, -30), (left + 20, -40)),
        ((0, bottom - 9), (3, bottom)),
        ((0, top), (3, top + 9)),
        ((right - 9, bottom - 9), (right, bottom)),
        ((left, top), (left + 9, top + 9)),
        ((left, bottom), (left + 30, bottom)),
        ((right - 30, top), (right, top)),
    ]
    show(page, *(mark(*two, mark_id=f"m{n}", kind=kind, text=text) for n, two in enumerate(ends)))
    acts = ["zoom-fit", "rotate-right", "flip-horizontal", "zoom-in", "rotate-right", "zoom-out"]
    for act in acts:
        page.evaluate(f"pane.act('{act}')")
        settled(page)
        assert page.evaluate(IN_THE_WAY) == [], act
    assert page.locator(".mark-label:visible").count() >= 6


def test_a_line_across_the_whole_pane_has_its_words_in_it(page, server):
    opened(page, server)
    show(page, mark((-127, -30), (126, -32)))
    for _ in range(4):
        page.evaluate("pane.act('zoom-in')")
        settled(page)
        assert page.evaluate(IN_THE_WAY) == []
    assert "mm" in words(page)


def test_words_are_measured_as_they_are_drawn(page, server):
    """The font for measuring is that of the style sheet: else labels would be cut again."""
    opened(page, server)
    show(page, mark((0, -30), (20, -30), kind="arrow", text="wwww iiii MMMM"))
    settled(page)
    drawn, measured = page.evaluate("""() => {
      const label = document.querySelector(".mark-label");
      const ruler = document.createElement("canvas").getContext("2d");
      ruler.font = "600 14px system-ui, sans-serif";
      const line = label.querySelector("tspan");
      return [line.getComputedTextLength(), ruler.measureText(line.textContent).width];
    }""")
    assert drawn == pytest.approx(measured, abs=2)


def test_what_is_cut_is_whole_in_the_title_and_for_who_listens_and_once_it_is_chosen(page, server):
    opened(page, server)
    show(page, mark((0, -30), (20, -30), kind="arrow", text=LONG.strip()))
    settled(page)
    arrow = page.locator("[data-mark=m1]")
    text_of = "(label) => label.textContent"
    cut = arrow.locator(".mark-label").evaluate(text_of)
    assert LONG.strip() not in cut
    assert cut.endswith("…○ Dr Roberta Featherstonehaugh")
    assert LONG.strip() in arrow.locator("title").evaluate(text_of)
    assert LONG.strip() in arrow.get_attribute("aria-label")
    arrow.focus()
    assert arrow.locator(".mark-label").evaluate(text_of).startswith(LONG.strip())
    assert page.evaluate(IN_THE_WAY) == []


# ---- one author, one colour ----------------------------------------------------------------


def test_a_mark_a_pointer_and_a_half_drawn_mark_wear_their_authors_colour(page, server):
    opened(page, server)
    show(page, mark((0, -30), (20, -30), by="p9"))
    preview = {"by": "p9", "name": "Dr R", "place": mark((0, 0), (0, 0))["place"]}
    drawing = mark((0, -60), (20, -60))["drawing"]
    page.evaluate("(preview) => pane.showPreview(preview)", preview | {"drawing": drawing})
    page.evaluate("pane.setAuthors({ other: 0, p9: 9, me: 2 }, { you: 'me' })")
    point = {"unit": "mm", "x": 0, "y": -80, "z": -80}
    for author in (-1, 9):
        pointer = {"by": "p9", "name": "Dr R", "author": author, "point": point}
        page.evaluate("(pointer) => pane.pointAt(pointer)", pointer)
    page.evaluate("pane.setTool('length')")
    kit.drag(page, (100, 150), (200, 150))
    assert page.evaluate("""() => [...document.querySelectorAll(".mark, .pane-pointer")].map(
      (one) => [one.className.baseVal ?? one.className, one.style.getPropertyValue("--author")])
    """) == [
        ["mark is-kept", "#e69f00"],
        ["mark is-preview", "#e69f00"],
        ["mark is-drawn", "#2fc79a"],
        ["pane-pointer", "#e69f00"],
    ]
    assert words(page).count("▲") == 3


# ---- changing an arrow's words -------------------------------------------------------------


@pytest.fixture
def arrow(page, server):
    """One's own arrow, kept."""
    opened(page, server)
    page.evaluate("() => { pane.mayChange = (mark) => mark.by === 'p1'; }")
    mine = mark((0, -30), (20, -40), kind="arrow", text="rim")
    show(page, mine)
    settled(page)
    return mine


def test_by_keys_an_arrow_is_chosen_its_words_opened_changed_and_saved(page, arrow):
    page.locator("[data-mark=m1]").focus()
    page.keyboard.press("Enter")
    box = page.locator(".mark-text")
    assert box.input_value() == "rim"
    page.keyboard.press("End")
    page.keyboard.type(" <5 mm")
    page.keyboard.press("Enter")
    [changed] = kit.events(page, "changed")
    assert (changed["mark_id"], changed["version"]) == ("m1", 1)
    assert changed["drawing"] == arrow["drawing"] | {"text": "rim <5 mm"}
    assert box.count() == 0
    assert "rim <5 mm" in words(page)
    assert page.evaluate("document.activeElement.dataset.mark") == "m1"


def test_by_pointer_a_double_click_on_the_words_opens_them(page, arrow):
    page.locator("[data-mark=m1] .mark-label").dblclick()
    page.keyboard.type("edge")
    page.locator("#text").focus()  # leaving the box for something else saves
    [changed] = kit.events(page, "changed")
    assert changed["drawing"]["text"] == "edge"


def test_escape_leaves_the_words_as_they_were_and_so_does_saving_them_unchanged(page, arrow):
    page.locator("[data-mark=m1]").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("something else")
    page.keyboard.press("Escape")
    assert page.locator(".mark-text").count() == 0
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert kit.events(page, "changed") == []
    assert "rim" in words(page)


def test_words_refused_go_back_to_what_is_on_record(page, arrow):
    page.locator("[data-mark=m1]").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("edge")
    page.keyboard.press("Enter")
    page.evaluate("pane.dropDrawn()")
    assert "edge" not in words(page)
    assert "rim" in words(page)


def test_another_ones_arrow_and_a_length_have_no_words_to_change(page, arrow):
    other = arrow | {"mark_id": "m2", "by": "p2"}
    show(page, other)
    page.locator("[data-mark=m2]").focus()
    page.keyboard.press("Enter")
    page.locator("[data-mark=m2] .mark-hit").dblclick(force=True)
    assert page.locator(".mark-text").count() == 0


def test_an_arrow_moved_meanwhile_keeps_its_new_place_with_the_new_words(page, arrow):
    page.locator("[data-mark=m1]").focus()
    page.keyboard.press("Enter")
    moved = mark((5, -30), (25, -40), kind="arrow", text="rim") | {"version": 2}
    show(page, moved)
    page.keyboard.type("edge")
    page.keyboard.press("Enter")
    [changed] = kit.events(page, "changed")
    assert changed["version"] == 2
    assert changed["drawing"] == moved["drawing"] | {"text": "edge"}


def test_words_changed_elsewhere_meanwhile_are_not_overwritten(page, arrow):
    page.locator("[data-mark=m1]").focus()
    page.keyboard.press("Enter")
    show(page, mark((0, -30), (20, -40), kind="arrow", text="border") | {"version": 2})
    page.keyboard.type("edge")
    page.keyboard.press("Enter")
    assert kit.events(page, "changed")[0]["version"] == 1  # which the room refuses


def test_two_changes_on_their_way_are_counted_on(page, arrow):
    for text in ("edge", "border"):
        page.locator("[data-mark=m1]").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    assert [changed["version"] for changed in kit.events(page, "changed")] == [1, 2]
    assert "border" in words(page)


def test_an_arrow_taken_off_while_its_words_are_typed_takes_them_with_it(page, arrow):
    page.locator("[data-mark=m1]").focus()
    page.keyboard.press("Enter")
    show(page)
    assert page.locator(".mark-text").count() == 0
    assert kit.events(page, "changed") == []


def test_at_the_panes_edge_the_box_for_words_is_whole(page, server):
    opened(page, server)
    page.evaluate("pane.setTool('arrow')")
    kit.drag(page, (450, 200), (505, 378))
    pane, box = (page.locator(one).bounding_box() for one in ("#pane", ".mark-text"))
    assert box["x"] + box["width"] <= pane["x"] + pane["width"]
    assert box["y"] + box["height"] <= pane["y"] + pane["height"]
