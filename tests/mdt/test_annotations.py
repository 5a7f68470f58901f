"""Marks on record: where they may be put, who may change them, what the room is told."""

from uuid import uuid4

import pytest
from django.http import Http404

from imaging import store
from imaging.frames.metadata import packed, unpacked
from imaging.models import SeriesVersion, Study, frame_key
from imaging.store.base import StoreError
from mdt.annotations.models import Mark, MarkVersion
from mdt.annotations.places import frame_at
from mdt.annotations.queries import mark_or_404, marks_of_case
from mdt.annotations.services import change_mark, create_mark, remove_mark
from mdt.audit.models import AuditEvent
from mdt.errors import BadMark, Conflict, NotAllowed, WrongState
from mdt.live.commands import Sender, carry_out
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Role
from mdt.protocol import Ack, CaseRefreshed, CreateMark, Drawing, Nak, Place
from mdt.referrals.models import Objection
from mdt.room_log import log
from tests.factories import (
    InstanceFactory,
    ListedCaseFactory,
    MembershipFactory,
    ReferralStudyFactory,
    SeriesFactory,
)
from tests.mdt.mark_kit import AXIAL, FRAME, length, mm


@pytest.fixture
def place(case):
    """One frame of a series chosen for the case, with its metadata in the store."""
    series = SeriesFactory(version=2, frame_of_reference_uid="1.2.840.77")
    ReferralStudyFactory(referral=case.referral, study=series.study)
    instance = InstanceFactory(series=series, frame_count=3)
    key = frame_key(instance, 3)
    content = {
        "geometry": {"kind": "volume", "spacing": 1.0, "notes": []},
        "images": [AXIAL],
        "frames": [{**FRAME, "key": key}],
    }
    stored = store.get().put(packed(content))
    SeriesVersion.objects.create(series=series, number=2, store_key=stored.key, is_complete=True)
    return Place(series=series.public_id, version=2, frame=key)


@pytest.fixture
def draw(case, place):
    def draw(by, drawing=None, event_id=None):
        create_mark(
            case=case,
            placed=frame_at(case, place),
            drawing=drawing or length(mm(1, 2), mm(4, 6)),
            by=by,
            event_id=event_id or uuid4(),
        )
        return Mark.objects.last()

    return draw


def change(mark, by, if_version, drawing=None, event_id=None):
    return change_mark(
        mark=mark,
        placed=frame_at(
            mark.case, Place(series=mark.series.public_id, version=2, frame=mark.frame_key)
        ),
        if_version=if_version,
        drawing=drawing or length(mm(1, 2), mm(1, 5)),
        by=by,
        event_id=event_id or uuid4(),
    )


def remove(mark, by, if_version, event_id=None):
    return remove_mark(mark=mark, if_version=if_version, by=by, event_id=event_id or uuid4())


@pytest.mark.django_db
def test_a_mark_is_kept_with_its_names_in_dicom_and_what_the_server_measured(
    case, place, draw, chair
):
    mark = draw(chair)
    series = mark.series
    assert (mark.trust_ods_code, mark.study_instance_uid, mark.series_instance_uid) == (
        "RM3",
        series.study.study_instance_uid,
        series.series_instance_uid,
    )
    assert (mark.sop_instance_uid, mark.frame_number) == (
        series.instances.get().sop_instance_uid,
        3,
    )
    assert mark.frame_of_reference_uid == "1.2.840.77"
    (body,) = marks_of_case(case)
    assert (body.mark_id, body.version, body.by) == (mark.public_id, 1, chair.public_id)
    assert (body.place, body.measured.value, body.measured.unit) == (place, 5.0, "mm")


@pytest.mark.django_db
def test_the_room_hears_of_a_mark_and_it_is_audited(case, draw, chair, live_meeting):
    mark = draw(chair)
    (event,) = log.since(live_meeting, 0)
    assert (event.type, event.case_id) == ("mark.created", case.public_id)
    assert event.mark == marks_of_case(case)[0]
    audited = AuditEvent.objects.get()
    assert (audited.action, audited.target) == ("mark.created", f"mdt.Mark:{mark.public_id}")


