"""Presence, leases and access in a room of browsers, with the rounds turned by hand."""

from datetime import timedelta
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.utils import timezone

from mdt import asgi
from mdt.live import hub
from mdt.live.consumer import RoomConsumer
from mdt.live.presence import Lease
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room import close_meeting, open_meeting
from mdt.members import Person, Role
from tests.factories import MeetingFactory, MembershipFactory
from tests.mdt.browsers import STACK, Browser, fence, in_room

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("a_process_of_its_own"),
    pytest.mark.asyncio,
]


def in_thread(function, *args, **options):
    return database_sync_to_async(function)(*args, **options)


def member(team, role):
    return in_thread(lambda: MembershipFactory(team=team, role=role).person)


async def turn(tick=5):
    """One round, as if so many seconds had gone."""
    hub._rounds.tick(tick)
    await hub._rounds.catch_up()
    await hub._rounds.serve()


def room_of(meeting):
    return hub._hub.rooms[meeting.public_id]


def fall_silent(meeting, seconds):
    """Nobody's tab in this process has been heard of for so long."""
    for seat in room_of(meeting).seats:
        seat.tab.seen_at = timezone.now() - timedelta(seconds=seconds)


async def roster_with(browser, is_wanted):
    while not is_wanted(roster := await browser.hear("room.roster")):
        pass
    return roster


# ---- the roster --------------------------------------------------------------------------------


async def test_everybody_sees_who_is_here_and_how_they_fare(live_meeting, chair, observer):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        await watcher.beat(following=False, preview=25)
        roster = await roster_with(chairs, lambda r: any(not p["following"] for p in r["present"]))
        theirs = next(p for p in roster["present"] if p["person"] == observer.public_id)
        assert (theirs["name"], theirs["preview"]) == (observer.shown_name, 25)


async def test_who_comes_is_shown_the_roster_at_once(live_meeting, chair):
    async with in_room(live_meeting, chair), in_room(live_meeting, chair, tab="two") as two:
        roster = await two.hear("room.roster")
        assert [p["person"] for p in roster["present"]] == [chair.public_id]


async def test_who_goes_leaves_the_roster(live_meeting, chair, observer):
    async with in_room(live_meeting, chair) as chairs:
        async with in_room(live_meeting, observer):
            await roster_with(chairs, lambda r: len(r["present"]) == 2)
        roster = await roster_with(chairs, lambda r: len(r["present"]) == 1)
        assert [p["person"] for p in roster["present"]] == [chair.public_id]


async def test_a_screen_that_lags_is_said_to_be_behind(live_meeting, chair, observer):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        took = await chairs.ask("presenter.take")
        for _ in range(2):
            await turn()
        await watcher.beat(seq=took["seq"] - 1)
        roster = await roster_with(chairs, lambda r: any(p["is_behind"] for p in r["present"]))
        assert [p["person"] for p in roster["present"] if p["is_behind"]] == [observer.public_id]


async def test_the_pulse_tells_everybody_the_newest_seq(live_meeting, chair):
    async with in_room(live_meeting, chair) as browser:
        took = await browser.ask("presenter.take")
        await turn()
        pulse = await browser.hear("room.pulse")
        assert (pulse["seq"], pulse["term"]) == (took["seq"], 1)


# ---- attendance ----------------------------------------------------------------------------------


async def test_who_enters_is_in_attendance_and_the_others_are_told(live_meeting, chair, observer):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer):
        event = await chairs.hear("attendance.changed", person=observer.public_id)
        assert event["present"] is True
    rows = await in_thread(lambda: list(Attendance.objects.values_list("person", "left_at")))
    assert sorted(rows) == sorted([(chair.pk, None), (observer.pk, None)])


async def test_two_tabs_are_one_attendance(live_meeting, chair):
    async with in_room(live_meeting, chair, tab="1"), in_room(live_meeting, chair, tab="2"):
        await turn()
    assert await in_thread(Attendance.objects.count) == 1


