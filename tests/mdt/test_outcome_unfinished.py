"""Who is asked to close a meeting hears which cases are not finished, and how far each is."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mdt.meetings.room import close_meeting, open_case
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.offers import unfinished_in
from mdt.outcomes.services import record_outcome, save_draft, step
from mdt.outcomes.standing import standings
from tests.factories import ListedCaseFactory

pytestmark = pytest.mark.django_db
Kind = OutcomeStep.Kind
IN_ORDER = [Kind.READ_BACK, Kind.CONFIRMED, Kind.SIGNED]
STATES = ["never-opened", "opened", "drafted", "recorded", "read-back", "confirmed", "signed"]


def turned_to(case, by):
    open_case(meeting=case.meeting, case=case, by=by, event_id=uuid4())


def typed(case, by, **fields):
    save_draft(
        case=case,
        written_for=case.public_id,
        if_version=case.draft.version if hasattr(case, "draft") else 0,
        fields=fields,
        by=by,
        event_id=uuid4(),
    )


def brought_to(state, case, by):
    """The case as far as `state`, through the steps people take."""
    if state in STATES[1:]:
        turned_to(case, by)
    if state in STATES[2:]:
        typed(case, by, recommendation="Resect", laterality="left")
    if state in STATES[3:]:
        outcome = record_outcome(
            case=case,
            written_for=case.public_id,
            if_version=0,
            recommendation="Resect",
            laterality="left",
            discussion_type="1",
            by=by,
            event_id=uuid4(),
        )
        for kind in IN_ORDER[: STATES.index(state) - 3]:
            step(outcome=outcome, kind=kind, by=by, event_id=uuid4())


@pytest.fixture
def cases(live_meeting, chair):
    """One in each state, by state."""
    made = {state: ListedCaseFactory(meeting=live_meeting) for state in STATES}
    for state, case in made.items():
        brought_to(state, case, chair)
    return made


def state_of(case):
    return standings(case.meeting)[case.pk].state


def test_each_case_stands_where_its_last_step_left_it(cases):
    assert {state: state_of(case) for state, case in cases.items()} == {s: s for s in STATES}


def test_all_but_the_signed_are_unfinished_in_list_order(live_meeting, chair, cases):
    listed = [row.case.public_id for row in unfinished_in(live_meeting, chair)]
    assert listed == [cases[state].public_id for state in STATES[:-1]]


def test_a_restricted_case_is_named_to_nobody_who_may_not_see_it(live_meeting, chair, cases):
    case = cases["opened"]
    case.is_restricted = True
    case.save()
    listed = {row.case.public_id for row in unfinished_in(live_meeting, chair)}
    assert case.public_id not in listed
    assert cases["drafted"].public_id in listed


def test_words_typed_after_the_recording_make_a_case_unfinished_again(cases, chair):
    for state in ("recorded", "signed"):
        typed(cases[state], chair, recommendation="Resect, then radiotherapy")
    assert {state_of(cases["recorded"]), state_of(cases["signed"])} == {"drafted"}


def test_what_was_typed_as_it_is_recorded_is_no_draft(cases, chair):
    typed(cases["confirmed"], chair, recommendation="Resect")
    assert state_of(cases["confirmed"]) == "confirmed"


def test_nothing_typed_but_blanks_is_no_draft(cases, chair):
    typed(cases["opened"], chair, recommendation="", treatments=[])
    assert state_of(cases["opened"]) == "opened"


def test_after_closing_a_signed_case_is_finished_whatever_was_typed(cases, live_meeting, chair):
    typed(cases["signed"], chair, recommendation="Too late")
    close_meeting(meeting=live_meeting, by=chair)
    live_meeting.refresh_from_db()
    listed = {row.case.public_id for row in unfinished_in(live_meeting, chair)}
    assert cases["signed"].public_id not in listed
    assert standings(live_meeting)[cases["signed"].pk].state == "signed"


def test_one_or_twenty_cases_cost_the_same_number_of_queries(live_meeting, chair):
    brought_to("confirmed", ListedCaseFactory(meeting=live_meeting), chair)
    with CaptureQueriesContext(connection) as few:
        standings(live_meeting)
    for _ in range(6):
        brought_to("confirmed", ListedCaseFactory(meeting=live_meeting), chair)
    with CaptureQueriesContext(connection) as many:
        assert len(standings(live_meeting)) == 7
    assert len(many) == len(few)
