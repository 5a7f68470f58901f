import re

from django import forms

from mdt.meetings.models import ImageRequest


class MoveForm(forms.Form):
    """Where a case is to go, and where its mover saw it; both from 1."""

    to = forms.IntegerField(min_value=0, max_value=1000)
    if_position = forms.IntegerField(min_value=0, max_value=1000)


class ReasonForm(forms.Form):
    """Why a study is chosen or left out by hand; it may be left empty."""

    reason = forms.CharField(max_length=200, required=False)


class ImageStepForm(forms.Form):
    """One step of a request for images; a day goes with a promise, a reason with "not coming"."""

    to = forms.ChoiceField(choices=ImageRequest.State.choices)
    promised_for = forms.DateField(required=False)
    reason = forms.CharField(max_length=200, required=False)
    event_id = forms.UUIDField()


class TickForm(forms.Form):
    """Who, by public id, and whether they are in the physical room."""

    person = forms.CharField(max_length=40)
    is_here = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])


class CodeForm(forms.Form):
    """The check-in code as people type it: '482 913' is 482913."""

    code = forms.CharField(
        label="Code on the screen",
        max_length=20,
        error_messages={"required": "Type the six digits on the screen."},
        widget=forms.TextInput(
            attrs={
                "class": "nhsuk-input lb-check-in__code",
                "inputmode": "numeric",
                "autocomplete": "off",
                "autofocus": True,
            }
        ),
    )

    def clean_code(self) -> str:
        code = re.sub(r"[\s-]", "", self.cleaned_data["code"])
        if not re.fullmatch("[0-9]{6}", code):
            raise forms.ValidationError(
                "The code has six digits, such as 482 913.", code="check_in.not_six_digits"
            )
        return code
