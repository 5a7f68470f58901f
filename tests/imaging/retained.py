"""A study that was pulled, shown and is perhaps not needed any more."""

import json
import os
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging import plan, retention, store, work
from imaging.archives import registry
from imaging.frames import make, metadata
from imaging.grants import Grant
from imaging.models import Instance, Job, Quarantined, Segment, SeriesVersion, Study
from mdt.annotations.models import Mark
from mdt.meetings.models import Meeting
from tests.dicoms import make_study, study_uid
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    ReferralStudyFactory,
    StudyFactory,
)
from tests.imaging.fakes import FakeArchive

State = Study.State
DAY = timedelta(days=1)
NAME = "kept for a while"
KINDS = (Job.Kind.PULL, Job.Kind.FRAMES)


@pytest.fixture(autouse=True)
def _own(settings, tmp_path, monkeypatch, decoders):
    settings.STORE_URL = f"file://{tmp_path}/store"
    monkeypatch.setattr(make, "reader", lambda: decoders)
    monkeypatch.setattr("imaging.pull.receive.reader", lambda: decoders)


@pytest.fixture
def files():
    return make_study(NAME, nhs_number="9990000018")


@pytest.fixture
def fake(files, monkeypatch):
    fake = FakeArchive(files)
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    return fake


@pytest.fixture
def study(fake, pulled):
    """A study that came long ago, with its frames, listed nowhere."""
    return pulled(NAME)


@pytest.fixture
def pulled(fake):
    def pull(name):
        study = StudyFactory(archive=ArchiveFactory(), study_instance_uid=study_uid(name))
        fetch(study)
        age(study)
        return study

    return pull


def fetch(study):
    plan.want_study(study)
    while True:
        Job.objects.update(due_at=timezone.now())
        if work.run_next(KINDS) is None:
            break
    study.refresh_from_db()
    assert study.state == State.COMPLETE


def age(study):
    """All that came for it came 40 days ago."""
    long_ago = timezone.now() - 40 * DAY
    Instance.objects.filter(series__study=study).update(stored_at=long_ago)
    Quarantined.objects.filter(study=study).update(at=long_ago)
    for key in store.get().list():
        os.utime(place(key), (0, 0))


def place(key):
    kept = store.get()
    return kept._path(key)


def listed(study, days_ago, **meeting):
    starts_at = timezone.now() - days_ago * DAY
    state = meeting.pop("state", Meeting.State.CLOSED)
    meeting = MeetingFactory(starts_at=starts_at, state=state, **meeting)
    found = ReferralStudyFactory(study=study)
    return ListedCaseFactory(meeting=meeting, referral=found.referral)


def tonight():
    retention.carry_out(timezone.now())


def is_here(study):
    study.refresh_from_db()
    return study.state == State.COMPLETE and study.stored_count == 3


def is_gone(study):
    study.refresh_from_db()
    return (study.state, study.code, study.stored_count) == (State.FOUND, "study.evicted", 0)


def named():
    """Keys that rows name, of whatever table."""
    rows = [
        *Instance.objects.values_list("store_key", flat=True),
        *Segment.objects.values_list("store_key", flat=True),
        *SeriesVersion.objects.values_list("store_key", flat=True),
        *Quarantined.objects.values_list("store_key", flat=True),
    ]
    return {key for key in rows if key}


def mark_on(study, case, chair):
    series = study.series.get()
    instance = series.instances.first()
    return Mark.objects.create(
        case=case,
        author=chair,
        series=series,
        trust_ods_code="RM3",
        study_instance_uid=study.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
        frame_number=1,
        frame_key=f"{instance.public_id}.1",
        metadata_version=series.version,
    )


def document(series):
    version = SeriesVersion.objects.filter(series=series).order_by("number").last()
    return metadata.unpacked(store.get().read_range(version.store_key))


def ask(client, name, series, **parts):
    token = Grant("p", series.public_id, "c", "display").token()
    url = reverse(name, kwargs={"series_id": series.public_id, **parts})
    answer = client.get(url, headers={"X-View-Grant": token})
    body = json.loads(answer.content) if answer.status_code >= 400 else {}
    return answer.status_code, body.get("code", "")
