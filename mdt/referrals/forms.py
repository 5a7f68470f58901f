"""What is typed to add a case. Wrong input keeps its place, with a sentence and a code."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from imaging.identity_numbers import digits_of, is_nhs_number
from mdt.laterality import Laterality
from mdt.referrals import nhs_number
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient
from mdt.referrals.people_forms import PeopleForm
from mdt.teams.queries import trusts_by_code

OLDEST_YEARS = 125
MORE_NUMBERS = 2  # rows for numbers that are not on record yet
INPUT = {"class": "nhsuk-input", "autocomplete": "off", "spellcheck": "false"}
_NOBODY: dict[str, Any] = {"nhs_number": "", "local": None}
BIRTH_DATE_FORMATS = (
    *("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %m %Y", "%d%m%Y"),
    *("%d %b %Y", "%d %B %Y", "%Y-%m-%d"),
)


class NhsNumberField(forms.CharField):
    """Ten digits with their check digit; spaces do not matter.

    Numbers of the test range belong to the demo, and everybody else's do not.
    """

    def __init__(self, **options: Any) -> None:
        words = {"required": "Type the NHS number."}
        super().__init__(max_length=40, label="NHS number", error_messages=words, **options)

    def clean(self, value: Any) -> str:
        number = digits_of(super().clean(value))
        if not number and not self.required:
            return ""
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


def trust_choices() -> list[tuple[str, str]]:
    """Every trust; asked anew for each form."""
    return [("", "Choose the trust"), *((c, str(t)) for c, t in trusts_by_code().items())]


class LocalNumberField(forms.CharField):
    """A number as its trust prints it, in capitals: what archives are asked with."""

    def __init__(self, **options: Any) -> None:
        widget = options.pop("widget", None) or forms.TextInput(attrs=INPUT)
        super().__init__(max_length=40, widget=widget, **options)

    def clean(self, value: Any) -> str:
        number = " ".join(str(super().clean(value)).split()).upper()
        if is_nhs_number(digits_of(number)):
            text = "This is an NHS number: it has a place of its own."
            raise ValidationError(text, code="local_number.nhs_number")
        if not re.fullmatch(r"([A-Z0-9][A-Z0-9 ./:_-]*)?", number):  # a * asks for everybody
            text = "A local number has letters and digits."
            raise ValidationError(text, code="local_number.letters")
        return number


class NameField(forms.CharField):
    """A part of a name. `missing` is what is said where it is not typed."""

    def __init__(self, missing: str) -> None:
        words = {"required": missing}
        widget = forms.TextInput(attrs=INPUT)
        super().__init__(max_length=100, error_messages=words, widget=widget)


class NumberForm(forms.Form):
    """The one line that begins a case."""

    nhs_number = NhsNumberField(
        widget=forms.TextInput(attrs=INPUT | {"inputmode": "numeric", "size": 14})
    )


class LocalNumberForm(forms.Form):
    """The line that begins a case without an NHS number: a trust, and its number."""

    trust = forms.ChoiceField(
        choices=trust_choices,
        error_messages={"required": "Choose the trust that gave the number."},
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    local_number = LocalNumberField(
        error_messages={"required": "Type the patient's number at this trust."}
    )

    @property
    def local(self) -> LocalNumber:
        return LocalNumber(self.cleaned_data["trust"], self.cleaned_data["local_number"])


class WhoForm(forms.Form):
    """Who a step is about: an NHS number; without one, a trust and its number for the patient.

    Beside an NHS number, a trust's number is one more that may be known.
    """

    nhs_number = NhsNumberField(required=False, widget=forms.HiddenInput)
    trust = forms.ChoiceField(
        choices=trust_choices,
        required=False,
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    local_number = LocalNumberField(label="Number there", required=False)

    def clean(self) -> dict[str, Any]:
        """`local` takes the place of its two parts."""
        typed: dict[str, Any] = super().clean() or {}
        trust, number = typed.pop("trust", ""), typed.pop("local_number", "")
        typed["local"] = LocalNumber(trust, number) if trust and number else None
        if number and not trust and "trust" not in self.errors:
            text = "Choose the trust that gave this number."
            self.add_error("trust", ValidationError(text, code="local_number.no_trust"))
        if trust and not number and "local_number" not in self.errors:
            text = "Type the patient's number at this trust, or choose no trust."
            self.add_error("local_number", ValidationError(text, code="local_number.none"))
        return typed

    @property
    def who(self) -> dict[str, Any]:
        """As the record is asked for them."""
        return {name: self.cleaned_data.get(name) or empty for name, empty in _NOBODY.items()}

    @property
    def is_by_local_number(self) -> bool:
        return not self["nhs_number"].value()


class QuestionForm(WhoForm, PeopleForm):
    """What the team is asked. `event_id` makes a second Enter harmless."""

    event_id = forms.UUIDField(widget=forms.HiddenInput)
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

    @property
    def has_more(self) -> bool:
        """Whether anything stands in what is folded away while it is empty."""
        number = () if self.is_by_local_number else ("trust", "local_number")
        names = (*number, *self.PEOPLE)
        return any(self[name].value() or self[name].errors for name in names)


class KnownPatientForm(QuestionForm):
    """The question about a patient who is known, as the coordinator was shown them.

    `birth_date` is what was on the screen at the confirmation; the record is held against it again.
    """

    birth_date = forms.DateField(widget=forms.HiddenInput)


class NewPatientForm(QuestionForm):
    """Somebody who is not known here yet, and the question about them.

    Without an NHS number they have a reason for that, and a number of a trust.
    """

    family_name = NameField("Type the family name.")
    given_names = NameField("Type the given names.")
    birth_date = BirthDateField()
    sex = forms.ChoiceField(
        choices=[("", "Choose"), *Patient.Sex.choices],
        error_messages={"required": "Choose the sex."},
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    nhs_number_status = forms.ChoiceField(
        label="Why there is no NHS number",
        choices=[
            ("", "Choose"),
            *((one.value, one.label) for one in Patient.STATUS_WITHOUT_NUMBER),
        ],
        required=False,
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        if typed.get("nhs_number") == "" and "nhs_number_status" in typed:
            if not typed["nhs_number_status"]:
                text = "Choose why there is no NHS number."
                self.add_error("nhs_number_status", ValidationError(text, code="required"))
            if typed["local"] is None and "trust" not in self.errors:
                text = "Without an NHS number, a number of a trust is needed."
                self.add_error("trust", ValidationError(text, code="local_number.needed"))
        return typed


class LocalNumberRow(forms.Form):
    """One number of one trust. An empty one is none: what was wrong is emptied."""

    trust = forms.ChoiceField(
        choices=trust_choices,
        required=False,
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    value = LocalNumberField(label="Local number", required=False)
    is_superseded = forms.TypedChoiceField(
        label="Status",
        choices=[("no", "counts"), ("yes", "superseded")],
        coerce=lambda chosen: chosen == "yes",
        initial="no",
        required=False,
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if typed.get("value") and typed.get("trust") == "":
            text = "Choose the trust that gave this number."
            self.add_error("trust", ValidationError(text, code="local_number.no_trust"))
        return typed

    @property
    def number(self) -> LocalNumber | None:
        typed = self.cleaned_data
        is_older = typed.get("is_superseded") or False
        return LocalNumber(typed["trust"], typed["value"], is_older) if typed.get("value") else None


class CorrectionForm(forms.Form):
    """Who a patient is, put right. `if_version` is that of the facts that were on the screen.

    `known` are the local numbers on record: each has a row, and there are rows for more.
    """

    if_version = forms.CharField(widget=forms.HiddenInput)
    family_name = NameField("Type the family name.")
    given_names = NameField("Type the given names.")
    birth_date = BirthDateField()
    sex = forms.ChoiceField(
        choices=Patient.Sex.choices, widget=forms.Select(attrs={"class": "nhsuk-select"})
    )
    nhs_number = NhsNumberField(
        required=False,
        widget=forms.TextInput(attrs=INPUT | {"inputmode": "numeric", "size": 14}),
    )
    nhs_number_status = forms.ChoiceField(
        label="NHS number status",
        choices=Patient.NhsNumberStatus.choices,
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    is_superseded = forms.TypedChoiceField(
        label="If the NHS number changes, the one until now",
        choices=[("no", "was wrong"), ("yes", "was this person's, and is superseded")],
        coerce=lambda chosen: chosen == "yes",
        initial="no",
        widget=forms.RadioSelect(attrs={"class": "nhsuk-radios__input"}),
    )

    is_deceased = forms.BooleanField(
        label="This patient has died",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "nhsuk-checkboxes__input"}),
    )

    def __init__(self, *args: Any, known: Sequence[LocalNumber] = (), **kw: Any) -> None:
        super().__init__(*args, **kw)
        data = self.data if self.is_bound else None
        rows = [*known, *[None] * MORE_NUMBERS]
        self.numbers = [
            LocalNumberRow(data, prefix=f"local-{at}", initial=_row(one))
            for at, one in enumerate(rows)
        ]

    def clean(self) -> dict[str, Any]:
        """No number needs its reason, and a number a status that has one."""
        typed: dict[str, Any] = super().clean() or {}
        if all([row.is_valid() for row in self.numbers]):  # all of them: each says what is wrong
            typed["local_numbers"] = [row.number for row in self.numbers if row.number]
        else:
            self.add_error(None, ValidationError("Look at the numbers of trusts.", code="rows"))
        is_without = typed.get("nhs_number_status") in Patient.STATUS_WITHOUT_NUMBER
        if typed.get("nhs_number") == "" and not is_without:
            text = "Choose the status that says why there is no NHS number."
            self.add_error("nhs_number_status", ValidationError(text, code="nhs_number.no_reason"))
        return typed


def _row(number: LocalNumber | None) -> dict[str, str]:
    if number is None:
        return {}
    is_superseded = "yes" if number.is_superseded else "no"
    return {"trust": number.trust, "value": number.value, "is_superseded": is_superseded}
