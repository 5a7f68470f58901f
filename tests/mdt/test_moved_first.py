"""A case that is moved up is asked for, fetched and made ready before those it passed."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from imaging import queue
from imaging.models import Job, Search, Study
from mdt.meetings import services, sweeps
from tests.factories import MeetingFactory, PullJobFactory, ReferralFactory, StudyFactory

pytestmark = pytest.mark.django_db(transaction=True)
Kind = Job.Kind


@pytest.fixture
def cases(meeting, coordinator, archive):
    """Three, each with its archive to be asked and a study to be fetched."""
    listed = []
    for _ in range(3):
        referral = ReferralFactory()
        listed.append(services.list_case(meeting=meeting, referral=referral, by=coordinator))
        search = listed[-1].referral.search
        study = StudyFactory(archive=archive, search=search, state=Study.State.WANTED)
        at = {"meeting_at": search.meeting_at, "list_position": search.list_position}
        PullJobFactory(study=study, archive=archive, due_at=timezone.now(), **at)
    return listed


def next_of(kind):
    """Which case the next claim is for, by its search."""
    job = queue.due((kind,), timezone.now()).first()
    return job.answer.search if kind == Kind.SEARCH else job.study.search


@pytest.mark.parametrize("kind", [Kind.SEARCH, Kind.PULL])
def test_the_next_claim_is_for_the_case_that_was_moved_up(kind, cases, coordinator):
    first, _, last = cases
    assert next_of(kind) == first.referral.search
    services.move_case(case=last, to=1, if_position=3, by=coordinator)
    assert next_of(kind) == last.referral.search
    services.move_case(case=last, to=3, if_position=1, by=coordinator)
    assert next_of(kind) == first.referral.search


def test_what_a_removed_case_leaves_behind_moves_up(cases, coordinator):
    services.remove_case(case=cases[0], by=coordinator)
    later = Search.objects.filter(pk__in=[one.referral.search_id for one in cases[1:]])
    assert list(later.order_by("pk").values_list("list_position", flat=True)) == [1, 2]


def test_work_that_another_meeting_needs_sooner_stays_where_it_is(cases, coordinator):
    sooner = timezone.now()
    Job.objects.filter(kind=Kind.PULL).update(meeting_at=sooner, list_position=7)
    services.move_case(case=cases[2], to=1, if_position=3, by=coordinator)
    places = Job.objects.filter(kind=Kind.PULL).values_list("list_position", flat=True)
    assert set(places) == {7}


def past(case):
    """Its meeting was yesterday; what it still lacks waits behind all that is to come."""
    at = timezone.now() - timedelta(days=1)
    type(case.meeting).objects.filter(pk=case.meeting_id).update(starts_at=at)
    Search.objects.filter(pk=case.referral.search_id).update(meeting_at=at)
    search = case.referral.search
    Job.objects.filter(Q(answer__search=search) | Q(study__search=search)).update(meeting_at=at)


def place_of(case):
    """Of its search, and of all its jobs."""
    search = Search.objects.get(pk=case.referral.search_id)
    jobs = Job.objects.filter(Q(answer__search=search) | Q(study__search=search))
    return {
        (search.meeting_at, search.list_position),
        *jobs.values_list("meeting_at", "list_position"),
    }


def test_what_an_earlier_meeting_looked_for_is_as_urgent_as_the_meeting_it_is_listed_for_now(
    cases, coordinator
):
    kept, *_ = cases
    past(kept)
    soon = timezone.now() + timedelta(hours=1)
    later = MeetingFactory(team=kept.meeting.team, starts_at=soon)
    services.list_case(meeting=later, referral=kept.referral, by=coordinator)
    assert place_of(kept) == {(soon, 1)}
    assert next_of(Kind.PULL) == kept.referral.search


def test_a_later_listing_takes_no_urgency_from_a_meeting_that_is_still_to_come(cases, coordinator):
    first, *_ = cases
    before = place_of(first)
    at = first.meeting.starts_at + timedelta(days=7)
    later = MeetingFactory(team=first.meeting.team, starts_at=at)
    services.list_case(meeting=later, referral=ReferralFactory(), by=coordinator)
    services.list_case(meeting=later, referral=first.referral, by=coordinator)
    assert place_of(first) == before
    services.move_case(
        case=later.cases.get(referral=first.referral), to=1, if_position=2, by=coordinator
    )
    assert place_of(first) == before


def test_once_the_sooner_meeting_is_over_the_sweep_gives_a_case_the_place_of_the_next(
    cases, coordinator
):
    first, *_ = cases
    at = first.meeting.starts_at + timedelta(days=7)
    later = MeetingFactory(team=first.meeting.team, starts_at=at)
    services.list_case(meeting=later, referral=first.referral, by=coordinator)
    past(first)
    sweeps.sweep(now=timezone.now())
    assert place_of(first) == {(at, 1)}
