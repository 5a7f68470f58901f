import pytest

from imaging import ranges


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("bytes=7-", (7, 10)),
        ("bytes=7-99", (7, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        (" bytes=2-4 ", (2, 5)),
    ],
)
def test_a_range_is_a_first_byte_and_one_after_the_last(header, found):
    assert ranges.parse(header, 10) == found


@pytest.mark.parametrize(
    "header", ["", "bytes", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"]
)
def test_what_is_no_single_range_is_none(header):
    assert ranges.parse(header, 10) is None


LONG = "9" * 5000  # more digits than Python turns into a number


@pytest.mark.parametrize("header", [f"bytes={LONG}-", f"bytes=-{LONG}", f"bytes=0-{LONG}"])
def test_a_number_too_long_to_read_is_no_range(header):
    assert ranges.parse(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_outside_is_unsatisfiable(header):
    with pytest.raises(ranges.Unsatisfiable):
        ranges.parse(header, 10)
