"""The list as it is shown: names, lights, sides, what is withheld; and the meetings of home."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import ArchiveAnswer, Study
from mdt.meetings.my_meetings import meetings_of
from mdt.meetings.queries import rows_for
from mdt.referrals.models import Objection
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    ReferralFactory,
    ReferralStudyFactory,
    SearchFactory,
    SeriesFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_the_list_costs_the_same_however_long(team, chair, django_assert_num_queries):
    meeting = MeetingFactory(team=team)

    def fill():
        referral = ReferralFactory(search=SearchFactory())
        ListedCaseFactory(meeting=meeting, referral=referral)
        ReferralStudyFactory(referral=referral, study__search=referral.search)

    fill()
    with django_assert_num_queries(16):
        rows_for(meeting, chair)
    for _ in range(4):
        fill()
    with django_assert_num_queries(16):
        rows = rows_for(meeting, chair)
    assert [row.case.referral.question for row in rows] == ["Is this resectable?"] * 5


def test_namesakes_are_named_and_a_restricted_case_is_a_number_only(team, chair):
    meeting = MeetingFactory(team=team)
    for name in ("KHAN", "Khan ", "DEAN"):
        ListedCaseFactory(meeting=meeting, referral__patient__family_name=name)
    hidden = ListedCaseFactory(
        meeting=meeting, is_restricted=True, referral__patient__family_name="DEAN"
    )
    rows = rows_for(meeting, chair)
    assert [(row.same_name, row.is_hidden) for row in rows] == [
        (1, False),
        (1, False),
        (0, False),
        (0, True),
    ]
    assert rows[-1].case == hidden


def test_every_case_of_a_list_has_its_light(team, chair):
    meeting = MeetingFactory(team=team)
    ListedCaseFactory.create_batch(2, meeting=meeting)
    assert [row.light.colour for row in rows_for(meeting, chair)] == ["grey", "grey"]


@pytest.mark.parametrize(
    ("side", "series_side", "description", "expected"),
    [
        ("left", "R", "", ["SIDE: the referral says left, CT says right."]),
        ("left", "L", "CT RT KNEE", []),
        ("right", "", "CT left knee", ["SIDE: the referral says right, CT says left."]),
        ("left", "", "CT head", []),
        ("not-known", "R", "", []),
    ],
)
def test_a_study_of_the_other_side_is_announced(
    side, series_side, description, expected, team, chair
):
    meeting = MeetingFactory(team=team)
    referral = ReferralFactory(laterality=side)
    ListedCaseFactory(meeting=meeting, referral=referral)
    row = ReferralStudyFactory(referral=referral, study__description=description)
    SeriesFactory(study=row.study, laterality=series_side)
    assert rows_for(meeting, chair)[0].warnings == expected


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("objection", "The patient objects"),
        ("no-agreement", "No sharing agreement"),
        ("identity", "The identity in the study does not agree"),
    ],
)
def test_what_is_withheld_is_said_and_not_shown(why, words, team, chair):
    meeting = MeetingFactory(team=team)
    referral = ReferralFactory()
    ListedCaseFactory(meeting=meeting, referral=referral)
    row = ReferralStudyFactory(referral=referral, study__description="secret")
    if why == "objection":
        Objection.objects.create(patient=referral.patient, trust_ods_code="RM3")
    if why == "no-agreement":
        row.study.trust_ods_code = "RBV"
    if why == "identity":
        row.study.verdict = Study.Verdict.DIFFERENT
    row.study.save()
    shown = rows_for(meeting, chair)[0]
    assert shown.studies == []
    assert next(one.words for one in shown.withheld if one.why == why).startswith(words)


def test_a_doubtful_study_is_withheld_in_other_words_than_somebody_elses(team, chair):
    meeting = MeetingFactory(team=team)
    referral = ReferralFactory()
    ListedCaseFactory(meeting=meeting, referral=referral)
    verdicts = (Study.Verdict.NEEDS_A_PERSON, Study.Verdict.DIFFERENT)
    for verdict in verdicts:
        ReferralStudyFactory(referral=referral, study__verdict=verdict)
    said = [one.words for one in rows_for(meeting, chair)[0].withheld if one.why == "identity"]
    assert len(said) == len(verdicts)
    assert "does not agree" in said[0]
    assert "must be settled" in said[1]


def test_an_archive_left_alone_because_it_fails_keeps_no_light_waiting(team, chair):
    meeting = MeetingFactory(team=team)
    search = SearchFactory()
    ListedCaseFactory(meeting=meeting, referral=ReferralFactory(search=search))
    answer = ArchiveAnswer.objects.create(search=search, archive=ArchiveFactory())
    assert rows_for(meeting, chair)[0].light.colour == "blue"
    answer.archive.failing_since = timezone.now()
    answer.archive.save()
    light = rows_for(meeting, chair)[0].light
    assert light.colour == "amber"
    assert "does not answer since" in light.text


@pytest.mark.parametrize("days", [0, 3])
def test_since_when_and_when_name_the_day_where_it_is_not_today(days, team, client, chair):
    search = SearchFactory()
    case = ListedCaseFactory(
        meeting=MeetingFactory(team=team), referral=ReferralFactory(search=search)
    )
    at = timezone.localtime().replace(hour=9, minute=12) - days * DAY
    down, up = ArchiveFactory(name="down", failing_since=at), ArchiveFactory(name="up")
    state = ArchiveAnswer.State
    ArchiveAnswer.objects.create(search=search, archive=down, state=state.FAILED)
    ArchiveAnswer.objects.create(search=search, archive=up, state=state.ANSWERED, answered_at=at)
    client.force_login(chair)
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    said = f"{at.day} {at:%b} 09:12" if days else "09:12"
    assert f"does not answer since {said}: " in page
    assert f": 0 found, {said}\n" in page


def test_a_study_whose_archive_is_paused_is_missing_with_the_reason_and_not_on_its_way(team, chair):
    meeting = MeetingFactory(team=team)
    referral = ReferralFactory(search=SearchFactory())
    ListedCaseFactory(meeting=meeting, referral=referral)
    wanted = {"study__search": referral.search, "study__state": Study.State.WANTED}
    study = ReferralStudyFactory(referral=referral, is_chosen=True, **wanted).study
    assert rows_for(meeting, chair)[0].light.colour == "blue"
    study.archive.is_paused, study.archive.pause_reason = True, "moving house"
    study.archive.save()
    light = rows_for(meeting, chair)[0].light
    assert light.colour == "amber"
    assert light.text.endswith(" not fetched yet: paused by its administrator: moving house")


def test_home_sorts_meetings_by_when(team, chair):
    noon = timezone.localtime().replace(hour=12)
    today = MeetingFactory(team=team, starts_at=noon)
    coming = MeetingFactory(team=team, starts_at=noon + DAY)
    past = MeetingFactory(team=team, starts_at=noon - DAY)
    still_open = MeetingFactory(team=team, starts_at=noon - DAY, live=True)
    MeetingFactory()
    mine = meetings_of(chair)
    assert (mine.today, mine.coming, mine.past) == ([still_open, today], [coming], [past])


def test_meetings_of_a_team_that_was_left_are_not_mine(team):
    yesterday = timezone.localdate() - DAY
    member = MembershipFactory(team=team, from_date=yesterday, to_date=yesterday)
    MeetingFactory(team=team)
    mine = meetings_of(member.person)
    assert mine.today == mine.coming == mine.past == []
