"""A case that is restricted while it stands open in a live room: others lose it at once."""

from uuid import uuid4

import pytest
from django.urls import reverse

from imaging import revocations
from mdt import protocol
from mdt.live.commands import enter
from mdt.meetings.people import name_people, version_of
from mdt.meetings.room import open_case
from mdt.members import Role
from mdt.room_log import log
from tests.factories import MembershipFactory
from tests.mdt import grant_kit
from tests.mdt.grant_kit import ask, fetch
from tests.mdt.mark_kit import length, mm

pytestmark = pytest.mark.django_db
case, series, version = grant_kit.case, grant_kit.series, grant_kit.version  # fixtures
_nothing_remembered = grant_kit._nothing_remembered
WORDS = "between portal vein and duodenum"


@pytest.fixture
def consultant(team):
    """Who is named in the referral, and so still sees the case."""
    return MembershipFactory(team=team, role=Role.CORE).person


@pytest.fixture
def follower(team):
    return MembershipFactory(team=team, role=Role.CORE).person


@pytest.fixture
def restrict(case, coordinator, consultant):
    """What the coordinator saves while the room is on the case."""

    def restrict(is_restricted=True):
        case.refresh_from_db()
        named = {"responsible_consultant": consultant}
        name_people(
            case=case,
            named=named,
            is_restricted=is_restricted,
            if_version=version_of(case.referral, case),
            by=coordinator,
        )

    return restrict


@pytest.fixture
def opened(case, chair, live_meeting):
    open_case(meeting=live_meeting, case=case, by=chair, event_id=uuid4())
    return case


def granted(client, person, series, case):
    client.force_login(person)
    return ask(client, series, case)


def statuses(client, person, case):
    """Of every door through which the room's page reads of a case."""
    client.force_login(person)
    urls = [reverse("case-api", args=[case.public_id]), reverse("outcome", args=[case.public_id])]
    return [client.get(one).status_code for one in urls]


def listed(client, person, meeting):
    client.force_login(person)
    answer = client.get(reverse("room-api", args=[meeting.public_id])).json()
    return [one["id"] for one in answer["cases"]]


def test_who_may_not_see_it_loses_picture_and_name_and_who_is_named_keeps_them(
    client, live_meeting, opened, series, version, follower, consultant, restrict, monkeypatch
):
    had = granted(client, follower, series, opened).json()["grant"]
    assert fetch(client, series, had).status_code == 200
    assert listed(client, follower, live_meeting) == [opened.public_id]
    heard = log.since(live_meeting, 0)[-1].seq
    restrict()
    (said,) = log.since(live_meeting, heard)
    assert said == protocol.CaseRefreshed(seq=heard + 1, case_id=opened.public_id)
    later = revocations.monotonic() + 2
    monkeypatch.setattr(revocations, "monotonic", lambda: later)
    assert fetch(client, series, had).status_code == 404
    assert granted(client, follower, series, opened).status_code == 404
    assert statuses(client, follower, opened) == [404, 404]
    assert listed(client, follower, live_meeting) == []
    assert statuses(client, consultant, opened) == [200, 200]
    assert listed(client, consultant, live_meeting) == [opened.public_id]
    assert granted(client, consultant, series, opened).status_code == 201


def test_whoever_presents_it_loses_it_like_everybody_else(
    client, live_meeting, opened, series, chair, restrict
):
    restrict()
    assert granted(client, chair, series, opened).status_code == 404
    assert statuses(client, chair, opened) == [404, 404]


def test_once_it_is_no_longer_restricted_it_is_there_again(
    client, live_meeting, opened, series, follower, restrict
):
    restrict()
    restrict(is_restricted=False)
    assert listed(client, follower, live_meeting) == [opened.public_id]
    assert granted(client, follower, series, opened).status_code == 201


def test_who_comes_back_hears_nothing_of_what_was_drawn_in_it_before(
    live_meeting, opened, follower, chair, restrict
):
    mark = protocol.MarkBody(
        mark_id="m1",
        version=1,
        by=chair.public_id,
        name="Dr Chair",
        place=protocol.Place(series="s", version=1, frame="1.2.3"),
        drawing=length(mm(0, 0), mm(1, 1)).model_copy(update={"text": WORDS}),
        measured=None,
    )
    log.append(live_meeting, protocol.MarkCreated(case_id=opened.public_id, mark=mark))

    def told():
        entry = enter(meeting_id=live_meeting.public_id, person=follower, since=0)
        return entry.welcome

    assert WORDS in told().model_dump_json()
    restrict()
    after = told()
    assert WORDS not in after.model_dump_json()
    seqs = [event.seq for event in after.events]
    assert seqs == list(range(1, after.position.seq + 1))  # none is missing
