"""Patients made known, and referrals received. Writes only."""

from datetime import date

from django.db import transaction

from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.laterality import Laterality
from mdt.members import Person
from mdt.referrals.models import Patient, PatientNumber, Referral
from mdt.referrals.queries import patient_known_as, patient_with

Action = AuditEvent.Action


@transaction.atomic
def look_up_patient(*, nhs_number: str, by: Person) -> Patient | None:
    """Who is known by an NHS number: somebody asked, and that is on record either way."""
    patient = patient_with(nhs_number)
    record(Action.PATIENT_LOOKED_UP, by=by, target=patient, known="yes" if patient else "no")
    return patient


@transaction.atomic
def register_patient(
    *,
    nhs_number: str,
    family_name: str,
    given_names: str,
    birth_date: date,
    sex: str,
    by: Person,
) -> Patient:
    """Make a patient known, or return the one known by this number and birth date.

    The number (10 digits, checked by the form) is one that was given by the referrer: it is
    present and not traced. Raises OtherBirthDate.
    """
    if known := patient_known_as(nhs_number, birth_date):
        return known
    patient = Patient.objects.create(
        family_name=family_name,
        given_names=given_names,
        birth_date=birth_date,
        sex=sex,
        nhs_number_status=Patient.NhsNumberStatus.NOT_TRACED,
    )
    PatientNumber.objects.create(patient=patient, issuer=PatientNumber.Issuer.NHS, value=nhs_number)
    record(Action.PATIENT_REGISTERED, by=by, target=patient)
    return patient


@transaction.atomic
def refer(
    *, patient: Patient, question: str, laterality: str, by: Person, referrer: Person | None = None
) -> Referral:
    """Receive a request that a patient be discussed, with the question to the team."""
    referral = Referral.objects.create(
        patient=patient,
        question=question,
        laterality=Laterality(laterality),
        referrer=referrer,
    )
    record(Action.REFERRED, by=by, target=referral)
    return referral
