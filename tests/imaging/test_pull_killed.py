"""A worker killed in the middle of a pull: nothing is lost, and nothing is fetched twice."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from imaging import plan, queue, work
from imaging.archives.dicomweb import DicomWebArchive
from imaging.models import Instance, Job, Study
from imaging.pull.receive import BATCH
from tests.dicoms import make_study, study_uid
from tests.factories import ArchiveFactory, StudyFactory

COUNT = 60
WORKER = """
import time
import django
django.setup()
from imaging import work
from imaging.models import Job
from imaging.pull.receive import Receiving

take = Receiving.take

def slowly(self, data):
    take(self, data)
    time.sleep(0.03)

Receiving.take = slowly
work.run_next((Job.Kind.PULL,))
"""


def database_url():
    own = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{own['NAME']}"
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**own)


def start_worker():
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "STORE_URL": settings.STORE_URL,
        "DJANGO_SETTINGS_MODULE": "mdt.settings",
        "SECRET_KEY": "x" * 50,
        "ALLOWED_HOSTS": "testserver",
        "SQLITE_WAIT_S": "20",
    }
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=root, env=environment)


def wait_until(is_so, worker):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        assert worker.poll() is None, "the worker ended before it could be killed"
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_killed_pull_goes_on_where_it_was(orthanc, monkeypatch):
    orthanc.store(make_study("killed", series=2, instances=COUNT // 2, nhs_number="9990000018"))
    archive = ArchiveFactory(name="killed", **orthanc.as_archive("dicomweb"))
    study = StudyFactory(archive=archive, study_instance_uid=study_uid("killed"))
    plan.want_study(study)

    worker = start_worker()
    wait_until(lambda: Study.objects.get(pk=study.pk).stored_count >= BATCH, worker)
    worker.kill()
    worker.wait()
    study.refresh_from_db()
    stored_before = set(Instance.objects.values_list("sop_instance_uid", flat=True))
    assert (study.state, study.stored_count) == (Study.State.PULLING, len(stored_before))
    assert BATCH <= len(stored_before) < COUNT
    assert work.run_next((Job.Kind.PULL,)) is None, "its lease still runs"

    asked = []
    retrieve = DicomWebArchive.retrieve
    monkeypatch.setattr(
        DicomWebArchive,
        "retrieve",
        lambda self, wanted: asked.extend(wanted.instances) or retrieve(self, wanted),
    )
    Job.objects.filter(study=study).update(lease_until=timezone.now())
    assert queue.requeue_expired(timezone.now()) == 1
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.stored_count) == (Study.State.COMPLETE, COUNT)
    assert Instance.objects.count() == COUNT
    assert len(asked) == COUNT - len(stored_before)
    assert stored_before.isdisjoint(one.sop_instance_uid for one in asked)
