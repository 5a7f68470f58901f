"""From the presenter's hand to the record: when what a room is shown is kept."""

import asyncio

import pytest
from channels.db import database_sync_to_async

from mdt.errors import StoreTrouble
from mdt.live import hub
from mdt.meetings.room import close_meeting
from mdt.outcomes.models import ShownView
from mdt.outcomes.shown import keep_shown
from tests.factories import ListedCaseFactory, MeetingFactory
from tests.mdt.browsers import STACK, in_room, present_a_case
from tests.mdt.shown_kit import pane_of, series_for, show, view_of
from tests.mdt.test_outcome_pages import recorded

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("a_process_of_its_own"),
    pytest.mark.asyncio,
]


def in_thread(function, *args, **options):
    return database_sync_to_async(function)(*args, **options)


async def turn(tick):
    """One round of a second; every fifth is a pulse."""
    hub._rounds.tick(tick)
    if hub._hub.wake.is_set():
        hub._hub.wake.clear()
        await hub._rounds.serve()


def kept(case):
    """By pane: the series, and the frame it was left at."""
    shown = ShownView.objects.filter(case=case).select_related("series")
    return in_thread(lambda: {one.pane: (one.series, one.view["frame"]) for one in shown})


class Presenter:
    """Says what the room's page says, each message newer than the last."""

    def __init__(self, browser, place):
        self.browser, self.place, self.n = browser, place, 0

    async def hang(self, **series):
        panes = [
            {"id": id, "kind": "stack", "series": one.public_id, "version": one.version}
            for id, one in series.items()
        ]
        await self.say("layout.show", layout={"panes": panes, "active": "a"})

    async def show(self, frame, pane="a"):
        await self.say("view.show", pane=pane, view=STACK | {"frame": frame})

    async def say(self, type, **fields):
        self.n += 1
        await self.browser.say(type, fence=self.place | {"n": self.n}, **fields)
        await self.browser.hear(type.replace(".show", ".shown"))


@pytest.fixture
def series(case):
    return series_for(case)


async def presenting(browser, case, **hung):
    presenter = Presenter(browser, await present_a_case(browser, case))
    await presenter.hang(**hung)
    return presenter


async def test_it_is_kept_at_a_pulse_and_never_in_between(live_meeting, chair, case, series):
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        for frame in (2, 3, 4):
            await presenter.show(frame)
        await turn(1)
        assert await kept(case) == {}
        await turn(5)
        assert await kept(case) == {"a": (series, 4)}


async def test_when_the_room_turns_the_last_view_of_the_case_is_kept(
    live_meeting, chair, case, series
):
    other = await in_thread(ListedCaseFactory, meeting=live_meeting)
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(5)
        await browser.ask("case.open", case_id=other.public_id)
        assert await kept(case) == {"a": (series, 5)}
        await turn(5)
        assert await kept(other) == {}


async def test_when_another_takes_over_the_last_view_of_the_term_is_kept(
    live_meeting, chair, case, series
):
    async with in_room(live_meeting, chair) as browser, in_room(live_meeting, chair, "t2") as two:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(5)
        await two.ask("presenter.take")
        assert await kept(case) == {"a": (series, 5)}


async def test_the_room_turns_though_what_was_shown_cannot_be_kept(
    live_meeting, chair, case, series, monkeypatch
):
    def fails(**_):
        raise OSError("the store is away")

    monkeypatch.setattr("mdt.live.commands.keep_shown", fails)
    other = await in_thread(ListedCaseFactory, meeting=live_meeting)
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(5)
        assert (await browser.ask("case.open", case_id=other.public_id))["type"] == "ack"


@pytest.mark.parametrize("what", ["recorded", "closed"])
async def test_it_is_kept_when_the_outcome_is_recorded_and_when_the_meeting_closes(
    what, live_meeting, chair, case, series
):
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(6)
        if what == "recorded":
            await in_thread(recorded, case, chair)
            await browser.hear("outcome.recorded")
        else:
            await in_thread(close_meeting, meeting=live_meeting, by=chair)
            await browser.hear("meeting.closed")
        await turn(1)
        assert await kept(case) == {"a": (series, 6)}


async def test_it_is_kept_when_the_last_leaves_before_a_pulse(live_meeting, chair, case, series):
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(6)
    for _ in range(250):
        if await kept(case):
            break
        await asyncio.sleep(0.02)
    assert await kept(case) == {"a": (series, 6)}
    assert hub._hub.left == {}


