"""The Range header of HTTP, for one range of bytes (RFC 9110 14)."""

import re

RANGE = re.compile(r"bytes=(\d{0,99})-(\d{0,99})")
"""Python turns no text of more than 4300 digits into a number."""


class Unsatisfiable(Exception):
    """The range lies outside: 416."""


def parse(header: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last, of `size`; None for what is no single range.

    Raises Unsatisfiable.
    """
    match = RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if last and first and int(last) < int(first):
        return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return start, end
