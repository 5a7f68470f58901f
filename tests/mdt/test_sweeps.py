"""Looking again at night and two hours before each meeting: what is due, and nothing twice."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from imaging.models import ArchiveAnswer, Job, Study
from mdt.errors import NotAllowed, WrongState
from mdt.meetings import put_right, services, sweeps, tasks
from mdt.meetings.models import Meeting
from mdt.meetings.queries import row_of
from mdt.meetings.sweeps import Swept, last_moment, sweep
from mdt.referrals.models import Objection
from mdt.room_log import log
from tests.factories import (
    ArchiveFactory,
    MeetingFactory,
    PatientNumberFactory,
    PullJobFactory,
    ReferralFactory,
    ReferralStudyFactory,
    StudyFactory,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAST_NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)


@pytest.fixture
def case(team, archive, coordinator):
    """Listed for tomorrow's meeting; its archive answered when it was listed, yesterday."""
    meeting = MeetingFactory(team=team, starts_at=NOON + DAY)
    referral = ReferralFactory()
    PatientNumberFactory(patient=referral.patient)
    case = services.list_case(meeting=meeting, referral=referral, by=coordinator)
    has_answered(case, NOON - DAY)
    return case


def has_answered(case, at):
    answers = ArchiveAnswer.objects.filter(search=case.referral.search)
    answers.update(state=ArchiveAnswer.State.ANSWERED, answered_at=at)
    Job.objects.filter(answer__in=answers).update(state=Job.State.DONE, due_at=at)


def states(case):
    return list(case.referral.search.answers.values_list("state", flat=True))


def short_study(case, state=Study.State.PARTIAL, **fields):
    study = StudyFactory(archive__name="rm3", search=case.referral.search, state=state, **fields)
    ReferralStudyFactory(referral=case.referral, study=study)
    PullJobFactory(study=study, state=Job.State.DONE, due_at=NOON - DAY)
    return study


@pytest.mark.parametrize(
    ("starts_in", "now", "moment"),
    [
        (DAY, NOON, LAST_NIGHT),
        (timedelta(hours=1), NOON, NOON - HOUR),
        (timedelta(hours=2), NOON, NOON),
        (timedelta(hours=2, minutes=1), NOON, LAST_NIGHT),
        (DAY, LAST_NIGHT, LAST_NIGHT),
        (DAY, LAST_NIGHT - HOUR, LAST_NIGHT - DAY),
    ],
)
def test_a_meeting_is_due_at_night_and_two_hours_before(starts_in, now, moment):
    assert last_moment(now + starts_in, now) == moment


def test_at_night_every_archive_of_every_coming_case_is_asked_again(case):
    before = case.meeting.room_events.count()
    assert sweep(now=NOON) == Swept(cases=1, archives=1, studies=0)
    assert states(case) == ["waiting"]
    assert Job.objects.get(answer__search=case.referral.search).state == Job.State.WAITING
    assert [e.type for e in log.since(case.meeting, before)] == ["case.refreshed"]


def test_sweeping_again_asks_nobody_twice(case):
    sweep(now=NOON)
    assert sweep(now=NOON + timedelta(minutes=5)) == Swept()
    has_answered(case, NOON + timedelta(minutes=6))
    assert sweep(now=NOON + timedelta(minutes=10)) == Swept()


def test_two_hours_before_the_meeting_it_is_asked_once_more(case):
    has_answered(case, NOON)
    starts_at = case.meeting.starts_at
    assert sweep(now=starts_at - 3 * HOUR).archives == 1  # of the night before it
    has_answered(case, starts_at - 3 * HOUR)
    assert sweep(now=starts_at - timedelta(hours=2, minutes=5)) == Swept()
    assert sweep(now=starts_at - timedelta(hours=1, minutes=58)).archives == 1


def test_an_archive_that_failed_is_asked_again_too(case):
    case.referral.search.answers.update(state=ArchiveAnswer.State.FAILED, code="archive.silent")
    Job.objects.update(state=Job.State.FAILED)
    assert sweep(now=NOON).archives == 1
    assert states(case) == ["waiting"]


def test_an_archive_that_is_paused_is_not_asked_and_that_is_said(case, archive):
    type(archive).objects.update(is_paused=True)
    sweep(now=NOON)
    assert states(case) == ["not-asked"]


def test_an_archive_added_since_the_listing_is_asked_for_the_first_time(case, team):
    ArchiveFactory(name="new", trust_ods_code=team.site.trust.ods_code)
    assert sweep(now=NOON).archives == 2
    assert states(case) == ["waiting", "waiting"]


def test_only_the_archives_that_have_not_answered_since_are_asked(case, team):
    late = ArchiveFactory(name="late", trust_ods_code=team.site.trust.ods_code)
    sweep(now=NOON)
    has_answered(case, NOON)
    case.referral.search.answers.filter(archive=late).update(answered_at=NOON - DAY)
    assert sweep(now=NOON + HOUR).archives == 1
    asked = case.referral.search.answers.filter(state=ArchiveAnswer.State.WAITING)
    assert [answer.archive for answer in asked] == [late]


