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


async def test_a_socket_too_far_behind_is_sent_away():
    outbox = Outbox(limit=2)
    for n in range(3):
        outbox.put(f"d{n}")
    with pytest.raises(Behind):
        await outbox.wait()
