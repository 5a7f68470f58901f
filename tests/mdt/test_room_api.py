from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import Study
from mdt.laterality import Laterality
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room import open_case
from mdt.members import Role
from mdt.outcomes.models import OutcomeVersion
from mdt.referrals.models import Objection
from tests.factories import (
    ArchiveFactory,
    AttendanceFactory,
    InstanceFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralStudyFactory,
    SeriesFactory,
    StudyFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(live_meeting):
    case = ListedCaseFactory(meeting=live_meeting, position=1)
    PatientNumberFactory(patient=case.referral.patient)
    return case


def room_url(meeting):
    return reverse("room-api", args=[meeting.public_id])


def case_url(case):
    return reverse("case-api", args=[case.public_id])


def get(client, person, url):
    client.force_login(person)
    return client.get(url)


def add_study(case, day, *, frames=20, version=1, **fields):
    """A chosen study with one series; fields of the study."""
    study = StudyFactory(study_date=day, state=Study.State.COMPLETE, **fields)
    ReferralStudyFactory(referral=case.referral, study=study)
    series = SeriesFactory(study=study, version=version)
    InstanceFactory(series=series, frame_count=frames)
    return study


def test_the_room_shows_the_meeting_the_list_and_who_one_is(client, chair, case):
    answer = get(client, chair, room_url(case.meeting)).json()
    assert answer["meeting"] == {
        "id": case.meeting.public_id,
        "team": "Neuro-oncology",
        "site": "Salford Royal",
        "starts_at": case.meeting.starts_at.isoformat(),
        "state": "live",
        "case_count": 1,
    }
    assert answer["you"]["person"] == chair.public_id
    assert answer["you"]["roles"] == ["chair"]
    assert answer["people"][chair.public_id]["name"] == "chair"
    assert answer["authors"] == {chair.public_id: 0}
    assert answer["position"]["case_id"] is None
    [listed] = answer["cases"]
    assert listed["name"] == "KHAN, Amina"
    assert listed["nhs_number"] == "999 000 0018"
    assert (listed["birth_date"], listed["sex"]) == ("1957-03-12", "F")
    assert listed["light"]["colour"] == "grey"
    assert listed["outcome"] == {"version": 0, "step": ""}
    assert not listed["same_name"]
    assert not listed["was_opened"]


ALL = {"steer", "present", "mark", "record", "confirm", "sign", "open", "close", "prefetch"}
MAY = {
    Role.CHAIR: ALL,
    Role.DEPUTY: ALL,
    Role.COORDINATOR: {"steer", "present", "mark", "record", "open", "close", "prefetch"},
    Role.CORE: {"steer", "present", "mark", "confirm", "prefetch"},
    Role.EXTENDED: {"mark", "prefetch"},
    Role.OBSERVER: set(),
}


@pytest.mark.parametrize("role", list(Role))
def test_what_is_offered_follows_the_role(role, client, live_meeting):
    person = MembershipFactory(team=live_meeting.team, role=role).person
    may = get(client, person, room_url(live_meeting)).json()["you"]["may"]
    assert {what for what in may if may[what]} == MAY[role]


def test_the_position_and_what_was_discussed_are_there_for_who_comes_late(client, chair, case):
    open_case(meeting=case.meeting, case=case, by=chair, event_id=uuid4())
    answer = get(client, chair, room_url(case.meeting)).json()
    assert answer["position"]["case_id"] == case.public_id
    assert answer["position"]["seq"] == answer["position"]["case"] == 1
    assert answer["cases"][0]["was_opened"]


def test_the_newest_version_and_its_last_step_stand_in_the_list(client, chair, case):
    for number in (1, 2):
        OutcomeVersion.objects.create(
            case=case, number=number, recommendation="x", recorded_by=chair, was_quorate=True
        )
    version = OutcomeVersion.objects.get(number=2)
    for kind in ("read-back", "confirmed"):
        version.steps.create(kind=kind, by=chair)
    [listed] = get(client, chair, room_url(case.meeting)).json()["cases"]
    assert listed["outcome"] == {"version": 2, "step": "confirmed"}


def test_two_people_of_one_name_are_said_to_be(client, chair, case):
    ListedCaseFactory(meeting=case.meeting, position=2)
    answer = get(client, chair, room_url(case.meeting)).json()
    assert [listed["same_name"] for listed in answer["cases"]] == [True, True]


def test_a_restricted_case_is_not_in_the_list_of_who_is_not_named(client, chair, case):
    case.is_restricted = True
    case.save()
    answer = get(client, chair, room_url(case.meeting)).json()
    assert (answer["cases"], answer["meeting"]["case_count"]) == ([], 1)


def test_an_observer_sees_the_list_only_while_in_the_room(client, observer, case):
    assert get(client, observer, room_url(case.meeting)).json()["cases"] == []
    assert get(client, observer, case_url(case)).status_code == 404
    AttendanceFactory(meeting=case.meeting, person=observer, source=Attendance.Source.SOCKET)
    assert len(get(client, observer, room_url(case.meeting)).json()["cases"]) == 1
    assert get(client, observer, case_url(case)).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (31, 404)])
