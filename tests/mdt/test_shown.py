"""What a presenter shows is kept for the outcome: of the open case alone, and as it was seen."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import Series, SeriesVersion, Study
from mdt.meetings.models import Meeting
from mdt.meetings.room import close_meeting, open_case, take_presenter
from mdt.outcomes import shown
from mdt.outcomes.models import ShownView
from mdt.outcomes.pictures import pictures_of
from mdt.outcomes.pins import pinned
from mdt.outcomes.services import step
from mdt.referrals.models import Objection, ReferralStudy
from tests.factories import ListedCaseFactory, PatientNumberFactory, SeriesFactory
from tests.mdt.shown_kit import key_of, pane_of, series_for, show, view_of
from tests.mdt.test_outcome_pages import SIGNED, mark_in, read, recorded

pytestmark = pytest.mark.django_db
FLIPPED = {"flip": True, "rotation": 90.0, "invert": True, "height": 80.0}


@pytest.fixture
def case(live_meeting, chair):
    """Open in the room, with somebody presenting."""
    case = ListedCaseFactory(
        meeting=live_meeting, referral=PatientNumberFactory().patient.referrals.create(question="?")
    )
    take_presenter(meeting=live_meeting, by=chair, tab="t", is_heard=True, event_id=uuid4())
    turn_to(case, chair)
    return case


@pytest.fixture
def series(case):
    return series_for(case, description="HEAD 1.5")


def turn_to(case, by):
    open_case(meeting=case.meeting, case=case, by=by, event_id=uuid4())


def view_page(client, person, case, shown_id):
    client.force_login(person)
    return client.get(reverse("outcome-view", args=[case.public_id]), {"shown": shown_id})


# ---- what is kept


def test_what_the_presenter_shows_is_kept_as_it_is_seen(case, chair, series):
    assert show(case, (pane_of(series), view_of(frame=3, **FLIPPED)))
    kept = ShownView.objects.get()
    assert (kept.case, kept.pane, kept.series, kept.by) == (case, "a", series, chair)
    assert (kept.metadata_version, kept.frame_key) == (2, key_of(series, 3))
    assert kept.view == view_of(frame=3, **FLIPPED).model_dump(mode="json")


def test_current_and_prior_are_both_kept(case, series):
    prior = series_for(case)
    show(case, (pane_of(series), view_of()), (pane_of(prior, "b"), view_of(frame=1)))
    assert [(one.pane, one.series) for one in case.shown_views.all()] == [
        ("a", series),
        ("b", prior),
    ]


def test_the_last_one_shown_stays_and_a_pane_taken_away_goes(case, series):
    prior = series_for(case)
    show(case, (pane_of(series), view_of()), (pane_of(prior, "b"), view_of()))
    name = case.shown_views.get(pane="a").public_id
    show(case, (pane_of(prior), view_of(frame=2)))
    kept = case.shown_views.get()
    assert (kept.public_id, kept.series, kept.view["frame"]) == (name, prior, 2)


@pytest.mark.parametrize(("case_off", "term_off"), [(-1, 0), (1, 0), (0, -1), (0, 1)])
def test_a_view_of_another_case_or_term_is_not_kept(case_off, term_off, case, series):
    assert not show(case, series, case_off=case_off, term_off=term_off)
    assert not ShownView.objects.exists()


def test_once_the_room_has_turned_nothing_of_the_last_case_gets_into_the_next(case, chair, series):
    """The room may look a moment before the record turns: then the fence is a step behind."""
    other = ListedCaseFactory(meeting=case.meeting)
    turn_to(other, chair)
    assert not show(case, series, case_off=-1)
    assert not show(case, series)  # the fence fits, and the series is none of this case
    assert not ShownView.objects.exists()


def test_what_turns_between_the_look_and_the_write_is_not_kept(case, chair, series, monkeypatch):
    other = ListedCaseFactory(meeting=case.meeting)
    write = shown._write
    monkeypatch.setattr(shown, "_write", lambda *args: (turn_to(other, chair), write(*args))[1])
    assert not show(case, series)
    assert not ShownView.objects.exists()


@pytest.mark.parametrize(
    "pane", [{"version": 9}, {"series": "nothing"}], ids=["no such version", "no such series"]
)
def test_a_pane_of_what_is_not_here_is_not_kept(pane, case, series):
    assert not show(case, (pane_of(series, **pane), view_of()))
    assert not show(case, (pane_of(series), view_of(frame=10)))  # of nine
    assert not ShownView.objects.exists()


def test_a_series_that_is_not_shown_for_the_case_is_not_kept(case, series):
    other = series_for(ListedCaseFactory(meeting=case.meeting))
    show(case, (pane_of(other), view_of()), (pane_of(series, "b"), view_of()))
    assert case.shown_views.get().series == series
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    assert not show(case, (pane_of(series), view_of(frame=1)))
    assert case.shown_views.get().pane == "b"


def test_what_stands_already_is_written_no_second_time(case, series, django_assert_max_num_queries):
    show(case, series)
    at = ShownView.objects.get().at
    with django_assert_max_num_queries(10) as queries:
        assert show(case, series)
    assert not any("SAVEPOINT" in query["sql"] for query in queries)
    assert ShownView.objects.get().at == at


def test_a_discussed_case_opened_by_mistake_keeps_its_picture(case, chair, series, monkeypatch):
    show(case, (pane_of(series), view_of(frame=3)))
    turn_to(case, chair)
    in_a_while, now = timedelta(seconds=4), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + in_a_while)
    assert not show(case, (pane_of(series), view_of(frame=5)))
    assert ShownView.objects.get().view["frame"] == 3
    in_a_while = timedelta(seconds=6)
    assert show(case, (pane_of(series), view_of(frame=5)))
    assert ShownView.objects.get().view["frame"] == 5


def test_what_was_discussed_stays_once_the_outcome_is_signed(case, chair, series):
    show(case, (pane_of(series), view_of(frame=3)))
    recorded(case, chair, steps=SIGNED)
    assert show(case, (pane_of(series), view_of(frame=5)))  # nothing is left to be done
    assert ShownView.objects.get().view["frame"] == 3
    recorded(case, chair, if_version=1)  # discussed again
    assert show(case, (pane_of(series), view_of(frame=5)))
    assert ShownView.objects.get().view["frame"] == 5


def test_a_picture_is_kept_though_the_outcome_was_signed_sooner(case, chair, series):
    recorded(case, chair, steps=SIGNED)
    assert show(case, series)
    assert case.shown_views.get().series == series


def test_what_was_shown_when_the_meeting_closed_is_kept(case, chair, series):
    close_meeting(meeting=case.meeting, by=chair)
    assert show(case, series)
    assert case.shown_views.get().by == chair


# ---- what is read


def test_the_shown_picture_stands_with_the_outcome_though_nobody_drew(client, case, chair, series):
    show(case, (pane_of(series), view_of(**FLIPPED)))
    recorded(case, chair, steps=SIGNED)
    answer = read(client, chair, case)
    (picture,) = answer.context["reading"].pictures
    kept = ShownView.objects.get()
    assert (picture.series, picture.version, picture.frame) == (
        series.public_id,
        2,
        key_of(series, 7),
    )
    assert picture.view == kept.view
    link = f"{reverse('outcome-view', args=[case.public_id])}?shown={kept.public_id}"
    assert link in answer.content.decode()
    assert "As shown last" in answer.content.decode()


def test_shown_pictures_come_first_with_their_marks_and_marked_ones_after(case, chair, series):
    prior = series_for(case)
    show(case, (pane_of(series), view_of()), (pane_of(prior, "b"), view_of(frame=2)))
    elsewhere, here = mark_in(case, chair, series), mark_in(case, chair, series)
    here.frame_key = key_of(series, 7)
    here.save()
    pictures = pictures_of(case)
    assert [(p.series, p.frame, [m.mark_id for m in p.marks]) for p in pictures] == [
        (series.public_id, key_of(series, 7), [here.public_id]),
        (prior.public_id, key_of(prior, 2), []),
        (series.public_id, "aFrame.1", [elsewhere.public_id]),
    ]
    assert [bool(p.view) for p in pictures] == [True, True, False]


def test_once_its_version_was_removed_the_newest_is_opened_at_the_same_frame(case, series):
    show(case, series)
    SeriesVersion.objects.all().delete()
    (picture,) = pictures_of(case)
    assert (picture.version, picture.frame) == (0, key_of(series, 7))


def test_a_shown_picture_that_was_removed_says_what_to_do(client, case, chair, series):
    show(case, series)
    recorded(case, chair, steps=SIGNED)
    told = {"code": Study.EVICTED, "message": "Removed.", "stored_count": 0}
    Study.objects.update(state=Study.State.FOUND, **told)
    page = read(client, chair, case).content.decode()
    assert "removed from here after the meeting. Ask the coordinator of" in page
    assert "data-picture" not in page


def is_not_read(client, chair, case):
    shown_id = ShownView.objects.get().public_id
    answer = read(client, chair, case)
    assert answer.context["reading"].pictures == []
    assert "HEAD 1.5" not in answer.content.decode()
    assert "or it may not" in " ".join(answer.content.decode().split())
    return view_page(client, chair, case, shown_id).status_code == 404


def test_what_the_patient_objects_to_is_shown_no_more(client, case, chair, series):
    show(case, series)
    recorded(case, chair, steps=SIGNED)
    close_meeting(meeting=case.meeting, by=chair)
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    assert is_not_read(client, chair, case)


def test_what_may_be_somebody_else_s_is_shown_no_more(client, case, chair, series):
    show(case, series)
    recorded(case, chair, steps=SIGNED)
    close_meeting(meeting=case.meeting, by=chair)
    Study.objects.update(verdict=Study.Verdict.NEEDS_A_PERSON)
    assert is_not_read(client, chair, case)


def test_what_is_not_chosen_any_more_is_not_shown(client, case, chair, series):
    show(case, series)
    recorded(case, chair, steps=SIGNED)
    close_meeting(meeting=case.meeting, by=chair)
    ReferralStudy.objects.update(is_chosen=False)
    assert is_not_read(client, chair, case)


def test_a_series_that_was_deleted_is_shown_no_more_and_stays_on_record(case, series):
    show(case, series)
    Series.objects.filter(pk=series.pk).delete()
    assert pictures_of(case) == []
    assert ShownView.objects.get().series is None


def test_the_shown_picture_opens_for_who_may_read_the_case_and_nobody_else(
    client, case, chair, stranger, observer, series
):
    show(case, series)
    recorded(case, chair, steps=SIGNED)
    close_meeting(meeting=case.meeting, by=chair)
    kept = ShownView.objects.get()
    answer = view_page(client, chair, case, kept.public_id)
    assert answer.context["picture"].view == kept.view
    assert "As shown last in the meeting of" in answer.content.decode()
    for person in (stranger, observer):
        assert view_page(client, person, case, kept.public_id).status_code == 404
    type(case).objects.update(is_restricted=True)
    assert view_page(client, chair, case, kept.public_id).status_code == 404


@pytest.mark.parametrize("shown_id", ["", "nothing-like-it", "x" * 500, "\x00"])
def test_what_was_not_shown_opens_nothing(shown_id, client, case, chair, series):
    show(case, series)
    other = ListedCaseFactory(meeting=case.meeting)
    kept = ShownView.objects.get()
    assert view_page(client, chair, case, shown_id).status_code == 404
    assert view_page(client, chair, other, kept.public_id).status_code == 404


def test_an_outcome_without_a_picture_says_so_truly(client, case, chair):
    recorded(case, chair)
    assert "None so far." in read(client, chair, case).content.decode()
    close_meeting(meeting=case.meeting, by=chair)
    page = read(client, chair, case).content.decode()
    assert "no picture was presented or drawn on in the meeting" in page


# ---- what is not removed


def test_a_shown_study_stays_until_the_outcome_is_signed(case, chair, series):
    far = timezone.now() + timedelta(days=1)
    show(case, series)
    Meeting.objects.update(state=Meeting.State.CLOSED, starts_at=timezone.now() - timedelta(days=2))
    study, other = series.study, SeriesFactory().study
    both = [study.pk, other.pk]
    assert pinned(both, since=far) == {study.pk}
    Meeting.objects.update(state=Meeting.State.LIVE)
    recorded(case, chair, steps=SIGNED)
    Meeting.objects.update(state=Meeting.State.CLOSED)
    assert pinned(both, since=far) == set()


def test_a_shown_study_stays_as_long_as_a_recorded_outcome_may_still_be_signed(case, chair, series):
    show(case, series)
    outcome = recorded(case, chair, steps=SIGNED[:-1])
    then = timezone.now() - timedelta(days=400)
    Meeting.objects.update(state=Meeting.State.CLOSED, starts_at=then, closed_at=then)
    assert pinned([series.study_id], since=timezone.now()) == {series.study_id}
    step(outcome=outcome, kind=SIGNED[-1], by=chair, event_id=uuid4())
    assert pinned([series.study_id], since=timezone.now()) == set()


def test_a_shown_study_of_a_case_for_which_nothing_was_recorded_goes_after_ninety_days(
    case, series
):
    show(case, series)
    then = timezone.now() - timedelta(days=91)
    Meeting.objects.update(state=Meeting.State.CLOSED, starts_at=then, closed_at=then)
    assert pinned([series.study_id], since=timezone.now()) == set()
