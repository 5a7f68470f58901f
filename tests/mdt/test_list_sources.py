"""The same study in two archives, what is new, what was not asked, and why these studies."""

from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from imaging.body_parts import parts_in
from imaging.models import ArchiveAnswer, Frame, Job, Study
from imaging.relevance_rules import ASKED
from mdt.meetings import changes, services
from mdt.meetings.models import Meeting
from mdt.meetings.queries import row_of, rows_for
from mdt.meetings.sources import new_since
from mdt.referrals.models import Objection, PatientNumber
from mdt.teams.models import RelevanceRule
from mdt.teams.queries import as_value
from mdt.teams.relevance_defaults import DEFAULTS, default_rules, give_default_rules
from tests.factories import (
    ArchiveFactory,
    InstanceFactory,
    ListedCaseFactory,
    MeetingFactory,
    PatientNumberFactory,
    ReferralFactory,
    SearchFactory,
    SeriesFactory,
    StudyFactory,
    TrustFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
UID = "1.2.826.0.9.1"
State = Study.State
numbers = count(1)


@pytest.fixture
def archives(team):
    """Two archives of the team's own trust: 'salford' and 'oldham'."""
    TrustFactory()
    own = team.site.trust.ods_code
    return [ArchiveFactory(name=name, trust_ods_code=own) for name in ("salford", "oldham")]


@pytest.fixture
def case(team):
    meeting = MeetingFactory(team=team, starts_at=timezone.now() + DAY)
    return ListedCaseFactory(
        meeting=meeting, referral=ReferralFactory(search=SearchFactory()), position=1
    )


@pytest.fixture
def found(case):
    """Make a study of the case's patient known in an archive, as imaging does."""

    def found(archive, **of_study):
        defaults = {"study_instance_uid": UID, "study_date": timezone.localdate()}
        study = StudyFactory(search=case.referral.search, archive=archive, **defaults | of_study)
        changes.study_changed(study)
        return study

    return found


def changed(study, **to):
    Study.objects.filter(pk=study.pk).update(**to)
    study.refresh_from_db()
    changes.study_changed(study)


def is_chosen(case):
    rows = case.referral.found_studies.order_by("study__archive__name")
    return {row.study.archive.name: row.is_chosen for row in rows.select_related("study__archive")}


def test_it_is_one_row_of_the_list_with_both_its_sources(case, archives, found):
    first = found(archives[0], expected_count=320)
    found(archives[1], expected_count=312)
    (shown,) = row_of(case).studies
    assert shown.study == first
    assert [source.held for source in shown.also_at] == ["312 of 320 there"]
    assert shown.also_at[0].words.endswith(": 312 of 320 there")
    assert list(Job.objects.filter(kind=Job.Kind.PULL).values_list("study", flat=True)) == [
        first.pk
    ]


def test_the_list_says_both_sources_and_the_light_counts_the_study_once(
    client, coordinator, case, archives, found
):
    for archive in archives:
        changed(found(archive, expected_count=320), state=State.PULLING, stored_count=100)
    light = row_of(case).light
    assert light.text == "fetching 100 of 320"
    client.force_login(coordinator)
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert page.count("lb-study--chosen") == 1
    assert page.count("also at") == 1


def test_the_card_names_the_trusts_a_study_is_at_not_their_codes(
    client, coordinator, case, archives, found
):
    for archive in archives:
        found(archive)
    trust = case.meeting.team.site.trust
    client.force_login(coordinator)
    page = client.get(reverse("meeting", args=[case.meeting.public_id])).text
    assert f"{trust.short_name} + {trust.short_name}" in page
    assert f" {trust.ods_code}" not in page


def test_the_room_has_it_once_and_from_the_copy_that_is_more_here(
    client, coordinator, case, archives, found
):
    changed(found(archives[0]), state=State.PARTIAL, stored_count=3, expected_count=4)
    more = found(archives[1])
    changed(more, state=State.COMPLETE, stored_count=4, expected_count=4)
    client.force_login(coordinator)
    studies = client.get(reverse("case-api", args=[case.public_id])).json()["studies"]
    assert [study["id"] for study in studies] == [more.public_id]


def test_when_the_first_fails_the_other_is_fetched_and_nothing_is_red(case, archives, found):
    first, other = (
        found(archive, expected_count=n) for archive, n in zip(archives, (9, 8), strict=True)
    )
    changed(first, state=State.FAILED)
    other.refresh_from_db()
    assert other.state == State.WANTED
    assert is_chosen(case) == {"salford": False, "oldham": True}
    light = row_of(case).light
    assert light.colour == "blue"


def test_what_came_in_part_is_completed_from_the_other_in_words(case, archives, found):
    first, _ = (found(archive, expected_count=320) for archive in archives)
    changed(first, state=State.PARTIAL, stored_count=312)
    assert is_chosen(case) == {"salford": True, "oldham": True}
    reason = case.referral.found_studies.get(study__archive=archives[1]).reason
    assert reason == "the other archive sent 312 of 320: fetched here too"


def test_left_out_by_hand_is_left_out_of_every_archive(case, archives, found, coordinator):
    first, other = (
        found(archive, expected_count=n) for archive, n in zip(archives, (9, 8), strict=True)
    )
    services.unchoose_study(case=case, study=first, by=coordinator)
    changed(first, state=State.FAILED)
    assert is_chosen(case) == {"salford": False, "oldham": False}
    other.refresh_from_db()
    assert other.state == State.FOUND
    services.choose_study(case=case, study=other, by=coordinator)
    changes.study_changed(other)
    assert is_chosen(case) == {"salford": False, "oldham": True}
    services.unchoose_study(case=case, study=first, by=coordinator)
    assert is_chosen(case) == {"salford": False, "oldham": False}


def test_a_copy_of_another_identity_is_said_where_the_good_one_is_shown(
    client, coordinator, case, archives, found
):
    found(archives[0])
    found(archives[1], verdict=Study.Verdict.NEEDS_A_PERSON)
    (shown,) = row_of(case).studies
    assert not shown.also_at
    (caution,) = shown.cautions
    assert "holds this study too, and whose it is must be settled there" in caution
    client.force_login(coordinator)
    warnings = client.get(reverse("case-api", args=[case.public_id])).json()["warnings"]
    assert {"code": "study.sources", "message": caution} in warnings


def test_a_copy_that_may_not_be_shared_is_not_spoken_of(case, archives, found):
    found(archives[0])
    withheld = found(ArchiveFactory(name="bolton", trust_ods_code="RMC"))
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RMC")
    changed(withheld, verdict=Study.Verdict.DIFFERENT)
    (shown,) = row_of(case).studies
    assert (shown.also_at, shown.cautions) == ((), ())


@pytest.mark.parametrize(("crc32", "differ"), [(7, False), (8, True)])
def test_the_same_image_is_another_picture_only_by_its_samples(
    crc32, differ, case, archives, found
):
    """Bytes of two archives always differ; that alone is said by nobody."""
    for archive, crc in zip(archives, (7, crc32), strict=True):
        study = found(archive, stored_count=1, state=State.COMPLETE)
        instance = InstanceFactory(series=SeriesFactory(study=study), sop_instance_uid="1.2.3")
        Frame.objects.create(instance=instance, number=1, crc32=crc)
    (shown,) = row_of(case).studies
    said = ["SOURCES: 1 image is another picture in the other archive under the same identifier."]
    assert [text.removesuffix(" Compare.") for text in shown.cautions] == said * differ


def test_copies_cost_a_fixed_number_of_queries_however_many(team, chair, archives):
    meeting = MeetingFactory(team=team)
    for position in range(3):
        referral = ReferralFactory(search=SearchFactory())
        ListedCaseFactory(meeting=meeting, referral=referral, position=position)
        for archive in archives:
            uid = f"1.2.{position}"
            study = StudyFactory(archive=archive, search=referral.search, study_instance_uid=uid)
            referral.found_studies.create(study=study, is_chosen=True, reason="x")
    with CaptureQueriesContext(connection) as before:
        rows_for(meeting, chair)
    Study.objects.update(stored_count=1, state=State.COMPLETE)
    with CaptureQueriesContext(connection) as after:
        rows = rows_for(meeting, chair)
    assert [len(row.chosen) for row in rows] == [1, 1, 1]
    # other copies; what was shown before; what came in two versions; what could not be made
    assert len(after) == len(before) + 4


NOW = datetime(2026, 11, 24, 16, tzinfo=ZoneInfo("Europe/London"))


@pytest.mark.parametrize(
    ("found_at", "words"),
    [
        (NOW - timedelta(hours=1, minutes=58), "14:02"),
        (NOW - timedelta(hours=25, minutes=58), "14:02 yesterday"),
        (NOW - timedelta(days=3), "16:00 on 21 Nov"),
        (NOW - timedelta(days=4) + timedelta(minutes=20), ""),
        (NOW - timedelta(days=9), ""),
    ],
)
def test_what_is_found_after_the_listing_is_new_since_then(found_at, words):
    study = Study(found_at=found_at)
    assert new_since(study, NOW - timedelta(days=4), NOW) == words


def test_a_new_study_is_said_on_the_list_until_the_meeting_is_over(
    client, coordinator, case, archives, found
):
    case.listed_at = timezone.now() - 2 * DAY
    case.save()
    found(archives[0], found_at=timezone.now() - DAY)
    client.force_login(coordinator)
    assert "new since" in client.get(reverse("meeting", args=[case.meeting.public_id])).text
    Meeting.objects.filter(pk=case.meeting.pk).update(state=Meeting.State.CLOSED)
    assert "new since" not in client.get(reverse("meeting", args=[case.meeting.public_id])).text


def test_a_copy_found_later_is_no_new_study(case, archives, found):
    case.listed_at = timezone.now() - 2 * DAY
    case.save()
    found(archives[0], found_at=case.listed_at)
    found(archives[1])
    assert row_of(case).new == []


def test_an_archive_that_was_not_asked_is_said_with_the_reason(
    client, coordinator, team, case, archives
):
    archives[0].is_paused = True
    archives[0].save()
    other = TrustFactory(ods_code="RMC", name="Bolton NHS Foundation Trust")
    team.asked_of.add(team.site.trust, other)
    team.site.trust.agreements_received.create(
        holder=other, reference="x", from_date=timezone.localdate()
    )
    ArchiveAnswer.objects.create(
        search=case.referral.search, archive=archives[0], state=ArchiveAnswer.State.NOT_ASKED
    )
    row = row_of(case)
    assert [one.why for one in row.answers] == ["paused by its administrator"]
    assert row.not_asked == ["Bolton"]
    said = ("Northern Care Alliance not asked: paused by its administrator", "Bolton not asked")
    assert (row.light.colour, (row.light.text, *row.light.notes)) == ("amber", said)
    local = {"issuer": PatientNumber.Issuer.LOCAL, "trust_ods_code": "RMC", "value": "B1"}
    PatientNumberFactory(patient=case.referral.patient, **local)
    light = row_of(case).light  # where their numbers are of others it is said beside the colour
    assert (light.colour, light.text) == ("amber", "Bolton not asked")
    assert light.asides == said[:1]
    ArchiveAnswer.objects.update(state=ArchiveAnswer.State.WAITING)  # paused only since
    yet = "Northern Care Alliance not asked yet: paused by its administrator"
    assert row_of(case).light.asides == (yet,)
    ArchiveAnswer.objects.update(state=ArchiveAnswer.State.NOT_ASKED)
    client.force_login(coordinator)
    page = client.get(reverse("case-studies", args=[case.public_id])).text
    assert "not asked: paused by its administrator" in " ".join(page.split())
    assert "Bolton not asked" in page


def test_the_rules_of_the_team_decide_and_are_shown_to_whoever_asks(
    client, coordinator, team, case, archives, found
):
    RelevanceRule.objects.create(team=team, order=1, modalities="MR", body_parts="head", years=5)
    found(archives[0], modalities="MR", body_part="HEAD", study_instance_uid="1.1")
    found(archives[0], modalities="CT", body_part="HEAD", study_instance_uid="1.2")
    reasons = case.referral.found_studies.order_by("study__modalities")
    assert [(row.is_chosen, row.reason) for row in reasons] == [
        (False, "no rule takes CT of head"),
        (True, "newest of its kind: this team looks at head, last 5 years"),
    ]
    client.force_login(coordinator)
    page = client.get(reverse("case-studies", args=[case.public_id])).text
    assert "Takes MR of head, last 5 years." in page


@pytest.mark.parametrize("said", ["CR", "cr", "DX", "CR,PX"])
def test_a_rule_for_cr_takes_a_film_that_states_cr(said, team, case, archives, found):
    """Films are compared as one kind whatever made them: a rule names that kind by any of them."""
    RelevanceRule.objects.create(team=team, order=1, modalities=said, body_parts="chest")
    found(archives[0], modalities="CR", body_part="CHEST", study_instance_uid="1.1")
    assert case.referral.found_studies.get().is_chosen
    assert as_value(team.relevance_rules.get()).words.startswith("Takes X-ray of chest")


def test_a_team_without_rules_is_told_what_stands_for_them(client, coordinator, case):
    client.force_login(coordinator)
    page = client.get(reverse("case-studies", args=[case.public_id])).text
    assert "has no rules of its own" in page
    assert "Takes every modality of any part of the body, last 2 years" in page


def test_a_new_team_starts_with_the_rules_of_its_kind_and_keeps_its_own(team):
    give_default_rules(team)
    given = list(team.relevance_rules.values_list("order", flat=True))
    assert given == list(range(1, len(default_rules("0201")) + 1))
    team.relevance_rules.filter(order__gt=1).delete()
    give_default_rules(team)
    assert team.relevance_rules.count() == 1


@pytest.mark.parametrize("mdt_type", DEFAULTS)
def test_starting_rules_name_parts_that_there_are(mdt_type):
    rules = [as_value(rule) for rule in default_rules(mdt_type)]
    named = {part for rule in rules for part in rule.parts} - {ASKED}
    assert named <= ALL_PARTS


ALL_PARTS = parts_in(
    "brain iams pituitary head face neck larynx thyroid chest oesophagus breast abdomen liver"
    " biliary pancreas kidney adrenal spleen bowel pelvis prostate bladder rectum uterus testis"
    " sacrum spine extremity whole body"
)
