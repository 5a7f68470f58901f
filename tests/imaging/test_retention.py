"""Pixel copies go after the meetings, and nothing else does."""

import os
from io import BytesIO

import pytest
from django.utils import timezone

from imaging import plan, retention, store, work
from imaging.models import (
    Frame,
    Instance,
    Job,
    Quarantined,
    Segment,
    Series,
    SeriesVersion,
    Study,
)
from imaging.store.base import ABANDONED_S
from mdt.annotations.models import Mark
from mdt.audit import grants
from mdt.meetings.models import Meeting
from mdt.outcomes.models import OutcomeStep, OutcomeVersion
from tests.dicoms import make_instance
from tests.factories import (
    ArchiveFactory,
    StudyFactory,
)
from tests.imaging import retained
from tests.imaging.retained import (
    DAY,
    KINDS,
    NAME,
    age,
    ask,
    document,
    fetch,
    is_gone,
    is_here,
    listed,
    mark_on,
    named,
    place,
    tonight,
)

pytestmark = pytest.mark.django_db
State = Study.State


_own, files, fake = retained._own, retained.files, retained.fake  # fixtures
study, pulled = retained.study, retained.pulled


# What goes, and what stays


def test_pixel_copies_go_and_rows_stay(study):
    listed(study, days_ago=15)
    instances = list(Instance.objects.values_list("public_id", "sop_instance_uid", "sha256"))
    tonight()
    assert is_gone(study)
    assert study.message == retention.MESSAGE
    assert list(store.get().list()) == []
    assert named() == set()
    now = list(Instance.objects.values_list("public_id", "sop_instance_uid", "sha256"))
    assert (now, Series.objects.count(), Frame.objects.count()) == (instances, 1, 0)


@pytest.mark.parametrize("days_ago", [13, 0, -5])
def test_a_study_of_a_meeting_that_was_lately_or_is_to_come_stays(study, days_ago):
    listed(study, days_ago=60)
    listed(study, days_ago=days_ago)
    tonight()
    assert is_here(study)


def test_a_study_of_a_room_that_is_open_stays_however_long_it_is_open(study):
    listed(study, days_ago=30, state=Meeting.State.LIVE)
    tonight()
    assert is_here(study)


def test_a_meeting_that_was_planned_and_never_held_keeps_nothing(study):
    listed(study, days_ago=60, state=Meeting.State.PLANNED)
    tonight()
    assert is_gone(study)
    assert not Job.objects.exclude(state=Job.State.DONE).exists()


def test_a_study_that_nobody_listed_goes_as_long_after_it_came(study, settings):
    Instance.objects.update(stored_at=timezone.now() - 13 * DAY)
    tonight()
    assert is_here(study)
    settings.PIXELS_KEPT_DAYS = 12
    tonight()
    assert is_gone(study)


def test_a_study_of_which_something_was_set_aside_lately_stays(study):
    flag = Quarantined.objects.create(study=study, code="instance.other_bytes", store_key="k")
    Quarantined.objects.update(at=timezone.now() - 13 * DAY)
    tonight()
    assert is_here(study)
    age(study)
    tonight()
    assert is_gone(study)
    flag.refresh_from_db()
    assert flag.store_key == ""


def test_a_study_somebody_was_granted_today_stays(study, chair):
    listed(study, days_ago=20)
    about = {"person": chair, "series": study.series.get(), "case_id": "case"}
    grants.issue(**about, purpose="display", given_at=timezone.now().timestamp())
    tonight()
    assert is_here(study)


def test_a_marked_study_stays_until_the_outcome_is_signed(study, chair):
    case = listed(study, days_ago=20)
    mark_on(study, case, chair)
    tonight()
    assert is_here(study)
    outcome = OutcomeVersion.objects.create(
        case=case,
        number=1,
        recommendation="Surgery",
        laterality="left",
        was_quorate=True,
        recorded_by=chair,
    )
    tonight()
    assert is_here(study)
    OutcomeStep.objects.create(outcome=outcome, kind=OutcomeStep.Kind.SIGNED, by=chair)
    tonight()
    assert is_gone(study)


