"""The items COSD asks of an MDT's record: each with its list, none said by silence."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.outcomes.codes import CnsIndication, DiscussionType, TnmEdition
from mdt.outcomes.fields import InvalidField
from mdt.outcomes.reading import plan_of
from mdt.outcomes.services import record_outcome, save_draft
from mdt.outcomes.standing import standings
from tests.factories import ListedCaseFactory

pytestmark = pytest.mark.django_db
CORE = {
    "discussion_type": "1",
    "planning_date": "2026-03-12",
    "cns_indication": "Y1",
    "t_category": "cT2",
    "tnm_edition": "1",
    "tnm_version": "8",
    "stage_date": "2026-03-02",
}


@pytest.fixture
def case(live_meeting):
    case = ListedCaseFactory(meeting=live_meeting)
    case.referral.received_at = timezone.make_aware(timezone.datetime(2026, 3, 1, 9))
    case.referral.save()
    return case


def form(case, **changes):
    return {
        "written_for": case.public_id,
        "if_version": 0,
        "recommendation": "Resect",
        "laterality": "left",
        "event_id": uuid4(),
    } | changes


def in_days(days):
    return (timezone.localdate() + timedelta(days=days)).isoformat()


def recorded(case, by, **changes):
    return record_outcome(case=case, by=by, **form(case, **CORE | changes))


def refused(case, by, **changes):
    with pytest.raises(InvalidField) as refusal:
        recorded(case, by, **changes)
    assert not case.outcome_versions.exists()
    return refusal.value


def test_every_core_item_is_kept_and_answered_as_typed(client, case, chair):
    recorded(case, chair)
    client.force_login(chair)
    version = client.get(reverse("case-outcome", args=[case.public_id])).json()["versions"][0]
    assert {name: version[name] for name in CORE} == CORE


def test_silence_is_not_recorded_as_discussed(case, chair):
    with pytest.raises(InvalidField) as refusal:
        record_outcome(case=case, by=chair, **form(case))
    assert refusal.value.code == "outcome.discussion_type"
    assert not case.outcome_versions.exists()


def test_a_case_that_was_not_discussed_is_recorded_as_such(client, case, chair):
    record_outcome(
        case=case,
        by=chair,
        **form(case, discussion_type="N1", recommendation="Histology awaited. List again."),
    )
    outcome = case.outcome_versions.get()
    client.force_login(chair)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    listed = client.get(reverse("outcomes")).content.decode()
    assert outcome.is_not_discussed
    assert "Not discussed in this meeting" in page
    assert "The team recommends" not in page
    assert "Not discussed" in listed


def test_a_case_that_was_discussed_is_not_headed_as_if_it_was_not(client, case, chair):
    recorded(case, chair)
    client.force_login(chair)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    assert "The team recommends" in page
    assert "Not discussed" not in page


@pytest.mark.parametrize(
    "plan",
    [
        {"intent": "C"},
        {"treatments": ["01"]},
        {"no_treatment_reason": "10"},
        {"planning_date": "2026-03-12"},
    ],
)
def test_what_was_not_discussed_has_no_plan_of_this_meeting(plan, case, chair):
    with pytest.raises(InvalidField) as refusal:
        record_outcome(case=case, by=chair, **form(case, discussion_type="N1", **plan))
    assert refusal.value.code == "outcome.discussion_type"
    assert not case.outcome_versions.exists()


def test_what_was_not_discussed_says_why(case, chair):
    told = refused(case, chair, discussion_type="N1", planning_date="", recommendation=" ")
    assert (told.code, "why it was not discussed" in told.message) == (
        "outcome.recommendation",
        True,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("discussion_type", "4"),
        ("cns_indication", "Y2"),
        ("tnm_edition", "4"),
        ("tnm_edition", ""),
        ("tnm_version", ""),
        ("tnm_version", "v8"),
        ("planning_date", "2026-02-28"),
        ("planning_date", "2026-02-30"),
        ("planning_date", "20260312"),
        ("stage_date", "12/03/2026"),
        ("stage_date", "1890-01-01"),
    ],
)
def test_what_is_on_no_list_or_on_no_possible_day_is_refused_by_name(field, value, case, chair):
    assert refused(case, chair, **{field: value}).code == f"outcome.{field}"


@pytest.mark.parametrize("field", ["planning_date", "stage_date"])
def test_a_day_to_come_is_refused_and_today_is_not(field, case, chair):
    assert refused(case, chair, **{field: in_days(1)}).code == f"outcome.{field}"
    assert recorded(case, chair, **{field: in_days(0)}).typed(field) == in_days(0)


def test_the_day_of_the_referral_is_the_first_a_treatment_is_planned_on(case, chair):
    assert recorded(case, chair, planning_date="2026-03-01").number == 1


def test_another_trusts_meeting_may_have_planned_before_the_referral_came(case, chair):
    outcome = recorded(case, chair, discussion_type="3", planning_date="2026-02-20")
    assert outcome.typed("planning_date") == "2026-02-20"


@pytest.mark.parametrize("field", ["t_category", "n_category", "m_category"])
def test_a_tnm_without_its_edition_is_refused_and_without_a_tnm_none_is_asked(field, case, chair):
    value = {"t_category": "cT2", "n_category": "cN0", "m_category": "cM0"}[field]
    none = {"t_category": "", "tnm_edition": "", "tnm_version": ""}
    assert refused(case, chair, **none | {field: value}).code == "outcome.tnm_edition"
    assert recorded(case, chair, **none).tnm_edition == ""


def test_days_may_be_left_open(client, case, chair):
    outcome = recorded(case, chair, planning_date="", stage_date="")
    assert (outcome.planning_date, outcome.stage_date) == (None, None)
    assert (outcome.typed("planning_date"), outcome.typed("stage_date")) == ("", "")


def test_what_was_typed_as_it_is_recorded_is_not_left_in_the_draft(case, chair):
    save_draft(
        case=case,
        written_for=case.public_id,
        if_version=0,
        fields=CORE,
        by=chair,
        event_id=uuid4(),
    )
    recorded(case, chair)
    case.draft.refresh_from_db()
    assert case.draft.fields == {}
    assert standings(case.meeting)[case.pk].state == "recorded"


def test_the_page_says_every_item_in_words(client, case, chair):
    outcome = recorded(case, chair)
    client.force_login(chair)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    plan = dict(plan_of(outcome))
    assert plan["Discussion"] == "Discussed within trust MDTM"
    assert plan["Treatment planned on"] == "12 Mar 2026"
    assert plan["Stage"] == "cT2, UICC 8, staged on 2 Mar 2026"
    assert plan["Clinical nurse specialist"] == "Present when the diagnosis was given"
    assert all(words in page for words in plan.values())


def test_the_panel_is_given_every_list_whole(client, case, chair):
    client.force_login(chair)
    codes = client.get(reverse("case-outcome", args=[case.public_id])).json()["codes"]
    assert [code for code, _ in codes["discussion_type"]] == ["1", "2", "3", "N1", "N2"]
    assert [code for code, _ in codes["cns_indication"]] == CnsIndication.values
    assert [code for code, _ in codes["tnm_edition"]] == TnmEdition.values
    assert DiscussionType("N2").label == "Not known whether discussed"
