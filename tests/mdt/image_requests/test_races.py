"""One request met twice in the same instant: PostgreSQL is where two may write at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from imaging.models import Study
from mdt.errors import NotAllowed, WrongState
from mdt.meetings import changes, image_requests
from mdt.meetings.models import ImageRequest, ImageRequestStep
from mdt.room_log import log
from tests.factories import ArchiveFactory, ListedCaseFactory, MeetingFactory, StudyFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = ImageRequest.State


def at_once(act, *abouts):
    """What each came to, all begun together."""
    together = Barrier(len(abouts))

    def acting(about):
        try:
            together.wait(5)
            return act(about)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(abouts)) as pool:
        return list(pool.map(acting, abouts))


@pytest.fixture
def elsewhere(case, team):
    """The same referral in another meeting."""
    meeting = MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=14))
    return ListedCaseFactory(meeting=meeting, referral=case.referral, position=1)


def test_of_two_meetings_that_ask_at_once_one_has_asked_and_the_other_is_told(
    case, elsewhere, christie, coordinator
):
    def ask(listed):
        about = {"trust": christie, "to": State.ASKED, "by": coordinator, "event_id": uuid4()}
        try:
            image_requests.step(case=listed, **about)
        except WrongState as refusal:
            return refusal.message
        return ""

    answers = at_once(ask, case, elsewhere)
    assert sorted(answers) == ["", "This request is asked: it cannot be asked after that."]
    assert ImageRequestStep.objects.count() == ImageRequest.objects.count() == 1
    for listed in (case, elsewhere):
        assert len(log.since(listed.meeting, 0)) == 1


def test_of_two_copies_that_arrive_at_once_one_is_the_answer(case, take):
    take(State.ASKED)
    archives = [ArchiveFactory(name=name, trust_ods_code="RBV") for name in ("main", "second")]
    same = {"study_instance_uid": "1.2.3", "search": case.referral.search}
    copies = [StudyFactory(archive=archive, **same) for archive in archives]
    is_written = Event()

    def arrive(copy):
        """The second begins once the first has written all, and not committed it yet."""
        connection.ensure_connection()
        assert copy == copies[0] or is_written.wait(5)
        with transaction.atomic():
            here = {"state": Study.State.COMPLETE, "completed_at": timezone.now()}
            Study.objects.filter(pk=copy.pk).update(**here)
            copy.refresh_from_db()
            changes.study_changed(copy)
            is_written.set()
            time.sleep(0.2)

    at_once(arrive, *copies)
    steps = ImageRequestStep.objects.values_list("state", flat=True)
    assert sorted(steps) == [State.ARRIVED, State.ASKED]


def test_a_step_that_is_refused_leaves_no_request(case, christie, observer):
    with pytest.raises(NotAllowed):
        image_requests.step(
            case=case, trust=christie, to=State.ASKED, by=observer, event_id=uuid4()
        )
    assert not ImageRequest.objects.exists()
