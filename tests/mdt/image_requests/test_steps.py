"""Each step of a request, with who and when, until the images arrive."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from imaging.models import Study
from mdt import access
from mdt.append_only import AppendOnlyError
from mdt.audit.models import AuditEvent
from mdt.errors import NoPromiseYet, NoReason, NotAllowed, StudyNotOffered, WrongState
from mdt.meetings.changes import study_changed
from mdt.meetings.models import ImageRequest, ImageRequestStep, Meeting
from mdt.members import Role
from mdt.referrals.models import Objection
from mdt.room_log import log
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    ReferralFactory,
    SearchFactory,
    StudyFactory,
)

pytestmark = pytest.mark.django_db
State = ImageRequest.State
LONG_AGO = datetime(2024, 6, 1, tzinfo=UTC)

PROMISE = {"promised_for": date(2099, 1, 1)}
WITH = {State.PROMISED: PROMISE, State.NOT_COMING: {"reason": "on film"}}


def brought(case, trust="RBV", **changes):
    """A study of the case's patient is here, as imaging tells it."""
    archive = ArchiveFactory(name=trust.lower(), trust_ods_code=trust)
    about = {"state": Study.State.COMPLETE, "completed_at": timezone.now()} | changes
    study = StudyFactory(archive=archive, search=case.referral.search, **about)
    study_changed(study)
    return study


# ---- steps ------------------------------------------------------------------------------


def test_asking_is_kept_with_who_and_when_audited_and_told_to_the_room(take, case, coordinator):
    request = take(State.ASKED)
    step = request.steps.get()
    assert (request.state, step.state, step.by) == (State.ASKED, State.ASKED, coordinator)
    assert timezone.now() - step.at < timedelta(minutes=1)
    event = AuditEvent.objects.get()
    assert (event.action, event.target) == ("images.asked", f"mdt.ListedCase:{case.public_id}")
    assert event.detail == {"trust": "RBV", "state": "asked", "request": request.public_id}
    assert [e.case_id for e in log.since(case.meeting, 0)] == [case.public_id]


@pytest.mark.parametrize("to", list(State))
@pytest.mark.parametrize("before", list(State))
def test_only_the_steps_of_the_table_follow(before, to, take):
    request = take(State.ASKED)
    ImageRequest.objects.update(state=before)
    may_follow = to in ImageRequest.TRANSITIONS[before]
    if may_follow:
        take(to, **WITH.get(to, {}))
    else:
        with pytest.raises(WrongState):
            take(to, **WITH.get(to, {}))
    request.refresh_from_db()
    assert request.state == (to if may_follow else before)
    assert request.steps.count() == 1 + may_follow


@pytest.mark.parametrize("to", sorted(set(State) - {State.ASKED}))
def test_nothing_follows_where_nobody_was_asked(to, take):
    with pytest.raises(WrongState):
        take(to, **WITH.get(to, {}))
    assert not ImageRequest.objects.exists()


def test_a_step_sent_twice_is_one_step(take):
    event_id = uuid4()
    take(State.ASKED)
    for _ in range(2):
        request = take(State.CHASED, event_id=event_id)
    assert request.steps.count() == 2


@pytest.mark.parametrize("day", [None, date(2020, 1, 1)])
def test_a_promise_needs_a_day_that_is_to_come(day, take):
    take(State.ASKED)
    with pytest.raises(NoPromiseYet):
        take(State.PROMISED, promised_for=day)
    request = take(State.PROMISED, **PROMISE)
    assert request.steps.last().promised_for == PROMISE["promised_for"]


@pytest.mark.parametrize("reason", ["", "  "])
def test_images_that_are_not_coming_have_a_reason(reason, take):
    take(State.ASKED)
    with pytest.raises(NoReason):
        take(State.NOT_COMING, reason=reason)
    assert take(State.NOT_COMING, reason="on film").steps.last().reason == "on film"


def test_a_day_and_a_reason_are_not_kept_of_other_steps(take):
    step = take(State.ASKED, reason="x", **PROMISE).steps.get()
    assert (step.promised_for, step.reason) == (None, "")


