"""Questions about patients and referrals. Read only."""

from datetime import date

from imaging.identity import Sought
from mdt.errors import OtherBirthDate
from mdt.referrals.models import Patient, PatientNumber

OTHER_BIRTH_DATE = (
    "This NHS number is on record here with another birth date. Nobody has been listed. "
    "Check number and birth date with the referrer."
)


def patient_with(nhs_number: str) -> Patient | None:
    """Who is known here by an NHS number (10 digits)."""
    numbers = PatientNumber.objects.select_related("patient")
    number = numbers.filter(issuer=PatientNumber.Issuer.NHS, value=nhs_number).first()
    return number.patient if number else None


def patient_known_as(nhs_number: str, birth_date: date) -> Patient | None:
    """Who is known by an NHS number and was born on that day.

    Raises OtherBirthDate when the number is somebody's who was born on another.
    """
    patient = patient_with(nhs_number)
    if patient is not None and patient.birth_date != birth_date:
        raise OtherBirthDate(OTHER_BIRTH_DATE)
    return patient


def sought_of(patient: Patient) -> Sought:
    """The patient as archives are asked for them."""
    return Sought(
        nhs_number=patient.nhs_number,
        family_name=patient.family_name,
        given_names=patient.given_names,
        birth_date=patient.birth_date.isoformat(),
        sex=patient.sex,
        local_numbers=patient.local_numbers,
    )
