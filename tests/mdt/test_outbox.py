"""What one socket has yet to be sent."""

import pytest

from mdt.live.outbox import Behind, Outbox

pytestmark = pytest.mark.asyncio


async def test_a_slow_socket_gets_the_newest_of_each_key_after_all_that_is_durable():
    outbox = Outbox()
    for text, key in (
        ("v1", "view:a"),
        ("d1", ""),
        ("v2", "view:a"),
        ("p1", "pointer"),
        ("d2", ""),
    ):
        outbox.put(text, key)
    assert [outbox.pop() for _ in range(4)] == ["d1", "d2", "v2", "p1"]
    assert not outbox._something.is_set()


async def test_no_view_is_sent_before_the_layout_it_was_shown_in_nor_one_of_before_after_it():
    outbox = Outbox()
    for text, key in (
        ("old 1", "view:a"),
        ("old 2", "view:a"),
        ("layout 1", "layout"),
        ("new 1", "view:a"),
        ("new 2", "view:a"),
        ("layout 2", "layout"),
        ("newest", "view:a"),
    ):
        outbox.put(text, key)
    sent = [outbox.pop() for _ in range(5)]
    assert sent == ["old 2", "layout 1", "new 2", "layout 2", "newest"]
    assert not outbox._something.is_set()


async def test_a_socket_that_keeps_up_is_written_to_straight():
    sent, outbox = [], Outbox()
    outbox.open(lambda text: not sent.append(text))
    outbox.put("one")
    assert (sent, outbox._something.is_set()) == (["one"], False)


async def test_nothing_overtakes_what_waits():
    sent, outbox = [], Outbox()
    outbox.put("one")
    outbox.open(lambda text: not sent.append(text))
    outbox.put("two")
    assert ([outbox.pop(), outbox.pop()], sent) == (["one", "two"], [])


@pytest.mark.parametrize("key", ["", "layout"])
async def test_a_socket_too_far_behind_is_sent_away(key):
    outbox = Outbox(limit=2)
    for n in range(3):
        outbox.put(f"d{n}", key)
    with pytest.raises(Behind):
        await outbox.wait()
