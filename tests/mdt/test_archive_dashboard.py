from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from imaging.archives import probe
from imaging.archives.probe import Result, Step, Verdict
from imaging.models import Archive, ArchiveAnswer, Asking, Job
from mdt.audit.models import AuditEvent
from tests.factories import ArchiveFactory, PullJobFactory, SearchFactory
from tests.mdt.archive_kit import audited, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive():
    return ArchiveFactory()


# Pausing.


def test_a_pause_needs_a_reason_and_is_on_record(desk, archive):
    refused = desk.post(url("archive-pause", archive), {"reason": "  "})
    archive.refresh_from_db()
    assert (refused.status_code, archive.is_paused) == (422, False)
    desk.post(url("archive-pause", archive), {"reason": "upgrade  tonight"})
    archive.refresh_from_db()
    assert (archive.is_paused, archive.pause_reason) == (True, "upgrade tonight")
    assert "upgrade tonight" in desk.get(url("archive", archive)).content.decode()
    desk.post(url("archive-resume", archive))
    archive.refresh_from_db()
    assert (archive.is_paused, archive.pause_reason) == (False, "")
    assert audited() == ["archive.paused", "archive.resumed"]


def test_what_is_not_paused_or_at_rest_cannot_be_let_go_on(desk, archive):
    assert desk.post(url("archive-resume", archive)).status_code == 409
    assert desk.post(url("archive-ask-again", archive)).status_code == 409
    assert not AuditEvent.objects.exists()


def test_a_rest_is_ended_by_hand_and_the_next_failure_brings_another(desk, archive):
    Archive.objects.update(failures_in_a_row=5, rests_until=timezone.now() + timedelta(minutes=20))
    content = desk.get(url("archive", archive)).content.decode()
    assert "Ask again now" in content
    desk.post(url("archive-ask-again", archive))
    archive.refresh_from_db()
    assert (archive.failures_in_a_row, archive.rests_until) == (5, None)
    assert audited() == ["archive.asked-again"]


# The dashboard.


def load(archive):
    """Two jobs of which one runs over two connections, three askings and a search."""
    now = timezone.now()
    PullJobFactory(study__archive=archive)
    running = {"state": Job.State.RUNNING, "claim": uuid4(), "lease_until": now, "places": 2}
    PullJobFactory(study__archive=archive, **running)
    silent = {"code": "archive.silent", "message": "It says nothing."}
    for minutes, said in ((5, silent), (10, {}), (90, {})):
        at = now - timedelta(minutes=minutes)
        Asking.objects.create(
            archive=archive, kind="pull", claim=uuid4(), at=at, answered_at=at, **said
        )
    ArchiveAnswer.objects.create(
        search=SearchFactory(),
        archive=archive,
        state="answered",
        answered_at=now,
        studies_found=3,
        studies_rejected=12,
    )
    Archive.objects.update(bytes_per_s=12_340_000, per_hour=60)


def test_the_dashboard_shows_our_load_and_the_last_answers(desk, archive):
    load(archive)
    content = " ".join(desk.get(url("archive-card", archive)).content.decode().split())
    assert "2 of 2 connections in use · 1 waiting · 2 of 60 in the last hour · 12.3 MB/s" in content
    assert "It says nothing." in content
    assert "archive.silent" in content
    assert "3 studies, and 12 about somebody else" in content


@pytest.mark.parametrize("name", ["archive-cards", "archive-card"])
def test_an_answer_of_another_day_says_of_which(name, desk, archive):
    """One that is asked nothing any more, such as a paused one, keeps its last answers."""
    at = datetime(2026, 3, 6, 16, 32, 10, tzinfo=UTC)
    Asking.objects.create(archive=archive, kind="pull", claim=uuid4(), at=at, answered_at=at)
    where = url(name, archive) if name == "archive-card" else url(name)
    assert "6 Mar 16:32:10" in desk.get(where).content.decode()


def test_the_dashboard_names_no_patient(desk, archive):
    load(archive)
    content = desk.get(url("archives")).content.decode()
    content += desk.get(url("archive", archive)).content.decode()
    assert "KHAN" not in content
    assert "9990000018" not in content


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "not asked yet"),
        ({"last_answer_at": timezone.now()}, "answering, last at "),
        ({"failing_since": timezone.now()}, "failing since "),
        ({"is_paused": True, "pause_reason": "upgrade"}, "paused by its administrator: upgrade"),
        (
            {"rests_until": timezone.now() + timedelta(hours=1), "failures_in_a_row": 5},
            "after 5 failures",
        ),
    ],
)
def test_the_dashboard_says_how_an_archive_is(how, words, desk, archive):
    Archive.objects.update(**how)
    assert words in desk.get(url("archive-cards")).content.decode()


