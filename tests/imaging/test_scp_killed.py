"""The Storage SCP as its own process: what it acknowledged is there, whoever is killed and when."""

import subprocess
import sys
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from types import SimpleNamespace

import pytest
from pydicom import dcmread
from pynetdicom import AE, build_context

from imaging import arrivals, plan, store, work
from imaging.archives.dimse_reactor import keep_answers
from imaging.frames.process import reader
from imaging.frames.refused import Refused
from imaging.models import Arrival, Job, Study
from imaging.scp.guests import Guest
from imaging.scp.keeper import Keeper
from imaging.scp.service import BusyError, StorageScp
from tests.dicoms import make_instance, make_study, study_uid, uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging import own_process
from tests.ports import free_port

CT = "1.2.840.10008.5.1.4.1.1.2"
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("swept"),
    pytest.mark.django_db(transaction=True),
]


@contextmanager
def storage_scp(port):
    """`manage.py storage_scp` on this database and store until the block ends."""
    told = {"STORE_KEEP_FREE_MB": "0", "SCP_HOST": "127.0.0.1", "SCP_PORT": str(port)}
    command = [sys.executable, "manage.py", "storage_scp"]
    process = own_process.start(command, told=told, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def line_of(process, words):
    """What it says in its log once it says this."""
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"it ended without a word of {words!r}")


def send(association, file):
    """Whether it was acknowledged."""
    try:
        status = association.send_c_store(dcmread(BytesIO(file)))
    except RuntimeError:  # the association is gone
        return False
    return status.get("Status") == 0


def test_it_waits_for_an_archive_and_what_it_acknowledged_is_kept_when_it_is_killed(settings):
    settings.SCP_PORT = free_port()
    inbox = arrivals.Inbox(1)
    files = [make_instance("killed scp", 1, number) for number in range(1, 200)]
    acknowledged = []
    with storage_scp(settings.SCP_PORT) as process:
        assert "does not listen" in line_of(process, "No archive sends")
        assert not inbox.is_listening()
        ArchiveFactory(name="late", pushes_from="127.0.0.1", pushes_as="PACS")
        assert "late" in line_of(process, "LIGHTBOX listens on")
        assert inbox.is_listening()
        association = AE(ae_title="PACS").associate(
            "127.0.0.1", settings.SCP_PORT, [build_context(CT)], ae_title="LIGHTBOX"
        )
        keep_answers(association)
        for file in files:
            if len(acknowledged) == 20:
                process.kill()
            if not send(association, file):
                break
            acknowledged.append(file)
        association.abort()
    assert 20 <= len(acknowledged) < len(files)
    kept = {row.sop_instance_uid: row.store_key for row in Arrival.objects.all()}
    for number, file in enumerate(acknowledged, 1):
        key = kept[uid("killed scp", 1, number)]
        data = store.get().read_range(key)
        assert sha256(data).hexdigest() == key
        assert dcmread(BytesIO(data)) == dcmread(BytesIO(file))
    assert len(kept) <= len(acknowledged) + 1


@contextmanager
def scp_here(port):
    """The same within this process."""
    keeper = Keeper()
    scp = StorageScp(admit=keeper.admit, keep=keeper.keep)
    scp.start("127.0.0.1", port)
    try:
        yield
    finally:
        scp.stop()
        keeper.close()


@pytest.fixture
def moved(orthanc, settings):
    """A study that is wanted from an archive that sends by C-MOVE, and its files."""
    return wanted_from(orthanc, settings)


def wanted_from(peer, settings):
    settings.SCP_PORT = peer.move_port
    files = make_study("whole by move", series=2, nhs_number="9990000018")
    peer.store(files)
    archive = ArchiveFactory(
        name="moving",
        **peer.as_archive("dimse"),
        retrieve_by="move",
        move_destination="LIGHTBOX",
    )
    study = StudyFactory(archive=archive, study_instance_uid=study_uid("whole by move"))
    plan.want_study(study)
    return study, files


def test_a_study_comes_whole_by_c_move(moved, settings):
    """The whole way: Orthanc, our SCP, the worker; and no row is left behind."""
    study, _ = moved
    with scp_here(settings.SCP_PORT):
        work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code, study.stored_count) == (Study.State.COMPLETE, "", 6)
    assert set(Arrival.objects.values_list("is_asked", flat=True)) == {True}
    arrivals.forget_recorded()
    assert not Arrival.objects.exists()


def test_an_image_that_our_storage_scp_refused_is_not_said_to_have_never_been_sent(
    dcmqrscp, settings, monkeypatch
):
    """Of an archive that goes on to the next image, and says no more than that it has done."""
    study, _ = wanted_from(dcmqrscp, settings)
    read = reader().read_header

    def read_but_the_last(data):
        if Arrival.objects.count() == 5:
            raise Refused("header.damaged", "It cannot be read.")
        return read(data)

    ours = SimpleNamespace(read_headers=lambda files: [None], read_header=read_but_the_last)
    monkeypatch.setattr("imaging.scp.keeper.reader", lambda: ours)
    with scp_here(settings.SCP_PORT):
        work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.stored_count, study.code) == (5, "pull.missing")
    assert study.message.endswith("The archive lists them, and they did not come whole.")


def test_a_file_that_a_busy_machine_had_no_time_for_may_be_sent_again(moved, monkeypatch):
    study, files = moved

    def busy(_):
        raise Refused("header.timeout", "Reading it took too long.")

    ours = SimpleNamespace(read_headers=lambda files: [None], read_header=busy)
    monkeypatch.setattr("imaging.scp.keeper.reader", lambda: ours)
    keeper = Keeper()
    try:
        with pytest.raises(BusyError):
            keeper.keep(Guest("PACS", frozenset({study.archive_id})), files[0], True)
    finally:
        keeper.close()
    assert not Arrival.objects.exists()


def test_what_came_for_a_worker_that_died_is_not_asked_for_again(moved):
    """No SCP runs: whatever is asked for now would not come."""
    study, files = moved
    for file in files:
        _arrive(study.archive, file)
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code, study.stored_count) == (Study.State.COMPLETE, "", 6)


def test_nothing_is_forgotten_before_its_bytes_are_recorded(moved):
    study, files = moved
    for file in files:
        _arrive(study.archive, file)
    assert arrivals.forget_recorded() == 0
    assert Arrival.objects.count() == 6


def test_without_our_scp_a_study_fails_and_says_why(moved):
    study, _ = moved
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.code) == (Study.State.WANTED, "scp.not_running")


def _arrive(archive, file):
    """Taken by the SCP for a C-MOVE."""
    stored = store.get().put(BytesIO(file))
    arrivals.keep([archive.pk], reader().read_header(file), stored, is_asked=True)