def test_asking_again_after_an_end_begins_anew(take):
    take(State.ASKED)
    ImageRequest.objects.update(state=State.ARRIVED, asked_at=LONG_AGO)
    request = take(State.ASKED)
    assert timezone.now() - request.asked_at < timedelta(minutes=1)


def test_steps_are_never_changed(take):
    step = take(State.ASKED).steps.get()
    with pytest.raises(AppendOnlyError):
        step.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        ImageRequestStep.objects.create(request=step.request, state=State.PROMISED)


@pytest.mark.parametrize("role", sorted(Role))
def test_who_keeps_the_list_may_ask_and_no_other_role(role, take, team):
    person = MembershipFactory(team=team, role=role).person
    if role in access.MAY_KEEP_LIST:
        take(State.ASKED, by=person)
    else:
        with pytest.raises(NotAllowed):
            take(State.ASKED, by=person)
    assert ImageRequest.objects.exists() is (role in access.MAY_KEEP_LIST)


def test_a_trust_that_may_not_be_shown_is_not_asked(take, case):
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RBV")
    with pytest.raises(StudyNotOffered):
        take(State.ASKED)
    assert not ImageRequest.objects.exists()


def test_every_open_list_that_has_the_referral_is_told(take, case, team):
    soon = ListedCaseFactory(meeting=MeetingFactory(team=team), referral=case.referral)
    over = MeetingFactory(team=team, state=Meeting.State.CLOSED)
    ListedCaseFactory(meeting=over, referral=case.referral)
    take(State.ASKED)
    assert [e.case_id for e in log.since(soon.meeting, 0)] == [soon.public_id]
    assert log.since(over, 0) == []


# ---- arriving by itself -----------------------------------------------------------------


@pytest.mark.parametrize("before", sorted(set(State) - {State.ARRIVED}))
def test_a_request_is_answered_by_the_images_themselves(before, take, case):
    request = take(State.ASKED)
    ImageRequest.objects.update(state=before)
    brought(case)
    request.refresh_from_db()
    step = request.steps.last()
    assert (request.state, step.state, step.by) == (State.ARRIVED, State.ARRIVED, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Study.Verdict.NEEDS_A_PERSON},
        {"verdict": Study.Verdict.DIFFERENT},
        {"state": Study.State.WITHHELD, "completed_at": None},
        {"state": Study.State.PARTIAL, "completed_at": None},
        {"state": Study.State.FOUND, "completed_at": None},
        {"trust": "RM3"},
        {"completed_at": LONG_AGO},
    ],
    ids=str,
)
def test_what_is_no_answer_leaves_a_request_open(changes, take, case):
    request = take(State.ASKED)
    brought(case, **changes)
    request.refresh_from_db()
    assert (request.state, request.steps.count()) == (State.ASKED, 1)


def test_images_of_another_patient_answer_nothing(take, case):
    request = take(State.ASKED)
    brought(
        ListedCaseFactory(meeting=case.meeting, referral=ReferralFactory(search=SearchFactory()))
    )
    request.refresh_from_db()
    assert request.state == State.ASKED


@pytest.mark.parametrize("is_found_later", [True, False])
def test_a_copy_of_what_is_here_already_is_an_answer_when_it_was_found_after_the_asking(
    is_found_later, take, case
):
    """What a trust sends is not fetched besides where another's copy of the study is here."""
    here = brought(case, trust="RM3")
    request = take(State.ASKED)
    found_at = request.asked_at + timedelta(days=1 if is_found_later else -1)
    copy = {"study_instance_uid": here.study_instance_uid, "found_at": found_at}
    brought(case, state=Study.State.FOUND, completed_at=None, **copy)
    request.refresh_from_db()
    assert request.state == (State.ARRIVED if is_found_later else State.ASKED)


def test_an_answered_request_is_answered_once(take, case):
    take(State.ASKED)
    study = brought(case)
    study_changed(study)
    assert ImageRequest.objects.get().steps.count() == 2
