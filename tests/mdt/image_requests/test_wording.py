"""Whom to ask for images, and in which words."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from imaging.models import ArchiveAnswer, Study
from mdt.meetings.image_request_queries import places_to_ask, wording
from mdt.referrals.models import Objection, PatientNumber
from tests.factories import (
    ArchiveFactory,
    PatientNumberFactory,
    ReferralStudyFactory,
    StudyFactory,
    TrustFactory,
)

pytestmark = pytest.mark.django_db


def test_the_wording_names_numbers_and_birth_date_and_nothing_more(case, christie, coordinator):
    local = {"issuer": PatientNumber.Issuer.LOCAL, "trust_ods_code": "RBV", "value": "C77"}
    PatientNumberFactory(patient=case.referral.patient, **local)
    text = wording(case, christie, coordinator)
    assert "Patient: your number C77, NHS number 999 000 0018, born 12 Mar 1957\n" in text
    assert "Images: all studies of the last 2 years" in text
    assert "Asked by: Ann Cole" in text
    for secret in ("KHAN", "Amina", case.referral.question, "Female"):
        assert secret not in text


def test_the_number_of_one_trust_is_not_told_to_another(case, christie, coordinator):
    local = {"issuer": PatientNumber.Issuer.LOCAL, "trust_ods_code": "RM3", "value": "S99"}
    PatientNumberFactory(patient=case.referral.patient, **local)
    assert "S99" not in wording(case, christie, coordinator)


def test_only_who_has_no_number_is_named(case, christie, coordinator):
    PatientNumber.objects.all().delete()
    assert "Patient: KHAN, Amina, born 12 Mar 1957" in wording(case, christie, coordinator)


def test_the_wording_says_what_of_a_study_is_missing(case, christie, coordinator):
    short = {"state": Study.State.PARTIAL, "stored_count": 412, "expected_count": 1180}
    study = StudyFactory(
        archive=ArchiveFactory(name="rbv", trust_ods_code="RBV"),
        study_date=date(2026, 11, 20),
        **short,
    )
    ReferralStudyFactory(referral=case.referral, study=study)
    text = wording(case, christie, coordinator)
    assert "Images: CT of 20 Nov 2026 (412 of 1,180 images have come)\n" in text
    (place,) = places_to_ask(case, coordinator).places
    assert place.why == ("CT of 20 Nov 2026: 412 of 1,180 images have come.",)


def test_after_the_cut_off_it_says_as_soon_as_possible(case, christie, coordinator):
    assert "Needed by: as soon as possible" not in wording(case, christie, coordinator)
    case.meeting.starts_at = timezone.now() + timedelta(hours=3)
    assert "Needed by: as soon as possible" in wording(case, christie, coordinator)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (ArchiveAnswer.State.FAILED, ("Its archive does not answer.",)),
        (ArchiveAnswer.State.NOT_ASKED, ("Its archive was not asked.",)),
        (ArchiveAnswer.State.ANSWERED, None),
    ],
)
def test_a_trust_is_worth_asking_when_its_archive_said_nothing(
    state, why, case, christie, coordinator
):
    archive = ArchiveFactory(name="rbv", trust_ods_code="RBV")
    case.referral.search.answers.create(archive=archive, state=state)
    found = places_to_ask(case, coordinator)
    assert [place.why for place in found.places] == ([why] if why else [])
    assert ("RBV" in {trust.ods_code for trust in found.others}) is (why is None)


@pytest.mark.parametrize("is_failing", [True, False])
def test_an_archive_that_rests_after_failures_does_not_answer(
    is_failing, case, christie, coordinator
):
    since = timezone.now() if is_failing else None
    archive = ArchiveFactory(name="rbv", trust_ods_code="RBV", failing_since=since)
    case.referral.search.answers.create(archive=archive)
    found = places_to_ask(case, coordinator)
    assert len(found.places) == is_failing
    assert found.waiting == 1


def test_any_trust_that_shares_may_be_chosen_and_no_other(case, christie, coordinator):
    TrustFactory(ods_code="RMC", name="Bolton")
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    chosen = places_to_ask(case, coordinator, also="RBV")
    assert [place.trust for place in chosen.places] == [christie]
    for code in ("RMC", "RM3", "nowhere"):
        assert places_to_ask(case, coordinator, also=code).places == []
    assert [trust.ods_code for trust in chosen.withheld] == ["RM3"]
