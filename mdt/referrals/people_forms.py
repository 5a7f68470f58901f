"""Who is named in a referral, and whether they alone may see its case."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from mdt.members import Person
from mdt.referrals.models import Referral
from mdt.teams.queries import people_to_name

ROLES = Referral.ROLES


class _ChosenOnly(forms.Select):
    """Nobody, or the person who is chosen: the others are found by name."""

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> list[Any]:
        people = people_to_name().filter(public_id__in=filter(_is_public_id, value))
        told = [("", "Nobody"), *((one.public_id, described(one)) for one in people)]
        options = [
            self.create_option(name, one, label, one in value, at)
            for at, (one, label) in enumerate(told)
        ]
        return [(None, options, 0)]


class PersonField(forms.ModelChoiceField):
    """Somebody who may be named, by public id."""

    def __init__(self, label: str) -> None:
        wrong = {"invalid_choice": "Choose a person from those found."}
        super().__init__(
            people_to_name(),
            label=label,
            required=False,
            to_field_name="public_id",
            error_messages=wrong,
            widget=_ChosenOnly(attrs={"class": "nhsuk-select"}),
        )

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value and not _is_public_id(value):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().to_python(value)


def _is_public_id(value: str) -> bool:
    """It has letters and digits only. (PostgreSQL breaks on a NUL.)"""
    return value.isascii() and value.isalnum()


class PeopleForm(forms.Form):
    """Three people at most. `named` takes their place: those who are chosen, by role."""

    PEOPLE: ClassVar = (*ROLES, "is_restricted")

    referrer = PersonField("Referrer")
    responsible_consultant = PersonField("Responsible consultant")
    key_worker = PersonField("Key worker")
    is_restricted = forms.BooleanField(
        label="Restricted: only the people named here may see this case",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "nhsuk-checkboxes__input"}),
    )

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        chosen = {role: typed.pop(role, None) for role in ROLES}
        typed["named"] = {role: person for role, person in chosen.items() if person}
        if typed.get("is_restricted") and not typed["named"]:
            text = "Name who may see the case: nobody could."
            self.add_error("is_restricted", ValidationError(text, code="case.nobody_named"))
        return typed

    @property
    def people(self) -> list[forms.BoundField]:
        return [self[role] for role in ROLES]


class NamingForm(PeopleForm):
    """The same of a case that is listed. `if_version` is that of what was on the screen."""

    if_version = forms.CharField(widget=forms.HiddenInput)


def described(person: Person) -> str:
    """Enough to choose one by: 'Dr Ruth Osei, R0A'."""
    return f"{person.shown_name}, {person.home_trust_ods_code}"
