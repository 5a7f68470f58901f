"""What the list says of a request, and when it reminds."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.meetings.image_request_queries import request_lines
from mdt.meetings.models import ImageRequest, ImageRequestStep, Meeting
from mdt.meetings.queries import rows_for
from mdt.teams.queries import trusts_by_code

pytestmark = pytest.mark.django_db
State = ImageRequest.State
LONDON = ZoneInfo("Europe/London")


def lines(case, now):
    (line,) = request_lines(case, trusts_by_code(), now)
    return line.text, line.is_due


@pytest.fixture
def meets(case):
    """The case's meeting begins on Wednesday, 25 November 2026, at 14:00."""

    def meets(hours_before=48):
        Meeting.objects.update(starts_at=datetime(2026, 11, 25, 14, tzinfo=LONDON))
        case.meeting.team.images_cut_off_hours = hours_before
        case.meeting.team.save()
        case.refresh_from_db()
        case.meeting.refresh_from_db()
        return case

    return meets


@pytest.mark.parametrize(
    ("now", "text", "is_due"),
    [
        (datetime(2026, 11, 23, 13, 59), "The Christie: asked for images 3 days ago", False),
        (
            datetime(2026, 11, 23, 14, 0),
            "The Christie: asked for images 3 days ago, meeting in 2 days",
            True,
        ),
        (
            datetime(2026, 11, 24, 9, 0),
            "The Christie: asked for images 4 days ago, meeting tomorrow",
            True,
        ),
        (
            datetime(2026, 11, 25, 9, 0),
            "The Christie: asked for images 5 days ago, meeting today",
            True,
        ),
    ],
)
def test_at_the_cut_off_the_list_reminds(now, text, is_due, meets, christie):
    case = meets()
    _step(case, State.ASKED, datetime(2026, 11, 20, 10))
    assert lines(case, now.replace(tzinfo=LONDON)) == (text, is_due)


def _step(case, state, at, **kwargs):
    at = at.replace(tzinfo=LONDON)
    about = {"referral": case.referral, "trust_ods_code": "RBV"}
    request, _ = ImageRequest.objects.get_or_create(**about, defaults={"asked_at": at})
    ImageRequestStep.objects.create(request=request, state=state, at=at, **kwargs)
    ImageRequest.objects.filter(pk=request.pk).update(state=state)


@pytest.mark.parametrize(
    ("state", "kwargs", "text", "is_due"),
    [
        (State.CHASED, {}, "chased for images yesterday, meeting in 2 days", True),
        (
            State.PROMISED,
            {"promised_for": date(2026, 11, 24)},
            "images promised by Tue 24 Nov",
            False,
        ),
        (
            State.PROMISED,
            {"promised_for": date(2026, 11, 22)},
            "images promised by Sun 22 Nov, meeting in 2 days",
            True,
        ),
        (State.ARRIVED, {}, "images arrived yesterday", False),
        (State.NOT_COMING, {"reason": "on film"}, "images are not coming: on film", False),
    ],
)
def test_each_state_reads_as_people_say_it(state, kwargs, text, is_due, meets, christie):
    case = meets()
    _step(case, State.ASKED, datetime(2026, 11, 20, 10))
    _step(case, state, datetime(2026, 11, 22, 10), **kwargs)
    now = datetime(2026, 11, 23, 15, tzinfo=LONDON)
    assert lines(case, now) == (f"The Christie: {text}", is_due)


def test_the_cut_off_is_the_teams(meets, christie):
    case = meets(hours_before=72)
    _step(case, State.ASKED, datetime(2026, 11, 20, 10))
    assert lines(case, datetime(2026, 11, 23, 9, tzinfo=LONDON))[1]


def test_the_list_says_it_without_a_query_a_case(
    take, case, coordinator, django_assert_num_queries
):
    take(State.ASKED)
    (row,) = rows_for(case.meeting, coordinator)
    assert [line.text for line in row.requests] == ["The Christie: asked for images today"]
    with django_assert_num_queries(0):
        request_lines(row.case, {}, timezone.now())


def test_the_list_shows_the_reminder(client, take, case):
    Meeting.objects.update(starts_at=timezone.now() + timedelta(hours=30))
    take(State.ASKED)
    page = client.get(reverse("meeting-list", args=[case.meeting.public_id])).content.decode()
    assert "The Christie: asked for images today, meeting " in page
    assert reverse("ask-for-images", args=[case.public_id]) in page
