"""What is done to an instance between its last byte and its row, several at a time or alone."""

from pathlib import Path

import pytest

from imaging.pull import hands
from imaging.pull.hands import Hands
from imaging.pull.spool import Part
from imaging.store.local import LocalStore
from tests.dicoms import make_study, uid

NAME = "in our hands"


@pytest.fixture
def groups(monkeypatch, settings, tmp_path):
    """How many files were put at a time."""
    settings.STORE_URL = f"file://{tmp_path}/store"
    sizes, put_all = [], LocalStore.put_all

    def noted(self, files):
        sizes.append(len(files))
        return put_all(self, files)

    monkeypatch.setattr(LocalStore, "put_all", noted)
    return sizes


@pytest.fixture
def part(tmp_path):
    part = Part(Path(tmp_path, "part"))
    yield part
    part.close()


def taken(held):
    arrivals = []
    while held.count:
        arrivals += held.take()
    held.close()
    return arrivals


def test_what_comes_quickly_goes_together_and_comes_back_in_order(
    decoders, groups, part, monkeypatch
):
    monkeypatch.setattr(hands, "ALONE_S", 60.0)
    monkeypatch.setattr(hands, "TOGETHER_S", 60.0)
    monkeypatch.setattr(hands, "TOGETHER", 3)
    held = Hands(decoders)
    held._given_at = hands.monotonic()
    for data in make_study(NAME, instances=5):
        held.give(part, data)
    assert (held.count, sum(groups)) in {(5, 0), (5, 3)}
    arrivals = taken(held)
    numbers = [uid(NAME, 1, number) for number in range(1, 6)]
    assert [one.header.sop_instance_uid for one in arrivals] == numbers
    assert groups == [3, 2]


def test_what_comes_slowly_goes_at_once_and_alone(decoders, groups, part, monkeypatch):
    monkeypatch.setattr(hands, "ALONE_S", 0.0)
    held = Hands(decoders)
    for data in make_study(NAME, instances=3):
        held.give(part, data)
    assert len(taken(held)) == 3
    assert groups == [1, 1, 1]


def test_one_that_is_damaged_is_told_apart_from_those_it_came_with(
    decoders, groups, part, monkeypatch
):
    monkeypatch.setattr(hands, "ALONE_S", 60.0)
    held = Hands(decoders)
    held._given_at = hands.monotonic()
    good, other = make_study(NAME, instances=2)
    for data in (good, b"no DICOM", other):
        held.give(part, data)
    arrivals = taken(held)
    assert [bool(one.header) for one in arrivals] == [True, False, True]
    assert (arrivals[1].code, arrivals[1].stored.size) == ("header.not_dicom", 8)