def test_an_observer_whose_connection_is_silent_is_in_the_room_no_longer(
    seconds, status, client, observer, case
):
    AttendanceFactory(
        meeting=case.meeting,
        person=observer,
        source=Attendance.Source.SOCKET,
        seen_at=timezone.now() - timedelta(seconds=seconds),
    )
    assert get(client, observer, case_url(case)).status_code == status


def test_a_case_shows_its_question_studies_and_marks(client, chair, case):
    study = add_study(case, date(2026, 11, 20), description="HEAD", stored_count=3)
    answer = get(client, chair, case_url(case)).json()
    assert answer["question"] == "Is this resectable?"
    assert answer["patient"]["nhs_number"] == "999 000 0018"
    assert not answer["patient"]["is_deceased"]
    [shown] = answer["studies"]
    assert shown["id"] == study.public_id
    assert (shown["trust"], shown["date"], shown["role"]) == ("RM3", "2026-11-20", "current")
    assert shown["series"][0]["frame_count"] == 20
    assert (answer["marks"], answer["withheld"], answer["warnings"]) == ([], [], [])


def test_a_case_says_which_events_it_knows_of(client, chair, case):
    open_case(meeting=case.meeting, case=case, by=chair, event_id=uuid4())
    assert get(client, chair, case_url(case)).json()["seq"] == 1


def series_of(study):
    return study.series.get().public_id


def test_a_case_opens_with_current_beside_prior(client, chair, case):
    current = add_study(case, date(2026, 11, 20), body_part="HEAD")
    prior = add_study(case, date(2026, 5, 18), body_part="HEAD")
    layout = get(client, chair, case_url(case)).json()["layout"]
    assert [pane["series"] for pane in layout["panes"]] == [series_of(current), series_of(prior)]
    assert layout["active"] == "a"


def test_a_case_with_one_study_opens_with_one_pane(client, chair, case):
    study = add_study(case, date(2026, 11, 20))
    layout = get(client, chair, case_url(case)).json()["layout"]
    assert layout["panes"] == [
        {"id": "a", "kind": "stack", "series": series_of(study), "version": 1}
    ]


def test_what_has_no_picture_yet_is_not_hung(client, chair, case):
    add_study(case, date(2026, 11, 20), version=0)
    older = add_study(case, date(2026, 5, 18))
    layout = get(client, chair, case_url(case)).json()["layout"]
    assert [pane["series"] for pane in layout["panes"]] == [series_of(older)]


def test_the_longest_series_is_hung_and_not_the_localiser(client, chair, case):
    study = add_study(case, date(2026, 11, 20), frames=2)
    long = SeriesFactory(study=study, version=1)
    InstanceFactory(series=long, frame_count=200)
    layout = get(client, chair, case_url(case)).json()["layout"]
    assert layout["panes"][0]["series"] == long.public_id


def test_a_study_that_was_not_chosen_is_not_shown(client, chair, case):
    study = add_study(case, date(2026, 11, 20))
    case.referral.found_studies.update(is_chosen=False)
    answer = get(client, chair, case_url(case)).json()
    assert (answer["studies"], answer["layout"]["panes"]) == ([], [])
    assert study.public_id not in str(answer)


def test_of_an_objected_trust_only_that_it_is_withheld_is_said(client, chair, case):
    study = add_study(case, date(2026, 11, 20))
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    answer = get(client, chair, case_url(case)).json()
    assert answer["studies"] == answer["layout"]["panes"] == []
    assert [(one["trust"], one["why"]) for one in answer["withheld"]] == [("RM3", "objection")]
    assert study.public_id not in str(answer)


def test_a_study_of_doubtful_identity_is_withheld(client, chair, case):
    study = add_study(case, date(2026, 11, 20), verdict=Study.Verdict.NEEDS_A_PERSON)
    answer = get(client, chair, case_url(case)).json()
    assert [one["why"] for one in answer["withheld"]] == ["identity"]
    assert study.public_id not in str(answer)