@pytest.mark.django_db
def test_the_room_hears_of_a_restricted_cases_marks_only_that_the_case_changed(
    case, draw, chair, live_meeting
):
    """Not everybody in the room may see the case; those who may fetch it again."""
    case.is_restricted, case.referral.referrer = True, chair
    case.save()
    case.referral.save()
    mark, event_ids = draw(chair, event_id=(first := uuid4())), (uuid4(), uuid4())
    change(mark, chair, 1, event_id=event_ids[0])
    remove(mark, chair, 2, event_id=event_ids[1])
    heard = log.since(live_meeting, 0)
    assert heard == [CaseRefreshed(seq=seq, case_id=case.public_id) for seq in (1, 2, 3)]
    draw(chair, event_id=first)
    change(mark, chair, 1, event_id=event_ids[0])
    assert MarkVersion.objects.count() == len(log.since(live_meeting, 0)) == 3


@pytest.mark.django_db
def test_of_a_case_restricted_while_its_frame_was_read_only_that_it_changed_is_told(
    case, draw, chair, live_meeting
):
    mark = draw(chair)
    assert not mark.case.is_restricted
    ListedCase.objects.update(is_restricted=True)
    change(mark, chair, 1)
    draw(chair)
    heard = log.since(live_meeting, 1)
    assert heard == [CaseRefreshed(seq=seq, case_id=case.public_id) for seq in (2, 3)]


@pytest.mark.django_db
def test_a_command_for_a_restricted_case_sent_again_is_answered_as_before(
    case, place, chair, live_meeting
):
    case.is_restricted, case.referral.referrer = True, chair
    case.save()
    case.referral.save()
    drawing = length(mm(1, 2), mm(4, 6))
    command = CreateMark(id=uuid4(), case_id=case.public_id, place=place, drawing=drawing)
    sender = Sender(live_meeting.public_id, chair, "tab")
    answers = [carry_out(command, sender) for _ in range(2)]
    assert answers == [Ack(id=command.id, seq=1)] * 2
    assert Mark.objects.count() == 1


@pytest.mark.django_db
def test_no_mark_is_put_on_a_picture_that_is_not_drawn_here(case, place):
    version = SeriesVersion.objects.get()
    frame_at(case, place)
    content = unpacked(store.get().read_range(version.store_key))
    content["images"][0]["encoding"] = "as-received"
    SeriesVersion.objects.update(store_key=store.get().put(packed(content)).key)
    with pytest.raises(BadMark, match="not drawn here"):
        frame_at(case, place)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("why", "code", "retry"),
    [
        (StoreError("store.unreachable", "Its own words."), "store.unreachable", True),
        (FileNotFoundError("a path"), "store.lost", False),
    ],
    ids=["silent", "lost"],
)
def test_a_mark_whose_picture_the_store_cannot_give_is_refused_in_words_and_tried_again_if_it_may(
    case, place, chair, monkeypatch, why, code, retry
):
    drawing = length(mm(1, 2), mm(4, 6))
    command = CreateMark(id=uuid4(), case_id=case.public_id, place=place, drawing=drawing)
    sender = Sender(meeting_id=case.meeting.public_id, person=chair, tab="t")

    def cannot(*_):
        raise why

    with monkeypatch.context() as patch:
        patch.setattr(type(store.get()), "read_range", cannot)
        answer = carry_out(command, sender)
    assert isinstance(answer, Nak)
    assert (answer.code, answer.retry) == (code, retry)
    assert "Its own words" not in answer.message
    assert "a path" not in answer.message
    assert not Mark.objects.exists()
    assert isinstance(carry_out(command, sender), Ack)


@pytest.mark.django_db
def test_a_mark_sent_again_is_drawn_once(case, draw, chair):
    event_id = uuid4()
    for _ in range(2):
        draw(chair, event_id=event_id)
    assert Mark.objects.count() == MarkVersion.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong", [{"series": "absent"}, {"version": 1}, {"version": 3}, {"frame": "absent.3"}]
)
def test_a_place_that_is_not_shown_for_the_case_is_refused(wrong, case, place):
    with pytest.raises(BadMark):
        frame_at(case, place.model_copy(update=wrong))


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["not chosen", "withheld", "not surely theirs", "objected to"])
def test_a_place_in_a_study_the_case_may_not_show_is_refused(why, case, place):
    frame_at(case, place)
    found = case.referral.found_studies.get()
    if why == "not chosen":
        case.referral.found_studies.update(is_chosen=False)
    elif why == "withheld":
        Study.objects.update(state=Study.State.WITHHELD)
    elif why == "not surely theirs":
        Study.objects.update(verdict=Study.Verdict.NEEDS_A_PERSON)
    else:
        trust = found.study.trust_ods_code
        Objection.objects.create(patient=case.referral.patient, trust_ods_code=trust)
    case.refresh_from_db()
    with pytest.raises(BadMark):
        frame_at(case, place)


