"""A worker killed in the middle of a pull: nothing is lost, and nothing is fetched twice."""

import sys

import pytest
from django.utils import timezone

from imaging import plan, queue, work
from imaging.archives.dicomweb import DicomWebArchive
from imaging.models import Instance, Job, Study
from imaging.pull.receive import BATCH
from tests.dicoms import make_study, study_uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging import own_process

COUNT = 60
WORKER = """
import time
import django
django.setup()
from imaging import work
from imaging.models import Job, Study
from imaging.pull import receive

take, enough = receive.Receiving.take, receive.BATCH
receive.AHEAD = receive.BATCH = 8  # however slow its threads are, not all is taken by then

def until_enough_is_written(self, *data):
    take(self, *data)
    while Study.objects.get().stored_count >= enough:
        time.sleep(1)  # for the kill

receive.Receiving.take = until_enough_is_written
work.run_next((Job.Kind.PULL,))
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_pull_goes_on_where_it_was(orthanc, monkeypatch):
    orthanc.store(make_study("killed", series=2, instances=COUNT // 2, nhs_number="9990000018"))
    archive = ArchiveFactory(name="killed", **orthanc.as_archive("dicomweb"))
    study = StudyFactory(archive=archive, study_instance_uid=study_uid("killed"))
    plan.want_study(study)

    command = [sys.executable, "-c", WORKER]
    worker = own_process.start(command, told={"ARCHIVES_ON_LOOPBACK": "1"})
    own_process.wait_until(lambda: Study.objects.get(pk=study.pk).stored_count >= BATCH, of=worker)
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
