from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from imaging import budget, plan, queue, work
from imaging.archives import registry
from imaging.archives.base import ArchiveError
from imaging.identity import Sought
from imaging.models import Archive, Asking, Job
from imaging.pull import health
from tests.factories import ArchiveFactory, PullJobFactory

pytestmark = pytest.mark.django_db
SILENT = "archive.silent"


@pytest.fixture
def archive():
    return ArchiveFactory(at_most=4)


def fail(archive, times=1, code=SILENT):
    for _ in range(times):
        health.note(archive.pk, code, "It says nothing.")
    archive.refresh_from_db()


def after_its_rest(archive):
    """As if the rest were over."""
    Archive.objects.filter(pk=archive.pk).update(rests_until=timezone.now())
    archive.refresh_from_db()


def rest_of(archive):
    """In minutes."""
    return round((archive.rests_until - timezone.now()).total_seconds() / 60, 1)


def claim():
    return queue.claim_next(work.PULL, timezone.now())


def test_four_failures_in_a_row_are_borne_and_the_fifth_brings_a_rest(archive):
    fail(archive, 4)
    assert archive.rests_until is None
    fail(archive)
    assert (archive.failures_in_a_row, rest_of(archive)) == (5, 1)
    code, words = budget.why_waiting(archive, timezone.now())
    assert code == "archive.rests"
    assert words.endswith("after 5 failures")


def test_every_rest_is_longer_until_half_an_hour(archive):
    fail(archive, 5)
    rests = [rest_of(archive)]
    for _ in range(6):
        after_its_rest(archive)
        fail(archive)
        rests.append(rest_of(archive))
    assert rests == [1, 2, 4, 8, 16, 30, 30]


def test_an_answer_between_failures_begins_the_count_anew(archive):
    fail(archive, 4)
    health.note(archive.pk, "")
    fail(archive, 4)
    assert (archive.failures_in_a_row, archive.rests_until) == (4, None)


def test_what_was_asked_before_the_rest_and_fails_in_it_makes_it_no_longer(archive):
    fail(archive, 5)
    until = archive.rests_until
    fail(archive, 3)
    assert (archive.failures_in_a_row, archive.rests_until) == (5, until)


def test_an_archive_at_rest_is_asked_nothing_then_by_one_job_and_after_an_answer_by_all(archive):
    jobs = PullJobFactory.create_batch(3, study__archive=archive)
    fail(archive, 5)
    assert claim() is None
    after_its_rest(archive)
    probe = claim()
    assert probe == jobs[0]
    assert claim() is None
    queue.let_go(probe, Job.State.DONE)
    health.note(archive.pk, "")
    archive.refresh_from_db()
    assert (archive.failures_in_a_row, archive.rests_until, archive.failing_since) == (
        0,
        None,
        None,
    )
    assert [claim(), claim()] == jobs[1:]


def test_a_probe_that_fails_brings_the_next_rest(archive):
    PullJobFactory.create_batch(2, study__archive=archive)
    fail(archive, 5)
    after_its_rest(archive)
    queue.let_go(claim(), Job.State.WAITING)
    fail(archive)
    assert rest_of(archive) == 2
    assert claim() is None


def test_an_archive_that_hangs_takes_no_job_and_no_worker_from_a_good_one(archive):
    """One worker hangs in it from then on; all others are for the good one."""
    good = ArchiveFactory(name="good", at_most=2)
    fail(archive)
    hanging = PullJobFactory.create_batch(3, study__archive=archive, list_position=1)
    served = PullJobFactory.create_batch(2, study__archive=good, list_position=9)
    assert claim() == hanging[0]
    assert [claim(), claim()] == served
    assert claim() is None
    good.refresh_from_db()
    assert (good.failures_in_a_row, good.rests_until, good.failing_since) == (0, None, None)


def test_a_rest_of_one_archive_is_no_rest_of_another(archive):
    fail(archive, 5)
    PullJobFactory(study__archive=archive)
    good = PullJobFactory(study__archive__name="good", list_position=9)
    assert claim() == good


