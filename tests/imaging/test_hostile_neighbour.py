"""A good archive beside the worst ones: its studies end as they would alone, and as soon."""

import os
import sys
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from imaging import plan, queue, work
from imaging.archives import dicomweb, http_body, registry
from imaging.archives.base import Patience
from imaging.frames import make, process
from imaging.frames.process import Reader
from imaging.models import Archive, ArchiveAnswer, Frame, Job, Study
from imaging.pull import receive
from tests.dicoms import make_instance, study_uid
from tests.factories import ArchiveFactory, SeriesFactory, StudyFactory
from tests.imaging.hostile import link_tricks
from tests.imaging.hostile import web_tricks as tricks
from tests.imaging.hostile.files import NHS, three
from tests.imaging.hostile.links import LinkServer, raw_archive
from tests.imaging.hostile.runs import SOUGHT
from tests.imaging.hostile.workers import workers
from tests.imaging.own_process import wait_until
from tests.imaging.test_frames_make import add

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # pynetdicom leaves sockets to the garbage collector, and its reactor ends with an exception
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]
State = Study.State
KINDS = (Job.Kind.SEARCH, Job.Kind.PULL)
WORST = ("crawls", "says_nothing", "files_at_leisure_for_ever", "hangs")


def bad_archive(web, trick):
    """One that does the same with everything, and its address."""
    if trick == "hangs":
        return web.archive([hanging_file(number) for number in range(40)])
    trick = getattr(tricks, trick)
    files = [file for number in range(40) for file in three(f"bad {number}")]
    return web.archive(files, pictures=trick)


def hanging_file(number):
    return make_instance(f"bad {number}", nhs_number=NHS, StudyDescription="HANGS")


def want_of(archive, name):
    study = StudyFactory(
        archive=archive,
        study_instance_uid=study_uid(name),
        state=State.FOUND,
        search__sought=SOUGHT.as_json(),
    )
    plan.want_study(study)
    return study


def ask(archive):
    return plan.search_archives(
        sought=SOUGHT,
        archives=[archive],
        meeting_at=timezone.now() + timedelta(days=1),
        list_position=1,
    ).answers.get()


@pytest.fixture
def little_patience(monkeypatch):
    """And decoders that hang at some files, of which one is left to others."""
    monkeypatch.setattr(registry, "PATIENCE", Patience(connect_s=1, idle_s=3))
    monkeypatch.setattr(http_body, "WINDOW", 1)
    monkeypatch.setattr(dicomweb, "MOST_BESIDES", 30)
    command = (sys.executable, "-m", "tests.imaging.hostile.hanging", "header")
    monkeypatch.setattr(process, "COMMAND", command)
    reader = Reader(2)
    reader.read_header(three("warm")[0])
    reader.read_header(three("warm")[0])
    monkeypatch.setattr(process, "WALL_TO_CPU", 1.5)
    monkeypatch.setattr(receive, "reader", lambda: reader)
    yield
    reader.close()


