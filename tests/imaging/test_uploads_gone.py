"""Uploads go from the disk: after their meeting, or when nobody finishes them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from imaging import plan
from imaging.models import Upload
from imaging.uploads import places, retention
from tests.factories import SearchFactory
from tests.imaging import uploaded
from tests.imaging.uploaded import CD, bring, look_through, on_disk
from tests.imaging.zips import zipped

pytestmark = pytest.mark.django_db
uploads_dir = uploaded.uploads_dir  # a fixture


@pytest.mark.parametrize(
    ("met", "brought", "is_gone"),
    [(15, 15, True), (13, 13, False), (15, 13, False), (-1, 40, False)],
    ids=["both long ago", "neither", "brought after the meeting", "long before the meeting"],
)
def test_files_go_days_after_the_meeting(met, brought, is_gone):
    """Whichever was later counts: that they were brought, or the meeting."""
    now = timezone.now()
    search = SearchFactory(meeting_at=now - timedelta(days=met))
    upload = look_through(zipped(CD), search=search)
    Upload.objects.update(created_at=now - timedelta(days=brought))
    retention.carry_out(timezone.now())
    upload.refresh_from_db()
    assert (on_disk(upload) == [], upload.removed_at is not None) == (is_gone, is_gone)
    (index,) = (places.root() / "index").iterdir()
    assert (b"KHAN" in index.read_bytes()) is not is_gone


def test_what_nobody_finished_goes_after_a_day():
    new, old = bring(zipped(CD)), bring(zipped(CD))
    Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    retention.carry_out(timezone.now())
    old.refresh_from_db()
    assert (old.code, on_disk(old), len(on_disk(new))) == ("upload.cut_off", [], 1)


def test_an_upload_that_is_handed_over_at_that_moment_is_not_refused():
    upload = bring(zipped(CD))
    Upload.objects.update(created_at=timezone.now() - timedelta(days=2))
    handed_over = []

    def before(execute, sql, *rest):
        if sql.startswith("UPDATE") and not handed_over:
            handed_over.append(True)
            Upload.objects.update(state=Upload.State.WAITING)
        return execute(sql, *rest)

    with connection.execute_wrapper(before):
        retention.carry_out(timezone.now())
    upload.refresh_from_db()
    assert (handed_over, upload.state, upload.code) == ([True], Upload.State.WAITING, "")
    assert len(on_disk(upload)) == 1


def test_what_a_killed_process_left_behind_goes():
    lost = places.root() / "incoming" / "nobodysupload"
    lost.mkdir(parents=True)
    (lost / "000001").write_bytes(b"x")
    retention.carry_out(timezone.now())
    assert not lost.exists()


def test_what_a_worker_is_looking_through_stays():
    upload = bring(zipped(CD))
    plan.unpack(upload)
    half = places.new_folder(places.being_opened(upload)) / "000001.dcm"
    half.write_bytes(b"half")
    retention.carry_out(timezone.now())
    assert (half.exists(), places.incoming(upload).exists()) == (True, True)


def test_an_upload_that_begins_at_that_moment_is_left_alone():
    began = places.root() / "incoming" / "justbegan"
    began.parent.mkdir(parents=True)

    def begin(execute, sql, *rest):
        found = execute(sql, *rest)
        began.mkdir(exist_ok=True)
        return found

    with connection.execute_wrapper(begin):
        retention._remove_leftovers()
    assert began.exists()
