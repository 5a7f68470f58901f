from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.errors import Conflict, NotAllowed, WrongState
from mdt.meetings.models import Attendance, Meeting
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep, PersonPresent
from mdt.outcomes.services import record_outcome, step
from mdt.room_log import log
from mdt.teams.models import Specialty
from tests.factories import AttendanceFactory, ListedCaseFactory, MembershipFactory

Kind = OutcomeStep.Kind
IN_ORDER = [Kind.READ_BACK, Kind.CONFIRMED, Kind.SIGNED]
MAY = {
    Kind.READ_BACK: {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR},
    Kind.CONFIRMED: {Role.CHAIR, Role.DEPUTY, Role.CORE},
    Kind.SIGNED: {Role.CHAIR, Role.DEPUTY},
}


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(meeting=live_meeting)


@pytest.fixture
def outcome(case, chair):
    return record(case, chair)


def record(case, by, if_version=0):
    return record_outcome(
        case=case,
        written_for=case.public_id,
        if_version=if_version,
        recommendation="Resect",
        laterality="left",
        discussion_type="1",
        by=by,
        event_id=uuid4(),
    )


def take(outcome, kind, by, event_id=None):
    return step(outcome=outcome, kind=kind, by=by, event_id=event_id or uuid4())


def take_all_before(kind, outcome, by):
    for earlier in IN_ORDER[: IN_ORDER.index(kind)]:
        take(outcome, earlier, by)


def kinds(outcome):
    return [taken.kind for taken in outcome.steps.all()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "role"), [(kind, role) for kind in IN_ORDER for role in sorted(MAY[kind])]
)
def test_a_step_may_be_taken_by(kind, role, outcome, chair, team):
    take_all_before(kind, outcome, chair)
    person = MembershipFactory(team=team, role=role).person
    taken = take(outcome, kind, person)
    assert (taken.kind, taken.by) == (kind, person)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "role"), [(kind, role) for kind in IN_ORDER for role in sorted(set(Role) - MAY[kind])]
)
def test_a_step_is_refused_to(kind, role, outcome, chair, team):
    take_all_before(kind, outcome, chair)
    person = MembershipFactory(team=team, role=role).person
    before = kinds(outcome)
    with pytest.raises(NotAllowed):
        take(outcome, kind, person)
    assert kinds(outcome) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kinds_taken",
    [[Kind.CONFIRMED], [Kind.SIGNED], [Kind.READ_BACK, Kind.SIGNED]],
    ids=["confirmed first", "signed first", "signed unconfirmed"],
)
def test_no_step_is_left_out(kinds_taken, outcome, chair):
    *before, last = kinds_taken
    for kind in before:
        take(outcome, kind, chair)
    with pytest.raises(WrongState):
        take(outcome, last, chair)
    assert kinds(outcome) == before


@pytest.mark.django_db
def test_a_step_is_taken_once_and_the_second_hears_who_was_first(outcome, chair, team):
    take(outcome, Kind.READ_BACK, chair)
    deputy = MembershipFactory(team=team, role=Role.DEPUTY).person
    with pytest.raises(Conflict, match=r"chair was first.*Nothing is lost"):
        take(outcome, Kind.READ_BACK, deputy)
    assert [taken.by for taken in outcome.steps.all()] == [chair]


@pytest.mark.django_db
def test_the_same_step_sent_twice_is_one_and_answers_the_same(outcome, chair):
    event_id = uuid4()
    first = take(outcome, Kind.READ_BACK, chair, event_id)
    assert take(outcome, Kind.READ_BACK, chair, event_id) == first
    assert kinds(outcome) == [Kind.READ_BACK]


@pytest.mark.django_db
def test_only_the_newest_version_goes_on(case, outcome, chair):
    take(outcome, Kind.READ_BACK, chair)
    newer = record(case, chair, if_version=1)
    with pytest.raises(Conflict):
        take(outcome, Kind.CONFIRMED, chair)
    assert (kinds(outcome), kinds(newer)) == ([Kind.READ_BACK], [])


