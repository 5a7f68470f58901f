"""What is typed to add a case. Wrong input keeps its place, with a sentence and a code."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from imaging.identity import digits_of, is_nhs_number
from mdt.laterality import Laterality
from mdt.referrals import nhs_number
from mdt.referrals.models import Patient

OLDEST_YEARS = 125
INPUT = {"class": "nhsuk-input", "autocomplete": "off", "spellcheck": "false"}
BIRTH_DATE_FORMATS = (
    *("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %m %Y", "%d%m%Y"),
    *("%d %b %Y", "%d %B %Y", "%Y-%m-%d"),
)


class NhsNumberField(forms.CharField):
    """Ten digits with their check digit; spaces do not matter.

    Numbers of the test range belong to the demo, and everybody else's do not.
    """

    def __init__(self, **options: Any) -> None:
        required = {"required": "Type the NHS number."}
        super().__init__(max_length=40, label="NHS number", error_messages=required, **options)

    def clean(self, value: Any) -> str:
        number = digits_of(super().clean(value))
        if len(number) != 10 or not (number.isascii() and number.isdigit()):
            raise ValidationError("An NHS number has 10 digits.", code="nhs_number.digits")
        if not is_nhs_number(number):
            text = "This is not an NHS number: its last digit does not fit. Look for a slip."
            raise ValidationError(text, code="nhs_number.check_digit")
        _check_range(number)
        return number


def _check_range(number: str) -> None:
    is_test = number.startswith(nhs_number.TEST_RANGE)
    if is_test and not settings.DEMO:
        text = "Numbers that begin with 999 are for training only."
        raise ValidationError(text, code="nhs_number.training_only")
    if settings.DEMO and not is_test:
        text = "This is the demo: use a number that begins with 999, never a real one."
        raise ValidationError(text, code="nhs_number.demo_only")


class BirthDateField(forms.DateField):
    """A day in the past as people in the UK write it: 12 3 1957, 12/03/1957, 12 Mar 1957."""

    def __init__(self, **options: Any) -> None:
        errors = {
            "required": "Type the birth date.",
            "invalid": "This is not a date. Write it like 12 3 1957.",
        }
        super().__init__(
            input_formats=BIRTH_DATE_FORMATS,
            label="Birth date",
            error_messages=errors,
            widget=forms.TextInput(attrs=INPUT),
            **options,
        )

    def clean(self, value: Any) -> date:
        birth_date: date = super().clean(" ".join(str(value or "").split()))
        today = timezone.localdate()
        if birth_date > today:
            raise ValidationError("The birth date is in the future.", code="birth_date.future")
        if birth_date.year < today.year - OLDEST_YEARS:
            raise ValidationError("Nobody is as old as that.", code="birth_date.too_old")
        return birth_date


class NumberForm(forms.Form):
    """The one line that begins a case."""

    nhs_number = NhsNumberField(
        widget=forms.TextInput(attrs=INPUT | {"inputmode": "numeric", "size": 14})
    )


class QuestionForm(forms.Form):
    """What the team is asked. `event_id` makes a second Enter harmless."""

    event_id = forms.UUIDField(widget=forms.HiddenInput)
    nhs_number = NhsNumberField(widget=forms.HiddenInput)
    question = forms.CharField(
        label="Question for the team",
        max_length=1000,
        error_messages={"required": "Type the question for the team."},
        widget=forms.TextInput(attrs=INPUT | {"spellcheck": "true"}),
    )
    laterality = forms.ChoiceField(
        label="Side",
        choices=Laterality.choices,
        error_messages={"required": "Say which side, or that it is not known."},
        widget=forms.RadioSelect(attrs={"class": "nhsuk-radios__input"}),
    )


class KnownPatientForm(QuestionForm):
    """The question about a patient who is known, as the coordinator was shown them.

    `birth_date` is what was on the screen at the confirmation; the record is held against it again.
    """

    birth_date = forms.DateField(widget=forms.HiddenInput)


class NewPatientForm(QuestionForm):
    """Somebody who is not known here yet, and the question about them."""

    family_name = forms.CharField(
        max_length=100,
        error_messages={"required": "Type the family name."},
        widget=forms.TextInput(attrs=INPUT),
    )
    given_names = forms.CharField(
        max_length=100,
        error_messages={"required": "Type the given names."},
        widget=forms.TextInput(attrs=INPUT),
    )
    birth_date = BirthDateField()
    sex = forms.ChoiceField(
        choices=[("", "Choose"), *Patient.Sex.choices],
        error_messages={"required": "Choose the sex."},
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
