from django import forms

from mdt.outcomes.models import OutcomeStep


class StepForm(forms.Form):
    """One step with the version shown. `event_id` makes a second press the same one."""

    kind = forms.ChoiceField(choices=OutcomeStep.Kind.choices)
    event_id = forms.UUIDField()
