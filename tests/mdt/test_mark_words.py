"""The words of a kept arrow: whose they are, what stays on record, and until when."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from mdt.annotations.models import Mark, MarkVersion
from mdt.annotations.places import PlacedFrame
from mdt.annotations.queries import author_numbers, marks_of_case
from mdt.annotations.services import change_mark, create_mark, remove_mark
from mdt.errors import Conflict, NotAllowed, WrongState
from mdt.meetings.models import Meeting
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.services import record_outcome, step
from mdt.protocol import Drawing, MarkChanged, Place, PointPx
from mdt.room_log import log
from tests.factories import InstanceFactory, MembershipFactory, TeamFactory

pytestmark = pytest.mark.django_db
IMAGE = {
    "rows": 200,
    "columns": 400,
    "spacing": {"row": None, "column": None, "kind": "none", "note": ""},
    "row_cosines": None,
    "column_cosines": None,
}
AWKWARD = "ring <5 mm, +ve & T2<T3 µ|^~\\"


def arrow(text, x=10):
    return Drawing(kind="arrow", points=(PointPx(x=x, y=10), PointPx(x=90, y=40)), text=text)


@pytest.fixture
def placed():
    instance = InstanceFactory()
    place = Place(series=instance.series.public_id, version=1, frame="f.1")
    frame = {"image": 0, "position": None}
    return PlacedFrame(place, instance.series, instance, 1, IMAGE, frame, None)


@pytest.fixture
def author(team):
    return MembershipFactory(team=team, role=Role.CORE).person


@pytest.fixture
def mark(case, placed, author):
    create_mark(case=case, placed=placed, drawing=arrow("rim"), by=author, event_id=uuid4())
    return Mark.objects.get()


@pytest.fixture
def reword(mark, placed):
    def reword(by, drawing, if_version=1, event_id=None):
        return change_mark(
            mark=mark,
            placed=placed,
            if_version=if_version,
            drawing=drawing,
            by=by,
            event_id=event_id or uuid4(),
        )

    return reword


@pytest.fixture
def sign(case, chair):
    def sign(if_version=0, steps=tuple(OutcomeStep.Kind)):
        outcome = record_outcome(
            case=case,
            written_for=case.public_id,
            if_version=if_version,
            by=chair,
            event_id=uuid4(),
            recommendation="Resect",
            laterality="left",
            discussion_type="1",
        )
        for kind in steps:
            step(outcome=outcome, kind=kind, by=chair, event_id=uuid4())

    return sign


def texts():
    return list(MarkVersion.objects.order_by("number").values_list("text", flat=True))


# ---- words


def test_its_author_changes_an_arrows_words_and_the_room_hears_of_it(
    case, author, reword, live_meeting
):
    seq = reword(author, arrow(AWKWARD))
    (body,) = marks_of_case(case)
    assert (body.version, body.drawing.text, body.by) == (2, AWKWARD, author.public_id)
    assert log.last(live_meeting, MarkChanged) == MarkChanged(
        seq=seq, case_id=case.public_id, mark=body
    )


def test_the_words_of_before_stay_on_record(author, reword):
    reword(author, arrow(""))
    reword(author, arrow("enhancing rim"), if_version=2)
    assert texts() == ["rim", "", "enhancing rim"]


def test_words_sent_again_are_changed_once(author, reword):
    event_id = uuid4()
    assert reword(author, arrow("edge"), event_id=event_id) == reword(
        author, arrow("edge"), event_id=event_id
    )
    assert texts() == ["rim", "edge"]


@pytest.mark.parametrize("role", list(Role))
def test_nobody_else_changes_them_not_even_the_chair(role, team, reword):
    with pytest.raises(NotAllowed):
        reword(MembershipFactory(team=team, role=role).person, arrow("mine now"))
    assert texts() == ["rim"]


def test_the_chair_still_moves_the_arrow_with_its_words(chair, reword):
    reword(chair, arrow("rim", x=20))
    assert texts() == ["rim", "rim"]


def test_words_written_on_an_older_version_are_refused(author, reword):
    reword(author, arrow("edge"))
    with pytest.raises(Conflict):
        reword(author, arrow("border"), if_version=1)
    assert texts() == ["rim", "edge"]


# ---- until when


def test_after_the_meeting_words_stay_as_they_are(author, reword):
    Meeting.objects.update(state=Meeting.State.CLOSED)
    with pytest.raises(WrongState):
        reword(author, arrow("edge"))
    assert texts() == ["rim"]


def test_once_the_outcome_is_signed_its_marks_stay_as_they_are(author, mark, reword, sign):
    sign()
    with pytest.raises(WrongState):
        reword(author, arrow("edge"))
    with pytest.raises(WrongState):
        remove_mark(mark=mark, if_version=1, by=author, event_id=uuid4())
    assert texts() == ["rim"]


def test_before_it_is_signed_and_once_a_newer_version_is_recorded_they_are_changed(
    author, reword, sign
):
    sign(steps=(OutcomeStep.Kind.READ_BACK, OutcomeStep.Kind.CONFIRMED))
    reword(author, arrow("edge"))
    sign(if_version=1)
    sign(if_version=2, steps=())
    reword(author, arrow("border"), if_version=2)
    assert texts() == ["rim", "edge", "border"]


# ---- whose colour is whose


def test_people_are_numbered_in_the_order_they_joined_the_team(team):
    people = [MembershipFactory(team=team).person for _ in range(10)]
    expected = {person.public_id: number for number, person in enumerate(people)}
    assert author_numbers(team) == expected


def test_who_joins_late_and_who_leaves_changes_nobodys_number(team):
    first, second = (MembershipFactory(team=team) for _ in range(2))
    MembershipFactory(team=TeamFactory())
    before = author_numbers(team)
    first.from_date = first.to_date = timezone.localdate() - timedelta(days=9)
    first.save()
    late = MembershipFactory(team=team).person
    MembershipFactory(team=team, person=second.person, role=Role.CHAIR)
    assert author_numbers(team) == {**before, late.public_id: 2}


def test_numbers_cost_one_query(team, django_assert_num_queries):
    MembershipFactory.create_batch(5, team=team)
    with django_assert_num_queries(1):
        author_numbers(team)
