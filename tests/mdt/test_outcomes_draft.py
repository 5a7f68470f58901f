from uuid import uuid4

import pytest

from mdt.errors import Conflict, NotAllowed, WrongCase
from mdt.meetings.models import Meeting
from mdt.members import Role
from mdt.outcomes.fields import InvalidField
from mdt.outcomes.models import OutcomeDraft, SetAside
from mdt.outcomes.queries import set_aside_for
from mdt.outcomes.services import record_outcome, save_draft
from mdt.room_log import log
from tests.factories import ListedCaseFactory, MembershipFactory

pytestmark = pytest.mark.django_db
MAY_TYPE = {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR}
AWKWARD = " T2<T3, <5 mm, +ve & µ|^~\\\r\n>= 3 nodes\t"


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(meeting=live_meeting)


def save(case, by, if_version=0, written_for=None, event_id=None, **fields):
    return save_draft(
        case=case,
        written_for=written_for or case.public_id,
        if_version=if_version,
        fields=fields,
        by=by,
        event_id=event_id or uuid4(),
    )


def record(case, by):
    record_outcome(
        case=case,
        written_for=case.public_id,
        if_version=0,
        recommendation="Resect",
        laterality="left",
        discussion_type="1",
        by=by,
        event_id=uuid4(),
    )


def draft_of(case):
    return OutcomeDraft.objects.get(case=case)


@pytest.mark.parametrize("role", sorted(MAY_TYPE))
def test_typing_is_kept_for(role, case, team):
    person = MembershipFactory(team=team, role=role).person
    save(case, person, recommendation="Resect")
    assert (draft_of(case).fields, draft_of(case).saved_by) == (
        {"recommendation": "Resect"},
        person,
    )


@pytest.mark.parametrize("role", sorted(set(Role) - MAY_TYPE))
def test_typing_is_refused_to(role, case, team):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        save(case, person, recommendation="Resect")
    assert not OutcomeDraft.objects.exists()


def test_text_is_kept_byte_for_byte(case, coordinator):
    save(case, coordinator, recommendation=AWKWARD)
    assert draft_of(case).fields["recommendation"] == AWKWARD


def test_typing_for_another_case_is_refused_and_lands_on_neither(case, coordinator):
    other = ListedCaseFactory(meeting=case.meeting)
    with pytest.raises(WrongCase):
        save(case, coordinator, written_for=other.public_id, recommendation="Resect")
    assert not OutcomeDraft.objects.exists()


def test_typing_is_kept_when_the_room_closed_in_mid_sentence(case, coordinator):
    Meeting.objects.update(state=Meeting.State.CLOSED)
    save(case, coordinator, recommendation="Resect")
    assert draft_of(case).fields == {"recommendation": "Resect"}


def test_two_people_may_type_in_different_fields_at_once(case, chair, coordinator):
    save(case, coordinator, recommendation="Resect")
    save(case, chair, intent="C")
    assert draft_of(case).fields == {"recommendation": "Resect", "intent": "C"}


def test_where_two_typed_in_the_same_field_both_texts_are_kept(case, chair, coordinator):
    save(case, coordinator, recommendation="Resect")
    with pytest.raises(Conflict):
        save(case, chair, recommendation="Watch")
    kept = SetAside.objects.get()
    assert draft_of(case).fields == {"recommendation": "Resect"}
    assert (kept.fields, kept.by) == ({"recommendation": "Watch"}, chair)


def test_a_refused_text_that_is_sent_again_is_kept_once(case, chair, coordinator):
    save(case, coordinator, recommendation="Resect")
    for _ in range(2):
        with pytest.raises(Conflict):
            save(case, chair, recommendation="Watch")
    assert SetAside.objects.count() == 1


def test_a_text_refused_again_after_a_version_was_recorded_is_shown_again_beside_the_other(
    case, chair, coordinator
):
    def refuse(text):
        with pytest.raises(Conflict):
            save(case, chair, recommendation=text)
        return [kept.fields["recommendation"] for kept in set_aside_for(case, coordinator)]

    save(case, coordinator, recommendation="Resect")
    assert refuse("Watch") == ["Watch"]
    record(case, coordinator)
    assert set_aside_for(case, coordinator) == []
    assert refuse("Watch") == ["Watch"]
    assert refuse("Watch") == ["Watch"]
    assert SetAside.objects.count() == 2


def test_who_has_read_the_other_text_may_write_over_it(case, chair, coordinator):
    save(case, coordinator, recommendation="Resect")
    save(case, chair, if_version=1, recommendation="Watch")
    assert draft_of(case).fields == {"recommendation": "Watch"}


def test_a_version_that_was_never_saved_is_no_licence_to_overwrite(case, chair, coordinator):
    save(case, coordinator, recommendation="Resect")
    with pytest.raises(Conflict):
        save(case, chair, if_version=99, recommendation="Watch")
    assert draft_of(case).fields == {"recommendation": "Resect"}


def test_the_room_is_told_that_it_is_saved_and_not_what(case, coordinator):
    seq = save(case, coordinator, recommendation="Resect")
    (event,) = log.since(case.meeting, 0)
    assert (event.type, event.seq, event.case_id, event.version) == (
        "outcome.drafted",
        seq,
        case.public_id,
        1,
    )
    assert "Resect" not in event.model_dump_json()


def test_the_same_save_sent_twice_is_one(case, coordinator):
    event_id = uuid4()
    first = save(case, coordinator, event_id=event_id, recommendation="Resect")
    assert save(case, coordinator, event_id=event_id, recommendation="Resect") == first
    assert draft_of(case).version == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"diagnosis": "x"}, "outcome.unknown"),
        ({"recommendation": "x" * 4001}, "outcome.recommendation"),
        ({"recommendation": None}, "outcome.recommendation"),
        ({"recommendation": "a\0b"}, "outcome.recommendation"),
        ({"recommendation": "a\ud800b"}, "outcome.recommendation"),
        ({"treatments": "01"}, "outcome.treatments"),
        ({"treatments": [1]}, "outcome.treatments"),
        ({"treatments": [{"a": "b"}]}, "outcome.treatments"),
        ({"actions": [{"what": {"deep": 1}}]}, "outcome.actions"),
        ({"actions": [{"what\0": "MR"}]}, "outcome.actions"),
        ({"mdt_type_comment": "x" * 61}, "outcome.mdt_type_comment"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_kept_is_refused_by_the_name_of_its_field(fields, code, case, coordinator):
    with pytest.raises(InvalidField) as refusal:
        save(case, coordinator, **fields)
    assert refusal.value.code == code
    assert not OutcomeDraft.objects.exists()


def test_half_a_word_and_no_code_are_good_enough_for_typing(case, coordinator):
    save(case, coordinator, laterality="", t_category="c", intent="?")
    assert draft_of(case).fields == {"laterality": "", "t_category": "c", "intent": "?"}


def test_what_is_recorded_is_typing_no_longer_and_what_differs_stays(case, coordinator):
    save(case, coordinator, recommendation="Resect", stage_group="4")
    record(case, coordinator)
    assert draft_of(case).fields == {"stage_group": "4"}