@pytest.mark.parametrize("code", ["archive.refused", "archive.token_refused", "archive.moved"])
def test_a_refused_password_brings_the_longest_rest_at_once(archive, code):
    fail(archive, code=code)
    assert rest_of(archive) == 30
    words = budget.why_waiting(archive, timezone.now())[1]
    assert words.endswith(": it refuses us, or asked to be left alone")


@pytest.mark.parametrize("code", ["archive.bad_request", "archive.too_many"])
def test_one_question_it_does_not_answer_is_no_failure_of_the_archive(archive, code):
    fail(archive, 9, code=code)
    assert (archive.failures_in_a_row, archive.rests_until) == (0, None)
    assert archive.failing_since is not None


def test_a_study_that_is_closed_to_us_says_nothing_of_the_archive_and_a_second_in_a_row_does(
    archive,
):
    claims = [uuid4(), uuid4()]
    for is_failing, claim in zip((False, True), claims, strict=True):
        Asking.objects.create(archive=archive, kind="pull", claim=claim, at=timezone.now())
        health.note(archive.pk, "archive.forbidden", "It is closed to us.", claim)
        archive.refresh_from_db()
        assert (archive.failing_since is not None) == is_failing
    assert (archive.failures_in_a_row, archive.rests_until) == (0, None)


@pytest.mark.parametrize(("asked_s", "minutes"), [(600, 10), (86400, 60), (0, None), (None, None)])
def test_an_archive_that_asks_to_be_left_alone_is_by_every_job_for_an_hour_at_most(
    archive, asked_s, minutes
):
    PullJobFactory(study__archive=archive)
    health.note(archive.pk, "archive.busy", "We ask too much.", rest_s=asked_s)
    archive.refresh_from_db()
    assert (rest_of(archive) if archive.rests_until else None) == minutes
    assert (claim() is None) == (minutes is not None)


def test_a_rest_that_was_asked_for_outlasts_what_another_job_was_answered_meanwhile(archive):
    health.note(archive.pk, "archive.busy", rest_s=600)
    health.note(archive.pk, "archive.busy", rest_s=60)
    health.note(archive.pk, "")
    archive.refresh_from_db()
    assert (rest_of(archive), archive.failing_since) == (10, None)


def test_a_search_and_a_pull_hand_on_how_long_their_archive_asked_for(archive, monkeypatch):
    failure = ArchiveError("archive.busy", "We ask too much.", retry_after_s=600)

    def connect(_):
        raise failure

    monkeypatch.setattr(registry, "connect", connect)
    PullJobFactory(study__archive=archive, study__state="wanted")
    plan.search_archives(
        sought=Sought("9990000018", "KHAN", "Amina", "1957-03-12", "F"),
        archives=[archive],
        meeting_at=timezone.now(),
        list_position=1,
    )
    for kind in (Job.Kind.PULL, Job.Kind.SEARCH):
        Archive.objects.update(rests_until=None, failures_in_a_row=0)
        assert work.run_next((kind,)) is not None
        archive.refresh_from_db()
        assert rest_of(archive) == 10


@pytest.mark.parametrize("code", ["archive.not_there", "pull.missing", ""])
def test_an_answer_about_one_study_is_an_answer(archive, code):
    fail(archive, 5)
    health.note(archive.pk, code)
    archive.refresh_from_db()
    assert (archive.failures_in_a_row, archive.rests_until) == (0, None)
    assert archive.last_answer_at is not None


def test_our_own_giving_up_says_nothing_of_the_archive(archive):
    fail(archive, 5)
    health.note(archive.pk, "pull.gave_up")
    archive.refresh_from_db()
    assert (archive.failures_in_a_row, archive.last_answer_at) == (5, None)


def test_what_came_of_an_asking_is_written_beside_it(archive):
    now = timezone.now()
    mine, other = (
        Asking.objects.create(archive=archive, kind="pull", claim=uuid4(), at=now) for _ in "ab"
    )
    health.note(archive.pk, SILENT, "It says nothing.", mine.claim)
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.code, mine.message) == (SILENT, "It says nothing.")
    assert mine.answered_at - now < timedelta(seconds=5)
    assert (other.code, other.answered_at) == ("", None)
