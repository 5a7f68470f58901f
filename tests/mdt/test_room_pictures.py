"""Pictures, pointers, half drawn marks and half typed text, as the room passes them on."""

import asyncio
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from django.db import transaction

from mdt import protocol
from mdt.live import consumer
from mdt.meetings.people import name_people, version_of
from mdt.members import Role
from mdt.room_log import log
from tests.factories import ListedCaseFactory
from tests.mdt.browsers import POINT, STACK, fence, in_room, member, present_a_case

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("a_process_of_its_own"),
    pytest.mark.asyncio,
]


async def test_pictures_pass_while_the_database_is_slow(live_meeting, chair, monkeypatch):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*args, **kwargs):
        started.set()
        await go_on.wait()

    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, chair) as other:
        with monkeypatch.context() as patch:
            patch.setattr("mdt.live.consumer.in_database", slow)
            await chairs.say("presenter.take", id=str(uuid4()))
            await started.wait()
        await chairs.say("pointer.move", fence=fence(0, 0), pane="a", point=POINT)
        assert (await other.hear("pointer.moved"))["point"] == POINT


async def test_followers_and_late_comers_see_the_presenters_view(
    live_meeting, chair, observer, case
):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        here = await present_a_case(chairs, case)
        await chairs.say("view.show", fence={**here, "n": 3}, pane="a", view=STACK)
        shown = await watcher.hear("view.shown")
        assert (shown["pane"], shown["fence"], shown["view"]) == ("a", {**here, "n": 3}, STACK)
        async with in_room(live_meeting, observer, tab="late") as late:
            assert await late.hear("view.shown") == shown


@pytest.mark.parametrize(("case_off", "term_off"), [(-1, 0), (0, -1), (1, 0), (0, 1)])
async def test_a_view_of_another_case_or_term_reaches_nobody(
    case_off, term_off, live_meeting, chair, case
):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, chair) as other:
        here = await present_a_case(chairs, case)
        stale = fence(here["case"] + case_off, here["term"] + term_off, n=9)
        await chairs.say("view.show", fence=stale, pane="a", view=STACK)
        assert await other.hears_none("view.shown")


async def test_only_the_presenters_own_tab_moves_the_picture(live_meeting, chair, observer):
    async with (
        in_room(live_meeting, chair, tab="one") as one,
        in_room(live_meeting, chair, tab="two") as two,
        in_room(live_meeting, observer, tab="one") as watcher,
    ):
        await one.ask("presenter.take")
        await watcher.hear("presenter.changed")
        for number, browser in enumerate((two, watcher)):
            layout = {"panes": [], "active": ""}
            await browser.say("layout.show", fence=fence(0, 1, n=number), layout=layout)
        assert await watcher.hears_none("layout.shown")
        await one.say("view.show", fence=fence(0, 1, n=0), pane="a", view=STACK)
        assert (await watcher.hear("view.shown"))["view"] == STACK


async def test_anyone_in_the_room_points_under_their_own_name(live_meeting, chair, observer):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        await watcher.say("pointer.move", fence=fence(0, 0, n=1), pane="a", point=POINT)
        moved = await chairs.hear("pointer.moved")
        assert (moved["by"], moved["name"]) == (observer.public_id, observer.shown_name)
        await watcher.say("pointer.move", fence=fence(0, 0, n=2), pane="a", point=None)
        assert (await chairs.hear("pointer.moved"))["point"] is None
        async with in_room(live_meeting, chair, tab="late") as late:
            assert await late.hears_none("pointer.moved")


PREVIEW = {
    "pane": "a",
    "place": {"series": "s1", "version": 1, "frame": "f.1"},
    "drawing": {"kind": "length", "points": [POINT, POINT], "text": ""},
}


async def test_a_mark_is_seen_while_it_is_drawn(live_meeting, chair, team, case):
    person = await member(team, Role.EXTENDED)
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, person) as other:
        here = await present_a_case(chairs, case)
        await other.say("mark.preview", fence={**here, "n": 1}, **PREVIEW)
        seen = await chairs.hear("mark.previewed")
        assert (seen["by"], seen["drawing"]["kind"]) == (person.public_id, "length")


async def test_a_hand_that_let_go_at_once_leaves_no_half_drawn_mark(live_meeting, chair, case):
    """The second message comes while the first waits for the word whether the room may see it."""
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, chair) as other:
        here = await present_a_case(chairs, case)
        await chairs.say("mark.preview", fence={**here, "n": 1}, **PREVIEW)
        await chairs.say("mark.preview", fence={**here, "n": 2}, **{**PREVIEW, "drawing": None})
        seen = await other.hear("mark.previewed", fence={**here, "n": 2})
        assert seen["drawing"] is None


async def test_who_only_observes_draws_nothing(live_meeting, chair, observer, case):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        here = await present_a_case(chairs, case)
        await watcher.say("mark.preview", fence={**here, "n": 1}, **PREVIEW)
        assert await chairs.hears_none("mark.previewed")


async def test_a_mark_of_a_restricted_case_is_not_seen_while_it_is_drawn(live_meeting, chair):
    restricted = await database_sync_to_async(ListedCaseFactory)(
        meeting=live_meeting, is_restricted=True, referral__referrer=chair
    )
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, chair) as other:
        here = await present_a_case(chairs, restricted)
        await chairs.say("mark.preview", fence={**here, "n": 1}, **PREVIEW)
        assert await other.hears_none("mark.previewed")


