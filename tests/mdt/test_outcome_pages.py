"""The consultant's pages: my outcomes, one outcome, one discussed picture."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.annotations.models import Mark, MarkVersion
from mdt.audit.models import AuditEvent
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.services import record_outcome, step
from mdt.referrals.models import Objection
from tests.factories import (
    AttendanceFactory,
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralStudyFactory,
    SeriesFactory,
)

pytestmark = pytest.mark.django_db
Kind = OutcomeStep.Kind
SIGNED = list(Kind)
AWKWARD = "Resect: T2<T3, <5 mm, +ve & µ|^~\\"


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(
        meeting=live_meeting, referral=PatientNumberFactory().patient.referrals.create(question="?")
    )


@pytest.fixture
def consultant(case):
    """Named in the referral, a member of nothing."""
    case.referral.responsible_consultant = PersonFactory(username="consultant")
    case.referral.save()
    return case.referral.responsible_consultant


@pytest.fixture
def mark(case, chair):
    series = SeriesFactory(description="HEAD 1.5")
    ReferralStudyFactory(referral=case.referral, study=series.study)
    return mark_in(case, chair, series)


def mark_in(case, chair, series, note=""):
    mark = Mark.objects.create(
        case=case,
        author=chair,
        series=series,
        trust_ods_code="RM3",
        study_instance_uid=series.study.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        sop_instance_uid="1.2.826.0.3.1",
        frame_number=1,
        frame_key="aFrame.1",
        metadata_version=1,
    )
    MarkVersion.objects.create(
        mark=mark,
        number=1,
        kind=MarkVersion.Kind.LENGTH,
        points=[{"unit": "px", "x": 1, "y": 1}, {"unit": "px", "x": 9, "y": 1}],
        measured={"value": 23.44, "unit": "mm", "note": note},
        by=chair,
    )
    return mark


def recorded(case, by, *, steps=(), if_version=0, **fields):
    outcome = record_outcome(
        case=case,
        written_for=case.public_id,
        if_version=if_version,
        by=by,
        event_id=uuid4(),
        **{"recommendation": "Resect", "laterality": "left", "discussion_type": "1"} | fields,
    )
    for kind in steps:
        step(outcome=outcome, kind=kind, by=by, event_id=uuid4())
    return outcome


def read(client, person, case):
    client.force_login(person)
    return client.get(reverse("outcome", args=[case.public_id]))


def view(client, person, case, mark_id):
    client.force_login(person)
    return client.get(reverse("outcome-view", args=[case.public_id]), {"mark": mark_id})


def mine(client, person, **form):
    client.force_login(person)
    url = reverse("outcomes")
    answer = client.post(url, form) if form else client.get(url)
    return [row.case for row in answer.context["rows"]]


# ---- one outcome


def test_the_consultant_who_was_not_there_reads_the_signed_outcome(client, case, chair, consultant):
    recorded(case, chair, steps=SIGNED)
    answer = read(client, consultant, case)
    assert answer.status_code == 200
    assert b"Resect" in answer.content


def test_before_it_is_signed_the_consultant_is_told_so_and_reads_nothing(
    client, case, chair, consultant
):
    recorded(case, chair, steps=[Kind.READ_BACK, Kind.CONFIRMED])
    answer = read(client, consultant, case)
    assert b"Resect" not in answer.content
    assert "has not been signed yet" in answer.content.decode()


def test_the_consultant_reads_the_signed_version_while_a_newer_one_is_written(
    client, case, chair, consultant
):
    recorded(case, chair, steps=SIGNED)
    recorded(case, chair, if_version=1, recommendation="Watch and wait")
    answer = read(client, consultant, case).content.decode()
    assert "Resect" in answer
    assert "Watch and wait" not in answer


def test_the_team_reads_the_newest_version_and_that_it_is_not_signed(client, case, chair):
    recorded(case, chair, steps=SIGNED)
    recorded(case, chair, if_version=1, recommendation="Watch and wait")
    answer = read(client, chair, case).content.decode()
    assert "Watch and wait" in answer
    assert "Not signed" in answer


@pytest.mark.parametrize("page", ["outcome", "outcome-view"])
def test_a_stranger_finds_no_page(page, client, case, chair, stranger, mark):
    recorded(case, chair, steps=SIGNED)
    client.force_login(stranger)
    answer = client.get(reverse(page, args=[case.public_id]), {"mark": mark.public_id})
    assert answer.status_code == 404


@pytest.mark.parametrize("page", ["outcome", "outcome-view"])
def test_who_is_not_signed_in_is_asked_to(page, client, case):
    answer = client.get(reverse(page, args=[case.public_id]))
    assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("sign-in"))


def test_an_observer_does_not_read_on_after_the_meeting(client, case, chair, observer):
    recorded(case, chair, steps=SIGNED)
    assert read(client, observer, case).status_code == 404


def test_reading_ends_with_the_team_s_days_of_access(client, case, chair, consultant):
    recorded(case, chair, steps=SIGNED)
    days = case.meeting.team.access_days
    type(case).objects.update(released_at=timezone.now() - timedelta(days=days + 1))
    assert read(client, consultant, case).status_code == 404
    assert mine(client, consultant) == []


def test_reading_is_on_record(client, case, chair, consultant):
    recorded(case, chair, steps=SIGNED)
    read(client, consultant, case)
    event = AuditEvent.objects.get(action=AuditEvent.Action.CASE_VIEWED)
    assert (event.by, event.target) == (consultant.public_id, f"mdt.ListedCase:{case.public_id}")


def test_the_recommendation_is_shown_as_it_was_typed(client, case, chair):
    recorded(case, chair, steps=SIGNED, recommendation=AWKWARD)
    answer = read(client, chair, case)
    assert answer.context["reading"].outcome.recommendation == AWKWARD
    assert "T2&lt;T3, &lt;5 mm, +ve &amp; µ|^~\\" in answer.content.decode()


def test_a_side_that_disagrees_is_said_on_the_page(client, case, chair):
    case.referral.laterality = "right"
    case.referral.save()
    recorded(case, chair, recommendation="Left craniotomy", laterality="left")
    answer = read(client, chair, case).content.decode()
    assert "SIDE: the referral is coded right, the outcome is coded left." in answer


@pytest.mark.parametrize(
    ("laterality", "text"),
    [("left", "Left craniotomy"), ("both", "Right first"), ("left", "left, then right")],
)
def test_a_side_that_agrees_or_leaves_it_open_is_not_warned_of(
    laterality, text, client, case, chair
):
    recorded(case, chair, recommendation=text, laterality=laterality)
    assert "SIDE:" not in read(client, chair, case).content.decode()


def test_who_was_present_and_how_it_is_known(client, case, chair, consultant):
    AttendanceFactory(meeting=case.meeting, person=chair, source="socket")
    AttendanceFactory(meeting=case.meeting, person=chair, source="tick")
    recorded(case, chair, steps=SIGNED)
    (present,) = read(client, consultant, case).context["reading"].present
    assert (present.name, present.how_known) == (
        "chair",
        "was connected, ticked by the coordinator",
    )


def test_the_discussed_picture_comes_with_its_marks(client, case, chair, consultant, mark):
    recorded(case, chair, steps=SIGNED)
    answer = read(client, consultant, case)
    (picture,) = answer.context["reading"].pictures
    link = f"{reverse('outcome-view', args=[case.public_id])}?mark={mark.public_id}"
    assert (picture.series, picture.frame) == (mark.series.public_id, "aFrame.1")
    assert [said.words for said in picture.says] == ["length 23.4 mm, chair"]
    assert link in answer.content.decode()


def test_millimetres_that_are_worth_less_say_so_beside_the_discussed_picture(client, case, chair):
    note, series = "a scout view: true only at the isocentre", SeriesFactory()
    ReferralStudyFactory(referral=case.referral, study=series.study)
    mark_in(case, chair, series, note)
    recorded(case, chair, steps=SIGNED)
    (picture,) = read(client, chair, case).context["reading"].pictures
    assert [said.words for said in picture.says] == [f"length 23.4 mm ({note}), chair"]


def test_who_drew_has_the_same_colour_in_the_room_on_the_outcome_and_beside_the_picture(
    client, case, chair, mark
):
    """The number is the colour; one who joins late changes nobody's."""
    recorded(case, chair, steps=SIGNED)
    MembershipFactory(team=case.meeting.team)
    mark.author = MembershipFactory(team=case.meeting.team).person
    mark.save()
    numbers = []
    for _ in range(2):
        client.force_login(chair)
        room = client.get(f"/api/meetings/{case.meeting.public_id}/room").json()
        numbers.append(room["authors"][mark.author.public_id])
        (on_page,) = read(client, chair, case).context["reading"].pictures
        alone = view(client, chair, case, mark.public_id).context["picture"]
        for picture in (on_page, alone):
            numbers.append(picture.authors[mark.author.public_id])
            assert [said.author for said in picture.says] == [numbers[0]]
        MembershipFactory(team=case.meeting.team)
    assert numbers == [2] * 6


