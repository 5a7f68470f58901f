"""A correction is one short transaction, however much is stored of the patient."""

import pytest

from imaging.claims import claims_of, judge_for
from imaging.models import IdentityDecision, Revocation, Study
from mdt.identity import services
from mdt.meetings.changes import study_changed
from mdt.referrals.models import Patient
from mdt.referrals.queries import facts_of, sought_of, version_of
from tests.factories import SeriesFactory, StudyFactory
from tests.mdt.identity_kit import claim, listed_with_search

pytestmark = pytest.mark.django_db
STUDIES = 20


def test_many_studies_leave_every_screen_in_one_short_transaction(
    meeting, coordinator, django_assert_max_num_queries
):
    """As many statements as for one. How long it takes is looked at after every test."""
    referral = listed_with_search(meeting, coordinator)
    studies = [
        StudyFactory(search=referral.search, state="complete", claims=[claim()])
        for _ in range(STUDIES)
    ]
    series = [SeriesFactory(study=study) for study in studies]
    study_changed(*studies)
    assert referral.found_studies.filter(is_chosen=True).exists()
    patient = Patient.objects.get()
    facts = facts_of(patient) | {"if_version": version_of(patient), "is_superseded": False}
    facts["birth_date"] = patient.birth_date.replace(month=12, day=3)
    with django_assert_max_num_queries(65):
        services.correct_patient(case=referral.listings.get(), by=coordinator, **facts)
    assert Study.objects.filter(state="withheld", verdict="needs-a-person").count() == STUDIES
    assert {one.series for one in Revocation.objects.all()} == {one.public_id for one in series}
    assert not referral.found_studies.filter(is_chosen=True).exists()


def test_what_was_decided_of_each_study_still_counts(meeting, coordinator):
    """They are all held against the correction together; a decision is of one study alone."""
    referral = listed_with_search(meeting, coordinator)
    patient = Patient.objects.get()
    slips = [claim(birth_date="1957-12-03") for _ in "ab"]
    decided, other = (
        StudyFactory(search=referral.search, state="complete", claims=[slip]) for slip in slips
    )
    study_changed(decided, other)
    _decide_as_after(patient, decided)
    facts = facts_of(patient) | {"if_version": version_of(patient), "is_superseded": False}
    facts |= {"birth_date": patient.birth_date, "family_name": "KHANN"}
    services.correct_patient(case=referral.listings.get(), by=coordinator, **facts)
    states = {one.pk: one.state for one in Study.objects.all()}
    assert states == {decided.pk: "complete", other.pk: "withheld"}


def _decide_as_after(patient, study):
    """Somebody said that the study is hers, whose name is about to be KHANN."""
    patient = Patient.objects.get(pk=patient.pk)
    patient.family_name = "KHANN"
    judge = judge_for(study, sought_of(patient))
    pairs = [judge.pair_of(one) for one in claims_of(study)]
    IdentityDecision.objects.create(
        study=study, verdict="same", reason="slip", by="somebody", decided_on=pairs
    )
