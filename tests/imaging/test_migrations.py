"""Rows of before a change of the tables keep their meaning after it."""

from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from imaging.models import Archive, Frame, Instance, Job, Search, Study
from tests.factories import InstanceFactory


@pytest.fixture
def old_rows(db):
    """As they are once the columns are new and empty."""
    address = {"kind": "dicomweb", "base_url": "http://archive.example"}
    Archive.objects.create(name="open", trust_ods_code="R0A", **address)
    signs_in = Archive.objects.create(name="ours", trust_ods_code="RM3", username="us", **address)
    search = Search.objects.create(sought={}, meeting_at=timezone.now())
    Study.objects.create(archive=signs_in, search=search, study_instance_uid="1.2", verdict="same")


def fill():
    import_module("imaging.migrations.0003_said_of_old_rows").fill(apps, None)


def test_an_archive_with_a_user_name_goes_on_signing_in_with_it(old_rows):
    fill()
    assert dict(Archive.objects.values_list("name", "auth")) == {"open": "none", "ours": "basic"}


def test_a_study_of_before_is_its_archives_own_trusts(old_rows):
    fill()
    assert Study.objects.get().trust_ods_code == "RM3"


def test_slides_and_videos_of_before_are_made_and_others_are_left_alone(db):
    now = timezone.now()
    video = InstanceFactory(frame_count=300, transfer_syntax_uid="1.2.840.10008.1.2.4.102")
    damaged = InstanceFactory(frame_count=2)
    for number in (1, 2, 300):
        Frame.objects.create(instance=video, number=number, code="frame.unsupported")
    Frame.objects.create(instance=damaged, number=1, code="frame.damaged")
    for one in (video, damaged):
        more = {"series": one.series, "due_at": now, "meeting_at": now, "state": "done"}
        Job.objects.create(kind=Job.Kind.FRAMES, **more)
    import_module("imaging.migrations.0007_as_received").make_again(apps, None)
    assert Frame.objects.get().code == "frame.damaged"
    assert dict(Job.objects.values_list("series", "state")) == {
        video.series_id: "waiting",
        damaged.series_id: "done",
    }
    assert dict(Instance.objects.values_list("pk", "frame_count")) == {video.pk: 1, damaged.pk: 2}
