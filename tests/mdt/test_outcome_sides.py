"""A wrong side in an outcome is told wherever the outcome stands: hazard 2."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mdt.outcomes.services import save_draft
from mdt.outcomes.sides import disagreements
from tests.factories import (
    AttendanceFactory,
    ListedCaseFactory,
    PersonFactory,
    ReferralStudyFactory,
    SeriesFactory,
    StudyFactory,
)

STEPS = ["read-back", "confirmed", "signed"]


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(meeting=live_meeting, referral__laterality="left")


def study_of(case, **series):
    study = StudyFactory(trust_ods_code=case.meeting.team.site.trust.ods_code)
    SeriesFactory(study=study, **series)
    ReferralStudyFactory(referral=case.referral, study=study)
    return study


def recorded(client, case, **changes):
    fields = {"recommendation": "Resect", "laterality": "right", "discussion_type": "1"}
    sent = {"written_for": case.public_id, "if_version": 0, "event_id": uuid4()} | fields | changes
    url = reverse("case-outcome", args=[case.public_id])
    answer = client.post(url, sent, content_type="application/json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def stepped(client, case, kind):
    url = reverse("outcome-steps", args=[case.public_id, 1])
    sent = {"kind": kind, "event_id": uuid4()}
    return client.post(url, sent, content_type="application/json").json()


def asked(client, case):
    return client.get(reverse("case-outcome", args=[case.public_id])).json()


def typed(case, by, **fields):
    save_draft(
        case=case,
        written_for=case.public_id,
        if_version=case.draft.version if hasattr(case, "draft") else 0,
        fields=fields,
        by=by,
        event_id=uuid4(),
    )


def codes(warnings):
    return [warning["code"] for warning in warnings]


@pytest.mark.parametrize(
    ("outcome", "text", "warned"),
    [
        ("left", "Resect", []),
        ("left", "Left craniotomy", []),
        ("left", "Left, then right", []),
        ("both", "Resect", []),
        ("", "Resect", []),
        ("right", "Resect", ["side.referral", "side.study"]),
        ("right", "Left craniotomy", ["side.referral", "side.study", "side.text"]),
        ("left", "Right craniotomy", ["side.text"]),
        ("not-known", "Right craniotomy", ["side.referral", "side.study"]),
        ("", "Right craniotomy", ["side.referral", "side.study"]),
    ],
)
def test_code_and_text_are_held_against_referral_studies_and_each_other(outcome, text, warned):
    studies = [("CT of 3 Mar 2026", frozenset({"left"})), ("MR", frozenset())]
    found = disagreements(referral="left", studies=studies, outcome=outcome, text=text)
    assert [warning.code for warning in found] == warned


def test_a_referral_without_a_side_contradicts_nothing():
    assert disagreements(referral="not-known", studies=[], outcome="right", text="Resect") == []


def test_the_sentences_say_which_side_stands_where():
    studies = [("CT of 3 Mar 2026", frozenset({"left"}))]
    found = disagreements(referral="left", studies=studies, outcome="right", text="Left resection")
    assert [warning.text for warning in found] == [
        "SIDE: the referral is coded left, the outcome is coded right.",
        "SIDE: CT of 3 Mar 2026 says left, the outcome is coded right.",
        "SIDE: the outcome is coded right, its text says left.",
    ]


@pytest.mark.django_db
def test_the_writer_is_warned_by_what_is_typed(client, chair, case):
    client.force_login(chair)
    typed(case, chair, recommendation="Right craniotomy")
    assert codes(asked(client, case)["draft"]["warnings"]) == ["side.referral"]


@pytest.mark.django_db
def test_a_side_typed_over_a_recorded_text_is_held_against_that_text(client, chair, case):
    client.force_login(chair)
    recorded(client, case, laterality="left", recommendation="Left craniotomy")
    typed(case, chair, laterality="right")
    body = asked(client, case)
    assert codes(body["draft"]["warnings"]) == ["side.referral", "side.text"]
    assert body["versions"][0]["warnings"] == []


@pytest.mark.django_db
def test_record_read_back_confirm_and_sign_all_answer_with_the_warning(client, chair, case):
    client.force_login(chair)
    study_of(case, laterality="L")
    AttendanceFactory(meeting=case.meeting, person=chair)
    both = ["side.referral", "side.study"]
    assert codes(recorded(client, case)["warnings"]) == both
    for kind in STEPS:
        answer = stepped(client, case, kind)
        assert (answer["kind"], codes(answer["warnings"])) == (kind, both)
        assert codes(asked(client, case)["versions"][-1]["warnings"]) == both


@pytest.mark.django_db
def test_the_page_read_afterwards_says_so_too(client, chair, case):
    client.force_login(chair)
    study_of(case, laterality="L")
    recorded(client, case)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    assert "SIDE: the referral is coded left, the outcome is coded right." in page
    assert "SIDE: CT says left, the outcome is coded right." in page


@pytest.mark.django_db
def test_where_all_agree_nobody_is_warned_anywhere(client, chair, case):
    client.force_login(chair)
    study_of(case, laterality="L")
    typed(case, chair, laterality="left", recommendation="Left craniotomy")
    assert asked(client, case)["draft"]["warnings"] == []
    assert recorded(client, case, laterality="left")["warnings"] == []
    assert all(stepped(client, case, kind)["warnings"] == [] for kind in STEPS)
    assert asked(client, case)["versions"][-1]["warnings"] == []


@pytest.mark.django_db
def test_a_study_that_is_withheld_says_nothing(client, chair, case):
    client.force_login(chair)
    study = study_of(case, laterality="L")
    study.trust_ods_code = "RXX"
    study.save()
    assert codes(recorded(client, case)["warnings"]) == ["side.referral"]


@pytest.mark.django_db
def test_who_may_not_read_the_draft_is_told_nothing_of_it(client, chair, case):
    case.referral.referrer = PersonFactory()
    case.referral.save()
    typed(case, chair, laterality="right")
    client.force_login(case.referral.referrer)
    assert asked(client, case)["draft"] == {
        "version": 0,
        "fields": {},
        "saved_at": None,
        "saved_by": None,
        "warnings": [],
    }


@pytest.mark.django_db
def test_warnings_cost_the_same_number_of_queries_however_many_studies(client, chair, case):
    client.force_login(chair)
    recorded(client, case)
    study_of(case, laterality="L")
    with CaptureQueriesContext(connection) as few:
        asked(client, case)
    for _ in range(4):
        study_of(case, laterality="L")
    with CaptureQueriesContext(connection) as many:
        asked(client, case)
    assert len(many) == len(few)
