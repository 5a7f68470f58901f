"""Questions about patients and referrals. Read only."""

import json
from copy import copy
from dataclasses import asdict
from datetime import date
from hashlib import sha256
from typing import Any

from django.db.models import prefetch_related_objects

from imaging.identity import Sought
from mdt.errors import OtherBirthDate
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient, PatientNumber

CACHE = "_prefetched_objects_cache"  # Django's, of one row
OTHER_BIRTH_DATE = (
    "This number is on record here with another birth date. Nobody has been listed. "
    "Check number and birth date with the referrer."
)


def patient_with(nhs_number: str, local: LocalNumber | None = None) -> Patient | None:
    """Who is known here by an NHS number (10 digits); without one, by a trust's own number.

    Be it one that was superseded.
    """
    issuer = PatientNumber.Issuer
    if nhs_number or local is None:
        sought = {"issuer": issuer.NHS, "value": nhs_number}
    else:
        sought = {"issuer": issuer.LOCAL, "trust_ods_code": local.trust, "value": local.value}
    number = PatientNumber.objects.select_related("patient").filter(**sought).first()
    return number.patient if number else None


def patient_known_as(
    nhs_number: str, birth_date: date, local: LocalNumber | None = None
) -> Patient | None:
    """Who is known by a number, as `patient_with` looks for it, and was born on that day.

    Raises OtherBirthDate when the number is somebody's who was born on another.
    """
    patient = patient_with(nhs_number, local)
    if patient is not None and patient.birth_date != birth_date:
        raise OtherBirthDate(OTHER_BIRTH_DATE)
    return patient


def sought_of(patient: Patient) -> Sought:
    """The patient as archives are asked for them. Their numbers are read once, and anew."""
    patient = _with_numbers(patient)
    return Sought(
        nhs_number=patient.nhs_number,
        family_name=patient.family_name,
        given_names=patient.given_names,
        birth_date=patient.birth_date.isoformat(),
        sex=patient.sex,
        local_numbers=patient.local_numbers,
        superseded_nhs_numbers=patient.superseded_nhs_numbers,
        superseded_local_numbers=patient.superseded_local_numbers,
    )


def _with_numbers(patient: Patient) -> Patient:
    """A copy with its numbers at hand: on the patient itself they would outlive a correction."""
    known = copy(patient)
    known.__dict__[CACHE] = dict(getattr(patient, CACHE, {}))
    prefetch_related_objects([known], "numbers")
    return known


def facts_of(patient: Patient) -> dict[str, Any]:
    """What a correction may change, as it stands. The names are those of `correct_patient`."""
    patient = _with_numbers(patient)
    return {
        "family_name": patient.family_name,
        "given_names": patient.given_names,
        "birth_date": patient.birth_date.isoformat(),
        "sex": patient.sex,
        "nhs_number": patient.nhs_number,
        "nhs_number_status": patient.nhs_number_status,
        "is_deceased": patient.is_deceased,
        "local_numbers": patient.all_local_numbers,
    }


def version_of(patient: Patient) -> str:
    """What names the facts a correction was begun on: sha256, of no use to guess them by."""
    told = json.dumps([patient.public_id, facts_of(patient)], sort_keys=True, default=asdict)
    return sha256(told.encode()).hexdigest()