@pytest.mark.django_db
def test_a_place_of_another_case_is_refused(place, live_meeting):
    with pytest.raises(BadMark):
        frame_at(ListedCaseFactory(meeting=live_meeting), place)


@pytest.mark.django_db
def test_a_mark_off_its_frame_is_not_kept(case, draw, chair):
    with pytest.raises(BadMark):
        draw(chair, drawing=length(mm(1, 2, 0), mm(4, 6, 0)))
    assert not Mark.objects.exists()


@pytest.mark.django_db
def test_who_only_observes_draws_nothing(case, draw, observer, live_meeting):
    with pytest.raises(NotAllowed):
        draw(observer)
    assert not Mark.objects.exists()
    assert log.since(live_meeting, 0) == []


@pytest.mark.django_db
def test_an_extended_member_draws(case, draw, team):
    draw(MembershipFactory(team=team, role=Role.EXTENDED).person)
    assert Mark.objects.count() == 1


@pytest.mark.django_db
def test_nothing_is_drawn_after_the_meeting(case, draw, chair):
    mark = draw(chair)
    Meeting.objects.update(state=Meeting.State.CLOSED)
    for act in (
        lambda: draw(chair),
        lambda: change(mark, chair, 1),
        lambda: remove(mark, chair, 1),
    ):
        with pytest.raises(WrongState):
            act()
    assert MarkVersion.objects.count() == 1


@pytest.mark.django_db
def test_a_change_is_a_new_version_measured_anew(case, draw, chair, live_meeting):
    mark = draw(chair)
    change(mark, chair, 1)
    (body,) = marks_of_case(case)
    assert (body.version, body.measured.value) == (2, 3.0)
    assert [v.measured["value"] for v in mark.versions.all()] == [5.0, 3.0]
    event = log.since(live_meeting, 1)[0]
    assert (event.type, event.mark) == ("mark.changed", body)


@pytest.mark.django_db
def test_two_who_change_at_once_do_not_overwrite_each_other(case, draw, chair):
    mark = draw(chair)
    change(mark, chair, 1)
    for act in (change, remove):
        with pytest.raises(Conflict):
            act(mark, chair, 1)
    assert marks_of_case(case)[0].version == 2


@pytest.mark.django_db
def test_a_mark_keeps_its_kind(case, draw, chair):
    mark = draw(chair)
    with pytest.raises(Conflict):
        change(mark, chair, 1, drawing=Drawing(kind="arrow", points=(mm(1, 2), mm(4, 6))))


@pytest.mark.django_db
def test_a_mark_taken_off_is_not_shown_and_stays_on_record(case, draw, chair, live_meeting):
    mark = draw(chair)
    remove(mark, chair, 1)
    assert marks_of_case(case) == []
    assert [v.is_removed for v in mark.versions.all()] == [False, True]
    event = log.since(live_meeting, 1)[0]
    assert (event.type, event.mark_id, event.version) == ("mark.removed", mark.public_id, 2)
    for act in (change, remove):
        with pytest.raises(Conflict):
            act(mark, chair, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("act", [change, remove])
def test_a_change_sent_again_is_made_once(act, case, draw, chair):
    mark, event_id = draw(chair), uuid4()
    seqs = [act(mark, chair, 1, event_id=event_id) for _ in range(2)]
    assert seqs == [2, 2]
    assert mark.versions.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.CHAIR, True), (Role.DEPUTY, True), (Role.COORDINATOR, False), (Role.CORE, False)],
)
@pytest.mark.parametrize("act", [change, remove])
def test_only_the_chair_changes_what_another_drew(act, role, may, case, draw, team):
    mark = draw(MembershipFactory(team=team, role=Role.CORE).person)
    other = MembershipFactory(team=team, role=role).person
    if may:
        act(mark, other, 1)
    else:
        with pytest.raises(NotAllowed):
            act(mark, other, 1)
    assert mark.versions.count() == (2 if may else 1)


@pytest.mark.django_db
def test_a_mark_of_a_case_one_may_not_see_does_not_exist(draw, chair, stranger):
    mark = draw(chair)
    assert mark_or_404(chair, mark.public_id) == mark
    with pytest.raises(Http404):
        mark_or_404(stranger, mark.public_id)


@pytest.mark.django_db
def test_the_marks_of_a_case_cost_two_queries_however_many(
    case, draw, chair, django_assert_num_queries
):
    for _ in range(4):
        draw(chair)
    with django_assert_num_queries(2):
        assert len(marks_of_case(case)) == 4
