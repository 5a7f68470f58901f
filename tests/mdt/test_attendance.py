"""Attendance by tick: who may, what is kept of it, what it does to the quorum and the record."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.errors import NotAllowed, WrongState
from mdt.meetings.attendance import SLIP, tick, untick
from mdt.meetings.attendance_queries import attendance_of, quorum_in
from mdt.meetings.check_in import check_in, code_of
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room import close_meeting
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep, PersonPresent
from mdt.outcomes.services import record_outcome, step
from mdt.room_log import log
from mdt.teams.models import QuorumRule, Specialty
from tests.factories import AttendanceFactory, MeetingFactory, MembershipFactory

pytestmark = pytest.mark.django_db
Source = Attendance.Source
HTMX = {"HX-Request": "true"}
MAY = [Role.CHAIR, Role.DEPUTY, Role.COORDINATOR, Role.CORE]
MAY_NOT = [Role.EXTENDED, Role.OBSERVER]


@pytest.fixture
def coordinator(team):
    person = MembershipFactory(team=team, role=Role.COORDINATOR).person
    person.first_name, person.last_name = "Anna", "Coleman"
    person.save()
    return person


@pytest.fixture
def radiologist(team):
    return MembershipFactory(
        team=team, specialty=Specialty.RADIOLOGY, person__last_name="Osei"
    ).person


def told(meeting):
    return [(e.person, e.present) for e in log.since(meeting, 0) if e.type == "attendance.changed"]


def audited(meeting):
    events = AuditEvent.objects.filter(target=f"mdt.Meeting:{meeting.public_id}").order_by("pk")
    return [(event.action, event.by, event.detail) for event in events]


def row_of(meeting, person):
    return next(row for row in attendance_of(meeting) if row.person == person)


def send_tick(client, meeting, person, is_here):
    url = reverse("attendance-tick", args=[meeting.public_id])
    return client.post(url, {"person": person.public_id, "is_here": is_here}, headers=HTMX)


def minutes_ago(minutes):
    return timezone.now() - timedelta(minutes=minutes)


# ---- ticking -----------------------------------------------------------------------------------


def test_a_tick_is_kept_with_who_made_it_and_the_room_hears(live_meeting, radiologist, coordinator):
    tick(meeting=live_meeting, person=radiologist, by=coordinator)
    row = live_meeting.attendances.get()
    assert (row.person, row.source, row.ticked_by) == (radiologist, Source.TICK, coordinator)
    assert row.left_at is None
    assert told(live_meeting) == [(radiologist.public_id, True)]
    ticked = ("attendance.ticked", coordinator.public_id, {"person": radiologist.public_id})
    assert audited(live_meeting) == [ticked]


def test_a_second_tick_changes_nothing(live_meeting, radiologist, coordinator, chair):
    tick(meeting=live_meeting, person=radiologist, by=coordinator)
    tick(meeting=live_meeting, person=radiologist, by=chair)
    assert live_meeting.attendances.get().ticked_by == coordinator
    assert (len(told(live_meeting)), len(audited(live_meeting))) == (1, 1)


def test_taking_a_tick_back_ends_it_and_is_on_record(live_meeting, radiologist, coordinator, chair):
    AttendanceFactory(meeting=live_meeting, person=radiologist, joined_at=minutes_ago(5))
    untick(meeting=live_meeting, person=radiologist, by=chair)
    row = live_meeting.attendances.get()
    assert timezone.now() - row.left_at < timedelta(seconds=5)
    assert told(live_meeting) == [(radiologist.public_id, False)]
    unticked = ("attendance.unticked", chair.public_id, {"person": radiologist.public_id})
    assert audited(live_meeting) == [unticked]


def test_who_is_ticked_again_has_a_second_row(live_meeting, radiologist, coordinator):
    AttendanceFactory(
        meeting=live_meeting,
        person=radiologist,
        joined_at=minutes_ago(9),
        left_at=minutes_ago(5),
    )
    tick(meeting=live_meeting, person=radiologist, by=coordinator)
    first, second = live_meeting.attendances.all()
    assert (first.left_at is None, second.left_at) == (False, None)
    assert row_of(live_meeting, radiologist).stays[0].gaps == 1


def test_taking_back_what_was_never_ticked_leaves_nothing(live_meeting, radiologist, coordinator):
    untick(meeting=live_meeting, person=radiologist, by=coordinator)
    assert (told(live_meeting), audited(live_meeting)) == ([], [])


def test_taking_a_tick_back_leaves_who_is_connected_in_the_room(
    live_meeting, radiologist, coordinator
):
    for source in (Source.TICK, Source.SOCKET):
        AttendanceFactory(
            meeting=live_meeting, person=radiologist, source=source, joined_at=minutes_ago(5)
        )
    untick(meeting=live_meeting, person=radiologist, by=coordinator)
    assert told(live_meeting) == []
    assert live_meeting.attendances.get(left_at=None).source == Source.SOCKET


def test_taking_a_tick_back_ends_a_check_in_by_code_too(live_meeting, radiologist, coordinator):
    AttendanceFactory(meeting=live_meeting, person=radiologist, source=Source.CHECK_IN)
    untick(meeting=live_meeting, person=radiologist, by=coordinator)
    assert live_meeting.attendances.get().left_at is not None


@pytest.mark.parametrize("act", [tick, untick])
@pytest.mark.parametrize("role", MAY)
def test_who_may_take_attendance(act, role, team, live_meeting, radiologist):
    AttendanceFactory(meeting=live_meeting, person=radiologist, source=Source.CHECK_IN)
    act(
        meeting=live_meeting,
        person=radiologist,
        by=MembershipFactory(team=team, role=role).person,
    )
    assert len(audited(live_meeting)) == 1


@pytest.mark.parametrize("act", [tick, untick])
@pytest.mark.parametrize("role", MAY_NOT)
def test_who_may_not_take_attendance(act, role, team, live_meeting, radiologist):
    AttendanceFactory(meeting=live_meeting, person=radiologist, source=Source.CHECK_IN)
    with pytest.raises(NotAllowed):
        act(
            meeting=live_meeting,
            person=radiologist,
            by=MembershipFactory(team=team, role=role).person,
        )
    assert live_meeting.attendances.get().left_at is None
    assert audited(live_meeting) == []


def test_only_members_of_today_are_ticked(live_meeting, team, coordinator, stranger):
    past = timezone.localdate() - timedelta(days=1)
    former = MembershipFactory(team=team, from_date=past, to_date=past).person
    for person in (stranger, former):
        with pytest.raises(NotAllowed):
            tick(meeting=live_meeting, person=person, by=coordinator)
    assert not live_meeting.attendances.exists()


@pytest.mark.parametrize("state", [Meeting.State.PLANNED, Meeting.State.CLOSED])
def test_attendance_is_taken_only_while_the_room_is_open(state, team, radiologist, coordinator):
    meeting = MeetingFactory(team=team, state=state)
    with pytest.raises(WrongState):
        tick(meeting=meeting, person=radiologist, by=coordinator)
    assert not meeting.attendances.exists()


# ---- quorum and the record ---------------------------------------------------------------------


def outcome_of(case, chair, number=0):
    return record_outcome(
        case=case,
        written_for=case.public_id,
        if_version=number,
        by=chair,
        event_id=uuid4(),
        recommendation="Resection.",
        laterality="left",
        discussion_type="1",
    )


def sign(outcome, chair):
    for kind in OutcomeStep.Kind:
        step(outcome=outcome, kind=kind, by=chair, event_id=uuid4())


def test_a_tick_makes_the_quorum_of_an_outcome_and_its_end_unmakes_it(
    case, team, chair, radiologist, coordinator
):
    QuorumRule.objects.create(team=team, specialty=Specialty.RADIOLOGY)
    assert not outcome_of(case, chair).was_quorate
    tick(meeting=case.meeting, person=radiologist, by=coordinator)
    assert outcome_of(case, chair, 1).was_quorate
    untick(meeting=case.meeting, person=radiologist, by=coordinator)
    assert not outcome_of(case, chair, 2).was_quorate


def test_a_check_in_by_code_makes_the_quorum_of_an_outcome(case, team, chair, radiologist):
    QuorumRule.objects.create(team=team, specialty=Specialty.RADIOLOGY)
    check_in(code=code_of(case.meeting, timezone.now()), by=radiologist)
    assert outcome_of(case, chair).was_quorate


def test_who_is_connected_ticked_and_checked_in_counts_once(team, live_meeting, radiologist):
    QuorumRule.objects.create(team=team, specialty=Specialty.RADIOLOGY, at_least=2)
    for source in Source:
        AttendanceFactory(meeting=live_meeting, person=radiologist, source=source)
    (need,) = quorum_in(live_meeting).needs
    assert (need.here, need.is_met) == (1, False)


def test_the_signed_outcome_says_who_was_ticked_and_who_entered_the_code(
    client, case, team, chair, radiologist, coordinator
):
    nurse = MembershipFactory(
        team=team, specialty=Specialty.NURSING, person__last_name="Mensah"
    ).person
    tick(meeting=case.meeting, person=radiologist, by=coordinator)
    check_in(code=code_of(case.meeting, timezone.now()), by=nurse)
    sign(outcome_of(case, chair), chair)
    client.force_login(chair)
    page = client.get(reverse("outcome", args=[case.public_id]))
    assert [(one.name, one.how_known) for one in page.context["reading"].present] == [
        ("Mensah", "entered the code"),
        ("Osei", "ticked by the coordinator"),
    ]


def test_a_tick_on_the_wrong_line_taken_back_at_once_is_not_in_the_record(
    case, chair, radiologist, coordinator
):
    outcome = outcome_of(case, chair)
    tick(meeting=case.meeting, person=radiologist, by=coordinator)
    untick(meeting=case.meeting, person=radiologist, by=coordinator)
    sign(outcome, chair)
    assert not PersonPresent.objects.exists()
    assert row_of(case.meeting, radiologist).stays == []
    assert [action for action, *_ in audited(case.meeting)][:2] == [
        "attendance.ticked",
        "attendance.unticked",
    ]


def test_who_stayed_longer_than_a_slip_is_in_the_record(case, chair, radiologist, coordinator):
    outcome = outcome_of(case, chair)
    joined_at = timezone.now() - SLIP - timedelta(seconds=1)
    AttendanceFactory(meeting=case.meeting, person=radiologist, joined_at=joined_at)
    untick(meeting=case.meeting, person=radiologist, by=coordinator)
    sign(outcome, chair)
    assert PersonPresent.objects.get().person == radiologist


@pytest.mark.parametrize(
    ("here", "rules", "words"),
    [
        ([], {}, "Quorate: this team has no rule about who must be here"),
        (["radiology"], {"radiology": 1}, "Quorate: radiologist"),
        ([], {"radiology": 1, "nursing": 1}, "Not quorate: no radiologist, no specialist nurse"),
        (
            ["surgery"],
            {"surgery": 2, "pathology": 1},
            "Not quorate: 1 of 2 surgeons, no pathologist",
        ),
    ],
)
def test_the_quorum_in_words(here, rules, words, team, live_meeting):
    for specialty, at_least in rules.items():
        QuorumRule.objects.create(team=team, specialty=specialty, at_least=at_least)
    for specialty in here:
        person = MembershipFactory(team=team, specialty=specialty).person
        AttendanceFactory(meeting=live_meeting, person=person)
    assert quorum_in(live_meeting).words == words


# ---- the page ----------------------------------------------------------------------------------


def page_of(client, meeting, person, name="attendance"):
    client.force_login(person)
    return client.get(reverse(name, args=[meeting.public_id]))


def test_everybody_of_the_team_is_on_the_page_with_how_they_are_known(
    client, live_meeting, chair, radiologist, coordinator, observer
):
    tick(meeting=live_meeting, person=radiologist, by=coordinator)
    AttendanceFactory(meeting=live_meeting, person=chair, source=Source.SOCKET)
    check_in(code=code_of(live_meeting, timezone.now()), by=observer)
    page = page_of(client, live_meeting, coordinator)
    assert {row.person for row in page.context["rows"]} == {
        chair,
        radiologist,
        coordinator,
        observer,
    }
    text = page.content.decode()
    for words in ("ticked by Anna Coleman", "connected", "entered the code", "Radiology"):
        assert words in text
    assert page.context["here"] == 3


def test_who_is_silent_for_half_a_minute_is_shown_as_left(live_meeting, chair):
    AttendanceFactory(
        meeting=live_meeting, person=chair, source=Source.SOCKET, seen_at=minutes_ago(1)
    )
    assert not row_of(live_meeting, chair).is_here


def test_a_tick_from_the_page_answers_with_the_new_rows(
    client, live_meeting, radiologist, coordinator
):
    client.force_login(coordinator)
    answer = send_tick(client, live_meeting, radiologist, "yes").content.decode()
    assert "checked" in answer
    assert "ticked by Anna Coleman" in answer
    send_tick(client, live_meeting, radiologist, "no")
    assert not live_meeting.attendances.filter(left_at=None).exists()


def test_rows_that_are_the_same_are_not_sent_again(client, live_meeting, radiologist, coordinator):
    first = page_of(client, live_meeting, coordinator, "attendance-rows")
    url = reverse("attendance-rows", args=[live_meeting.public_id])
    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    tick(meeting=live_meeting, person=radiologist, by=coordinator)
    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_member_without_the_right_reads_and_cannot_tick(client, team, live_meeting, radiologist):
    reader = MembershipFactory(team=team, role=Role.EXTENDED).person
    page = page_of(client, live_meeting, reader)
    assert page.status_code == 200
    assert "data-tick" not in page.content.decode()
    assert "check-in-code" not in page.content.decode()
    refused = send_tick(client, live_meeting, radiologist, "yes")
    assert refused.status_code == 403
    assert "mdt.not_allowed" in refused.content.decode()
    assert not live_meeting.attendances.exists()


@pytest.mark.parametrize("person", ["x" * 16, "", "\x00", "é" * 4])
def test_a_tick_for_nobody_of_the_team_does_nothing(person, client, live_meeting, coordinator):
    client.force_login(coordinator)
    url = reverse("attendance-tick", args=[live_meeting.public_id])
    answer = client.post(url, {"person": person, "is_here": "yes"})
    assert answer.status_code in (400, 404)
    assert not live_meeting.attendances.exists()


def test_after_the_meeting_the_page_says_who_was_there(
    client, live_meeting, chair, radiologist, coordinator
):
    tick(meeting=live_meeting, person=radiologist, by=coordinator)
    close_meeting(meeting=live_meeting, by=chair)
    text = page_of(client, live_meeting, coordinator).content.decode()
    assert "data-tick" not in text
    assert "was here" in text


def test_before_the_room_is_open_nobody_is_ticked(client, team, coordinator):
    text = page_of(client, MeetingFactory(team=team), coordinator).content.decode()
    assert "data-tick" not in text
    assert "The room is not open yet" in text


@pytest.mark.parametrize("count", [2, 12])
def test_the_page_asks_a_fixed_number_of_questions(
    count, team, live_meeting, coordinator, django_assert_num_queries
):
    for _ in range(count):
        AttendanceFactory(meeting=live_meeting, person=MembershipFactory(team=team).person)
    with django_assert_num_queries(2):
        attendance_of(live_meeting)


@pytest.mark.parametrize(("role", "is_shown"), [(Role.CORE, True), (Role.EXTENDED, False)])
def test_the_room_leads_those_who_may_to_the_attendance(role, is_shown, client, team, live_meeting):
    person = MembershipFactory(team=team, role=role).person
    text = page_of(client, live_meeting, person, "room").content.decode()
    assert (reverse("attendance", args=[live_meeting.public_id]) in text) == is_shown