def test_a_case_whose_patient_was_corrected_since_the_sweep_began_is_not_asked_for_as_before(
    case, monkeypatch
):
    before = case.referral.search

    def is_due(due, since):
        put_right.seek_anew(due.referral.patient)
        return True

    monkeypatch.setattr(sweeps, "_is_due", is_due)
    sweep(now=NOON)
    assert states(case) == ["answered"]
    assert Job.objects.get(answer__search=before).state == Job.State.DONE
    case.referral.refresh_from_db(fields=["search"])
    assert case.referral.search != before
    assert states(case) == ["waiting"]


def test_one_case_that_cannot_be_looked_at_keeps_no_other_from_it(
    case, coordinator, monkeypatch, caplog
):
    another = ReferralFactory()
    services.list_case(meeting=case.meeting, referral=another, by=coordinator)
    ArchiveAnswer.objects.update(state=ArchiveAnswer.State.ANSWERED, answered_at=NOON - DAY)
    Job.objects.update(state=Job.State.DONE)
    really_ask = sweeps._ask_again

    def ask_again(asked, since):
        if asked == case:
            raise RuntimeError("a fault of one case")
        return really_ask(asked, since)

    monkeypatch.setattr(sweeps, "_ask_again", ask_again)
    assert sweep(now=NOON) == Swept(cases=1, archives=1, studies=0)
    assert states(case) == ["answered"]
    assert list(another.search.answers.values_list("state", flat=True)) == ["waiting"]
    assert case.public_id in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"state": Meeting.State.CLOSED},
        {"starts_at": NOON - HOUR},
        {"starts_at": NOON + sweeps.HORIZON + HOUR},
    ],
)
def test_only_meetings_that_are_to_come_soon_are_swept(case, changes):
    Meeting.objects.filter(pk=case.meeting.pk).update(**changes)
    assert sweep(now=NOON) == Swept()


@pytest.mark.parametrize("state", [Study.State.PARTIAL, Study.State.FAILED])
def test_a_study_that_is_short_is_wanted_again_once_a_sweep(case, state):
    study = short_study(case, state)
    assert sweep(now=NOON).studies == 1
    study.refresh_from_db()
    assert study.state == Study.State.WANTED
    Study.objects.filter(pk=study.pk).update(state=state)
    Job.objects.filter(study=study).update(state=Job.State.DONE, due_at=NOON)
    assert sweep(now=NOON + HOUR).studies == 0


def test_a_cancelled_study_is_wanted_by_hand_only(case, coordinator):
    study = short_study(case, Study.State.CANCELLED)
    assert sweep(now=NOON).studies == 0
    services.retry_study(case=case, study=study, by=coordinator)
    study.refresh_from_db()
    assert study.state == Study.State.WANTED


def test_a_study_the_patient_objects_to_is_not_wanted_again(case):
    study = short_study(case)
    Objection.objects.create(
        patient=case.referral.patient, trust_ods_code=study.archive.trust_ods_code
    )
    assert sweep(now=NOON).studies == 0


def test_the_task_says_how_many_in_the_log_and_nothing_when_there_is_nothing(
    case, monkeypatch, caplog
):
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    caplog.set_level("INFO", "mdt")
    tasks.sweep()
    tasks.sweep()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["swept: 1 cases, 1 questions to archives, 0 studies wanted again"]


# Cancelling by the coordinator


def test_the_coordinator_stops_a_pull_and_the_row_says_who(case, coordinator):
    study = short_study(case)
    Study.objects.filter(pk=study.pk).update(state=Study.State.PULLING)
    Job.objects.filter(study=study).update(state=Job.State.WAITING)
    services.cancel_study(case=case, study=study, by=coordinator)
    row = row_of(case)
    (shown,) = row.studies
    assert shown.study.state == Study.State.CANCELLED
    assert shown.study.message == f"Cancelled by {coordinator.shown_name}."
    assert (shown.may_retry, shown.may_cancel) == (True, False)
    assert "cancelled by" in row.light.text or "cancelled by" in " ".join(row.light.notes)


def test_there_is_nothing_to_cancel_when_nothing_is_fetched(case, coordinator):
    study = short_study(case, Study.State.COMPLETE)
    with pytest.raises(WrongState):
        services.cancel_study(case=case, study=study, by=coordinator)


def test_cancelling_is_refused_to_who_does_not_keep_the_list(case, team, observer):
    study = short_study(case)
    Study.objects.filter(pk=study.pk).update(state=Study.State.PULLING)
    with pytest.raises(NotAllowed):
        services.cancel_study(case=case, study=study, by=observer)
    study.refresh_from_db()
    assert study.state == Study.State.PULLING


def test_the_row_says_how_long_and_why_not(case, archive, client, coordinator):
    study = short_study(case, Study.State.PULLING, expected_count=300, stored_count=100)
    Study.objects.filter(pk=study.pk).update(stored_bytes=50_000_000)
    type(archive).objects.update(bytes_per_s=1e6)
    client.force_login(coordinator)
    page = client.get(f"/cases/{case.public_id}/studies").content.decode()
    assert "about 2 minutes left" in page
    assert "Stop fetching" in page
    Study.objects.filter(pk=study.pk).update(state=Study.State.WANTED)
    type(archive).objects.update(is_paused=True)
    page = client.get(f"/cases/{case.public_id}/studies").content.decode()
    assert "Not asked: paused by its administrator" in page
