"""What bad DICOMweb archives say, by name: one trick each, for one kind of request."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from time import sleep

from tests.dicoms import make_instance, uid
from tests.imaging.hostile.web import (
    JSON,
    PARTS,
    Ask,
    Trick,
    files_of,
    head,
    listing,
    pictures,
    row_of,
    rows_of,
    slowly,
    well,
    whole,
)
from tests.peers import multipart

LONG_S = 30
ZEROS = bytes(1 << 20)

# How it comes


def drips_but_comes(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask))
    yield head(Content_Length=str(len(body)))
    yield from slowly(body, size=800, pause_s=0.03)


def crawls(_: Ask) -> Iterator[bytes]:
    yield head()
    yield from slowly(bytes(10_000), size=1, pause_s=0.05)


def crawls_in_its_head(_: Ask) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    yield from slowly(b"x" * 10_000, size=1, pause_s=0.05)


def answers_later_for_ever(_: Ask) -> Iterator[bytes]:
    """Interim answers (RFC 9110 15.2) and no other."""
    while True:
        yield b"HTTP/1.1 102 Processing\r\n\r\n"
        sleep(0.02)


def head_without_end(_: Ask) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: and more\r\n" * 1000


def says_nothing(_: Ask) -> Iterator[bytes]:
    sleep(LONG_S)
    yield b""


def falls_silent(ask: Ask) -> Iterator[bytes]:
    yield head() + multipart(files_of(ask)[:2], is_closed=False) + b"\r\n--xyz"
    sleep(LONG_S)


def cut_though_its_length_is_known(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask))
    yield head(Content_Length=str(len(body))) + body[: len(body) * 9 // 10]


def cut_without_a_length(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask))
    yield head() + body[: len(body) * 9 // 10]


def cut_in_chunks(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask))[:2500]
    yield head(Transfer_Encoding="chunked") + b"%x\r\n%s\r\n" % (len(body), body)


def ends_in_time_without_its_boundary(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask), is_closed=False)
    yield head(Transfer_Encoding="chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def length_too_long(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask))
    yield head(Content_Length=str(len(body) + 50)) + body


def length_too_short(ask: Ask) -> Iterator[bytes]:
    body = multipart(files_of(ask))
    yield head(Content_Length=str(len(body) - 900)) + body


def length_that_is_none(ask: Ask) -> Iterator[bytes]:
    yield head(Content_Length="-7") + multipart(files_of(ask))


def parts_without_end(ask: Ask) -> Iterator[bytes]:
    yield head()
    while True:
        yield multipart(files_of(ask), is_closed=False)


def files_at_leisure_for_ever(ask: Ask) -> Iterator[bytes]:
    """Other ones each time, as fast as any archive, and never the last."""
    yield head()
    for number in count():
        data = make_instance(f"more {number}", nhs_number="9990000018")
        yield multipart([data], is_closed=False)
        sleep(0.03)


def part_without_end(_: Ask) -> Iterator[bytes]:
    yield head() + b"--xyz\r\n\r\n"
    while True:
        yield ZEROS


def gzip_bomb(_: Ask) -> Iterable[bytes]:
    return [whole(gzip.compress(b"\r\n--xyz\r\n\r\n" + ZEROS * 8), PARTS, Content_Encoding="gzip")]


def deflate_bomb(_: Ask) -> Iterable[bytes]:
    return [whole(zlib.compress(b"[" + b" " * len(ZEROS) * 8), JSON, Content_Encoding="deflate")]


# What it says instead


def says(body: bytes, kind: str = JSON, status: int = 200, **headers: str) -> Trick:
    return lambda _: [whole(body, kind, status, **headers)]


def first_well_then(trick: Trick) -> Trick:
    """The first request is answered as it should be."""
    numbers = count()
    return lambda ask: trick(ask) if next(numbers) else well(ask)


def points_to(url: str, status: int = 302) -> Trick:
    """To another address by every means there is."""
    return says(b"", status=status, Location=url, Refresh=f"0; url={url}", Link=f"<{url}>")


def points_to_itself(ask: Ask) -> Iterable[bytes]:
    return points_to(f"{ask.archive.url}/{ask.path}", 307)(ask)


def boundary_in_its_data(ask: Ask) -> Iterable[bytes]:
    """And it says how long each part is."""
    parts = [
        b"\r\n--xyz\r\nContent-Length: %d\r\n\r\n%s" % (len(file), file) for file in files_of(ask)
    ]
    return [whole(b"".join(parts) + b"\r\n--xyz--", PARTS)]


# Which files


def sends(change: Callable[[bytes], bytes], *, beside: bool = False) -> Trick:
    """The second file of three changed, or its changed copy beside it."""

    def trick(ask: Ask) -> Iterable[bytes]:
        files = files_of(ask)
        if len(files) > 1:
            files[1:2] = [files[1], change(files[1])] if beside else [change(files[1])]
        return [pictures(files)]

    return trick


def sends_all_it_has(ask: Ask) -> Iterable[bytes]:
    return [pictures(ask.archive.files)]


def sends_but_two(ask: Ask) -> Iterable[bytes]:
    return [pictures(files_of(ask)[:2])]


# What it lists


def lists(rows: list[object]) -> Trick:
    """Whatever was asked, on the first page."""

    def trick(ask: Ask) -> Iterable[bytes]:
        return [whole(json.dumps(rows if ask.query.get("offset") == "0" else []).encode())]

    return trick


def every_page_is_the_first(ask: Ask) -> Iterable[bytes]:
    return [whole(json.dumps(rows_of(ask)).encode())]


def never_more_than(most: int) -> Trick:
    """Whatever is asked, the first so many: neither limit nor offset is known."""
    return lambda ask: [whole(json.dumps(rows_of(ask)[:most]).encode())]


def pages_that_overlap(ask: Ask) -> Iterable[bytes]:
    start = max(0, int(ask.query["offset"]) - 1)
    return [whole(json.dumps(rows_of(ask)[start : start + 2]).encode())]


def always_more(ask: Ask) -> Iterable[bytes]:
    """Every page is of others."""
    header, _ = ask.archive.held()[0]
    number = int(ask.query["offset"])
    key = "StudyInstanceUID" if ask.kind == "studies" else "SOPInstanceUID"
    rows = [row_of(header, ask.kind, **{key: f"1.2.{number + n}"}) for n in range(20)]
    return [whole(json.dumps(rows).encode())]


def one_more_each_page(ask: Ask) -> Iterable[bytes]:
    """Every page brings one more, as late as it may."""
    header, _ = ask.archive.held()[0]
    sleep(0.15)
    more = row_of(header, "instances", SOPInstanceUID=f"1.2.{ask.query['offset']}")
    return [whole(json.dumps([more]).encode())]


def a_page_that_drips(_: Ask) -> Iterator[bytes]:
    yield head(JSON) + b"["
    yield from slowly(b" " * 10_000, size=20, pause_s=0.03)


def grows_for_ever() -> Trick:
    """One more instance each time it is asked."""
    numbers = count(4)

    def trick(ask: Ask) -> Iterable[bytes]:
        if ask.query["offset"] != "0":
            return [listing([], ask)]
        header, _ = ask.archive.held()[0]
        more = row_of(header, "instances", SOPInstanceUID=uid("more", next(numbers)))
        return [listing([*rows_of(ask), more], ask)]

    return trick


def vanishes_after(times: int) -> Trick:
    numbers = count()
    return lambda ask: [listing(rows_of(ask) if next(numbers) < times else [], ask)]


def everybody(ask: Ask) -> Iterable[bytes]:
    """No filter is known."""
    return [listing([row_of(header, ask.kind) for header, _ in ask.archive.held()], ask)]


def json_without_end(_: Ask) -> Iterator[bytes]:
    yield head(JSON) + b"["
    while True:
        yield b'{"0020000D":{"vr":"UI","Value":["1.2"]}},' * 1000