async def type_text(browser, case, text, n=1):
    await browser.say(
        "outcome.type", case_id=case.public_id, field="recommendation", text=text, n=n
    )


async def test_text_is_seen_while_it_is_typed_whatever_case_is_open(
    live_meeting, chair, observer, case
):
    other_case = await database_sync_to_async(ListedCaseFactory)(meeting=live_meeting)
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        await present_a_case(chairs, other_case)
        await type_text(chairs, case, "Rese", n=1)
        typed = await watcher.hear("outcome.typed")
        assert (typed["case_id"], typed["text"]) == (case.public_id, "Rese")
        async with in_room(live_meeting, observer, tab="late") as late:
            assert (await late.hear("outcome.typed"))["text"] == "Rese"


async def test_older_typing_never_replaces_newer(live_meeting, chair, observer, case):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        await type_text(chairs, case, "Resect", n=5)
        await watcher.hear("outcome.typed")
        await type_text(chairs, case, "Rese", n=4)
        assert await watcher.hears_none("outcome.typed")


async def test_saved_typing_is_not_shown_again_to_late_comers(live_meeting, chair, case):
    async with in_room(live_meeting, chair) as chairs:
        await type_text(chairs, case, "Resect")
        await chairs.hear("outcome.typed")
        await chairs.ask(
            "outcome.draft",
            case_id=case.public_id,
            written_for=case.public_id,
            if_version=0,
            fields={"recommendation": "Resect"},
        )
        async with in_room(live_meeting, chair, tab="late") as late:
            assert await late.hears_none("outcome.typed")


@pytest.mark.parametrize("role", [Role.CORE, Role.EXTENDED, Role.OBSERVER])
async def test_who_does_not_record_types_for_nobody(role, live_meeting, chair, team, case):
    person = await member(team, role)
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, person) as other:
        await type_text(other, case, "Resect")
        assert await chairs.hears_none("outcome.typed")


async def test_typing_for_a_case_of_another_meeting_or_a_restricted_one_is_shown_to_nobody(
    live_meeting, chair
):
    elsewhere = await database_sync_to_async(ListedCaseFactory)()
    restricted = await database_sync_to_async(ListedCaseFactory)(
        meeting=live_meeting, is_restricted=True, referral__referrer=chair
    )
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, chair) as other:
        for case in (elsewhere, restricted):
            await type_text(chairs, case, "Resect")
        assert await other.hears_none("outcome.typed")


# ---- a case that is restricted meanwhile ------------------------------------------------------


def _restrict(case, by):
    """By the coordinator, naming somebody who sits in the room."""
    case.refresh_from_db()
    name_people(
        case=case,
        named={"responsible_consultant": by},
        is_restricted=True,
        if_version=version_of(case.referral, case),
        by=by,
    )


async def restrict(case, chair, *browsers):
    await database_sync_to_async(_restrict)(case, chair)
    for browser in browsers:
        await browser.hear("case.refreshed", case_id=case.public_id)


async def test_once_a_case_is_restricted_what_is_typed_on_for_it_reaches_nobody(
    live_meeting, chair, observer, case
):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        await type_text(chairs, case, "Rese", n=1)
        await watcher.hear("outcome.typed")
        await restrict(case, chair, chairs, watcher)
        await type_text(chairs, case, "Resect", n=2)
        assert await watcher.hears_none("outcome.typed")


async def test_once_a_case_is_restricted_who_comes_late_is_shown_nothing_of_before(
    live_meeting, chair, observer, case
):
    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        here = await present_a_case(chairs, case)
        await type_text(chairs, case, "Rese", n=1)
        await watcher.hear("outcome.typed")
        await chairs.say("mark.preview", fence={**here, "n": 1}, **PREVIEW)
        await watcher.hear("mark.previewed")
        await restrict(case, chair, chairs, watcher)
        async with in_room(live_meeting, observer, tab="late") as late:
            assert await late.hears_none("outcome.typed", "mark.previewed")
        await chairs.say("mark.preview", fence={**here, "n": 2}, **PREVIEW)
        assert await watcher.hears_none("mark.previewed")


async def test_what_was_typed_while_a_case_was_being_restricted_is_not_said_by_the_older_answer(
    live_meeting, chair, observer, case, monkeypatch
):
    asked, go_on, answer = asyncio.Event(), asyncio.Event(), consumer.in_database

    async def slow(function, **about):
        known = await answer(function, **about)
        asked.set()
        await go_on.wait()
        return known

    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        with monkeypatch.context() as patch:
            patch.setattr(consumer, "in_database", slow)
            await type_text(chairs, case, "Rese", n=1)
            await asked.wait()
        await restrict(case, chair, chairs, watcher)
        go_on.set()
        assert await watcher.hears_none("outcome.typed")


async def test_a_case_that_changed_otherwise_is_typed_for_as_before(
    live_meeting, chair, observer, case
):
    def refresh():
        with transaction.atomic():
            log.append(live_meeting, protocol.CaseRefreshed(case_id=case.public_id))

    async with in_room(live_meeting, chair) as chairs, in_room(live_meeting, observer) as watcher:
        await type_text(chairs, case, "Rese", n=1)
        await watcher.hear("outcome.typed", text="Rese")
        await database_sync_to_async(refresh)()
        await chairs.hear("case.refreshed")
        await type_text(chairs, case, "Resect", n=2)
        await watcher.hear("outcome.typed", text="Resect")
        await type_text(chairs, case, "late", n=1)
        assert await watcher.hears_none("outcome.typed")