def test_where_uploads_are_kept_is_no_administrators_to_change(desk):
    uploads = ArchiveFactory(name="rm3-uploads", kind="folder", folder="/x", takes_uploads=True)
    assert "rm3-uploads" not in desk.get(url("archives")).content.decode()
    assert desk.get(url("archive-change", uploads)).status_code == 404


@pytest.mark.parametrize("name", ["archive-cards", "archive-card"])
def test_a_dashboard_that_has_not_changed_is_not_sent_again(name, desk, archive):
    where = url(name, archive) if name == "archive-card" else url(name)
    etag = desk.get(where)["ETag"]
    assert desk.get(where, headers={"If-None-Match": etag}).status_code == 304
    Archive.objects.update(is_paused=True)
    assert desk.get(where, headers={"If-None-Match": etag}).status_code == 200


def test_a_dashboard_of_many_archives_asks_no_more_than_one_of_two(
    desk, django_assert_max_num_queries, archive
):
    for number in range(9):
        load(ArchiveFactory(name=f"rm3-{number}"))
    Archive.objects.update(per_hour=None)
    with django_assert_max_num_queries(10):
        desk.get(url("archive-cards"))


# The test, step by step.


@pytest.fixture
def steps(monkeypatch):
    """What each step comes to; else it works. `steps["asked"]` holds what was asked."""
    planned = {"asked": []}

    def run(profile, step, number):
        planned["asked"].append((step, number))
        return planned.get(step) or Result(step, Verdict.OK, "It works.")

    monkeypatch.setattr(probe, "run", run)
    return planned


def test_a_test_goes_from_step_to_step(desk, archive, steps):
    content = desk.post(url("archive-test", archive), {"test_number": "TEST-1"}).content.decode()
    assert url("archive-test-step", archive, "network") in content
    assert steps["asked"] == []
    for step in probe.steps_of(archive):
        where = url("archive-test-step", archive, step)
        assert where in content
        content = desk.post(where, {"test_number": "TEST-1"}).content.decode()
        assert "It works." in content
    assert "That is all" in content
    assert steps["asked"] == [(step, "TEST-1") for step in probe.steps_of(archive)]


def test_what_fails_is_said_with_what_to_do_and_the_rest_is_not_tried(desk, archive, steps):
    steps[Step.LIFE] = Result(
        Step.LIFE, Verdict.FAILED, "It refused us.", "Ask its administrator.", "archive.refused"
    )
    content = desk.post(url("archive-test-step", archive, "life")).content.decode()
    for words in ("failed", "It refused us.", "Ask its administrator.", "archive.refused"):
        assert words in content
    assert "Not tried: Search, Retrieve" in content
    assert "hx-post" not in content


def test_without_a_test_patient_there_no_image_is_tried(desk, archive, steps):
    steps[Step.QUERY] = Result(
        Step.QUERY, Verdict.FAILED, "Nobody.", code="archive.no_test_patient"
    )
    content = desk.post(url("archive-test-step", archive, "query")).content.decode()
    assert "Not tried: Retrieve" in content


def test_a_search_that_fails_does_not_keep_an_image_from_being_tried(desk, archive, steps):
    steps[Step.QUERY] = Result(Step.QUERY, Verdict.FAILED, "It ignores the number.")
    content = desk.post(url("archive-test-step", archive, "query")).content.decode()
    assert url("archive-test-step", archive, "retrieve") in content


def test_a_test_is_on_record_and_nobodys_number_with_it(desk, archive, steps, administrator):
    desk.post(url("archive-test-step", archive, "query"), {"test_number": "TEST-1"})
    event = AuditEvent.objects.get()
    assert (event.action, event.by) == ("archive.tested", administrator.public_id)
    assert event.detail == {"step": "query", "verdict": "ok", "code": ""}


@pytest.mark.parametrize("number", ["*", "TEST?", "A\\B", "x" * 65])
def test_a_number_that_would_match_many_is_refused(number, desk, archive, steps):
    answer = desk.post(url("archive-test", archive), {"test_number": number})
    assert answer.status_code == 422
    desk.post(url("archive-test-step", archive, "query"), {"test_number": number})
    assert steps["asked"] == [("query", "")]


def test_a_step_there_is_none_of_is_not_there(desk, archive, steps):
    assert desk.post(url("archive-test-step", archive, "prayer")).status_code == 404
    assert desk.post(url("archive-test-step", archive, "scp")).status_code == 404
