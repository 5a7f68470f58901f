"""Driving real jobs over hostile archives, and what must hold after each of them."""

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from imaging import plan, queue, work
from imaging.archives import dicomweb, dimse, dimse_get, dimse_guard, http_body, registry
from imaging.archives.base import Patience
from imaging.identity import Sought
from imaging.models import Instance, Job, Quarantined, Study
from imaging.pull import fetch
from tests.dicoms import study_uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging.hostile.files import NHS
from tests.imaging.hostile.web import WebServer

CONNECT_S, IDLE_S = 1, 0.6
BOUND_S = 30  # of any job here, on a machine with much other work
#: No log line may say who a study is about, nor which one it is.
IDENTIFIERS = (NHS, "KHAN", "Khan", "A100", "OTHER^Person", "1957", "1.2.826.0.1")
SOUGHT = Sought(
    nhs_number=NHS,
    family_name="Khan",
    given_names="Amina",
    birth_date="1957-03-12",
    sex="F",
)


@pytest.fixture(scope="session")
def web():
    server = WebServer()
    yield server
    server.shutdown()
    server.server_close()


def is_about_waiting(node):
    """By the behaviour's name, or by what is expected of it."""
    told = node.name + repr(node.callspec.params if hasattr(node, "callspec") else "")
    return any(word in told for word in ("silent", "drips", "says_nothing", "unreachable"))


@pytest.fixture
def impatient(monkeypatch, request):
    """Little patience and small limits: what takes minutes and gigabytes is seen in a second.

    Little only where nothing, or too little, is to come: others may be slow on a busy machine.
    """
    times = 1 if is_about_waiting(request.node) else 10
    patience = Patience(connect_s=CONNECT_S * times, idle_s=IDLE_S * times)
    monkeypatch.setattr(registry, "PATIENCE", patience)
    monkeypatch.setattr(http_body, "WINDOW", 2)
    for module, name, value in (
        *((dicomweb, "MAX_JSON", 1 << 20), (dicomweb, "MAX_INSTANCE", 1 << 20)),
        *((dicomweb, "MAX_UNPACKED", 1 << 20), (dicomweb, "MAX_INSTANCES", 60)),
        *((dimse, "MAX_ANSWERS", 60), (dimse, "MAX_INSTANCES", 60), (dicomweb, "MAX_PAGES", 30)),
        *((fetch, "MOST_BESIDES", 5), (dicomweb, "MOST_BESIDES", 5)),
        *((dimse_get, "MOST_BESIDES", 5), (dimse_guard, "MAX_MESSAGE", 4 << 20)),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def unnamed(caplog):
    """Nothing that was logged names anybody."""
    caplog.set_level("DEBUG")
    yield caplog
    ours = [one for one in caplog.get_records("call") if not one.name.startswith("factory")]
    said = "\n".join(map(caplog.handler.format, ours))
    assert not [word for word in IDENTIFIERS if word in said]
    faults = [one for one in ours if one.exc_info and one.name.startswith(("imaging", "mdt"))]
    assert not faults, "a fault of ours"


@contextmanager
def in_bounded_time():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < BOUND_S


def wanted(name, archive):
    """A study to be fetched, with one attempt left: how it ends now is its end."""
    study = StudyFactory(
        archive=archive,
        study_instance_uid=study_uid(name),
        state=Study.State.FOUND,
        search__sought=SOUGHT.as_json(),
    )
    assert plan.want_study(study)
    Job.objects.filter(study=study).update(attempts=queue.ATTEMPTS - 1)
    return study


def pulled(name, archive):
    """(state, code, stored, expected, set aside) of a study after its only attempt."""
    study = wanted(name, archive)
    with in_bounded_time():
        work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    job = Job.objects.get(study=study)
    assert (job.state, job.claim) in ((Job.State.DONE, None), (Job.State.FAILED, None))
    nothing_else_was_written(study)
    aside = sorted(Quarantined.objects.filter(study=study).values_list("code", flat=True))
    return study.state, study.code, study.stored_count, study.expected_count, aside


def nothing_else_was_written(study):
    """Every row is about the one study that was asked for, and counts what is there."""
    assert Study.objects.count() == 1
    assert not Instance.objects.exclude(series__study=study).exists()
    assert Instance.objects.count() == study.stored_count
    assert not Quarantined.objects.exclude(study=study).exists()
    assert not Job.objects.exclude(study=study).exclude(series__study=study).exists()


def found_by(archive):
    """The answer of an archive that was asked for somebody, at its only attempt."""
    search = plan.search_archives(
        sought=SOUGHT,
        archives=[archive],
        meeting_at=timezone.now() + timedelta(days=1),
        list_position=1,
    )
    Job.objects.update(attempts=queue.ATTEMPTS - 1)
    with in_bounded_time():
        work.run_next((Job.Kind.SEARCH,))
    answer = search.answers.get()
    job = Job.objects.get(answer=answer)
    assert job.claim is None
    assert job.state in (Job.State.DONE, Job.State.FAILED)
    return answer


def over_web(fake, **fields):
    return ArchiveFactory(name="hostile", base_url=fake.url, **fields)