def test_a_marked_study_that_nobody_signs_goes_with_the_right_to_see_the_case(study, chair):
    mark_on(study, listed(study, days_ago=91), chair)
    tonight()
    assert is_gone(study)


@pytest.mark.parametrize("state", [Job.State.WAITING, Job.State.RUNNING])
def test_a_study_that_is_worked_on_is_left_alone(study, state):
    claim = {"claim": "1" * 32, "lease_until": timezone.now()} if state == "running" else {}
    Job.objects.filter(kind=Job.Kind.FRAMES).update(state=state, **claim)
    tonight()
    assert is_here(study)


def test_what_is_withheld_goes_too_and_stays_withheld(study):
    Study.objects.update(state=State.WITHHELD, code="identity.differs")
    tonight()
    study.refresh_from_db()
    assert (study.state, study.code, named()) == (State.WITHHELD, "identity.differs", set())


def test_quarantined_bytes_go_and_their_reason_stays(study, fake, files):
    other = make_instance(NAME, nhs_number="9990000018", SeriesDescription="other bytes")
    key = store.get().put(BytesIO(other)).key
    Quarantined.objects.create(study=study, code="instance.other_bytes", store_key=key, sha256=key)
    age(study)
    tonight()
    assert Quarantined.objects.values_list("code", "store_key", "sha256").get() == (
        "instance.other_bytes",
        "",
        key,
    )
    assert list(store.get().list()) == []


# Objects


def test_what_another_study_shares_by_its_hash_stays(study):
    shared = Instance.objects.first().store_key
    other = StudyFactory(archive=ArchiveFactory(name="other"), state=State.COMPLETE)
    series = Series.objects.create(study=other, series_instance_uid="1.2.3")
    Instance.objects.create(series=series, sop_instance_uid="1.2", store_key=shared, size=1)
    tonight()
    assert is_gone(study)
    assert list(store.get().list()) == [shared]


def test_an_object_nobody_names_is_swept_after_a_day_and_not_before(study):
    old, new = (store.get().put(BytesIO(data)).key for data in (b"old", b"new"))
    at = timezone.now().timestamp() - ABANDONED_S - 60
    os.utime(place(old), (at, at))
    assert retention.sweep() == 1
    here = set(store.get().list())
    assert (old in here, new in here, named() <= here) == (False, True, True)


def test_the_sweep_goes_past_a_file_that_is_no_object(study):
    old = store.get().put(BytesIO(b"old")).key
    stray = place(old).parent / f".{old}.Xy9"
    stray.write_bytes(b"half")
    for path in (place(old), stray):
        os.utime(path, (0, 0))
    assert retention.sweep() == 1
    assert (place(old).exists(), stray.exists()) == (False, True)


def test_nothing_is_swept_under_a_database_that_knows_no_instance():
    key = store.get().put(BytesIO(b"another installation's")).key
    os.utime(place(key), (0, 0))
    tonight()
    assert list(store.get().list()) == [key]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", ["_evict", "_forget_frames", "sweep"])
def test_who_is_killed_anywhere_leaves_no_row_that_names_what_is_gone(study, monkeypatch, at):
    act = getattr(retention, at)

    def die(*arguments):
        act(*arguments)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(retention, at, die)
        with pytest.raises(Killed):
            tonight()
    assert named() <= set(store.get().list())
    assert is_gone(study)
    tonight()
    assert (named(), list(store.get().list()), Frame.objects.count()) == (set(), [], 0)


def test_who_is_killed_between_two_objects_leaves_the_other_for_the_next_night(study, monkeypatch):
    kept = store.get()
    delete = type(kept).delete

    def die(self, key, **options):
        delete(self, key, **options)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(type(kept), "delete", die)
        with pytest.raises(Killed):
            tonight()
    assert len(list(kept.list())) > 0
    tonight()
    assert list(kept.list()) == []


