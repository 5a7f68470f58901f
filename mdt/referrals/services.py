"""Patients made known, and referrals received. Writes only."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from django.db import transaction

from mdt.audit.models import AuditEvent
from mdt.audit.services import record, record_once_a_day
from mdt.errors import Conflict, NumberTaken, WrongState
from mdt.laterality import Laterality
from mdt.members import Person
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Objection, Patient, PatientNumber, Referral
from mdt.referrals.queries import facts_of, patient_known_as, patient_with, version_of

Action = AuditEvent.Action
_NOT_TRACED, _WITHOUT_NUMBER = Patient.NhsNumberStatus.NOT_TRACED, Patient.STATUS_WITHOUT_NUMBER
LOCAL_TAKEN = "This local number is known here as somebody else's. Look for a slip."


@transaction.atomic
def look_up_patient(
    *, nhs_number: str, by: Person, local: LocalNumber | None = None
) -> Patient | None:
    """Who is known by a number, as `patient_with`: somebody asked, that is on record either way."""
    patient = patient_with(nhs_number, local)
    record(Action.PATIENT_LOOKED_UP, by=by, target=patient, known="yes" if patient else "no")
    return patient


@transaction.atomic
def look_at_patient(
    *, nhs_number: str, by: Person, local: LocalNumber | None = None
) -> Patient | None:
    """The same for the steps after that: who was found is on record once a person and day."""
    patient = patient_with(nhs_number, local)
    if patient is None:
        record(Action.PATIENT_LOOKED_UP, by=by, target=None, known="no")
    else:
        record_once_a_day(Action.PATIENT_LOOKED_UP, by=by, target=patient, known="yes")
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
    nhs_number_status: str = "",
    local: LocalNumber | None = None,
) -> Patient:
    """Make a patient known, or return the one known by this number and birth date.

    The number (10 digits, checked by the form) is one that was given by the referrer: it is
    present and not traced. Where there is none, the status says why, and a trust's own number is
    what the patient is known by. Raises OtherBirthDate, NumberTaken, and WrongState where there is
    neither.
    """
    if known := patient_known_as(nhs_number, birth_date, local):
        return known
    if not nhs_number and (local is None or nhs_number_status not in _WITHOUT_NUMBER):
        raise WrongState("Say why there is no NHS number, and give a number of a trust.")
    patient = Patient.objects.create(
        family_name=family_name,
        given_names=given_names,
        birth_date=birth_date,
        sex=sex,
        nhs_number_status=_NOT_TRACED if nhs_number else nhs_number_status,
    )
    if nhs_number:
        patient.numbers.create(issuer=PatientNumber.Issuer.NHS, value=nhs_number)
    if local:
        _set_local_numbers(patient, [local])
    record(Action.PATIENT_REGISTERED, by=by, target=patient)
    return patient


@transaction.atomic
def correct_patient(
    *,
    patient: Patient,
    family_name: str,
    given_names: str,
    birth_date: date,
    sex: str,
    nhs_number: str,
    nhs_number_status: str,
    is_superseded: bool,
    if_version: str,
    by: Person,
    is_deceased: bool | None = None,
    local_numbers: Iterable[LocalNumber] | None = None,
) -> list[str]:
    """Put right who a patient is; returns the names of what changed, none for a second Enter.

    A number that took the place of another `is_superseded` by says so: studies under the older
    one stay this patient's. Otherwise the older one was wrong, and counts for nothing any more.
    No number needs a status that can stand without one. `local_numbers` are all there are from now
    on, superseded ones among them; None, there and of `is_deceased`: as it stands. What is stored
    of the patient is to be held against the correction by whoever calls this.

    Raises
    ------
    Conflict
        Somebody corrected the patient since: `if_version` is not what is on record.
    NumberTaken
        A number is somebody else's, or one of this patient's that was superseded.
    WrongState
        There is no number, and no reason for that; or a trust's numbers are all superseded, or two
        of them count.
    """
    now = facts_of(patient)
    new: dict[str, Any] = {
        "family_name": family_name,
        "given_names": given_names,
        "birth_date": birth_date.isoformat(),
        "sex": sex,
        "nhs_number": nhs_number,
        "nhs_number_status": nhs_number_status,
        "is_deceased": now["is_deceased"] if is_deceased is None else is_deceased,
        "local_numbers": now["local_numbers"] if local_numbers is None else _sorted(local_numbers),
    }
    changed = [name for name, value in new.items() if value != now[name]]
    if not changed:
        return []
    if if_version != version_of(patient):
        raise Conflict("Somebody else has corrected this patient since. Look again.")
    if not nhs_number and nhs_number_status not in _WITHOUT_NUMBER:
        raise WrongState("Say why there is no NHS number.")
    _set_nhs_number(patient, nhs_number, is_superseded)
    if "local_numbers" in changed:
        _set_local_numbers(patient, new["local_numbers"])
    del new["nhs_number"], new["local_numbers"]
    Patient.objects.filter(pk=patient.pk).update(**new)
    patient.refresh_from_db()
    record(Action.PATIENT_CORRECTED, by=by, target=patient, changed=",".join(changed))
    return changed


@transaction.atomic
def learn_local_number(*, patient: Patient, local: LocalNumber, by: Person) -> bool:
    """Write down a number a trust gave the patient; whether it is new.

    Raises NumberTaken where it is somebody else's, or another of that trust counts: what is on
    record is put right by a correction, never by the way.
    """
    known_as = patient_with("", local)
    if known_as == patient:
        return False
    if known_as:
        raise NumberTaken(LOCAL_TAKEN)
    if local.trust in patient.local_numbers:
        raise NumberTaken("Another number of this trust is on record: correct the patient's data.")
    _set_local_numbers(patient, [*patient.all_local_numbers, local])
    record(Action.PATIENT_CORRECTED, by=by, target=patient, changed="local_numbers")
    return True


@transaction.atomic
def record_objection(*, patient: Patient, trust_ods_code: str, by: Person) -> bool:
    """Write down that a patient objects to one trust's studies and reports being shared.

    Whether that is new. What is on its way, and who looks now, is its caller's to see to.
    """
    _, is_new = Objection.objects.get_or_create(patient=patient, trust_ods_code=trust_ods_code)
    if is_new:
        record(Action.OBJECTION_RECORDED, by=by, target=patient, trust=trust_ods_code)
    return is_new


def _set_nhs_number(patient: Patient, number: str, is_superseded: bool) -> None:
    """The row that counts takes the new number; what it held is kept only if it was this person's.

    In this order: at no moment do two numbers count.
    """
    numbers = patient.numbers.filter(issuer=PatientNumber.Issuer.NHS)
    row = numbers.filter(superseded_by=None).first()
    older = row.value if row else ""
    if number == older:
        return
    if number and patient_with(number):
        raise NumberTaken("This NHS number is known here already. Look for a slip.")
    if not number:
        numbers.delete()
    elif row is None:
        patient.numbers.create(issuer=PatientNumber.Issuer.NHS, value=number)
    else:
        row.value = number
        row.save(update_fields=["value"])
    if number and older and is_superseded:
        nhs = PatientNumber.Issuer.NHS
        patient.numbers.create(issuer=nhs, value=older, superseded_by=row)


def _sorted(numbers: Iterable[LocalNumber]) -> list[LocalNumber]:
    """Each once, in the order of `Patient.all_local_numbers`."""
    return sorted(set(numbers), key=lambda one: (one.trust, one.is_superseded, one.value))


def _set_local_numbers(patient: Patient, numbers: Iterable[LocalNumber]) -> None:
    """All of them anew, trust by trust: one that counts, and those it superseded."""
    local = PatientNumber.Issuer.LOCAL
    patient.numbers.filter(issuer=local).delete()
    by_trust: dict[str, list[LocalNumber]] = {}
    for number in numbers:
        if patient_with("", number):
            raise NumberTaken(LOCAL_TAKEN)
        by_trust.setdefault(number.trust, []).append(number)
    for trust, own in by_trust.items():
        counts = [one.value for one in own if not one.is_superseded]
        older = [one.value for one in own if one.is_superseded]
        if len(counts) != 1 or counts[0] in older:
            raise WrongState("At each trust one local number counts; others are superseded by it.")
        facts = {"issuer": local, "trust_ods_code": trust}
        row = patient.numbers.create(**facts, value=counts[0])
        for value in older:
            patient.numbers.create(**facts, value=value, superseded_by=row)


@transaction.atomic
def refer(
    *,
    patient: Patient,
    question: str,
    laterality: str,
    by: Person,
    named: Mapping[str, Person] = MappingProxyType({}),
) -> Referral:
    """Receive a request that a patient be discussed, with the question to the team.

    `named` are people by their part in it (Referral.ROLES), where they are known.
    """
    referral = Referral.objects.create(
        patient=patient, question=question, laterality=Laterality(laterality), **named
    )
    told = {role: person.public_id for role, person in named.items()}
    record(Action.REFERRED, by=by, target=referral, **told)
    return referral