def test_a_picture_of_a_trust_the_patient_objects_to_is_not_named(client, case, chair, mark):
    recorded(case, chair, steps=SIGNED)
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    answer = read(client, chair, case)
    assert answer.context["reading"].pictures == []
    assert "HEAD 1.5" not in answer.content.decode()
    assert view(client, chair, case, mark.public_id).status_code == 404


# ---- one picture


def test_a_discussed_picture_opens_for_who_may_read_the_case(client, case, chair, consultant, mark):
    answer = view(client, consultant, case, mark.public_id)
    assert answer.status_code == 200
    assert answer.context["picture"].series == mark.series.public_id


def test_a_mark_of_another_case_opens_nothing(client, case, chair, mark):
    other = ListedCaseFactory(meeting=case.meeting)
    assert view(client, chair, other, mark.public_id).status_code == 404


@pytest.mark.parametrize("mark_id", ["", "nothing-like-it", "x" * 500])
def test_a_mark_that_is_not_there_opens_nothing(mark_id, client, case, chair):
    assert view(client, chair, case, mark_id).status_code == 404


# ---- the list


def test_mine_are_those_i_am_named_in_and_those_of_my_teams(client, case, chair, consultant):
    recorded(case, chair, steps=SIGNED)
    core = MembershipFactory(team=case.meeting.team, role=Role.CORE).person
    assert mine(client, core) == [case]
    assert mine(client, consultant) == [case]


