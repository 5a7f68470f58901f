from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from mdt.members import Person
from mdt.referrals.forms import BIRTH_DATE_FORMATS
from mdt.teams.models import Team
from mdt.teams.queries import teams_kept_by

LONGEST_MINUTES = 600
INPUT = {"class": "nhsuk-input nhsuk-input--width-10", "autocomplete": "off"}
SELECT = {"class": "nhsuk-select"}


class MeetingForm(forms.Form):
    """Which of a person's teams meets, on which day, when and for how long; London's time."""

    team = forms.ModelChoiceField(
        Team.objects.none(),
        to_field_name="public_id",
        empty_label=None,
        error_messages={"required": "Choose the team."},
        widget=forms.Select(attrs=SELECT),
    )
    day = forms.DateField(
        label="Day",
        input_formats=BIRTH_DATE_FORMATS,
        error_messages={
            "required": "Type the day, such as 12 3 2027.",
            "invalid": "Type the day as 12 3 2027.",
        },
        widget=forms.TextInput(attrs=INPUT | {"autofocus": True}),
    )
    starts = forms.TimeField(
        label="From",
        input_formats=["%H:%M", "%H.%M", "%H%M"],
        error_messages={
            "required": "Type the time, such as 14:00.",
            "invalid": "Type the time as 14:00.",
        },
        widget=forms.TextInput(attrs=INPUT),
    )
    minutes = forms.IntegerField(
        label="Minutes",
        min_value=5,
        max_value=LONGEST_MINUTES,
        initial=120,
        error_messages={"required": "Type how many minutes it is planned for."},
        widget=forms.TextInput(attrs=INPUT | {"inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, by: Person, **options: Any) -> None:
        super().__init__(*args, **options)
        team = self.fields["team"]
        assert isinstance(team, forms.ModelChoiceField)  # noqa: S101
        team.queryset = teams_kept_by(by, timezone.localdate())

    @property
    def starts_at(self) -> datetime:
        day, starts = self.cleaned_data["day"], self.cleaned_data["starts"]
        return timezone.make_aware(datetime.combine(day, time(starts.hour, starts.minute)))
