"""A worker that settles a study and a person who acts on it never wait for each other."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from imaging.models import Job, Study
from imaging.pull.states import hold, move
from mdt.meetings import changes, image_requests, services
from mdt.meetings.models import ImageRequest
from mdt.teams.models import Trust
from tests.factories import (
    ListedCaseFactory,
    PullJobFactory,
    ReferralFactory,
    ReferralStudyFactory,
    StudyFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)
State = Study.State
LOOKS_S = 1.5  # how long the worker leaves the other to come so far as to hold the meeting


@pytest.fixture
def case(meeting, coordinator, archive):
    referral = ReferralFactory()
    return services.list_case(meeting=meeting, referral=referral, by=coordinator)


@pytest.fixture
def study(case, archive):
    """Being fetched, and chosen."""
    study = StudyFactory(archive=archive, search=case.referral.search, state=State.PULLING)
    PullJobFactory(study=study, state=Job.State.WAITING)
    ReferralStudyFactory(referral=case.referral, study=study, is_chosen=True)
    return study


def cancel(case, study, by):
    services.cancel_study(case=case, study=study, by=by)


def fetch_again(case, study, by):
    services.retry_study(case=case, study=study, by=by)


def choose(case, study, by):
    services.choose_study(case=case, study=study, by=by)


def leave_another_out(case, study, by):
    """Then all are chosen anew, and the one that was never asked for is wanted."""
    case.referral.found_studies.filter(study=study).update(chosen_by=by)
    another = StudyFactory(archive=study.archive, search=study.search, state=State.COMPLETE)
    ReferralStudyFactory(referral=case.referral, study=another)
    services.unchoose_study(case=case, study=another, by=by)


ACTS = [
    (cancel, State.PULLING),
    (fetch_again, State.PARTIAL),
    (choose, State.PARTIAL),
    (leave_another_out, State.FOUND),
]


@pytest.mark.parametrize(("act", "state"), ACTS, ids=[act.__name__ for act, _ in ACTS])
def test_no_one_is_ended_where_a_study_settles_while_a_person_acts_on_it(
    act, state, case, study, coordinator, monkeypatch
):
    if connection.vendor != "postgresql":
        pytest.skip("decision 125: SQLite locks the whole file")
    Study.objects.filter(pk=study.pk).update(state=state)
    has_study, has_meeting = Event(), Event()
    really_lock = services.lock

    def lock(pk):
        meeting = really_lock(pk)
        has_meeting.set()
        return meeting

    monkeypatch.setattr(services, "lock", lock)

    def settle():
        with ExitStack() as at_last, transaction.atomic():
            at_last.callback(connections.close_all)
            hold(study)
            has_study.set()
            has_meeting.wait(LOOKS_S)
            move(Study.objects.get(pk=study.pk), state)

    def person():
        with ExitStack() as at_last:
            at_last.callback(connections.close_all)
            has_study.wait(5)
            act(case, study, coordinator)

    with ThreadPoolExecutor(2) as both:
        done = [both.submit(settle), both.submit(person)]
        assert [one.exception(20) for one in done] == [None, None]


def test_no_one_is_ended_where_a_study_leaves_a_strangers_case_while_its_request_is_chased(
    case, study, coordinator, monkeypatch
):
    """What is told of it is told in the room of the meeting that both cases are on the list of."""
    if connection.vendor != "postgresql":
        pytest.skip("decision 125: SQLite locks the whole file")
    code = study.trust_ods_code
    request = ImageRequest.objects.create(
        referral=case.referral, trust_ods_code=code, asked_at=timezone.now()
    )
    stranger = ListedCaseFactory(meeting=case.meeting, referral=ReferralFactory())
    ReferralStudyFactory(referral=stranger.referral, study=study, is_chosen=False)
    Study.objects.filter(pk=study.pk).update(state=State.COMPLETE, completed_at=timezone.now())
    has_come, has_request = Event(), Event()
    really_note, really_hold = changes.note_arrival, image_requests._held_meeting

    def note_arrival(arrived, patients):
        has_come.set()
        has_request.wait(LOOKS_S)
        really_note(arrived, patients)

    def held_meeting(asked):
        has_request.set()
        return really_hold(asked)

    monkeypatch.setattr(changes, "note_arrival", note_arrival)
    monkeypatch.setattr(image_requests, "_held_meeting", held_meeting)

    def worker():
        with ExitStack() as at_last, transaction.atomic():
            at_last.callback(connections.close_all)
            hold(study)
            changes.study_changed(Study.objects.get(pk=study.pk))

    def person():
        with ExitStack() as at_last:
            at_last.callback(connections.close_all)
            has_come.wait(5)
            trust = Trust.objects.get(ods_code=code)
            about = {"to": ImageRequest.State.CHASED, "by": coordinator, "event_id": uuid4()}
            image_requests.step(case=case, trust=trust, **about)

    with ThreadPoolExecutor(2) as both:
        done = [both.submit(worker), both.submit(person)]
        assert [one.exception(20) for one in done] == [None, None]
    request.refresh_from_db()
    assert request.state == ImageRequest.State.ARRIVED
    assert not stranger.referral.found_studies.exists()
