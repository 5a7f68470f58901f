"""A study from its archive to this machine, over real archives and over bad ones."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from imaging import plan, queue, store, work
from imaging.archives import registry
from imaging.archives.base import ArchiveError, Level
from imaging.models import Archive, Instance, Job, Quarantined, Study
from imaging.pull import receive
from imaging.pull.requests import requests
from tests.dicoms import OTHER_PATIENT, make_instance, make_study, study_uid, uid
from tests.factories import ArchiveFactory, PullJobFactory, StudyFactory
from tests.imaging.fakes import FakeArchive
from tests.peers import multipart

pytestmark = pytest.mark.django_db
State = Study.State
NHS = "9990000018"
PULL = (Job.Kind.PULL,)


@pytest.fixture
def told(settings, monkeypatch):
    """The states of which those above were told, in order."""
    states = []
    settings.IMAGING_ON_CHANGE = f"{__name__}.door"
    monkeypatch.setitem(globals(), "door", lambda study: states.append(study.state))
    return states


def door(study):
    """Replaced by `told`."""


def profile(peer, kind, **fields):
    return ArchiveFactory(
        name=f"{peer.name}-{kind}".lower(),
        issuer_of_patient_id="",
        **peer.as_archive(kind) | fields,
    )


def wanted(name, archive):
    """A study that shall be fetched, and its job."""
    study = StudyFactory(
        archive=archive, study_instance_uid=study_uid(name), state=State.FOUND, body_part="HEAD"
    )
    assert plan.want_study(study)
    return study, study.job


def at_fake(monkeypatch, name, files):
    """A study at an archive in memory."""
    fake = FakeArchive(files)
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    study, job = wanted(name, ArchiveFactory())
    return fake, study, job


def run_next():
    return work.run_next(PULL)


def run_until_settled(job):
    for _ in range(queue.ATTEMPTS):
        run_next()
        Job.objects.filter(pk=job.pk).update(due_at=timezone.now())


def stands(study):
    study.refresh_from_db()
    return study.state, study.code, study.stored_count, study.expected_count


# Over real archives


@pytest.mark.parametrize(
    ("peer", "kind"),
    [
        ("orthanc", "dicomweb"),
        ("orthanc_with_password", "dicomweb"),
        ("orthanc", "dimse"),
        ("dcmqrscp", "dimse"),
        ("qrscp", "dimse"),
    ],
)
def test_a_study_comes_whole_and_its_frames_are_wanted(peer, kind, request, told):
    name = f"whole {peer} {kind}"
    archive = request.getfixturevalue(peer)
    archive.store(make_study(name, series=2, nhs_number=NHS))
    study, job = wanted(name, profile(archive, kind))
    assert run_next() == job
    assert stands(study) == (State.COMPLETE, "", 6, 6)
    assert study.completed_at is not None
    assert told == [State.PULLING, State.COMPLETE]
    frames = Job.objects.filter(kind=Job.Kind.FRAMES, series__study=study)
    assert {job.archive for job in frames} == {None}
    assert [(s.number, s.modality, s.body_part) for s in study.series.all()] == [
        (1, "CT", "HEAD"),
        (2, "CT", "HEAD"),
    ]
    job.refresh_from_db()
    assert (job.state, frames.count()) == (Job.State.DONE, 2)


def test_the_bytes_are_kept_as_they_were_sent(orthanc):
    files = make_study("as sent", nhs_number=NHS)
    orthanc.store(files)
    study, _ = wanted("as sent", profile(orthanc, "dicomweb"))
    run_next()
    instances = Instance.objects.filter(series__study=study)
    assert [store.get().read_range(one.store_key) for one in instances] == files
    assert [(one.instance_number, one.frame_count) for one in instances] == [(1, 1), (2, 1), (3, 1)]


def test_a_study_that_is_gone_is_said_to_be_gone(orthanc):
    study, job = wanted("never was", profile(orthanc, "dicomweb"))
    run_next()
    assert stands(study)[:2] == (State.FAILED, "pull.vanished")
    assert study.message == "The archive no longer lists this study."
    job.refresh_from_db()
    assert job.state == Job.State.FAILED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_an_unreachable_archive_is_tried_later_each_time_and_then_given_up(kind, told):
    fields = {"host": "127.0.0.1", "port": 1, "called_ae_title": "NOBODY"}
    study, job = wanted("unreachable", ArchiveFactory(kind=kind, **fields))
    waits = [timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 80)]
    assert len(waits) == queue.ATTEMPTS - 1
    for wait in waits:
        begun = timezone.now()
        run_next()
        assert stands(study)[:2] == (State.WANTED, "archive.unreachable")
        job.refresh_from_db()
        assert begun + wait <= job.due_at <= timezone.now() + wait
        Job.objects.update(due_at=timezone.now())
        Archive.objects.update(rests_until=None)  # the breaker's rest: test_breaker.py
    run_next()
    assert stands(study)[:2] == (State.FAILED, "archive.unreachable")
    assert study.message == "The archive cannot be reached."
    assert told[-2:] == [State.PULLING, State.FAILED]
    assert Archive.objects.get().failing_since is not None


def test_a_failed_study_is_fetched_when_a_person_asks_again(orthanc):
    study, _ = wanted("asked again", profile(orthanc, "dicomweb"))
    run_next()
    orthanc.store(make_study("asked again", nhs_number=NHS))
    assert plan.want_study(study)
    run_next()
    assert stands(study) == (State.COMPLETE, "", 3, 3)
    assert Archive.objects.get().failing_since is None


# What goes wrong half way


def test_a_cut_stream_is_partial_and_the_rest_is_asked_for_alone(hostile):
    files = make_study("cut", instances=4, nhs_number=NHS)
    asked = []

    def answer(path):
        if "limit=" in path:
            return listing(path, "cut", 4)
        asked.append(path)
        parts, is_closed = (files[:3], False) if len(asked) == 1 else (files[3:], True)
        body = multipart(parts, is_closed=is_closed) + (b"" if is_closed else b"\r\n--xy")
        return 200, {"Content-Type": 'multipart/related; boundary="xyz"'}, body

    study, job = wanted("cut", ArchiveFactory(base_url=hostile(answer)))
    run_next()
    assert stands(study) == (State.PARTIAL, "archive.cut_short", 2, 4)
    assert study.message == (
        "2 of 4 images missing. The connection to the archive broke before everything had come."
    )
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now())
    run_next()
    assert [path.count("/instances/") for path in asked] == [0, 1, 1]
    assert stands(study)[2] == 3


def listing(path, name, count):
    """The QIDO answer for the instances of a made study of one series; one page."""
    if "offset=0" not in path:
        return 200, {"Content-Type": "application/dicom+json"}, b"[]"
    rows = [
        {
            "00080018": {"vr": "UI", "Value": [uid(name, 1, number)]},
            "0020000E": {"vr": "UI", "Value": [uid("series", name, 1)]},
        }
        for number in range(1, count + 1)
    ]
    return 200, {"Content-Type": "application/dicom+json"}, json.dumps(rows).encode()


def test_one_header_of_somebody_else_withholds_the_whole_study(orthanc, told):
    name = "mixed up"
    orthanc.store(make_study(name, instances=2, nhs_number=NHS))
    orthanc.store([make_instance(name, number=3, **OTHER_PATIENT | {"PatientID": "A100"})])
    study, job = wanted(name, profile(orthanc, "dicomweb"))
    run_until_settled(job)
    assert stands(study)[:2] == (State.WITHHELD, "identity.differs")
    assert study.verdict == Study.Verdict.DIFFERENT
    assert Quarantined.objects.get().code == "instance.other_person"
    assert not Instance.objects.filter(sop_instance_uid=uid(name, 1, 3)).exists()
    assert told == [State.PULLING, State.WITHHELD]
    assert not plan.want_study(study)


@pytest.mark.parametrize("spoilt", [b"", b"GIF89a no DICOM at all", b"\0" * 128 + b"DICM\x02\x00"])
def test_a_file_that_is_damaged_or_no_dicom_is_set_aside_and_said(monkeypatch, spoilt):
    files = make_study("spoilt", nhs_number=NHS)
    fake, study, job = at_fake(monkeypatch, "spoilt", files)
    fake.add(spoilt, instead_of=files[1])
    run_next()
    assert stands(study) == (State.PARTIAL, "pull.damaged", 2, 3)
    assert study.message.startswith("1 of 3 images missing. 1 that came is ")
    assert Quarantined.objects.get().code.startswith("header.")
    job.refresh_from_db()
    assert job.state == Job.State.DONE


def test_an_instance_of_another_study_is_not_taken_for_this_one(monkeypatch):
    files = make_study("this", nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "this", files)
    fake.add(make_instance("that", nhs_number=NHS), instead_of=files[1])
    run_next()
    assert stands(study)[:3] == (State.PARTIAL, "pull.damaged", 2)
    assert Quarantined.objects.get().code == "instance.other_study"


def test_an_instance_that_comes_twice_is_kept_once_and_other_bytes_are_set_aside(monkeypatch):
    files = make_study("twice", nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "twice", files)
    changed = make_instance("twice", number=1, nhs_number=NHS, SeriesDescription="changed")
    monkeypatch.setattr(fake, "retrieve", lambda wanted: iter([*files, files[1], changed]))
    run_next()
    assert stands(study) == (State.COMPLETE, "pull.other_bytes", 3, 3)
    assert study.message == "1 image came again with other content. The first is kept."
    first = Instance.objects.get(sop_instance_uid=uid("twice", 1, 1))
    assert store.get().read_range(first.store_key) == files[0]
    assert Quarantined.objects.get().code == "instance.other_bytes"


def test_a_study_that_vanishes_half_way_keeps_what_came(monkeypatch):
    files = make_study("vanishing", nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "vanishing", files)
    fake.files[list(fake.files)[2]] = None  # listed, and not sent
    fake.before_listing = [lambda: None, fake.files.clear]
    run_next()
    assert stands(study)[:3] == (State.PARTIAL, "pull.vanished", 2)
    assert study.message == ("The archive no longer lists this study. 2 images had come before.")


def test_a_study_that_grows_meanwhile_is_followed(monkeypatch):
    files = make_study("growing", instances=4, nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "growing", files[:2])
    fake.before_listing = [lambda: None, lambda: [fake.add(file) for file in files[2:]]]
    run_next()
    assert stands(study) == (State.COMPLETE, "", 4, 4)


def test_a_study_that_does_not_stop_growing_waits(monkeypatch):
    files = make_study("endless", instances=9, nhs_number=NHS)
    fake, study, job = at_fake(monkeypatch, "endless", files[:1])
    fake.before_listing = [lambda file=file: fake.add(file) for file in files[1:]]
    run_next()
    assert stands(study)[:2] == (State.PARTIAL, "pull.still_arriving")
    job.refresh_from_db()
    assert job.state == Job.State.WAITING


def test_what_is_listed_and_not_sent_is_named_by_its_series(monkeypatch):
    files = make_study("silent", series=2, instances=2, nhs_number=NHS)
    fake, study, _ = at_fake(monkeypatch, "silent", files)
    fake.add(None, instead_of=files[3])
    run_next()
    assert stands(study)[:3] == (State.PARTIAL, "pull.missing", 3)
    assert study.message == (
        "1 of 4 images missing (series 2: 1 of 2). "
        "The archive lists them, and they did not come whole."
    )


def test_a_listing_that_cannot_be_confirmed_is_not_complete(monkeypatch):
    fake, study, job = at_fake(
        monkeypatch, "unconfirmed", make_study("unconfirmed", nhs_number=NHS)
    )
    failure = ArchiveError("archive.unreachable", "The archive cannot be reached.")
    fake.before_listing = [lambda: None, lambda: raise_(failure)]
    run_next()
    assert stands(study)[:3] == (State.PARTIAL, "archive.unreachable", 3)
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now())
    run_next()
    assert stands(study)[0] == State.COMPLETE


def raise_(failure):
    raise failure


# Leases, and going on where another stopped


def test_only_what_is_missing_is_asked_for():
    files = make_study("some", series=3, instances=2)
    listed = FakeArchive(files).list_instances("")
    here = [listed[0].sop_instance_uid, listed[1].sop_instance_uid, listed[2].sop_instance_uid]
    assert [(one.level, len(one.instances)) for one in requests("1.2", listed, [])] == [
        (Level.STUDY, 6)
    ]
    assert [(one.level, len(one.instances)) for one in requests("1.2", listed, here)] == [
        (Level.IMAGE, 1),
        (Level.SERIES, 2),
    ]
    assert list(requests("1.2", listed, [one.sop_instance_uid for one in listed])) == []


def test_who_lost_the_lease_writes_nothing_more(monkeypatch):
    """The first worker sleeps through its lease; a second claims the job; the first wakes."""
    files = make_study("overslept", instances=3, nhs_number=NHS)
    fake, study, job = at_fake(monkeypatch, "overslept", files)
    monkeypatch.setattr(receive, "BATCH", 1)
    monkeypatch.setattr(receive, "AHEAD", 0)

    def oversleep(wanted):
        yield files[0]
        later = timezone.now() + queue.LEASE * 2
        assert queue.requeue_expired(later) == 1
        assert queue.claim_next(PULL, later) == job
        yield files[1]

    monkeypatch.setattr(fake, "retrieve", oversleep)
    run_next()
    assert stands(study)[:3] == (State.PULLING, "", 1)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING


def test_a_job_on_which_workers_die_is_given_up(monkeypatch):
    _, study, job = at_fake(monkeypatch, "deadly", make_study("deadly", nhs_number=NHS))
    Job.objects.filter(pk=job.pk).update(attempts=queue.ATTEMPTS)
    run_next()
    assert stands(study)[:2] == (State.FAILED, "pull.gave_up")


def test_a_job_on_which_workers_die_is_given_up_also_where_it_waited_for_the_store():
    study = PullJobFactory(
        study__state=State.WANTED, study__stored_count=1, attempts=queue.ATTEMPTS
    ).study
    run_next()
    assert stands(study)[:3] == (State.PARTIAL, "pull.gave_up", 1)
    assert study.job.state == Job.State.DONE


def test_a_fault_of_ours_puts_the_job_back(monkeypatch):
    fake, study, job = at_fake(monkeypatch, "fault", make_study("fault", nhs_number=NHS))
    monkeypatch.setattr(fake, "list_instances", lambda _: 1 / 0)
    run_next()
    job.refresh_from_db()
    assert (job.state, job.claim) == (Job.State.WAITING, None)
    assert job.due_at > timezone.now() + timedelta(seconds=20)
    assert stands(study)[0] == State.PULLING


@pytest.mark.parametrize(
    "facts", [{"verdict": Study.Verdict.NEEDS_A_PERSON}, {"state": State.WITHHELD}]
)
def test_a_study_whose_identity_is_not_certain_is_not_fetched(facts):
    study = StudyFactory(**facts)
    assert not plan.want_study(study)
    assert not Job.objects.exists()


def test_a_job_for_what_is_here_already_ends_at_once(told):
    job = PullJobFactory(study__state=State.COMPLETE)
    run_next()
    job.refresh_from_db()
    assert (job.state, told) == (Job.State.DONE, [])