def test_a_side_that_disagrees_is_said_at_once(client, chair, case):
    case.referral.laterality = Laterality.LEFT
    case.referral.save()
    add_study(case, date(2026, 11, 20), laterality="R")
    [warning] = get(client, chair, case_url(case)).json()["warnings"]
    assert warning["code"] == "case.side"
    assert "left" in warning["message"].lower()
    assert "right" in warning["message"].lower()


def test_a_patient_who_has_died_and_missing_images_are_said(client, chair, case):
    case.referral.patient.is_deceased = True
    case.referral.patient.save()
    study = add_study(case, date(2026, 11, 20), stored_count=12, expected_count=20)
    Study.objects.filter(pk=study.pk).update(state=Study.State.PARTIAL)
    warnings = get(client, chair, case_url(case)).json()["warnings"]
    assert [one["code"] for one in warnings] == ["patient.deceased", "study.partial"]
    assert "12 of 20" in warnings[1]["message"]


@pytest.mark.parametrize("many", [1, 4])
def test_the_queries_do_not_grow_with_the_list(
    many, client, chair, case, django_assert_max_num_queries
):
    for position in range(many):
        more = ListedCaseFactory(meeting=case.meeting, position=position + 2)
        add_study(more, date(2026, 11, 20))
    client.force_login(chair)
    with django_assert_max_num_queries(32):
        client.get(room_url(case.meeting))


def test_a_case_costs_a_fixed_number_of_queries(client, chair, case, django_assert_max_num_queries):
    for year in range(2016, 2026):
        add_study(case, date(year, 5, 1), archive=ArchiveFactory(name=f"archive-{year}"))
    client.force_login(chair)
    with django_assert_max_num_queries(32):
        assert len(client.get(case_url(case)).json()["studies"]) == 10


def test_the_chair_opens_and_closes_the_meeting(client, chair, team):
    meeting = MeetingFactory(team=team)
    client.force_login(chair)
    for door, state in (("open-meeting", "live"), ("close-meeting", "closed")):
        answer = client.post(reverse(door, args=[meeting.public_id]))
        assert (answer.status_code, answer.json()) == (200, {"state": state})
        meeting.refresh_from_db()
        assert meeting.state == state


def test_a_meeting_that_is_open_cannot_be_opened_again(client, chair, live_meeting):
    client.force_login(chair)
    answer = client.post(reverse("open-meeting", args=[live_meeting.public_id]))
    assert (answer.status_code, answer.json()["code"]) == (409, "mdt.wrong_state")


@pytest.mark.parametrize("door", ["open-meeting", "close-meeting"])
@pytest.mark.parametrize("role", [Role.CORE, Role.EXTENDED])
def test_who_does_not_lead_the_meeting_neither_opens_nor_closes_it(
    role, door, client, live_meeting
):
    client.force_login(MembershipFactory(team=live_meeting.team, role=role).person)
    answer = client.post(reverse(door, args=[live_meeting.public_id]))
    assert (answer.status_code, answer.json()["code"]) == (403, "mdt.not_allowed")
    live_meeting.refresh_from_db()
    assert live_meeting.state == Meeting.State.LIVE


def doors(case):
    meeting = case.meeting.public_id
    return [
        ("get", reverse("room", args=[meeting])),
        ("get", room_url(case.meeting)),
        ("post", reverse("open-meeting", args=[meeting])),
        ("post", reverse("close-meeting", args=[meeting])),
        ("get", case_url(case)),
    ]


def test_to_a_stranger_nothing_here_exists(client, stranger, case):
    client.force_login(stranger)
    for method, url in doors(case):
        assert getattr(client, method)(url).status_code == 404, url
        absent = url.replace(case.meeting.public_id, "a" * 16).replace(case.public_id, "a" * 16)
        assert getattr(client, method)(absent).status_code == 404, absent


def test_a_member_of_another_team_is_a_stranger(client, case):
    client.force_login(MembershipFactory(role=Role.CHAIR, person=PersonFactory()).person)
    for method, url in doors(case):
        assert getattr(client, method)(url).status_code == 404, url


def test_who_is_not_signed_in_gets_no_word_of_it(client, case):
    for method, url in doors(case):
        answer = getattr(client, method)(url)
        assert answer.status_code in (302, 401, 403), url
        assert b"KHAN" not in answer.content


def test_the_page_names_no_patient_and_no_number(client, chair, case):
    answer = get(client, chair, reverse("room", args=[case.meeting.public_id]))
    assert answer.status_code == 200
    assert "KHAN" not in answer.content.decode()
    assert "999 000" not in answer.content.decode()
    assert case.meeting.public_id in answer.content.decode()
