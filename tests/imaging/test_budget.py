from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from imaging import budget, queue, work
from imaging.models import Archive, Asking, Job
from tests.factories import ArchiveFactory, PullJobFactory

pytestmark = pytest.mark.django_db


def at(clock, day="2026-07-01"):
    """A moment by its local (British Summer) time."""
    local = datetime.fromisoformat(f"{day}T{clock}")
    return timezone.make_aware(local)


def claim(now):
    return queue.claim_next(work.PULL, now)


def may_be_asked(archive, now):
    """Of the database and of the row: they must say the same."""
    of_database = budget.may_be_asked(now).filter(pk=archive.pk).exists()
    assert of_database == (budget.why_waiting(archive, now) is None)
    return of_database


@pytest.mark.parametrize(
    ("clock", "is_open"),
    [
        *(("18:59", False), ("19:00", True), ("23:59", True), ("00:00", True)),
        *(("06:59", True), ("07:00", False), ("12:00", False)),
    ],
)
def test_hours_may_go_past_midnight(clock, is_open):
    night = ArchiveFactory(opens_at=time(19), closes_at=time(7))
    assert may_be_asked(night, at(clock)) is is_open


@pytest.mark.parametrize(
    ("clock", "is_open"), [("06:59", False), ("07:00", True), ("18:59", True), ("19:00", False)]
)
def test_hours_within_a_day(clock, is_open):
    day = ArchiveFactory(opens_at=time(7), closes_at=time(19))
    assert may_be_asked(day, at(clock)) is is_open


def test_hours_are_local_in_summer_and_in_winter():
    archive = ArchiveFactory(opens_at=time(19), closes_at=time(7))
    assert may_be_asked(archive, datetime(2026, 7, 1, 18, 0, tzinfo=UTC))
    assert not may_be_asked(archive, datetime(2026, 1, 1, 18, 0, tzinfo=UTC))


@pytest.mark.parametrize("hours", [{}, {"opens_at": time(9), "closes_at": time(9)}])
def test_an_archive_without_hours_is_always_open(hours):
    archive = ArchiveFactory(**hours)
    assert may_be_asked(archive, at("03:00"))
    assert may_be_asked(archive, at("09:00"))


def test_a_job_of_a_closed_archive_is_claimed_when_it_opens_and_says_so_before():
    job = PullJobFactory(
        due_at=at("12:00"), study__archive__opens_at=time(19), study__archive__closes_at=time(7)
    )
    assert claim(at("18:59")) is None
    why = ("archive.closed", "the archive opens at 19:00")
    assert budget.why_waiting(job.archive, at("18:59")) == why
    assert claim(at("19:00")) == job


def test_an_hour_holds_as_many_questions_and_studies_as_it_may_and_no_more():
    archive = ArchiveFactory(per_hour=2, at_most=9)
    jobs = PullJobFactory.create_batch(3, study__archive=archive, due_at=at("12:00"))
    elsewhere = PullJobFactory(study__archive__name="idle", due_at=at("12:00"), list_position=9)
    first = claim(at("14:00"))
    queue.let_go(first, Job.State.DONE)  # it counts although it has ended
    assert claim(at("14:10")) == jobs[1]
    assert claim(at("14:20")) == elsewhere
    assert claim(at("14:59")) is None
    assert claim(at("15:00")) == jobs[2]


def test_a_full_hour_says_until_when():
    archive = ArchiveFactory(per_hour=2)
    for clock in ("14:00", "14:10", "13:00"):
        Asking.objects.create(archive=archive, kind="pull", claim=uuid4(), at=at(clock))
    code, words = budget.why_waiting(archive, at("14:30"))
    assert code == "archive.used_up"
    assert words.startswith("asked 2 times this hour, which is its limit, until ")
    assert words.endswith("15:00")
    assert not may_be_asked(archive, at("14:30"))
    assert may_be_asked(archive, at("15:00"))


def test_a_retry_counts_again():
    archive = ArchiveFactory(per_hour=2)
    job = PullJobFactory(study__archive=archive, due_at=at("12:00"))
    for _ in range(2):
        queue.let_go(claim(at("14:00")), Job.State.WAITING)
    assert claim(at("14:30")) is None
    assert claim(at("15:00")) == job


def test_work_that_asks_nobody_is_not_counted_and_yesterday_is_forgotten():
    archive = ArchiveFactory()
    old = Asking.objects.create(archive=archive, kind="pull", claim=uuid4(), at=at("12:00"))
    other = ArchiveFactory(name="other")
    kept = Asking.objects.create(archive=other, kind="pull", claim=uuid4(), at=at("12:00"))
    PullJobFactory(study__archive=archive, due_at=at("12:00"))
    job = claim(at("12:01", "2026-07-02"))
    assert list(Asking.objects.filter(archive=archive).values_list("claim")) == [(job.claim,)]
    assert not Asking.objects.filter(pk=old.pk).exists()
    assert Asking.objects.filter(pk=kept.pk).exists()


def test_a_pause_holds_from_the_next_claim_on_and_says_why():
    archive = ArchiveFactory(at_most=2)
    first, second = PullJobFactory.create_batch(2, study__archive=archive, due_at=at("12:00"))
    assert claim(at("12:00")) == first
    Archive.objects.update(is_paused=True, pause_reason="upgrade tonight")
    assert claim(at("12:00")) is None
    archive.refresh_from_db()
    why = ("archive.paused", "paused by its administrator: upgrade tonight")
    assert budget.why_waiting(archive, at("12:00")) == why
    first.refresh_from_db()
    assert first.state == Job.State.RUNNING
    Archive.objects.update(is_paused=False)
    assert claim(at("12:00")) == second


def test_an_archive_with_places_free_has_nothing_to_wait_for():
    assert budget.why_waiting(ArchiveFactory(per_hour=1), timezone.now()) is None


def test_a_rest_on_another_day_names_the_day():
    now = timezone.now()
    archive = ArchiveFactory(rests_until=now + timedelta(days=1), failures_in_a_row=7)
    code, words = budget.why_waiting(archive, now)
    tomorrow = timezone.localtime(now + timedelta(days=1))
    assert code == "archive.rests"
    assert words == f"resting until {tomorrow:%-d %b %H:%M} after 7 failures"