@pytest.mark.django_db
def test_an_outcome_can_be_signed_after_the_room_has_closed(outcome, chair):
    take_all_before(Kind.SIGNED, outcome, chair)
    Meeting.objects.update(state=Meeting.State.CLOSED)
    take(outcome, Kind.SIGNED, chair)
    assert kinds(outcome) == IN_ORDER


@pytest.mark.django_db
def test_nothing_goes_on_in_a_meeting_that_was_never_open(outcome, chair):
    Meeting.objects.update(state=Meeting.State.PLANNED)
    with pytest.raises(WrongState):
        take(outcome, Kind.READ_BACK, chair)
    assert kinds(outcome) == []


@pytest.mark.django_db
def test_signing_releases_the_outcome_and_nothing_before_does(case, outcome, chair):
    take_all_before(Kind.SIGNED, outcome, chair)
    case.refresh_from_db()
    assert case.released_at is None
    signed = take(outcome, Kind.SIGNED, chair)
    case.refresh_from_db()
    assert case.released_at == signed.at


@pytest.mark.django_db
def test_who_was_there_is_kept_from_every_source_as_it_was(case, outcome, chair, team):
    surgeon = MembershipFactory(
        team=team, specialty=Specialty.SURGERY, person__first_name="Ada", person__last_name="Bell"
    ).person
    for source in (Attendance.Source.TICK, Attendance.Source.SOCKET):
        AttendanceFactory(meeting=case.meeting, person=surgeon, source=source)
    take_all_before(Kind.SIGNED, outcome, chair)
    take(outcome, Kind.SIGNED, chair)
    surgeon.last_name = "Married"
    surgeon.save()
    case.meeting.attendances.all().delete()
    present = PersonPresent.objects.get()
    assert (present.name, present.specialty, present.sources) == (
        "Ada Bell",
        "Surgery",
        "socket,tick",
    )


@pytest.mark.django_db
def test_who_left_before_or_came_after_was_not_there(case, outcome, chair, team):
    early, late = (MembershipFactory(team=team).person for _ in range(2))
    AttendanceFactory(
        meeting=case.meeting, person=early, left_at=outcome.recorded_at - timedelta(seconds=1)
    )
    take_all_before(Kind.SIGNED, outcome, chair)
    AttendanceFactory(
        meeting=case.meeting, person=late, joined_at=timezone.now() + timedelta(seconds=1)
    )
    take(outcome, Kind.SIGNED, chair)
    assert not PersonPresent.objects.exists()


@pytest.mark.django_db
def test_the_room_and_the_audit_are_told_of_every_step(case, outcome, chair):
    for kind in IN_ORDER:
        take(outcome, kind, chair)
    told = [e.step for e in log.since(case.meeting, 0) if e.type == "outcome.stepped"]
    audited = AuditEvent.objects.filter(target=f"mdt.ListedCase:{case.public_id}")
    assert told == ["read-back", "confirmed", "signed"]
    assert list(audited.order_by("pk").values_list("action", flat=True)) == [
        "outcome.recorded",
        "outcome.read-back",
        "outcome.confirmed",
        "outcome.signed",
    ]


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_sign_at_once_one_signs_and_the_other_is_told(case, outcome, chair, team):
    deputy = MembershipFactory(team=team, role=Role.DEPUTY).person
    take_all_before(Kind.SIGNED, outcome, chair)
    together = Barrier(2)

    def sign(person):
        try:
            together.wait(5)
            return take(outcome, Kind.SIGNED, person).by
        except Conflict as refusal:
            return refusal.message
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(sign, [chair, deputy]))
    signed = outcome.steps.get(kind=Kind.SIGNED)
    told = [answer for answer in answers if isinstance(answer, str)]
    assert signed.by in answers
    assert told == [
        f"{signed.by.shown_name} was first: this version is signed already. Nothing is lost."
    ]
