"""The narrative of a FHIR resource as plain text: XHTML whose letters say all it means, or none."""

import re
from html.parser import HTMLParser

PARTED = frozenset(
    {"div", "p", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot"}
    | {"tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "br", "hr", "blockquote"}
)
CELLS = frozenset({"td", "th"})
KNOWN = PARTED | CELLS | {"b", "strong", "i", "em", "span", "a", "tt", "code", "small", "big"}
#: Which may hide a word or strike it out; of classes FHIR's own alone does.
MEANING = frozenset({"style", "hidden"})
STRUCK = "strikethrough"
CELL, LINE = "\0", "\n"


def plain(div: str) -> str | None:
    """Its lines; None where it means more than its letters: a picture, a power, struck words."""
    reader = _Reader()
    reader.feed(div)
    reader.close()
    return None if reader.means_more else reader.text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.means_more = False
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        is_changed = bool(MEANING & {*said}) or STRUCK in (said.get("class") or "")
        self.means_more = self.means_more or is_changed or tag not in KNOWN
        if tag in PARTED:
            self._parts.append(LINE)

    def handle_endtag(self, tag: str) -> None:
        if tag in PARTED | CELLS:
            self._parts.append(CELL if tag in CELLS else LINE)

    def handle_data(self, data: str) -> None:
        self._parts.append(re.sub(r"\s+", " ", data))

    @property
    def text(self) -> str:
        lines = ("".join(self._parts)).split(LINE)
        cells = ([" ".join(one.split()) for one in line.split(CELL)] for line in lines)
        rows = (" | ".join(filter(None, row)) for row in cells)
        return LINE.join(filter(None, rows))
