"""How long the rest of a study takes, from what was measured."""

import pytest

from imaging.models import Archive, Study
from imaging.pull import pace, receive
from imaging.pull.pace import Pace
from tests.dicoms import make_study
from tests.factories import ArchiveFactory
from tests.imaging.test_pull import NHS, at_fake, run_next

MB = 1 << 20


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(pace, "monotonic", lambda: now[0])
    return now


def test_the_first_instance_only_starts_the_clock(clock):
    measured = Pace()
    for size in (50 * MB, MB, MB):
        clock[0] += 1
        measured.note(size)
    assert measured.bytes_per_s == MB


def test_too_little_says_nothing_of_the_pace(clock):
    measured = Pace()
    for size in (MB, 1000):
        clock[0] += 1
        measured.note(size)
    assert measured.bytes_per_s is None


@pytest.mark.django_db
def test_the_average_follows_what_is_measured_without_jumping_to_it():
    archive = ArchiveFactory(bytes_per_s=None)
    for measured in (1000.0, 2000.0, None):
        pace.learn(archive.pk, measured)
    archive.refresh_from_db()
    assert archive.bytes_per_s == pytest.approx(1300)


@pytest.mark.django_db
def test_a_pull_teaches_its_archive_and_counts_its_bytes(monkeypatch):
    files = make_study("taught", nhs_number=NHS)
    _, study, _ = at_fake(monkeypatch, "taught", files)
    monkeypatch.setattr(pace, "LEAST_BYTES", 1)
    monkeypatch.setattr(pace, "LEAST_S", 0)
    monkeypatch.setattr(receive, "AHEAD", 0)
    run_next()
    study.refresh_from_db()
    assert study.stored_bytes == sum(map(len, files))
    assert Archive.objects.get().bytes_per_s > 0


def pulling(**fields):
    archive = Archive(bytes_per_s=fields.pop("bytes_per_s", 1000.0))
    known = {"state": Study.State.PULLING, "expected_count": 30, "stored_count": 10}
    return Study(**{"archive": archive, "stored_bytes": 50_000} | known | fields)


def test_what_is_missing_is_taken_to_be_like_what_came():
    assert pace.seconds_left(pulling()) == 100


@pytest.mark.parametrize(
    "unknown",
    [
        {"bytes_per_s": None},
        {"expected_count": None},
        {"stored_count": 0},
        {"state": Study.State.WANTED},
        {"state": Study.State.COMPLETE},
    ],
)
def test_what_is_not_known_is_not_guessed(unknown):
    assert pace.seconds_left(pulling(**unknown)) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "less than a minute left"),
        (50, "about 1 minute left"),
        (61, "about 2 minutes left"),
        (89 * 60, "about 89 minutes left"),
        (95 * 60, "about 2 hours left"),
        (3700 * 2, "about 2 hours left"),
    ],
)
def test_time_left_in_words(seconds, words):
    assert pace.words_left(seconds) == words
