"""pynetdicom's reactor: woken when there is something to do, and asleep when there is not."""

import threading
import time

import pytest
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_ABORT, P_DATA

from imaging.archives import dimse, registry
from imaging.models import Archive
from tests.dicoms import make_study, study_uid

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_an_association_that_only_waits_looks_seldom_and_still_answers_at_once(
    orthanc, monkeypatch
):
    looks, look = [], DULServiceProvider._process_recv_primitive

    def noted(self):
        looks.append(1)
        return look(self)

    monkeypatch.setattr(DULServiceProvider, "_process_recv_primitive", noted)
    with registry.connect(Archive(name="waits", **orthanc.as_archive("dimse"))) as archive:
        archive.echo()
        looks.clear()
        time.sleep(0.4)
        assert 0 < len(looks) < 100, "by itself it looks each millisecond"
        begun = time.monotonic()
        for _ in range(20):
            archive.echo()
        assert time.monotonic() - begun < 2


class Late(threading.Event):
    """Who waits for it goes on some time afterwards: a thread that gets no turn."""

    def wait(self, timeout=None):
        is_set = super().wait(timeout)
        time.sleep(0.02)
        return is_set


def test_no_answer_is_lost_to_pynetdicoms_own_thread_where_it_has_had_no_turn(qrscp, monkeypatch):
    monkeypatch.setattr(dimse, "check", lambda _: time.sleep(0.01))  # answers wait for us
    qrscp.store(make_study("late", series=4, instances=3))
    with registry.connect(Archive(name="late", **qrscp.as_archive("dimse"))) as archive:
        archive.echo()
        checkpoint = archive._open._reactor_checkpoint = Late()
        checkpoint.set()
        for _ in range(5):
            assert len(archive.list_instances(study_uid("late"))) == 12


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_what_is_to_be_sent_when_the_association_is_over_ends_no_thread(qrscp):
    """As a C-STORE answer is that was on its way when whoever asked wanted no more."""
    with registry.connect(Archive(name="over", **qrscp.as_archive("dimse"))) as archive:
        archive.echo()
        dul = archive._open.dul
        abort = A_ABORT()
        abort.abort_source = 0
        for primitive in (abort, P_DATA()):
            dul.to_provider_queue.put(primitive)
        dul.join(10)
        assert not dul.is_alive()
        plain = dul.socket and dul.socket.socket  # closed, whichever thread was the first to see it
        assert plain is None or plain.fileno() == -1, "its socket is closed"
        assert dul.to_provider_queue.empty()
