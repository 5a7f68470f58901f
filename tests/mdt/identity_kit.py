"""Whose a study says it is, and who decides where that is in doubt."""

from datetime import timedelta

from django.utils import timezone

from imaging.claims import KeptClaim
from mdt.teams.models import Duty
from tests.factories import (
    ListedCaseFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralFactory,
    SearchFactory,
    TrustFactory,
)

NHS, OTHER = "9990000018", "9990000026"
DAY = timedelta(days=1)


def claim(**changes):
    facts = {
        "patient_id": "S1",
        "issuer_of_patient_id": "",
        "other_patient_ids": ((NHS, "NHS"),),
        "patient_name": "KHAN^Amina",
        "birth_date": "1957-03-12",
        "sex": "F",
        "series_instance_uid": "1.2",
        "sop_instance_uid": "1.2.3",
    }
    return KeptClaim(**facts | changes).as_json()


def listed_with_search(meeting, coordinator):
    """A referral on the meeting's list, whose archives were asked."""
    referral = ReferralFactory(search=SearchFactory())
    PatientNumberFactory(patient=referral.patient)
    ListedCaseFactory(meeting=meeting, referral=referral, position=1, listed_by=coordinator)
    return referral


def of_imaging_team(code, **fields):
    """Somebody of one trust's imaging team."""
    person, trust = PersonFactory(), TrustFactory(ods_code=code)
    dates = {"from_date": timezone.localdate() - DAY} | fields
    Duty.objects.create(trust=trust, person=person, kind=Duty.Kind.IMAGING_TEAM, **dates)
    return person
