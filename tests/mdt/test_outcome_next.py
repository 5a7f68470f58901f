"""What comes next with an outcome, on its page and on the list of a closed meeting."""

from uuid import uuid4

import pytest
from django.urls import reverse

from mdt.meetings.room import close_meeting, open_case
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.services import record_outcome, save_draft, step
from tests.factories import ListedCaseFactory, MembershipFactory, ReferralFactory

pytestmark = pytest.mark.django_db
Kind = OutcomeStep.Kind


@pytest.fixture
def core(team):
    return MembershipFactory(team=team, role=Role.CORE).person


@pytest.fixture
def case(live_meeting):
    return listed(live_meeting, "Smith", 1)


def listed(meeting, family_name, position):
    referral = ReferralFactory(patient__family_name=family_name)
    return ListedCaseFactory(meeting=meeting, referral=referral, position=position)


def recorded(case, by, *steps, **fields):
    outcome = record_outcome(
        case=case,
        written_for=case.public_id,
        if_version=case.outcome_versions.count(),
        by=by,
        event_id=uuid4(),
        **{"recommendation": "Resect", "laterality": "left", "discussion_type": "1"} | fields,
    )
    for kind in steps:
        step(outcome=outcome, kind=kind, by=by, event_id=uuid4())
    return outcome


def typed(case, by, **fields):
    version = case.draft.version if hasattr(case, "draft") else 0
    save_draft(
        case=case,
        written_for=case.public_id,
        if_version=version,
        fields=fields,
        by=by,
        event_id=uuid4(),
    )


def page(client, person, case):
    client.force_login(person)
    return client.get(reverse("outcome", args=[case.public_id])).content.decode()


def press(client, person, case, number, kind, event_id=None):
    client.force_login(person)
    url = reverse("outcome-step", args=[case.public_id, number])
    form = {"kind": kind, "event_id": str(event_id or uuid4())}
    return client.post(url, form, follow=True)


def unfinished(client, person, meeting):
    client.force_login(person)
    return client.get(reverse("unfinished", args=[meeting.public_id])).content.decode()


# ---- the outcome's page


def test_after_the_meeting_each_step_is_taken_on_the_page_by_whoever_may(
    client, case, live_meeting, coordinator, core, chair
):
    recorded(case, coordinator)
    close_meeting(meeting=live_meeting, by=coordinator)
    for person, act, kind in (
        (coordinator, "Read back for SMITH", Kind.READ_BACK),
        (core, "Confirm for SMITH", Kind.CONFIRMED),
        (chair, "Sign for SMITH", Kind.SIGNED),
    ):
        assert act in page(client, person, case)
        press(client, person, case, 1, kind)
    taken = case.outcome_versions.get().steps.order_by("pk")
    assert [(done.kind, done.by) for done in taken] == [
        (Kind.READ_BACK, coordinator),
        (Kind.CONFIRMED, core),
        (Kind.SIGNED, chair),
    ]
    assert "Next for" not in page(client, chair, case)


@pytest.mark.parametrize(
    ("steps", "refused", "whose"),
    [
        ([], "core", "the chair, a deputy or the coordinator"),
        ([Kind.READ_BACK], "coordinator", "the chair, a deputy or a core member"),
        ([Kind.READ_BACK, Kind.CONFIRMED], "core", "the chair or a deputy"),
    ],
)
def test_whoever_may_not_reads_whom_it_waits_for_and_is_refused(
    steps, refused, whose, client, case, chair, coordinator, core
):
    recorded(case, chair, *steps)
    person = {"core": core, "coordinator": coordinator}[refused]
    text = page(client, person, case)
    assert '<button class="nhsuk-button">' not in text
    assert whose in text
    answer = press(client, person, case, 1, list(Kind)[len(steps)])
    assert answer.status_code == 403
    assert case.outcome_versions.get().steps.count() == len(steps)


def test_the_whole_text_and_its_warnings_stand_beside_the_button(client, case, chair):
    case.referral.laterality = "right"
    case.referral.save()
    recorded(
        case,
        chair,
        Kind.READ_BACK,
        recommendation="Left craniotomy",
        intent="C",
        treatments=["01"],
        t_category="cT2",
        tnm_edition="1",
        tnm_version="8",
        actions=[{"what": "Ring the patient", "who": "CNS", "due": "2026-12-01"}],
    )
    text = page(client, chair, case)
    button = text.index("Confirm for SMITH")
    said = (
        "Left craniotomy",
        "Curative",
        "Surgery",
        "cT2",
        "Ring the patient",
        "CNS",
        "1 Dec 2026",
    )
    for words in said:
        assert text.index(words) < button
    assert "SIDE: the referral is coded right" in text[text.index("Next for SMITH") : button]


def test_a_second_press_is_the_same_step(client, case, chair):
    recorded(case, chair)
    event_id = uuid4()
    for _ in range(2):
        answer = press(client, chair, case, 1, Kind.READ_BACK, event_id)
    assert answer.status_code == 200
    assert "was first" not in answer.content.decode()
    assert case.outcome_versions.get().steps.count() == 1