def test_a_case_that_is_listed_at_that_moment_keeps_its_study(study, monkeypatch):
    over = retention._over

    def list_it(since):
        found = over(since)
        keys = list(found.values_list("pk", flat=True))
        listed(study, days_ago=-1)
        return Study.objects.filter(pk__in=keys)

    monkeypatch.setattr(retention, "_over", list_it)
    monkeypatch.setattr(retention, "_batched", lambda rows: iter([list(rows)]))
    asked = []
    pinned = retention.doors.pinned
    monkeypatch.setattr(
        retention.doors,
        "pinned",
        lambda some, since: (
            asked.append(1) or (set() if len(asked) == 1 else pinned(some, since=since))
        ),
    )
    tonight()
    assert is_here(study)


# Again


def test_what_is_fetched_again_has_its_old_keys_and_new_numbers(study, chair):
    series = study.series.get()
    case = listed(study, days_ago=20)
    mark = mark_on(study, case, chair)
    Mark.objects.update(case=listed(study, days_ago=95))
    before = document(series)
    numbers = list(Segment.objects.values_list("number", flat=True))
    tonight()
    assert is_gone(study)
    fetch(study)
    after = document(series)
    assert [f["key"] for f in after["frames"]] == [f["key"] for f in before["frames"]]
    assert mark.frame_key in {frame["key"] for frame in after["frames"]}
    assert after["version"] > before["version"]
    assert {frame["segment"] for frame in after["frames"]}.isdisjoint(numbers)
    assert [f["crc32"] for f in after["frames"]] == [f["crc32"] for f in before["frames"]]
    assert not Quarantined.objects.exists()
    assert (after["is_complete"], Frame.objects.count()) == (True, 3)


def test_a_frame_that_could_not_be_made_is_tried_anew_when_it_is_fetched_again(study):
    Frame.objects.update(segment=None, offset=0, length=0, code="frame.timeout")
    tonight()
    assert not Frame.objects.exists()
    fetch(study)
    assert list(Frame.objects.values_list("code", flat=True)) == ["", "", ""]


def test_other_bytes_than_were_shown_are_taken_and_set_down(study, fake, files):
    old = Instance.objects.first().sha256
    tonight()
    changed = make_instance(NAME, nhs_number="9990000018", SeriesDescription="corrected")
    (listed_as,) = (one for one, data in fake.files.items() if data == files[0])
    fake.files[listed_as] = changed
    fetch(study)
    flag = Quarantined.objects.get()
    assert (flag.code, flag.sha256, flag.store_key) == ("instance.changed_since_shown", old, "")
    assert store.get().read_range(Instance.objects.first().store_key) == changed


def test_a_study_that_is_fetched_again_stays_as_long_as_the_first_time(study):
    tonight()
    fetch(study)
    tonight()
    assert is_here(study)


# What browsers are told


def test_a_browser_is_told_that_it_was_removed_even_by_a_process_that_has_served_it(
    study, client, caplog
):
    series, number = study.series.get(), Segment.objects.last().number
    asks = [
        ("series-metadata", {}),
        ("series-metadata-version", {"version": series.version}),
        ("series-segment", {"number": number}),
    ]
    assert {ask(client, name, series, **parts)[0] for name, parts in asks} == {200}
    tonight()
    for name, parts in asks:
        assert ask(client, name, series, **parts) == (404, "study.evicted")
    assert "not in the store" not in caplog.text


def test_a_segment_whose_bytes_were_removed_is_none_to_a_new_process(study, client):
    series, number = study.series.get(), Segment.objects.last().number
    tonight()
    assert ask(client, "series-segment", series, number=number) == (404, "study.evicted")


def test_an_object_that_is_lost_is_still_said_to_be_lost(study, client):
    segment = Segment.objects.last()
    store.get().delete(segment.store_key)
    answer = ask(client, "series-segment", study.series.get(), number=segment.number)
    assert answer == (404, "store.lost")


def test_a_wish_for_a_frame_that_was_removed_makes_no_version(study):
    series = study.series.get()
    tonight()
    plan.want_frames(series, [1])
    work.run_next(KINDS)
    assert not SeriesVersion.objects.exists()
    assert Job.objects.get(series=series).state == Job.State.DONE
