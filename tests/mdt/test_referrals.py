"""What is typed to add a case, and the patients it makes known."""

from datetime import date, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from imaging.identity_numbers import is_nhs_number
from mdt.audit.models import AuditEvent
from mdt.errors import OtherBirthDate
from mdt.referrals.forms import NewPatientForm, NumberForm
from mdt.referrals.models import Patient, PatientNumber
from mdt.referrals.queries import patient_known_as, sought_of
from mdt.referrals.services import look_up_patient, register_patient
from tests.factories import PatientNumberFactory


@pytest.fixture
def demo(settings):
    settings.DEMO = True


def refused(form, name):
    form.is_valid()
    return [error.code for error in form.errors.as_data().get(name, [])]


@pytest.mark.parametrize(
    "typed",
    ["9990000018", "999 000 0018", " 999 0000 018 ", "999-000-0018", "999\u00a0000\u00a00018"],
)
def test_an_nhs_number_is_taken_however_it_is_spaced(typed, demo):
    form = NumberForm({"nhs_number": typed})
    assert form.is_valid()
    assert form.cleaned_data["nhs_number"] == "9990000018"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "required"),
        ("999 000 001", "nhs_number.digits"),
        ("99900000181", "nhs_number.digits"),
        ("999000001a", "nhs_number.digits"),
        ("\u0669\u0669\u0669\u0660\u0660\u0660\u0660\u0660\u0661\u0668", "nhs_number.digits"),
        ("999 000 0019", "nhs_number.check_digit"),
        ("943 476 5919", "nhs_number.demo_only"),
        ("9990000018\x00", "null_characters_not_allowed"),
    ],
)
def test_a_wrong_number_is_refused_with_a_code(typed, code, demo):
    assert refused(NumberForm({"nhs_number": typed}), "nhs_number") == [code]


@pytest.mark.parametrize(
    ("typed", "codes"), [("9990000018", ["nhs_number.training_only"]), ("9434765919", [])]
)
def test_outside_the_demo_training_numbers_are_refused(typed, codes, settings):
    settings.DEMO = False
    assert refused(NumberForm({"nhs_number": typed}), "nhs_number") == codes


@given(
    st.text(alphabet="0123456789", min_size=10, max_size=10), st.integers(0, 9), st.integers(1, 9)
)
def test_one_wrong_digit_never_passes(number, place, slip):
    digit = (int(number[place]) + slip) % 10
    other = f"{number[:place]}{digit}{number[place + 1 :]}"
    assert not (is_nhs_number(number) and is_nhs_number(other))


@pytest.mark.parametrize(
    "typed",
    [
        "12/03/1957",
        "12 3 1957",
        "12.3.1957",
        "12-03-1957",
        "12031957",
        "12 Mar 1957",
        "12 March 1957",
        "1957-03-12",
        " 12  3 1957 ",
    ],
)
def test_a_birth_date_is_taken_as_people_write_it(typed):
    form = NewPatientForm({"birth_date": typed})
    form.is_valid()
    assert form.cleaned_data["birth_date"] == date(1957, 3, 12)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "required"),
        ("31 2 1957", "invalid"),
        ("3/12/57", "invalid"),
        ("yesterday", "invalid"),
        ("1 1 1850", "birth_date.too_old"),
        (f"{timezone.localdate() + timedelta(days=1):%d %m %Y}", "birth_date.future"),
    ],
)
def test_a_wrong_birth_date_is_refused_with_a_code(typed, code):
    assert refused(NewPatientForm({"birth_date": typed}), "birth_date") == [code]


@pytest.mark.parametrize(
    "missing", ["family_name", "given_names", "birth_date", "sex", "question", "laterality"]
)
def test_nothing_about_a_new_patient_may_be_left_out(missing):
    assert refused(NewPatientForm({}), missing) == ["required"]


@pytest.mark.django_db
def test_somebody_who_is_registered_twice_is_one_patient(chair):
    given_by_referrer = {
        "nhs_number": "9990000018",
        "family_name": "KHAN",
        "given_names": "Amina",
        "birth_date": date(1957, 3, 12),
        "sex": "F",
    }
    first = register_patient(**given_by_referrer, by=chair)
    assert register_patient(**given_by_referrer, by=chair) == first
    assert first.nhs_number_status == Patient.NhsNumberStatus.NOT_TRACED
    assert AuditEvent.objects.get().action == "patient.registered"


@pytest.mark.django_db
def test_a_number_is_not_given_to_a_second_person(chair):
    known = PatientNumberFactory().patient
    assert patient_known_as("9990000018", known.birth_date) == known
    with pytest.raises(OtherBirthDate) as refusal:
        patient_known_as("9990000018", date(1990, 1, 1))
    assert "9990000018" not in str(refusal.value)
    assert patient_known_as("9990000026", date(1990, 1, 1)) is None


@pytest.mark.django_db
def test_looking_somebody_up_is_on_record_without_their_number(chair):
    patient = PatientNumberFactory().patient
    assert look_up_patient(nhs_number="9990000018", by=chair) == patient
    assert look_up_patient(nhs_number="9990000026", by=chair) is None
    first, second = AuditEvent.objects.order_by("pk")
    assert first.target == f"mdt.Patient:{patient.public_id}"
    assert (second.target, second.detail) == ("", {"known": "no"})


@pytest.mark.django_db
def test_archives_are_asked_with_every_number_there_is():
    patient = PatientNumberFactory().patient
    PatientNumber.objects.create(
        patient=patient, issuer="local", trust_ods_code="RBV", value="C228190"
    )
    sought = sought_of(patient)
    assert (sought.nhs_number, sought.local_numbers) == ("9990000018", {"RBV": "C228190"})
    assert (sought.family_name, sought.birth_date, sought.sex) == ("KHAN", "1957-03-12", "F")