async def test_a_view_whose_series_is_not_known_is_not_kept(live_meeting, chair, case, series):
    async with in_room(live_meeting, chair) as browser:
        presenter = Presenter(browser, await present_a_case(browser, case))
        await presenter.show(2)
        await turn(5)
        assert await kept(case) == {}
        await presenter.hang(a=series)  # whatever was shown before may have been another's
        await turn(5)
        assert await kept(case) == {}


async def test_the_view_of_one_series_is_never_kept_for_another_hung_in_its_place(
    live_meeting, chair, case, series
):
    prior, newer = await in_thread(series_for, case), await in_thread(series_for, case)
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series, b=prior)
        await presenter.show(2)
        await presenter.show(3, pane="b")
        await presenter.hang(a=newer, b=prior)
        await turn(5)
        assert await kept(case) == {"b": (prior, 3)}
        await presenter.show(8)
        await turn(5)
        assert await kept(case) == {"a": (newer, 8), "b": (prior, 3)}


async def test_who_does_not_present_leaves_nothing(live_meeting, chair, observer, case, series):
    async with (
        in_room(live_meeting, chair) as browser,
        in_room(live_meeting, observer) as watcher,
    ):
        place = await present_a_case(browser, case)
        pane = {"id": "a", "kind": "stack", "series": series.public_id, "version": series.version}
        await watcher.say(
            "layout.show", fence=place | {"n": 1}, layout={"panes": [pane], "active": "a"}
        )
        await watcher.say("view.show", fence=place | {"n": 2}, pane="a", view=STACK)
        assert await browser.hears_none("view.shown")
        await turn(5)
        assert await kept(case) == {}


async def test_a_slip_to_a_discussed_case_and_back_leaves_its_picture(
    live_meeting, chair, case, series
):
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(5)
        other = await in_thread(ListedCaseFactory, meeting=live_meeting)
        await browser.ask("case.open", case_id=other.public_id)
        opened = await browser.ask("case.open", case_id=case.public_id)
        slip = Presenter(browser, presenter.place | {"case": opened["seq"]})
        await slip.hang(a=series)
        await slip.show(1)
        await browser.ask("case.open", case_id=other.public_id)
        assert await kept(case) == {"a": (series, 5)}


# ---- what cannot be kept ----------------------------------------------------------------------


@pytest.fixture
def trouble(monkeypatch):
    """Meetings of which nothing can be kept, for the time being."""
    troubled = set()

    def keep(*, meeting_id, **shown):
        if meeting_id in troubled:
            raise StoreTrouble("store.silent", "It says nothing.", may_pass=True)
        return keep_shown(meeting_id=meeting_id, **shown)

    monkeypatch.setattr("mdt.live.rounds.keep_shown", keep)
    return troubled


async def test_a_picture_that_cannot_be_kept_keeps_no_other_rooms_from_being_kept(
    live_meeting, team, chair, case, series, trouble
):
    elsewhere = await in_thread(MeetingFactory, team=team, live=True)
    other = await in_thread(ListedCaseFactory, meeting=elsewhere)
    others = await in_thread(series_for, other)
    async with in_room(live_meeting, chair) as first, in_room(elsewhere, chair) as second:
        for browser, one, hung in ((first, case, series), (second, other, others)):
            await (await presenting(browser, one, a=hung)).show(4)
        trouble.add(live_meeting.public_id)
        await turn(5)
        assert (await kept(case), await kept(other)) == ({}, {"a": (others, 4)})
        trouble.clear()
        await turn(10)
        assert await kept(case) == {"a": (series, 4)}


async def test_what_the_last_left_behind_is_tried_again_until_it_is_kept(
    live_meeting, team, chair, case, series, trouble
):
    async with in_room(await in_thread(MeetingFactory, team=team, live=True), chair):
        trouble.add(live_meeting.public_id)
        async with in_room(live_meeting, chair) as browser:
            await (await presenting(browser, case, a=series)).show(6)
        hub._hub.wake.clear()
        await hub._rounds.serve()
        assert await kept(case) == {}
        trouble.clear()
        await turn(5)
        assert await kept(case) == {"a": (series, 6)}
        assert hub._hub.left == {}


async def test_what_was_left_behind_is_never_kept_over_what_was_shown_later(
    live_meeting, chair, case, series, trouble
):
    trouble.add(live_meeting.public_id)
    async with in_room(live_meeting, chair) as browser:
        presenter = await presenting(browser, case, a=series)
        await presenter.show(6)
    await hub._rounds.serve()
    await in_thread(show, case, (pane_of(series), view_of(frame=7)))  # by another process
    trouble.clear()
    await hub._rounds.serve()
    assert await kept(case) == {"a": (series, 7)}
    assert hub._hub.left == {}
