"""Checking in by the code on the screen: what fits, what does not, and that nothing leaks."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.meetings.check_in import (
    MAX_TRIES,
    PERIOD,
    TRIES_WITHIN,
    TooManyTries,
    WrongCode,
    changes_at,
    check_in,
    code_of,
)
from mdt.meetings.models import Attendance, Meeting
from mdt.members import Role
from mdt.room_log import log
from tests.factories import AttendanceFactory, MeetingFactory, MembershipFactory, TeamFactory

pytestmark = pytest.mark.django_db
CHECK_IN = Attendance.Source.CHECK_IN


@pytest.fixture
def nurse(team):
    return MembershipFactory(team=team).person


def now_code(meeting):
    return code_of(meeting, timezone.now())


def wrong_code(meeting):
    """Six digits that are neither this period's nor the last's."""
    now = timezone.now()
    taken = {code_of(meeting, at) for at in (now, now - PERIOD, now + PERIOD)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in taken)


def refusals(person):
    return AuditEvent.objects.filter(action="check-in.refused", by=person.public_id)


def enter(client, code):
    return client.post(reverse("check-in"), {"code": code})


# ---- the code ----------------------------------------------------------------------------------


def test_a_code_has_six_digits_and_is_another_for_each_meeting_and_period(team):
    at = datetime(2026, 11, 24, 14, 3, tzinfo=UTC)
    meetings = [MeetingFactory(team=team, live=True) for _ in range(2)]
    codes = {code_of(meeting, at + PERIOD * n) for meeting in meetings for n in range(3)}
    assert len(codes) == 6
    assert all(len(code) == 6 and code.isdigit() for code in codes)


def test_a_code_stands_until_it_is_said_to_change(live_meeting):
    at = datetime(2026, 11, 24, 14, 3, tzinfo=UTC)
    until = changes_at(at)
    assert until == datetime(2026, 11, 24, 14, 10, tzinfo=UTC)
    assert code_of(live_meeting, until - timedelta(seconds=1)) == code_of(live_meeting, at)
    assert code_of(live_meeting, until) != code_of(live_meeting, at)


def test_a_code_cannot_be_made_without_the_servers_secret(live_meeting, settings):
    before = now_code(live_meeting)
    settings.SECRET_KEY = "another" * 8
    assert now_code(live_meeting) != before


# ---- checking in -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_every_member_checks_in_and_is_present_from_then(role, team, live_meeting):
    person = MembershipFactory(team=team, role=role).person
    assert check_in(code=now_code(live_meeting), by=person) == live_meeting
    row = live_meeting.attendances.get()
    assert (row.person, row.source, row.left_at) == (person, CHECK_IN, None)
    (event,) = log.since(live_meeting, 0)
    assert (event.type, event.person, event.present) == (
        "attendance.changed",
        person.public_id,
        True,
    )
    audited = AuditEvent.objects.get(action="check-in.done")
    assert (audited.by, audited.target) == (
        person.public_id,
        f"mdt.Meeting:{live_meeting.public_id}",
    )


def test_checking_in_twice_is_once(live_meeting, nurse):
    for _ in range(2):
        check_in(code=now_code(live_meeting), by=nurse)
    assert live_meeting.attendances.count() == 1
    assert AuditEvent.objects.filter(action="check-in.done").count() == 1


@pytest.mark.parametrize(("age", "is_taken"), [(0, True), (1, True), (2, False), (-1, False)])
def test_the_code_of_now_and_the_one_before_are_taken(age, is_taken, live_meeting, nurse):
    code = code_of(live_meeting, timezone.now() - PERIOD * age)
    if is_taken:
        check_in(code=code, by=nurse)
    else:
        with pytest.raises(WrongCode):
            check_in(code=code, by=nurse)
    assert live_meeting.attendances.exists() == is_taken


@pytest.mark.parametrize("state", [Meeting.State.PLANNED, Meeting.State.CLOSED])
def test_a_meeting_that_is_not_open_has_no_code(state, team, nurse):
    meeting = MeetingFactory(team=team, state=state)
    with pytest.raises(WrongCode):
        check_in(code=now_code(meeting), by=nurse)
    assert not meeting.attendances.exists()


def test_a_wrong_code_is_on_record_without_what_was_typed(live_meeting, nurse):
    with pytest.raises(WrongCode):
        check_in(code=wrong_code(live_meeting), by=nurse)
    event = refusals(nurse).get()
    assert (event.target, event.detail) == ("", {})


# ---- throttled by person -----------------------------------------------------------------------


def try_wrongly(meeting, person, times=MAX_TRIES):
    for _ in range(times):
        with pytest.raises(WrongCode):
            check_in(code=wrong_code(meeting), by=person)


def test_after_too_many_wrong_codes_even_the_right_one_waits(live_meeting, nurse):
    try_wrongly(live_meeting, nurse)
    with pytest.raises(TooManyTries):
        check_in(code=now_code(live_meeting), by=nurse)
    assert not live_meeting.attendances.exists()
    assert refusals(nurse).count() == MAX_TRIES


def test_one_try_less_is_not_too_many(live_meeting, nurse):
    try_wrongly(live_meeting, nurse, MAX_TRIES - 1)
    check_in(code=now_code(live_meeting), by=nurse)
    assert live_meeting.attendances.exists()


def test_one_persons_tries_are_not_anothers(live_meeting, nurse, chair):
    try_wrongly(live_meeting, nurse)
    check_in(code=now_code(live_meeting), by=chair)
    assert live_meeting.attendances.get().person == chair


def test_after_a_while_one_may_try_again(live_meeting, nurse, monkeypatch):
    try_wrongly(live_meeting, nurse)
    later = timezone.now() + TRIES_WITHIN + timedelta(seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    check_in(code=now_code(live_meeting), by=nurse)
    assert live_meeting.attendances.get().joined_at == later


# ---- the page ----------------------------------------------------------------------------------


def test_the_page_checks_in_and_then_says_so(client, live_meeting, nurse):
    client.force_login(nurse)
    code = now_code(live_meeting)
    assert enter(client, f" {code[:3]} {code[3:]} ").url == reverse("check-in")
    page = client.get(reverse("check-in")).content.decode()
    assert "You are here" in page
    assert "Neuro-oncology" in page


def test_what_is_not_six_digits_costs_no_try(client, live_meeting, nurse):
    client.force_login(nurse)
    answer = enter(client, "48291")
    assert answer.status_code == 422
    assert "check_in.not_six_digits" in answer.content.decode()
    assert not refusals(nurse).exists()


@pytest.mark.parametrize("code", ["", "\x00" * 6, "١٢٣٤٥٦", "12345é", "1" * 21])
def test_odd_codes_are_refused_in_words(code, client, live_meeting, nurse):
    client.force_login(nurse)
    assert enter(client, code).status_code == 422


def test_a_wrong_code_is_answered_in_words_with_a_stable_code(client, live_meeting, nurse):
    client.force_login(nurse)
    answer = enter(client, wrong_code(live_meeting))
    assert answer.status_code == 422
    assert "check_in.wrong_code" in answer.content.decode()


def test_too_many_tries_are_answered_in_words_with_a_stable_code(client, live_meeting, nurse):
    try_wrongly(live_meeting, nurse)
    client.force_login(nurse)
    answer = enter(client, now_code(live_meeting))
    assert answer.status_code == 429
    assert "check_in.too_many_tries" in answer.content.decode()


def test_a_stranger_with_the_right_code_hears_what_a_member_with_a_wrong_one_hears(
    client, live_meeting, nurse, stranger, team
):
    other = MembershipFactory(team=TeamFactory(name="Another")).person
    answers = []
    for person, code in [
        (nurse, wrong_code(live_meeting)),
        (stranger, now_code(live_meeting)),
        (other, now_code(live_meeting)),
    ]:
        client.force_login(person)
        answer = enter(client, code)
        assert team.name not in answer.content.decode()
        refusal = answer.context["refusal"]
        answers.append((answer.status_code, refusal.code, refusal.message))
    assert len(set(answers)) == 1
    assert not live_meeting.attendances.exists()


def test_leaving_ends_being_present_by_code_and_by_tick(client, live_meeting, nurse):
    for source in (CHECK_IN, Attendance.Source.TICK):
        AttendanceFactory(meeting=live_meeting, person=nurse, source=source)
    client.force_login(nurse)
    client.post(reverse("check-out", args=[live_meeting.public_id]))
    assert not live_meeting.attendances.filter(left_at=None).exists()
    assert AuditEvent.objects.get(action="check-in.ended").by == nurse.public_id


def test_leaving_ends_nobody_elses_presence(client, live_meeting, nurse, chair):
    AttendanceFactory(meeting=live_meeting, person=chair, source=CHECK_IN)
    client.force_login(nurse)
    client.post(reverse("check-out", args=[live_meeting.public_id]))
    assert live_meeting.attendances.get().left_at is None
    assert not AuditEvent.objects.filter(action="check-in.ended").exists()


# ---- the code on the screen --------------------------------------------------------------------


def test_the_screen_shows_the_code_and_that_it_did_is_on_record(client, live_meeting, chair):
    client.force_login(chair)
    page = client.get(reverse("check-in-code", args=[live_meeting.public_id]))
    code = now_code(live_meeting)
    assert f"{code[:3]} {code[3:]}" in page.content.decode()
    event = AuditEvent.objects.get(action="check-in.code-shown")
    assert (event.by, event.target) == (
        chair.public_id,
        f"mdt.Meeting:{live_meeting.public_id}",
    )


@pytest.mark.parametrize("name", ["check-in-code", "check-in-code-now"])
def test_who_does_not_take_attendance_is_not_shown_the_code(name, client, team, live_meeting):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    answer = client.get(reverse(name, args=[live_meeting.public_id]))
    assert answer.status_code == 403
    code = now_code(live_meeting)
    assert f"{code[:3]} {code[3:]}" not in answer.content.decode()


@pytest.mark.parametrize("state", [Meeting.State.PLANNED, Meeting.State.CLOSED])
def test_a_room_that_is_not_open_shows_no_code(state, client, team, chair):
    meeting = MeetingFactory(team=team, state=state)
    client.force_login(chair)
    text = client.get(reverse("check-in-code", args=[meeting.public_id])).content.decode()
    code = now_code(meeting)
    assert f"{code[:3]} {code[3:]}" not in text
    assert "There is a code while the room is open" in text


def test_the_code_is_not_sent_again_while_it_is_the_same(client, live_meeting, chair):
    client.force_login(chair)
    url = reverse("check-in-code-now", args=[live_meeting.public_id])
    etag = client.get(url)["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
