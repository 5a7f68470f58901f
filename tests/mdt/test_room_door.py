"""What the room does not take, and whom it does not let in."""

import json
from functools import partial
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError

from mdt import protocol
from mdt.live import hub
from mdt.live.bucket import Bucket
from mdt.live.outbox import Outbox
from mdt.meetings.models import Attendance, Meeting
from tests.mdt.browsers import POINT, Browser, fence, in_room

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("a_process_of_its_own"),
    pytest.mark.asyncio,
]


# ---- what is refused ---------------------------------------------------------------------

NONSENSE = {
    "no json": ("?", None),
    "no type": ("{}", None),
    "a list": ("[1]", None),
    "an unknown type": ('{"type": "room.explode"}', None),
    "an event's type": ('{"type": "case.opened", "seq": 1, "case_id": "c", "by": "b"}', None),
    "a bad id": ('{"type": "presenter.take", "id": "1"}', None),
    "an extra field": ('{"type": "room.hello", "version": 1, "tab": "t", "x": 1}', None),
    "another version": ('{"type": "room.hello", "version": 2, "tab": "t"}', None),
    "a tab with a NUL": ('{"type": "room.hello", "version": 1, "tab": "\\u0000"}', None),
    "deep nesting": ("[" * 20_000, None),
    "a lone surrogate": ('{"type": "\\ud800"}', None),
    "not a number": (
        '{"type": "pointer.move", "fence": {"case": 0, "term": 0, "n": 0}, "pane": "a", '
        '"point": {"unit": "px", "x": NaN, "y": 0}}',
        None,
    ),
    "no end": (
        '{"type": "pointer.move", "fence": {"case": 0, "term": 0, "n": 0}, "pane": "a", '
        '"point": {"unit": "px", "x": 1e999, "y": 0}}',
        None,
    ),
    "a command whose id can be read": (
        '{"type": "case.open", "id": "6f0f2ad5-6f7d-4a4e-9c55-0d2a5a3bb0d5"}',
        "6f0f2ad5-6f7d-4a4e-9c55-0d2a5a3bb0d5",
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_refused_and_the_socket_lives(name, live_meeting, chair):
    text, id = NONSENSE[name]
    async with in_room(live_meeting, chair) as browser:
        await browser.send_to(text_data=text)
        nak = await browser.hear("nak")
        assert (nak["code"], nak["id"]) == ("protocol.bad_message", id)
        assert (await browser.ask("presenter.take"))["type"] == "ack"


async def test_bytes_are_nonsense(live_meeting, chair):
    async with in_room(live_meeting, chair) as browser:
        await browser.send_to(bytes_data=b"\x00\xff")
        assert (await browser.hear("nak"))["code"] == "protocol.bad_message"


@pytest.mark.parametrize("letter", ["x", "\u00e9"])
async def test_more_than_64_kib_is_refused_and_the_socket_lives(letter, live_meeting, chair):
    text = json.dumps({"type": letter * protocol.MAX_BYTES}, ensure_ascii=False)
    async with in_room(live_meeting, chair) as browser:
        await browser.send_to(text_data=text)
        assert (await browser.hear("nak"))["code"] == "protocol.too_long"
        assert (await browser.ask("presenter.take"))["type"] == "ack"


@pytest.mark.parametrize(
    ("head", "is_found"),
    [
        ('{"type": "outcome.draft", "id": "%s", "fields": "', True),
        ('{"type":"outcome.draft","id":"%s","fields":"', True),
        ('{"fields": {"type": "outcome.draft", "id": "%s"}, "text": "', False),
        ('{"type": "outcome.draft", "text": "\\"id\\": \\"%s\\" ', False),
        ('{"type": "outcome.draft", "id": "%s0", "text": "', False),
    ],
)
async def test_a_command_over_64_kib_is_refused_by_its_id_where_that_can_be_read(
    head, is_found, live_meeting, chair
):
    id = str(uuid4())
    text = head % id + "x" * protocol.MAX_BYTES + '"}'
    async with in_room(live_meeting, chair) as browser:
        await browser.send_to(text_data=text)
        nak = await browser.hear("nak", code="protocol.too_long")
        assert (nak["id"], nak["retry"]) == (id if is_found else None, False)


async def test_hello_comes_first(live_meeting, chair):
    browser = Browser(live_meeting, chair)
    await browser.connect(timeout=10)
    answer = await browser.ask("presenter.take")
    assert (answer["code"], answer["retry"]) == ("protocol.hello_first", True)
    await browser.disconnect()
    meeting = await database_sync_to_async(Meeting.objects.get)()
    assert meeting.term == 0


@pytest.fixture
def small_buckets(monkeypatch):
    """A hundredth of what is allowed, and no refilling: time plays no part."""
    make = lambda *, rate, burst: Bucket(rate=0, burst=burst / 100)  # noqa: E731
    monkeypatch.setattr("mdt.live.consumer.Bucket", make)


@pytest.mark.usefixtures("small_buckets")
async def test_too_many_pictures_are_dropped_and_their_sender_is_told_once(live_meeting, chair):
    async with in_room(live_meeting, chair) as chairs:
        for n in range(6):
            await chairs.say("pointer.move", fence=fence(0, 0, n=n), pane="a", point=POINT)
        assert (await chairs.hear("nak"))["code"] == "protocol.too_fast"
        assert await chairs.hears_none("nak", "pointer.moved")
        assert (await chairs.ask("presenter.take"))["type"] == "ack"


@pytest.mark.usefixtures("small_buckets")
async def test_a_heartbeat_is_heard_however_many_pictures_were_said_before_it(live_meeting, chair):
    async with in_room(live_meeting, chair) as chairs:
        await chairs.ask("presenter.take")
        room = hub._hub.rooms[live_meeting.public_id]
        before = room.lease.seen_at
        for n in range(6):
            await chairs.say("pointer.move", fence=fence(0, 1, n=n), pane="a", point=POINT)
        await chairs.beat()
        assert (await chairs.hear("nak"))["code"] == "protocol.too_fast"
        assert (await chairs.ask("presenter.take"))["type"] == "ack"  # in its turn, after the beat
        assert room.lease.seen_at > before


@pytest.mark.usefixtures("small_buckets")
async def test_a_flood_ends_the_socket(live_meeting, chair):
    async with in_room(live_meeting, chair) as chairs:
        for _ in range(30):
            await chairs.send_to(text_data="?")
        assert await chairs.closing() == 4408


async def test_a_socket_too_far_behind_is_told_to_come_back(live_meeting, chair, monkeypatch):
    monkeypatch.setattr("mdt.live.consumer.Outbox", partial(Outbox, limit=0))
    async with in_room(live_meeting, chair) as browser:
        await browser.say("presenter.take", id=str(uuid4()))
        assert await browser.closing() == 4408


# ---- who may be here -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "code"), [("stranger", 4404), ("nobody", 4401), ("planned observer", 4404)]
)
async def test_who_may_not_enter_is_told_by_the_code(who, code, live_meeting, stranger, observer):
    if who == "planned observer":
        await database_sync_to_async(Meeting.objects.update)(state=Meeting.State.PLANNED)
    person = {"stranger": stranger, "nobody": AnonymousUser(), "planned observer": observer}[who]
    browser = Browser(live_meeting, person)
    assert (await browser.connect(timeout=10))[0]
    assert await browser.receive_output() == {"type": "websocket.close", "code": code}


@pytest.mark.parametrize("path", ["/ws/k3Xw8qPzL2mN7vRt/", "/ws/%00/", "/ws/", "/elsewhere"])
async def test_a_room_that_is_absent_is_as_one_not_ones_own(path, live_meeting, chair):
    browser = Browser(live_meeting, chair)
    browser.scope["path"] = path
    assert (await browser.connect(timeout=10))[0]
    assert await browser.receive_output() == {"type": "websocket.close", "code": 4404}


async def test_a_stranger_is_not_heard_even_before_the_socket_closes(live_meeting, chair, stranger):
    async with in_room(live_meeting, chair) as chairs:
        browser = Browser(live_meeting, stranger)
        await browser.connect(timeout=10)
        await browser.say("room.hello", version=1, tab="t", since=0)
        await browser.say("pointer.move", fence=fence(0, 0), pane="a", point=POINT)
        assert await chairs.hears_none("pointer.moved")
    attended = await database_sync_to_async(Attendance.objects.filter(person=stranger).exists)()
    assert not attended


async def test_who_may_not_stay_is_put_out_though_attendance_cannot_be_written(
    live_meeting, observer, monkeypatch
):
    def locked(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr("mdt.live.upkeep.keep_attendance", locked)
    async with in_room(live_meeting, observer) as watcher:
        await database_sync_to_async(observer.memberships.all().delete)()
        hub._rounds.stop()  # turned by hand
        hub._rounds.tick(30)
        await hub._rounds.serve()
        assert await watcher.closing() == 4404


async def test_a_database_that_is_away_at_the_door_is_no_refusal(live_meeting, chair, monkeypatch):
    def away(*args):
        raise OperationalError("gone")

    monkeypatch.setattr("mdt.live.consumer.meeting_or_404", away)
    browser = Browser(live_meeting, chair)
    await browser.connect(timeout=10)
    assert await browser.closing() == 4408
