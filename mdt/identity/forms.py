"""What an imaging team decides with."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from imaging.models import IdentityDecision

_Verdict = IdentityDecision.Verdict
_RADIO = forms.RadioSelect(attrs={"class": "nhsuk-radios__input"})


def _reasons(what: str) -> list[Any]:
    """By verdict, in the words of what is decided on."""
    return [
        ("", "Choose"),
        *(
            (verdict.label, [(one.value, one.label.replace("study", what)) for one in reasons])
            for verdict, reasons in IdentityDecision.REASONS_OF.items()
        ),
    ]


class DecisionForm(forms.Form):
    """One of two verdicts, each with a reason of its own. `seen` names what was shown."""

    seen = forms.CharField(widget=forms.HiddenInput)
    verdict = forms.ChoiceField(
        label="Decision",
        choices=_Verdict.choices,
        error_messages={"required": "Say whether it is the same person."},
        widget=_RADIO,
    )
    reason = forms.ChoiceField(
        choices=_reasons("study"),
        error_messages={"required": "Choose the reason."},
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    note = forms.CharField(
        label="Note (optional)",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "nhsuk-input", "autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if {"verdict", "reason"} <= typed.keys():
            reasons = IdentityDecision.REASONS_OF[_Verdict(typed["verdict"])]
            if typed["reason"] not in reasons:
                text = "This reason belongs to the other decision."
                self.add_error("reason", ValidationError(text, code="identity.other_reason"))
        return typed


class ReportDecisionForm(DecisionForm):
    """The same of a report."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["reason"].choices = _reasons("report")  # type: ignore[attr-defined]


class ObjectionForm(forms.Form):
    """The trust whose studies and reports a patient does not want shared."""

    trust = forms.ChoiceField(
        label="The patient objects to sharing by",
        error_messages={"required": "Choose the trust."},
        widget=forms.Select(attrs={"class": "nhsuk-select"}),
    )
    is_sure = forms.BooleanField(
        label="The patient has said so",
        error_messages={"required": "Tick that the patient has said so."},
        widget=forms.CheckboxInput(attrs={"class": "nhsuk-checkboxes__input"}),
    )

    def __init__(self, *args: Any, trusts: list[tuple[str, str]], **kw: Any) -> None:
        super().__init__(*args, **kw)
        choices = [("", "Choose the trust"), *trusts]
        self.fields["trust"].choices = choices  # type: ignore[attr-defined]
