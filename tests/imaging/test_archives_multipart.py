"""Whole parts come out, and a stream without its last boundary is never taken for the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.archives.multipart import BadMultipart, CutShort, boundary_of, iter_parts
from tests.peers import multipart

BIG = 10**6


def read(body, *, size=None, at_most=BIG, boundary=b"xyz"):
    chunks = [body[i : i + size] for i in range(0, len(body), size)] if size else [body]
    return list(iter_parts(chunks, boundary, at_most=at_most))


def read_until_cut(body):
    parts = []
    with pytest.raises(CutShort):
        parts.extend(iter_parts_into(parts, body))
    return parts


def iter_parts_into(parts, body):
    for part in iter_parts([body], b"xyz", at_most=BIG):
        parts.append(part)
    return []


@given(parts=st.lists(st.binary(max_size=200), max_size=5), size=st.integers(1, 50))
def test_whatever_is_sent_in_whatever_pieces_comes_out_again(parts, size):
    parts = [part for part in parts if b"--xyz" not in part]
    assert read(multipart(parts), size=size) == parts


@given(part=st.binary(max_size=300), at=st.integers(0, 10**6))
def test_wherever_it_is_cut_the_whole_parts_come_and_then_a_failure(part, at):
    body = multipart([b"first", part.replace(b"--xyz", b"")])
    end = len(body) - len(b"--\r\n")
    assert read_until_cut(body[: at % end]) in (
        [],
        [b"first"],
        [b"first", part.replace(b"--xyz", b"")],
    )


def test_a_boundary_within_the_data_ends_nothing_where_the_length_is_stated():
    data = b"before\r\n--xyz\r\nafter"
    head = b"Content-Type: application/dicom\r\nContent-Length: %d\r\n\r\n" % len(data)
    body = b"--xyz\r\n" + head + data + b"\r\n--xyz--"
    assert read(body) == [data]


@pytest.mark.parametrize("wrong", [b"0", b"3", b"7", b"8", b"99", b"900000", b"-6", b"six", b""])
@pytest.mark.parametrize("size", [None, 3])
def test_a_length_that_is_wrong_is_not_believed(wrong, size):
    head = b"--xyz\r\nContent-Length: " + wrong + b"\r\n\r\n"
    body = head + b"six by\r\n" + head + b"other!\r\n--xyz--"
    assert read(body, size=size) == [b"six by", b"other!"]


def test_a_part_cut_within_its_stated_length_is_no_part_though_it_holds_a_boundary():
    head = b"--xyz\r\nContent-Length: %d\r\n\r\n"
    body = head % 3 + b"one\r\n" + head % 90 + b"before\r\n--xyz\r\nafter"
    assert read_until_cut(body) == [b"one"]


def test_what_follows_the_last_boundary_is_not_looked_at():
    assert read(multipart([b"one"]) + b"\r\n--xyz\r\n\r\ntwo\r\n--xyz--") == [b"one"]


def test_parts_may_have_no_headers_and_boundaries_may_be_padded():
    assert read(b"preamble\r\n--xyz  \r\n\r\none\r\n--xyz \t\r\n\r\ntwo\r\n--xyz--") == [
        b"one",
        b"two",
    ]


def test_a_message_without_parts_is_none_of_them():
    assert read(b"--xyz--") == []


def test_a_part_that_is_too_large_is_refused():
    with pytest.raises(BadMultipart):
        read(multipart([b"x" * 1000]), size=10, at_most=100)


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize(
    "data", [b"one\r\n--xyzzy", b"one\r\n--xyz in the data\r\n", b"\r\n--xyz" + b" " * 99 + b"x"]
)
def test_a_boundary_that_goes_on_is_no_boundary(data, size):
    """Some archives always use the same one, and it occurs in what they send."""
    assert read(multipart([data, b"two"]), size=size) == [data, b"two"]


def test_headers_without_end_are_refused():
    with pytest.raises(BadMultipart):
        read(b"--xyz\r\n" + b"X: y\r\n" * 10_000)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/related; boundary=abc", b"abc"),
        ('multipart/related; type="application/dicom"; boundary="a b;c"', b"a b;c"),
        ("Multipart/Related;BOUNDARY=abc; type=application/dicom", b"abc"),
    ],
)
def test_a_boundary_is_read_quoted_or_not(content_type, boundary):
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("content_type", ["", "text/html", "multipart/related"])
def test_what_has_no_boundary_is_refused(content_type):
    with pytest.raises(BadMultipart):
        boundary_of(content_type)


def test_one_large_part_in_small_pieces_is_read_in_linear_time():
    body = multipart([b"\r\n--x" * (2**20)])
    assert len(read(body, size=8192, at_most=2**24)[0]) == 5 * 2**20
