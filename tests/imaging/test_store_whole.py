"""From an archive to a browser's range, with each kind of store."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging import plan, retention, store, urls, work
from imaging.archives import registry
from imaging.frames import metadata
from imaging.grants import Grant
from imaging.models import Instance, Job, Quarantined, Segment, SeriesVersion, Study
from imaging.store import base, s3
from tests.dicoms import make_instance, make_study, study_uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
NAME = "through the store"
PULL, FRAMES = (Job.Kind.PULL,), (Job.Kind.FRAMES,)
HEARD = []


def hear(study):
    HEARD.append(study.state)


@pytest.fixture(params=["local", "s3"], autouse=True)
def _store(request, tmp_path, settings):
    is_local = request.param == "local"
    url = f"file://{tmp_path}/store" if is_local else request.getfixturevalue("s3_url")
    settings.STORE_URL, settings.IMAGING_ON_CHANGE = url, f"{__name__}.hear"
    HEARD.clear()


@pytest.fixture
def fake(monkeypatch):
    fake = FakeArchive(make_study(NAME, instances=5, nhs_number="9990000018"))
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    return fake


@pytest.fixture
def study(fake):
    study = StudyFactory(archive=ArchiveFactory(), study_instance_uid=study_uid(NAME))
    plan.want_study(study)
    run(PULL)
    study.refresh_from_db()
    return study


def run(kinds):
    Job.objects.update(due_at=timezone.now())
    return work.run_next(kinds)


def pull_again(study):
    Study.objects.filter(pk=study.pk).update(state=Study.State.WANTED)
    Job.objects.filter(study=study).update(state=Job.State.WAITING, attempts=0)
    run(PULL)
    study.refresh_from_db()


def ask(client, series, number, bytes_range=""):
    url = reverse("series-segment", kwargs={"series_id": series.public_id, "number": number})
    token = Grant("p", series.public_id, "c", "display").token()
    headers = {"X-View-Grant": token} | ({"Range": bytes_range} if bytes_range else {})
    return client.get(url, headers=headers)


def test_bytes_are_kept_as_received_and_the_same_again_change_nothing(study, fake):
    kept = [store.get().read_range(one.store_key) for one in Instance.objects.order_by("pk")]
    assert kept == list(fake.files.values())
    before = sorted(store.get().list()), list(Instance.objects.values())
    Instance.objects.filter(instance_number=5).delete()
    pull_again(study)
    assert study.state == Study.State.COMPLETE
    assert sorted(store.get().list()) == before[0]
    assert list(Instance.objects.values())[:4] == before[1][:4]
    assert not Quarantined.objects.exists()


def test_other_bytes_are_set_aside_and_never_take_the_place_of_the_first(study, fake):
    first = Instance.objects.get(instance_number=1)
    (listed_as, data) = next(iter(fake.files.items()))
    other = make_instance(NAME, nhs_number="9990000018", SeriesDescription="other bytes")
    fake.files[listed_as] = other
    Instance.objects.filter(instance_number=5).delete()  # the whole series is fetched again
    fake.retrieve = lambda wanted: iter(fake.files.values())
    pull_again(study)
    again = Instance.objects.get(instance_number=1)
    assert (again.store_key, again.sha256) == (first.store_key, first.sha256)
    assert store.get().read_range(again.store_key) == data
    aside = Quarantined.objects.get()
    assert aside.code == "instance.other_bytes"
    assert store.get().read_range(aside.store_key) == other


def test_a_wanted_frame_comes_first_each_version_is_told_and_a_browser_reads_its_range(
    study, client
):
    series = study.series.get()
    plan.want_frames(series, [4])
    HEARD.clear()
    run(FRAMES)
    versions = list(SeriesVersion.objects.order_by("number"))
    first, last = (
        metadata.unpacked(store.get().read_range(one.store_key))
        for one in (versions[0], versions[-1])
    )
    assert [bool(frame["segment"]) for frame in first["frames"]] == [False] * 3 + [True, False]
    assert (last["is_complete"], len(HEARD)) == (True, len(versions))
    frame = last["frames"][2]
    whole = ask(client, series, frame["segment"]).content
    end = frame["offset"] + frame["length"]
    part = ask(client, series, frame["segment"], f"bytes={frame['offset']}-{end - 1}")
    assert (part.status_code, part.content) == (206, whole[frame["offset"] : end])


def test_pixel_copies_go_from_it(study, monkeypatch):
    run(FRAMES)
    assert list(store.get().list())
    soon = timezone.now() + timedelta(days=15)
    for module in (base, s3, retention):
        monkeypatch.setattr(module, "ABANDONED_S", -60)
    Job.objects.update(state=Job.State.DONE)
    retention.carry_out(soon)
    assert list(store.get().list()) == []
    assert {*Segment.objects.values_list("store_key", flat=True)} == {""}


def test_a_store_that_does_not_answer_is_503_and_says_so(study, client, monkeypatch):
    run(FRAMES)
    kept = store.get()

    def lost(*arguments):
        raise base.StoreError("store.unreachable", "The store does not answer.")

    monkeypatch.setattr(type(kept), "read_range", lost)
    answer = ask(client, study.series.get(), 1)
    assert (answer.status_code, answer.json()["code"]) == (503, "store.unreachable")


def test_no_route_sends_the_bytes_as_they_were_received(study, client, monkeypatch):
    """A preamble may be a program (CVE-2019-11687, PS3.10 7.1): nobody here is sent one.

    Whoever adds a route that sends a DICOM file neutralises its first 128 bytes, and says so here.
    """
    run(FRAMES)
    series = study.series.get()
    received = set(Instance.objects.values_list("store_key", flat=True))
    read, kept = [], type(store.get())
    read_range = kept.read_range
    monkeypatch.setattr(
        kept,
        "read_range",
        lambda self, key, *part: read.append(key) or read_range(self, key, *part),
    )
    parts = {"series_id": series.public_id, "number": 1, "version": series.version}
    token = Grant("p", series.public_id, "c", "display").token()
    for pattern in urls.urlpatterns:
        named = {name: parts[name] for name in pattern.pattern.converters}
        answer = client.get(reverse(pattern.name, kwargs=named), headers={"X-View-Grant": token})
        assert b"DICM" not in answer.content
    assert read
    assert received.isdisjoint(read)