def test_a_version_that_is_not_the_newest_is_not_signed_and_the_newest_is_shown(
    client, case, chair
):
    recorded(case, chair, Kind.READ_BACK, Kind.CONFIRMED)
    recorded(case, chair, recommendation="Watch and wait")
    answer = press(client, chair, case, 1, Kind.SIGNED).content.decode()
    assert "There is a newer version of this outcome." in answer
    assert "Watch and wait" in answer
    assert not OutcomeStep.objects.filter(kind=Kind.SIGNED).exists()


def test_what_is_typed_and_not_recorded_is_shown_and_nothing_is_signed_past_it(client, case, chair):
    recorded(case, chair, Kind.READ_BACK, Kind.CONFIRMED)
    typed(case, chair, recommendation="Biopsy first")
    text = page(client, chair, case)
    assert "Typed and not recorded" in text
    assert "Biopsy first" in text
    assert "Sign for" not in text


def test_a_draft_that_says_what_is_recorded_hides_no_step(client, case, chair):
    recorded(case, chair, Kind.READ_BACK, Kind.CONFIRMED)
    typed(case, chair, recommendation="Resect", intent="", discussion_type="1")
    text = page(client, chair, case)
    assert "Typed and not recorded" not in text
    assert "Sign for SMITH" in text


def test_who_is_only_named_is_offered_no_step_and_sees_nothing_typed(client, case, chair, stranger):
    case.referral.responsible_consultant = stranger
    case.referral.save()
    recorded(case, chair, Kind.READ_BACK, Kind.CONFIRMED)
    typed(case, chair, recommendation="Biopsy first")
    text = page(client, stranger, case)
    assert "Sign for" not in text
    assert "Biopsy" not in text
    assert press(client, stranger, case, 1, Kind.SIGNED).status_code == 403


def test_a_form_that_is_not_whole_does_nothing(client, case, chair):
    recorded(case, chair)
    answer = press(client, chair, case, 1, "shredded")
    assert "Nothing was done" in answer.content.decode()
    assert not OutcomeStep.objects.exists()


def test_what_was_typed_after_the_signature_is_told_and_undoes_nothing(
    client, case, live_meeting, chair
):
    recorded(case, chair, *Kind)
    typed(case, chair, recommendation="Biopsy first")
    assert "SMITH" in unfinished(client, chair, live_meeting)
    close_meeting(meeting=live_meeting, by=chair)
    assert "the signed one stands" in page(client, chair, case)
    assert "SMITH" not in unfinished(client, chair, live_meeting)


# ---- the list of a closed meeting


def test_the_closed_list_names_what_is_unfinished_and_whose_it_is(
    client, case, live_meeting, coordinator, chair
):
    cases = {name: listed(live_meeting, name, n) for n, name in enumerate("ABCDEF", 2)}
    recorded(cases["A"], chair, *Kind)
    recorded(cases["B"], chair, Kind.READ_BACK, Kind.CONFIRMED)
    typed(cases["C"], coordinator, recommendation="Half a sen")
    open_case(meeting=live_meeting, case=cases["D"], by=chair, event_id=uuid4())
    recorded(cases["E"], chair, Kind.READ_BACK, Kind.CONFIRMED)
    typed(cases["E"], coordinator, recommendation="No: biopsy")
    recorded(cases["F"], chair)
    close_meeting(meeting=live_meeting, by=coordinator)
    client.force_login(chair)
    answer = client.get(reverse("unfinished", args=[live_meeting.public_id]))
    assert [(row.case, row.standing, row.is_yours) for row in answer.context["rows"]] == [
        (case, "not discussed, nothing recorded", False),
        (cases["B"], "confirmed", True),
        (cases["C"], "typed and not recorded", False),
        (cases["D"], "nothing recorded", False),
        (cases["E"], "confirmed, then typed in and not recorded", False),
        (cases["F"], "recorded", True),
    ]
    assert reverse("outcome", args=[cases["B"].public_id]) in answer.content.decode()
    assert ">waits for you<" in answer.content.decode()
    assert unfinished(client, coordinator, live_meeting).count("waits for you") == 1


def test_a_case_one_may_not_see_is_not_named(client, case, live_meeting, chair, coordinator):
    type(case).objects.filter(pk=case.pk).update(is_restricted=True)
    close_meeting(meeting=live_meeting, by=coordinator)
    assert "SMITH" not in unfinished(client, chair, live_meeting)


def test_only_a_closed_meetings_list_asks_and_leads_to_its_room(client, live_meeting, chair, case):
    client.force_login(chair)
    url, asks = reverse("meeting", args=[live_meeting.public_id]), "/unfinished"
    assert asks not in client.get(url).content.decode()
    close_meeting(meeting=live_meeting, by=chair)
    text = client.get(url).content.decode()
    assert asks in text
    assert reverse("room", args=[live_meeting.public_id]) in text


def test_the_unfinished_take_a_fixed_number_of_queries(
    client, case, live_meeting, chair, django_assert_max_num_queries
):
    for n in range(2, 12):
        recorded(listed(live_meeting, f"P{n}", n), chair, Kind.READ_BACK)
    client.force_login(chair)
    with django_assert_max_num_queries(16):
        client.get(reverse("unfinished", args=[live_meeting.public_id]))