def test_an_unsigned_outcome_is_on_the_team_s_list_and_not_on_the_consultant_s(
    client, case, chair, consultant
):
    recorded(case, chair)
    assert mine(client, chair) == [case]
    assert mine(client, consultant) == []


def test_another_team_s_outcomes_are_not_mine(client, case, chair, stranger, observer):
    recorded(case, chair, steps=SIGNED)
    other = MembershipFactory(role=Role.CHAIR).person
    assert [mine(client, person) for person in (stranger, other, observer)] == [[], [], []]


def test_a_restricted_case_is_on_the_list_of_the_named_only(client, case, chair, consultant):
    recorded(case, chair, steps=SIGNED)
    type(case).objects.update(is_restricted=True)
    assert (mine(client, chair), mine(client, consultant)) == ([], [case])


def test_a_case_without_an_outcome_is_not_on_the_list(client, case, chair):
    assert mine(client, chair) == []


def test_the_list_is_newest_meeting_first(client, case, chair):
    older = ListedCaseFactory(meeting=case.meeting)
    older.meeting = type(case.meeting).objects.create(
        team=case.meeting.team,
        starts_at=case.meeting.starts_at - timedelta(days=7),
        state="live",
        opened_at=timezone.now(),
        opened_by=chair,
    )
    older.save()
    for one in (older, case):
        recorded(one, chair)
    assert mine(client, chair) == [case, older]


@pytest.mark.parametrize(
    ("name", "is_found"),
    [("kh", True), ("AMI", True), ("han", False), ("", True), ("k\0h", False), ("\0", False)],
)
def test_the_filter_takes_the_beginning_of_a_name(name, is_found, client, case, chair):
    recorded(case, chair)
    assert bool(mine(client, chair, name=name)) is is_found


def test_the_filter_never_puts_a_name_in_an_address(client, chair):
    client.force_login(chair)
    page = client.get(reverse("outcomes")).content.decode()
    assert 'method="post"' in page
    assert client.get(reverse("outcomes"), {"name": "KHAN"}).context["name"] == ""


def test_an_empty_list_says_what_will_be_here(client, chair):
    client.force_login(chair)
    assert "Nothing has been recorded yet" in client.get(reverse("outcomes")).content.decode()


def test_the_list_costs_the_same_however_long(client, case, chair, django_assert_max_num_queries):
    for position in range(5):
        recorded(ListedCaseFactory(meeting=case.meeting, position=position), chair)
    client.force_login(chair)
    with django_assert_max_num_queries(11):
        client.get(reverse("outcomes"))
