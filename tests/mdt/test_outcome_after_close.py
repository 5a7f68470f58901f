"""A meeting closes in mid-sentence: what was typed is recorded afterwards, and says so."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.errors import NotAllowed, WrongState
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room import close_meeting, open_case
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep, PersonPresent
from mdt.outcomes.queries import may
from mdt.outcomes.services import record_outcome, save_draft, step
from tests.factories import (
    AttendanceFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PersonFactory,
)

pytestmark = pytest.mark.django_db
Kind = OutcomeStep.Kind
IN_ORDER = [Kind.READ_BACK, Kind.CONFIRMED, Kind.SIGNED]
MAY_RECORD = {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR}


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(meeting=live_meeting)


def record(case, by, **changes):
    case.refresh_from_db()
    fields = {
        "written_for": case.public_id,
        "if_version": case.outcome_versions.count(),
        "recommendation": "Resect",
        "laterality": "left",
        "discussion_type": "1",
        "event_id": uuid4(),
    }
    return record_outcome(case=case, by=by, **fields | changes)


def close(case, by):
    close_meeting(meeting=case.meeting, by=by)
    case.meeting.refresh_from_db()


def take(outcome, by, *kinds):
    for kind in kinds:
        step(outcome=outcome, kind=kind, by=by, event_id=uuid4())


def take_by_api(client, case, number, kind):
    url = reverse("outcome-steps", args=[case.public_id, number])
    return client.post(url, {"kind": kind, "event_id": uuid4()}, content_type="application/json")


def asked(client, person, case):
    client.force_login(person)
    return client.get(reverse("case-outcome", args=[case.public_id]))


@pytest.mark.parametrize("role", sorted(MAY_RECORD))
def test_what_was_typed_and_not_recorded_is_recorded_after_the_meeting_by(role, case, chair, team):
    person = MembershipFactory(team=team, role=role).person
    save_draft(
        case=case,
        written_for=case.public_id,
        if_version=0,
        fields={"recommendation": "Resect"},
        by=person,
        event_id=uuid4(),
    )
    close(case, chair)
    outcome = record(case, person)
    case.draft.refresh_from_db()
    assert (outcome.number, outcome.recorded_by) == (1, person)
    assert (outcome.is_after_close, outcome.was_quorate) == (True, None)
    assert case.draft.fields == {}


@pytest.mark.parametrize("role", sorted(set(Role) - MAY_RECORD))
def test_after_the_meeting_an_outcome_is_refused_to(role, case, chair, team):
    person = MembershipFactory(team=team, role=role).person
    close(case, chair)
    with pytest.raises(NotAllowed):
        record(case, person)
    assert may(case, person)["record"] is False
    assert not case.outcome_versions.exists()


def test_a_stranger_finds_no_case_after_the_meeting_either(client, case, chair, stranger):
    close(case, chair)
    assert asked(client, stranger, case).status_code == 404
    with pytest.raises(NotAllowed):
        record(case, stranger)


def test_all_steps_are_offered_and_taken_after_the_meeting_until_it_is_signed(client, case, chair):
    close(case, chair)
    assert asked(client, chair, case).json()["may"]["record"] is True
    record(case, chair)
    for kind in IN_ORDER:
        assert asked(client, chair, case).json()["may"]["record"] is True
        assert take_by_api(client, case, 1, kind).status_code == 201
    outcome = case.outcome_versions.get()
    assert outcome.is_signed
    assert asked(client, chair, case).json()["may"]["record"] is False


def test_a_signed_outcome_is_not_written_anew_after_the_meeting(case, chair):
    take(record(case, chair), chair, *IN_ORDER)
    close(case, chair)
    with pytest.raises(WrongState):
        record(case, chair, recommendation="Watch")
    assert case.outcome_versions.count() == 1


def test_a_revision_begun_in_the_meeting_is_finished_after_it(case, chair):
    take(record(case, chair), chair, *IN_ORDER)
    revision = record(case, chair, recommendation="Watch")
    close(case, chair)
    take(revision, chair, *IN_ORDER)
    assert revision.is_signed


def test_a_meeting_that_was_never_opened_has_no_outcome(case, chair, team):
    planned = ListedCaseFactory(meeting=MeetingFactory(team=team, state=Meeting.State.PLANNED))
    with pytest.raises(WrongState):
        record(planned, chair)
    assert may(planned, chair) == {"record": False, "confirm": False, "sign": False}


def test_the_quorum_measured_in_the_meeting_stays_with_what_is_recorded_after_it(case, chair):
    assert record(case, chair).was_quorate is True
    close(case, chair)
    later = record(case, chair, recommendation="Resect, then radiotherapy")
    assert (later.was_quorate, later.is_after_close) == (True, True)


def test_what_was_recorded_in_the_meeting_does_not_become_later_by_its_steps(case, chair):
    outcome = record(case, chair)
    close(case, chair)
    take(outcome, chair, *IN_ORDER)
    outcome.refresh_from_db()
    assert not outcome.is_after_close


def test_after_the_days_of_access_nothing_is_recorded_or_stepped(case, chair, team):
    take(record(case, chair), chair, *IN_ORDER)
    revision = record(case, chair, recommendation="Watch")
    close(case, chair)
    case.released_at = timezone.now() - timedelta(days=team.access_days + 1)
    case.save()
    with pytest.raises(WrongState):
        record(case, chair)
    with pytest.raises(WrongState):
        take(revision, chair, Kind.READ_BACK)
    assert not revision.steps.exists()


def test_who_was_there_is_who_was_there_while_the_case_was_open(case, chair, team):
    early, there, late = (
        MembershipFactory(team=team, person__last_name=name).person for name in ("A", "B", "C")
    )
    now = timezone.now()
    hour = timedelta(hours=1)
    tick = Attendance.Source.TICK
    AttendanceFactory(
        meeting=case.meeting,
        person=early,
        source=tick,
        joined_at=now - hour,
        left_at=now - hour / 2,
    )
    AttendanceFactory(meeting=case.meeting, person=there, source=tick, joined_at=now - hour)
    open_case(meeting=case.meeting, case=case, by=chair, event_id=uuid4())
    other = ListedCaseFactory(meeting=case.meeting)
    open_case(meeting=case.meeting, case=other, by=chair, event_id=uuid4())
    AttendanceFactory(meeting=case.meeting, person=late, source=tick, joined_at=timezone.now())
    close(case, chair)
    take(record(case, chair), chair, *IN_ORDER)
    assert list(PersonPresent.objects.values_list("person", flat=True)) == [there.pk]


def test_nobody_was_there_for_a_case_the_room_never_opened(case, chair, team):
    AttendanceFactory(meeting=case.meeting, person=chair, source=Attendance.Source.TICK)
    close(case, chair)
    take(record(case, chair), chair, *IN_ORDER)
    assert not PersonPresent.objects.exists()


def test_the_page_says_that_it_was_recorded_after_the_meeting(client, case, chair):
    consultant = PersonFactory()
    case.referral.responsible_consultant = consultant
    case.referral.save()
    close(case, chair)
    take(record(case, chair), chair, *IN_ORDER)
    client.force_login(consultant)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    version = asked(client, chair, case).json()["versions"][0]
    assert "Recorded after the meeting had closed" in page
    assert "Quorum not known" in page
    assert (version["recorded_after_close"], version["was_quorate"]) == (True, None)


def test_the_page_of_what_was_recorded_in_the_meeting_does_not_say_so(client, case, chair):
    record(case, chair)
    client.force_login(chair)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    assert "after the meeting" not in page.split("Discussed pictures")[0]
    assert "Quorate" in page
