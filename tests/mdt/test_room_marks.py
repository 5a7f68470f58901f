"""Marks through the live room's door: what each browser hears of one, and who is refused."""

import pytest
import pytest_asyncio
from channels.db import database_sync_to_async

from imaging import store
from imaging.frames.metadata import packed
from imaging.models import SeriesVersion, frame_key
from mdt.annotations.models import MarkVersion
from mdt.members import Role
from tests.factories import (
    InstanceFactory,
    MembershipFactory,
    ReferralStudyFactory,
    SeriesFactory,
)
from tests.mdt.browsers import in_room

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("a_process_of_its_own"),
    pytest.mark.asyncio,
]
IMAGE = {
    "rows": 200,
    "columns": 400,
    "spacing": {"row": None, "column": None, "kind": "none", "note": ""},
    "row_cosines": None,
    "column_cosines": None,
}


def arrow(text):
    points = [{"unit": "px", "x": 10, "y": 10}, {"unit": "px", "x": 90, "y": 40}]
    return {"kind": "arrow", "points": points, "text": text}


def _place(case):
    """One frame of a series chosen for the case, with its metadata in the store."""
    series = SeriesFactory(version=1)
    ReferralStudyFactory(referral=case.referral, study=series.study)
    key = frame_key(InstanceFactory(series=series), 1)
    frames = [{"key": key, "image": 0, "position": None}]
    stored = store.get().put(packed({"geometry": {}, "images": [IMAGE], "frames": frames}))
    SeriesVersion.objects.create(series=series, number=1, store_key=stored.key, is_complete=True)
    return {"series": series.public_id, "version": 1, "frame": key}


@pytest_asyncio.fixture
async def place(case):
    return await database_sync_to_async(_place)(case)


@pytest_asyncio.fixture
async def author(team):
    return await database_sync_to_async(
        lambda: MembershipFactory(team=team, role=Role.CORE).person
    )()


async def drawn(browser, case, place):
    """A kept arrow, as everybody hears of it."""
    asked = {"case_id": case.public_id, "place": place, "drawing": arrow("rim")}
    assert (await browser.ask("mark.create", **asked))["type"] == "ack"


def texts():
    return list(MarkVersion.objects.order_by("number").values_list("text", flat=True))


async def test_changed_words_are_heard_by_everybody_with_the_seq_they_are_acknowledged_with(
    live_meeting, chair, author, case, place
):
    async with in_room(live_meeting, author) as hers, in_room(live_meeting, chair) as chairs:
        await drawn(hers, case, place)
        mark = (await chairs.hear("mark.created"))["mark"]
        change = {"mark_id": mark["mark_id"], "if_version": 1, "drawing": arrow("edge")}
        answer = await hers.ask("mark.change", **change)
        heard = await chairs.hear("mark.changed")
        assert (answer["type"], heard["seq"]) == ("ack", answer["seq"])
        assert heard["mark"] == {**mark, "version": 2, "drawing": arrow("edge")}
        assert await database_sync_to_async(texts)() == ["rim", "edge"]


@pytest.mark.parametrize(
    ("if_version", "who", "code"),
    [(1, "chair", "mdt.not_allowed"), (2, "author", "mdt.conflict")],
)
async def test_anothers_words_and_words_not_read_are_refused_and_nobody_hears(
    if_version, who, code, live_meeting, chair, author, case, place
):
    async with in_room(live_meeting, author) as hers, in_room(live_meeting, chair) as chairs:
        await drawn(hers, case, place)
        mark = (await chairs.hear("mark.created"))["mark"]
        change = {"mark_id": mark["mark_id"], "drawing": arrow("edge")}
        asks, listens = (chairs, hers) if who == "chair" else (hers, chairs)
        answer = await asks.ask("mark.change", if_version=if_version, **change)
        assert (answer["type"], answer["code"], answer["retry"]) == ("nak", code, False)
        assert await listens.hears_none("mark.changed")
        assert await database_sync_to_async(texts)() == ["rim"]
