"""The room behind a real Daphne, with Valkey and a SQLite file: what only they can break."""

import asyncio
import json
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from mdt import protocol
from tests.mdt.browsers import STACK
from tests.mdt.room_server import Server, hear, hello, say

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server(tmp_path_factory, valkey_url):
    server = Server(tmp_path_factory.mktemp("room"), valkey_url)
    yield server
    server.kill()


async def test_what_was_acknowledged_survives_a_kill_and_nothing_happens_twice(server):
    case = server.world["cases"][0]
    ids = [str(uuid4()) for _ in range(20)]
    acknowledged = {}

    async def send(socket, some):
        for id in some:
            await say(socket, "case.open", id=id, case_id=case)

    async def note(socket, count):
        for _ in range(count):
            answer = await hear(socket, "ack")
            assert acknowledged.setdefault(answer["id"], answer["seq"]) == answer["seq"]

    async with server.connect() as socket:
        first = (await hello(socket))["position"]["seq"]
        await send(socket, ids[:10])
        await note(socket, 10)
        await send(socket, ids[10:15])
        await note(socket, 1)
        server.kill()
        with pytest.raises(ConnectionClosed):
            await note(socket, 9)
    before = dict(acknowledged)
    server.start()
    async with server.connect() as socket:
        welcome = await hello(socket, since=first)
        unanswered = [id for id in ids if id not in acknowledged]
        await send(socket, unanswered)
        await note(socket, len(unanswered))
    assert set(acknowledged) == set(ids)
    known = {event["seq"] for event in welcome["events"]}
    assert set(before.values()) <= known

    events = server.events()
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    by_id = [id for _, id in events if id in ids]
    assert sorted(by_id) == sorted(ids)
    assert {id: seq for seq, id in events if id in ids} == acknowledged


async def test_a_message_over_64_kib_is_refused_in_words_and_the_socket_lives(server):
    async with server.connect() as socket:
        await hello(socket)
        await socket.send("x" * (protocol.MAX_BYTES + 1))
        assert (await hear(socket, "nak"))["code"] == "protocol.too_long"
        await hello(socket)


async def test_a_welcome_over_64_kib_gets_through_the_server(server):
    """Daphne's limit on what comes in holds for what goes out too."""
    async with server.connect() as socket:
        welcome = await hello(socket)
    assert welcome["is_whole"]
    assert len(json.dumps(welcome)) > 2 * protocol.MAX_BYTES


async def test_pictures_reach_a_follower_through_the_server(server):
    async with server.connect() as one, server.connect() as two:
        position = (await hello(one, tab="one"))["position"]
        await hello(two, tab="two")
        fence = {"case": position["case"], "term": position["term"]}
        for n in range(30):
            point = {"unit": "px", "x": n, "y": 0}
            await say(one, "pointer.move", fence={**fence, "n": n}, pane="a", point=point)
        seen = [0]
        async with asyncio.timeout(5):
            while seen[-1] != 29:
                seen.append((await hear(two, "pointer.moved"))["point"]["x"])
    assert seen == sorted(seen)  # some may be skipped, none comes late


async def test_who_was_silent_for_the_lease_is_followed_by_nobody_until_they_take_it_again(server):
    async with server.connect() as one, server.connect() as two:
        case = (await hello(one, tab="one"))["position"]["case"]
        await hello(two, tab="two")
        await say(one, "presenter.take", id=str(uuid4()))
        term = (await hear(two, "presenter.changed"))["term"]
        await show(one, case, term, n=1)
        assert (await hear(two, "view.shown"))["fence"]["n"] == 1
        for is_presented in (True, False):
            async with asyncio.timeout(20):
                while bool((await roster(one))["presenter_since"]) is not is_presented:
                    pass
        await say(one, "room.heartbeat", seq=0, following=True)
        await show(one, case, term, n=2)
        await say(one, "presenter.take", id=str(uuid4()))
        assert (await hear(two, "view.shown", "presenter.changed"))["term"] == term + 1
        await show(one, case, term + 1, n=3)
        assert (await hear(two, "view.shown"))["fence"] == {"case": case, "term": term + 1, "n": 3}


async def roster(socket):
    return await hear(socket, "room.roster")


async def show(socket, case, term, n):
    fence = {"case": case, "term": term, "n": n}
    await say(socket, "view.show", fence=fence, pane="a", view=STACK)


@pytest.mark.parametrize(
    ("wrong", "code"), [({"meeting": "nothing"}, 4404), ({"session": "nobody"}, 4401)]
)
async def test_who_may_not_enter_is_told_by_the_code_of_the_closed_socket(wrong, code, server):
    async with server.connect(**wrong) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd.code == code