@contextmanager
def other_workers(number):
    def carry_out():
        work.run_next(KINDS)
        connection.close()

    threads = [Thread(target=carry_out) for _ in range(number)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


ENDS = {
    "crawls": (State.WANTED, "archive.silent"),
    "says_nothing": (State.WANTED, "archive.silent"),
    "files_at_leisure_for_ever": (State.FAILED, "pull.damaged"),
    "hangs": (State.FAILED, "pull.damaged"),
}


@pytest.mark.usefixtures("little_patience")
def test_a_good_archive_is_asked_and_answers_while_the_worst_are_waited_for(web):
    good = ArchiveFactory(name="good", base_url=web.archive(three("good")).url)
    bad = {trick: bad_archive(web, trick) for trick in WORST}
    rows = {t: ArchiveFactory(name=t, base_url=one.url, at_most=1) for t, one in bad.items()}
    studies = {t: [want_of(row, f"bad {n}") for n in range(2)] for t, row in rows.items()}
    running = Job.objects.filter(state=Job.State.RUNNING)
    with other_workers(len(WORST)):
        wait_until(lambda: running.count() == len(WORST))
        answer = ask(good)
        work.run_next(KINDS)
        study = Study.objects.get(archive=good)
        plan.want_study(study)
        work.run_next(KINDS)
        assert running.exists(), "they are still at it"
        assert not running.filter(archive=good).exists()
    answer.refresh_from_db()
    study.refresh_from_db()
    assert (answer.state, answer.studies_found) == (ArchiveAnswer.State.ANSWERED, 1)
    assert (study.state, study.code, study.stored_count) == (State.COMPLETE, "", 3)
    good.refresh_from_db()
    assert (good.failures_in_a_row, good.rests_until) == (0, None)
    for trick, (ended, waits) in studies.items():
        ended.refresh_from_db()
        waits.refresh_from_db()
        assert (ended.state, ended.code) == ENDS[trick]
        assert waits.state == State.WANTED, "one at a time"


# As the product runs: as many processes as the Procfile's worker has, pictures among their work

PROCESSES = 4


@pytest.fixture(scope="module")
def links():
    server = LinkServer()
    yield server
    server.close()


@contextmanager
def processes():
    """Threads in their place, that take pictures first, as Celery is told to, until the end."""
    is_over, faults = Event(), []

    def carry_out():
        try:
            while not is_over.is_set():
                if (work.run_next(work.FRAMES) or work.run_next(work.PULL)) is None:
                    is_over.wait(0.02)
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [Thread(target=carry_out) for _ in range(PROCESSES)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert faults == []


def link_of(name, port, ae_title="RAW"):
    there = {"host": "127.0.0.1", "port": port, "called_ae_title": ae_title}
    return ArchiveFactory(name=name, kind="dimse", **there)


@contextmanager
def bad_links(links, studies=3):
    """DIMSE archives, one that says nothing and one that falls silent half way."""
    files = [file for number in range(studies) for file in three(f"bad {number}")]
    silent = links.archive(files, get=link_tricks.silent_half_way_for_long)
    with raw_archive(link_tricks.says_nothing) as port:
        nothing = link_of("says nothing", port)
        yield [nothing, link_of("silent half way", silent.port, silent.ae_title)]


def ask_no_more(archives):
    """Nobody asks them any more."""
    jobs = Job.objects.filter(archive__in=archives)
    jobs.update(state=Job.State.DONE, claim=None, lease_until=None)


def blank_pane():
    """A series whose images are here, and of which no picture is made yet."""
    series = SeriesFactory()
    add(series, 1)
    now = timezone.now()
    Job.objects.create(kind=Job.Kind.FRAMES, series=series, due_at=now, meeting_at=now, rank=0)
    return Frame.objects.filter(instance__series=series).exclude(segment=None)


@pytest.fixture
def as_the_product_runs(settings, monkeypatch, decoders):
    settings.WORKER_PROCESSES = PROCESSES
    monkeypatch.setattr(registry, "PATIENCE", Patience(connect_s=5, idle_s=5))
    monkeypatch.setattr(queue, "FIRST_WAIT", timedelta(0))  # they are never left alone
    for module in (receive, make):
        monkeypatch.setattr(module, "reader", lambda: decoders)
    decoders.read_header(three("warm")[0])


@pytest.mark.usefixtures("as_the_product_runs")
def test_beside_three_that_do_not_answer_good_ones_send_and_pictures_are_made(web, links):
    over_link = links.archive(three("good link"))
    good = {
        ArchiveFactory(name="good", base_url=web.archive(three("good")).url): "good",
        link_of("good link", over_link.port, over_link.ae_title): "good link",
    }
    with bad_links(links) as bad:
        bad.append(ArchiveFactory(name="web", base_url=bad_archive(web, "says_nothing").url))
        for archive in bad:
            for number in range(3):
                want_of(archive, f"bad {number}")
        waited_for = Job.objects.filter(archive__in=bad, state=Job.State.RUNNING)
        with processes():
            wait_until(lambda: waited_for.count() == len(bad))
            held = set(waited_for.values_list("claim", flat=True))
            wait_until(blank_pane().exists)
            assert set(waited_for.values_list("claim", flat=True)) == held, "none has ended yet"
            answers = [ask(archive) for archive in good]
            for answer in answers:
                wait_until(partial(is_answered, answer))
            studies = [Study.objects.get(archive=archive) for archive in good]
            for study in studies:
                plan.want_study(study)
            for study in studies:
                wait_until(partial(is_complete, study))
                wait_until(partial(has_pictures, study))
            theirs = Study.objects.filter(archive__in=bad, state=State.COMPLETE)
            assert not theirs.exists(), "none of them is whole, given up or still asked"
            ask_no_more(bad)
    for (archive, name), study in zip(good.items(), studies, strict=True):
        archive.refresh_from_db()
        said = (study.study_instance_uid, study.code, study.stored_count)
        assert said == (study_uid(name), "", 3)
        assert (archive.failures_in_a_row, archive.rests_until) == (0, None)
    silent = [archive.pk for archive in bad if "half way" not in archive.name]
    given_up = Archive.objects.filter(pk__in=silent, failures_in_a_row__gt=0)
    assert given_up.exists(), "which is when a process was free for the good ones"


ROUNDS = int(os.environ.get("NEIGHBOUR_ROUNDS") or 40)
MOST = 1.5


def seconds_each(good, rounds, numbers, name="good"):
    """Of a search, the pull of what it found, and its pictures, one study after another."""
    taken, archive = [], Archive.objects.get(name=name)
    for _ in range(rounds):
        study_name = f"good {next(numbers)}"
        good.files[:] = three(study_name)
        answer = ask(archive)
        taken.append(wait_until(partial(is_answered, answer)))
        study = Study.objects.get(archive=archive, study_instance_uid=study_uid(study_name))
        plan.want_study(study)
        taken[-1] += wait_until(partial(is_complete, study))
        taken[-1] += wait_until(partial(has_pictures, study))
    return taken


def is_answered(answer):
    answer.refresh_from_db()
    return answer.state == ArchiveAnswer.State.ANSWERED


def is_complete(study):
    study.refresh_from_db()
    return study.state == State.COMPLETE


def has_pictures(study):
    jobs = Job.objects.filter(kind=Job.Kind.FRAMES, series__study=study)
    return jobs.exists() and not jobs.exclude(state=Job.State.DONE).exists()


def p95(seconds):
    return sorted(seconds)[len(seconds) * 95 // 100]


@pytest.mark.soak
@pytest.mark.parametrize("trick", WORST)
def test_a_good_archive_is_as_quick_beside_a_bad_one(web, trick):
    good, numbers = web.archive(), count()
    ArchiveFactory(name="good", base_url=good.url)
    with workers(PROCESSES):
        seconds_each(good, 5, numbers)  # all of them have begun
        alone = seconds_each(good, ROUNDS, numbers)
        bad = ArchiveFactory(name="bad", base_url=bad_archive(web, trick).url)
        for number in range(40):
            want_of(bad, f"bad {number}")
        wait_until(lambda: Job.objects.filter(archive=bad, state=Job.State.RUNNING).exists())
        beside = seconds_each(good, ROUNDS, numbers)
        assert not Job.objects.filter(archive__name="good", state=Job.State.FAILED).exists()
        ask_no_more([bad])
    assert ratio_of(trick, alone, beside) <= MOST


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["good", "good link"])
def test_a_good_archive_is_as_quick_beside_five_bad_ones(web, links, kind):
    """Once three of them have failed: until then each may hold a process for its first time."""
    numbers, over_web, over_link = count(), web.archive(), links.archive(())
    ArchiveFactory(name="good", base_url=over_web.url)
    link_of("good link", over_link.port, over_link.ae_title)
    good = {"good": over_web, "good link": over_link}[kind]
    with workers(PROCESSES), bad_links(links, studies=40) as bad:
        seconds_each(good, 5, numbers, kind)
        alone = seconds_each(good, ROUNDS, numbers, kind)
        bad += [ArchiveFactory(name=t, base_url=bad_archive(web, t).url) for t in WORST[:3]]
        for archive in bad:
            for number in range(40):
                want_of(archive, f"bad {number}")
        failed = Archive.objects.filter(pk__in=[one.pk for one in bad], failures_in_a_row__gt=0)
        wait_until(lambda: failed.count() >= 3)
        beside = seconds_each(good, ROUNDS, numbers, kind)
        ask_no_more(bad)
    assert ratio_of(f"five beside {kind}", alone, beside) <= MOST


def ratio_of(name, alone, beside):
    ratio = p95(beside) / p95(alone)
    sys.stdout.write(
        f"{name}: p95 alone {p95(alone):.3f} s, beside {p95(beside):.3f} s, {ratio:.2f}x\n"
    )
    return ratio