async def test_heartbeats_keep_an_attendance_and_their_end_closes_it(live_meeting, chair, observer):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        long_ago = timezone.now() - timedelta(seconds=31)
        fall_silent(live_meeting, 16)
        await chairs.beat()
        await turn(1)
        await in_thread(Attendance.objects.filter(person=observer).update, seen_at=long_ago)
        await turn()
        event = await chairs.hear("attendance.changed", present=False)
        assert event["person"] == observer.public_id
        await watcher.beat()
        await chairs.hears_none("nak")
        await turn()
        event = await chairs.hear("attendance.changed", present=True)
        assert event["person"] == observer.public_id


async def test_who_waits_in_the_room_attends_from_the_opening_on(chair, team):
    meeting = await in_thread(MeetingFactory, team=team)
    async with in_room(meeting, chair) as browser:
        assert not await in_thread(Attendance.objects.exists)
        await in_thread(open_meeting, meeting=meeting, by=chair)
        await browser.hear("meeting.opened")
        await hub._rounds.serve()
        assert (await browser.hear("attendance.changed"))["present"] is True


async def test_a_busy_database_keeps_nobody_out(live_meeting, chair, monkeypatch):
    def locked(**kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr("mdt.meetings.attendance.note_heard", locked)
    async with in_room(live_meeting, chair) as browser:
        assert browser.welcome["you"] == chair.public_id
        await turn()
        await browser.hear("room.pulse")


async def test_a_tab_that_slept_is_told_to_come_back(live_meeting, chair):
    async with in_room(live_meeting, chair) as browser:
        fall_silent(live_meeting, 31)
        await turn()
        assert await browser.closing() == 4408
        assert room_of_is_gone(live_meeting)


def room_of_is_gone(meeting):
    return meeting.public_id not in hub._hub.rooms


# ---- the presenter's lease -----------------------------------------------------------------------


async def test_a_presenter_who_falls_silent_is_missed_and_then_free_to_follow(
    live_meeting, chair, team
):
    core = await member(team, Role.CORE)
    async with in_room(live_meeting, chair, tab="1") as one, in_room(live_meeting, core) as other:
        await one.ask("presenter.take")
        roster = await roster_with(other, lambda r: r["presenter_since"])
        assert roster["presenter_lost_at"] is None
        for seconds in (6, 11):
            at = timezone.now() - timedelta(seconds=seconds)
            room_of(live_meeting).lease = Lease(since=at, seen_at=at)
            hub._rounds.tick(1)
            roster = await roster_with(other, lambda r: r["presenter_lost_at"])
            assert bool(roster["presenter_since"]) is (seconds == 6)
        await one.say("view.show", fence=fence(0, 1, n=1), pane="a", view=STACK)
        assert await other.hears_none("view.shown")
        await in_thread(Meeting.objects.update, presenter_seen_at=at)
        assert (await other.ask("presenter.take"))["type"] == "ack"


async def test_whose_lease_has_lapsed_takes_the_picture_again_whatever_the_record_says(
    live_meeting, chair, observer
):
    """The record may have heard of a tab a moment later than the room has."""
    async with in_room(live_meeting, chair, tab="1") as one, in_room(live_meeting, observer) as two:
        began = await one.ask("presenter.take")
        assert (await one.ask("presenter.take"))["seq"] == began["seq"]
        at = timezone.now() - timedelta(seconds=11)
        room_of(live_meeting).lease = Lease(since=at, seen_at=at)
        await one.beat()
        await one.say("view.show", fence=fence(0, 1, n=1), pane="a", view=STACK)
        assert await two.hears_none("view.shown")
        assert (await one.ask("presenter.take"))["seq"] > began["seq"]
        await one.say("view.show", fence=fence(0, 2, n=2), pane="a", view=STACK)
        assert (await two.hear("view.shown"))["fence"]["term"] == 2


async def test_heartbeats_of_the_presenting_tab_keep_the_lease_on_record(live_meeting, chair):
    async with in_room(live_meeting, chair, tab="one") as one:
        await one.ask("presenter.take")
        long_ago = timezone.now() - timedelta(seconds=60)
        await in_thread(Meeting.objects.update, presenter_seen_at=long_ago)
        before = timezone.now()
        await one.beat()
        await one.ask("case.open", case_id="absent")  # the one thread of the pool is done by then
        assert (await in_thread(Meeting.objects.get)).presenter_seen_at >= before


async def test_a_tab_that_comes_back_in_time_still_presents(live_meeting, chair, observer):
    async with in_room(live_meeting, observer) as watcher:
        async with in_room(live_meeting, chair, tab="one") as one:
            await one.ask("presenter.take")
        async with in_room(live_meeting, chair, tab="one") as one:
            await one.say("view.show", fence=fence(0, 1, n=1), pane="a", view=STACK)
            assert (await watcher.hear("view.shown"))["fence"]["term"] == 1


async def test_a_new_process_knows_a_lease_that_runs_and_one_that_has_lapsed(live_meeting, chair):
    async with in_room(live_meeting, chair, tab="one") as one:
        await one.ask("presenter.take")
    for seconds, presents in ((5, True), (11, False)):
        seen_at = timezone.now() - timedelta(seconds=seconds)
        await in_thread(Meeting.objects.update, presenter_seen_at=seen_at)
        async with in_room(live_meeting, chair, tab="one"):
            (seat,) = room_of(live_meeting).seats
            assert room_of(live_meeting).presents(seat.tab) is presents


async def test_the_picture_is_given_to_the_tab_its_receiver_used_last(live_meeting, chair, team):
    core = await member(team, Role.CORE)
    async with (
        in_room(live_meeting, chair) as chairs,
        in_room(live_meeting, core, tab="used") as used,
        in_room(live_meeting, core, tab="idle") as idle,
    ):
        await chairs.ask("presenter.take")
        await used.ask("case.open", case_id="absent")
        await idle.beat()
        await chairs.ask("presenter.give", to=core.public_id)
        event = await used.hear("presenter.changed", by=core.public_id)
        assert (event["tab"], event["term"]) == ("used", 2)


@pytest.mark.parametrize("to", ["absent member", "nobody"])
async def test_the_picture_is_not_given_to_who_is_not_in_the_room(to, live_meeting, chair, team):
    core = await member(team, Role.CORE)
    async with in_room(live_meeting, chair) as chairs:
        await chairs.ask("presenter.take")
        target = core.public_id if to == "absent member" else "nobody"
        answer = await chairs.ask("presenter.give", to=target)
        assert (answer["type"], answer["code"]) == ("nak", "mdt.not_in_room")


async def test_who_closes_the_meeting_ends_the_presenting(live_meeting, chair):
    async with in_room(live_meeting, chair) as one, in_room(live_meeting, chair, tab="2") as two:
        await one.ask("presenter.take")
        await in_thread(close_meeting, meeting=live_meeting, by=chair)
        await two.hear("meeting.closed")
        await one.say("view.show", fence=fence(0, 1, n=1), pane="a", view=STACK)
        assert await two.hears_none("view.shown")
        answer = await one.ask("presenter.take")
        assert (answer["type"], answer["code"]) == ("nak", "mdt.wrong_state")


# ---- who may stay --------------------------------------------------------------------------------


async def test_a_membership_that_ended_closes_the_socket_and_nothing_more_is_said_to_it(
    live_meeting, chair, observer
):
    async with in_room(live_meeting, chair) as chairs:
        watcher = Browser(live_meeting, observer)
        await watcher.connect(timeout=10)
        await watcher.hello()
        await in_thread(observer.memberships.all().delete)
        hub.revoke(observer.public_id)
        assert await watcher.closing() == 4404
        await chairs.ask("presenter.take")
        assert await watcher.receive_nothing()


async def test_without_a_word_the_round_finds_out_within_half_a_minute(live_meeting, observer):
    async with in_room(live_meeting, observer) as watcher:
        await in_thread(observer.memberships.all().delete)
        await turn(5)
        assert await watcher.hears_none("websocket.close")
        await turn(30)
        assert await watcher.closing() == 4404


async def test_who_may_stay_stays(live_meeting, chair):
    async with in_room(live_meeting, chair) as browser:
        hub.revoke(chair.public_id)
        await turn(30)
        assert (await browser.ask("presenter.take"))["type"] == "ack"


@pytest.mark.parametrize("end", ["signed out", "expired", "account closed"])
async def test_the_end_of_a_session_closes_its_sockets_and_no_others(end, live_meeting, chair):
    keys = [await in_thread(new_session) for _ in range(2)]
    async with (
        in_room(live_meeting, chair, tab="1", session_key=keys[0]) as one,
        in_room(live_meeting, chair, tab="2", session_key=keys[1]) as two,
    ):
        await in_thread(END[end], keys[0], chair)
        hub.revoke(chair.public_id)
        assert await one.closing() == 4401
        if end == "account closed":
            assert await two.closing() == 4401
        else:
            assert (await two.ask("presenter.take"))["type"] == "ack"


def new_session():
    session = SessionStore()
    session.create()
    return session.session_key


def expire(key, person):
    session = SessionStore(key)
    session.set_expiry(-1)
    session.save()


END = {
    "signed out": lambda key, person: SessionStore(key).delete(),
    "expired": expire,
    "account closed": lambda key, person: Person.objects.filter(pk=person.pk).update(
        is_active=False
    ),
}


async def test_a_socket_knows_the_session_it_came_by_and_asks_no_other_origin(live_meeting, chair):
    """Through everything that stands before the room in mdt/asgi.py."""
    key = await in_thread(sign_in, chair)
    headers = [(b"cookie", f"sessionid={key}".encode()), (b"host", b"testserver")]
    path = f"/ws/{live_meeting.public_id}/"
    for origin, is_let_in in ((b"https://testserver", True), (b"https://elsewhere", False)):
        browser = WebsocketCommunicator(asgi.room, path, [*headers, (b"origin", origin)])
        assert (await browser.connect(timeout=3))[0] is is_let_in
        if is_let_in:
            (seat,) = room_of(live_meeting).seats
            assert (seat.person, seat.session_key) == (chair.public_id, key)
        await browser.disconnect()


async def test_nothing_stands_between_the_room_and_the_servers_own_send(
    live_meeting, chair, monkeypatch
):
    """By it the writer knows the server; behind a middleware's it would be the slow one."""
    given = []

    async def heard(self, scope, receive, send):
        given.append((scope["user"], send))

    async def send(message): ...

    monkeypatch.setattr(RoomConsumer, "__call__", heard)
    cookie = (b"cookie", f"sessionid={await in_thread(sign_in, chair)}".encode())
    headers = [cookie, (b"host", b"testserver"), (b"origin", b"https://testserver")]
    scope = {"type": "websocket", "path": f"/ws/{live_meeting.public_id}/", "headers": headers}
    await asgi.room(scope, None, send)
    assert given == [(chair, send)]


def sign_in(person):
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return session.session_key


async def test_a_command_of_who_is_no_member_any_more_is_refused_before_any_round(
    live_meeting, chair
):
    async with in_room(live_meeting, chair) as browser:
        await in_thread(chair.memberships.all().delete)
        answer = await browser.ask("presenter.take", id=uuid4())
        assert (answer["type"], answer["code"]) == ("nak", "mdt.not_found")


async def test_a_hello_of_who_is_no_member_any_more_ends_the_socket(live_meeting, chair):
    async with in_room(live_meeting, chair) as browser:
        await in_thread(chair.memberships.all().delete)
        await browser.say("room.hello", version=1, tab="tab", since=0)
        assert await browser.closing() == 4404
