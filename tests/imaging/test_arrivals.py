"""What was acknowledged is forgotten once its very bytes are recorded, and nothing else is."""

from io import BytesIO
from types import SimpleNamespace

import pytest
from django.utils import timezone

from imaging import arrivals, store
from imaging.models import Arrival, Instance, Quarantined, Study
from tests.factories import ArchiveFactory, InstanceFactory, StudyFactory

pytestmark = pytest.mark.django_db
SOP, KEY = "1.2.826.0.9.1", "a" * 64


@pytest.fixture
def study():
    return StudyFactory(study_instance_uid="1.2.826.0.9")


def arrival(study, **changes):
    facts = {
        "archive": study.archive,
        "study_instance_uid": study.study_instance_uid,
        "sop_instance_uid": SOP,
        "store_key": KEY,
        "size": 1,
        "is_asked": False,
    }
    return Arrival.objects.create(**facts | changes)


def record(study, how):
    """The bytes of KEY, as a pull writes them down."""
    if how == "kept":
        InstanceFactory(series__study=study, sop_instance_uid=SOP, store_key="its own", sha256=KEY)
    else:
        Quarantined.objects.create(study=study, code="header.cut_off", sha256=KEY)


@pytest.mark.parametrize("how", ["kept", "set aside"])
def test_what_is_recorded_is_forgotten(how, study):
    arrival(study)
    record(study, how)
    assert arrivals.forget_recorded() == 1


def test_what_was_recorded_and_has_lost_its_bytes_since_stays(study):
    arrival(study)
    record(study, "kept")
    Instance.objects.update(store_key="")
    assert arrivals.forget_recorded() == 0


@pytest.mark.parametrize("how", ["kept", "set aside"])
@pytest.mark.parametrize("what", ["bytes", "study", "archive"])
def test_what_differs_from_what_is_recorded_stays(what, how, study):
    changes = {
        "bytes": {"store_key": "b" * 64},
        "study": {"study_instance_uid": "1.2.826.0.8"},
        "archive": {"archive": ArchiveFactory(name="another")},
    }
    left = arrival(study, **changes[what])
    record(study, how)
    assert arrivals.forget_recorded() == 0
    assert Arrival.objects.get() == left


def test_the_same_bytes_under_another_uid_stay(study):
    arrival(study, sop_instance_uid="1.2.826.0.9.2")
    record(study, "kept")
    assert arrivals.forget_recorded() == 0


@pytest.mark.parametrize("state", ["wanted", "cancelled", "withheld"])
def test_a_copy_never_fetched_takes_nothing_from_the_one_being_fetched(state, study):
    """Of two archives behind one peer."""
    uid = study.study_instance_uid
    other = StudyFactory(archive__name="another", study_instance_uid=uid, state=state)
    Study.objects.filter(pk=study.pk).update(state="pulling", pull_started_at=timezone.now())
    stored = store.get().put(BytesIO(b"moved"))
    header = SimpleNamespace(study_instance_uid=uid, sop_instance_uid=SOP, sop_class_uid="1.2")
    both = [study.archive_id, other.archive_id]
    assert arrivals.keep(both, header, stored, is_asked=True).archive == study.archive


def test_a_row_that_is_committed_late_under_a_smaller_number_is_taken_all_the_same(study):
    def came(pk, uid):
        key = store.get().put(BytesIO(uid.encode())).key
        arrival(study, pk=pk, sop_instance_uid=uid, store_key=key)

    inbox = arrivals.Inbox(study.archive_id)
    came(50, "1.5")
    assert list(inbox.take(study.study_instance_uid)) == [("1.5", b"1.5")]
    came(40, "1.4")
    assert list(inbox.take(study.study_instance_uid)) == [("1.4", b"1.4")]
    assert list(inbox.take(study.study_instance_uid)) == []
