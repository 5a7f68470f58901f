"""The slices shown first take little: of memory, and of what an archive may send instead."""

import threading

import pytest
from pynetdicom import evt

from imaging.archives import dimse_get
from imaging.archives.dimse_get import _Arrivals
from imaging.models import Study
from imaging.pull import fetch, spool
from tests.dicoms import make_instance
from tests.factories import StudyFactory
from tests.imaging.hostile import web_tricks as tricks
from tests.imaging.hostile.runs import impatient, over_web, pulled, unnamed, web  # noqa: F401

NAME, KHAN = "first", "9990000018"
MANY = 24


def many():
    return [make_instance(NAME, 1, number, nhs_number=KHAN) for number in range(1, MANY + 1)]


def all_for_one(ask):
    """Of a single instance too it sends all it has."""
    return tricks.sends_all_it_has(ask)


@pytest.mark.django_db
@pytest.mark.parametrize("at_most", [1, 4])
def test_an_archive_that_sends_all_for_one_slice_is_left_once_it_is_enough(
    web,  # noqa: F811
    monkeypatch,
    at_most,
):
    files = many()
    monkeypatch.setattr(fetch, "MOST_FIRST_BYTES", 4 * len(files[0]))
    came, real = [], fetch._all_that_come

    def counting(*given):
        for data in real(*given):
            came.append(len(data))
            yield data

    monkeypatch.setattr(fetch, "_all_that_come", counting)
    fake = web.archive(files, pictures=all_for_one)
    archive = over_web(fake, at_most=at_most)
    ends = pulled(NAME, archive)
    assert ends == (Study.State.COMPLETE, "", MANY, MANY, [])
    assert len(came) <= 5


@pytest.mark.django_db
def test_what_came_first_waits_on_the_disk_not_in_memory():
    kept = spool.Spool(StudyFactory())
    places = [kept.keep(bytes([n]) * (n + 1)) for n in range(3)]
    assert [place.read() for place in places] == [b"\0", b"\1\1", b"\2\2\2"]
    kept.forget([place.part for place in places])
    kept.clear()


def stored(data):
    """What pynetdicom hands to the C-STORE handler."""
    event = evt.Event.__new__(evt.Event)
    event.__dict__["encoded_dataset"] = lambda: data
    return event


def test_what_came_by_c_get_and_is_not_taken_is_bounded_by_bytes(monkeypatch):
    monkeypatch.setattr(dimse_get, "HELD_BYTES", 100)
    arrivals, put = _Arrivals(), []

    def send():
        for _ in range(6):
            arrivals.take(stored(bytes(40)))
            put.append(40)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(0.5)
    assert put == [40, 40]  # a third would be more than is held at once
    for _ in range(6):
        assert len(arrivals.next(1.0)) == 40
    thread.join(5)
    assert len(put) == 6


def test_one_that_is_larger_than_all_that_is_held_comes_alone(monkeypatch):
    monkeypatch.setattr(dimse_get, "HELD_BYTES", 100)
    arrivals = _Arrivals()
    assert arrivals.take(stored(bytes(400))) == 0
    assert len(arrivals.next(1.0)) == 400
    arrivals.end()
    assert arrivals.take(stored(bytes(4))) == 0xA700
