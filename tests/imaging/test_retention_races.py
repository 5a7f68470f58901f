"""What changes while the pixel copies of the night are chosen and removed is not removed."""

import os
from io import BytesIO

import pytest

from imaging import retention, store
from imaging.models import Study
from tests.imaging import retained
from tests.imaging.retained import listed, place, tonight

pytestmark = pytest.mark.django_db
_own, files, fake = retained._own, retained.files, retained.fake  # fixtures
study, pulled = retained.study, retained.pulled


def test_a_study_that_is_wanted_at_that_moment_keeps_what_is_here(study, monkeypatch):
    listed(study, days_ago=20)
    over = retention._over

    def want_it(since):
        keys = list(over(since).values_list("pk", flat=True))
        assert keys == [study.pk]
        Study.objects.update(state=Study.State.WANTED)
        return Study.objects.filter(pk__in=keys)

    monkeypatch.setattr(retention, "_over", want_it)
    tonight()
    study.refresh_from_db()
    assert (study.state, study.stored_count) == (Study.State.WANTED, 3)
    assert set(study.series.get().instances.values_list("store_key", flat=True)) <= set(
        store.get().list()
    )


def test_an_object_that_is_put_again_at_that_moment_stays(study, monkeypatch):
    """Whoever puts it is about to write the row that names it."""
    key, named = store.get().put(BytesIO(b"again")).key, retention._named
    os.utime(place(key), (0, 0))

    def put_again(keys):
        found = named(keys)
        store.get().put(BytesIO(b"again"))
        return found

    monkeypatch.setattr(retention, "_named", put_again)
    retention.sweep()
    assert key in set(store.get().list())
