"""An archive's `at_most` is of connections, as the archive itself counts them."""

import socket
import threading
from contextlib import suppress

import pytest
from django.utils import timezone

from imaging import budget, queue, work
from imaging.models import Job, Study
from tests.dicoms import make_study
from tests.factories import ArchiveFactory, PullJobFactory
from tests.imaging.test_pull import NHS, stands, wanted

pytestmark = [
    pytest.mark.django_db,
    # the one who counts leaves its sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
State = Study.State


class Counting:
    """Stands before a real archive, and counts the connections that are open at one time."""

    def __init__(self, port):
        self.to, self.open, self.most = port, 0, 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listening.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                came, _ = self._listening.accept()
                there = socket.create_connection(("127.0.0.1", self.to))
                self._count(1)
                threading.Thread(target=self._pump, args=(came, there, 1), daemon=True).start()
                threading.Thread(target=self._pump, args=(there, came, 0), daemon=True).start()

    def _pump(self, source, sink, counted):
        with suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if counted:
            self._count(-1)
        else:
            source.close()
            sink.close()

    def _count(self, more):
        with self._lock:
            self.open += more
            self.most = max(self.most, self.open)


@pytest.fixture
def counting(orthanc):
    before = Counting(web_port(orthanc))
    yield before
    before.close()


def web_port(peer):
    return int(peer.base_url.split(":")[2].split("/")[0])


def pulled(orthanc, counting, at_most, *, beside):
    """The study, and how many connections it took while so many other jobs ran there."""
    name = f"counted {at_most} {beside}"
    orthanc.store(make_study(name, instances=40, nhs_number=NHS))
    fields = orthanc.as_archive("dicomweb")
    fields["base_url"] = fields["base_url"].replace(str(web_port(orthanc)), str(counting.port))
    archive = ArchiveFactory(name="counted", issuer_of_patient_id="", at_most=at_most, **fields)
    study, job = wanted(name, archive)
    later = {"lease_until": timezone.now() + queue.LEASE, "due_at": timezone.now()}
    for number in range(beside):
        claim = f"00000000-0000-4000-8000-00000000000{number}"
        PullJobFactory(archive=archive, state=Job.State.RUNNING, claim=claim, **later)
    work.run_next((Job.Kind.PULL,))
    job.refresh_from_db()
    assert (stands(study)[0], job.places) == (State.COMPLETE, 1)
    return counting.most


@pytest.mark.parametrize(
    ("at_most", "beside", "most"), [(1, 0, 1), (2, 0, 2), (2, 1, 1), (4, 3, 1), (4, 2, 2)]
)
def test_a_pull_opens_no_more_connections_than_its_archive_has_places_free(
    orthanc, counting, at_most, beside, most
):
    assert pulled(orthanc, counting, at_most, beside=beside) <= most


def test_a_second_connection_counts_as_a_job_until_it_is_given_back():
    archive = ArchiveFactory(at_most=2)
    now = timezone.now()
    jobs = [PullJobFactory(archive=archive, due_at=now) for _ in range(2)]
    first = queue.claim_next((Job.Kind.PULL,), now)
    assert first in jobs
    assert budget.take_second_place(first)
    assert not budget.take_second_place(first)
    assert queue.claim_next((Job.Kind.PULL,), now) is None
    budget.give_second_place_back(first)
    second = queue.claim_next((Job.Kind.PULL,), now)
    assert second in jobs
    assert not budget.take_second_place(second)
