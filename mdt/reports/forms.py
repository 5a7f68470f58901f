from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone

from mdt.reports.arrived import Arrived, Claimed
from mdt.reports.models import Kind, Status

BROUGHT = [(one.value, one.label) for one in (Status.FINAL, Status.PRELIMINARY, Status.AMENDED)]
EMPTY = "Paste its text, or choose its PDF."
KINDS = [(Kind.IMAGING.value, "Imaging"), (Kind.PATHOLOGY.value, "Pathology")]
WIDE, SELECT = {"class": "nhsuk-input"}, {"class": "nhsuk-select"}
RADIO = {"class": "nhsuk-radios__input"}


class BringForm(forms.Form):
    """A report as somebody brings it: its text as pasted, or its PDF."""

    kind = forms.ChoiceField(
        label="Kind",
        choices=KINDS,
        widget=forms.RadioSelect(RADIO),
        error_messages={"required": "Say of which kind it is."},
    )
    status = forms.ChoiceField(
        label="Status",
        choices=BROUGHT,
        widget=forms.RadioSelect(RADIO),
        error_messages={"required": "Say how far it is, as the report itself does."},
    )
    trust = forms.ChoiceField(
        label="Reported by",
        widget=forms.Select(SELECT),
        error_messages={"required": "Say which trust reported."},
    )
    of = forms.ChoiceField(label="This is", required=False, widget=forms.Select(SELECT))
    issued_on = forms.DateField(
        label="Issued on",
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        widget=forms.DateInput({**WIDE, "type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "A day is like 24/11/2026.", "required": "Say which day."},
    )
    issued_time = forms.TimeField(
        label="At, if known",
        required=False,
        widget=forms.TimeInput({**WIDE, "type": "time"}, format="%H:%M"),
        error_messages={"invalid": "A time is like 14:05."},
    )
    number = forms.CharField(
        label="Accession or specimen number",
        max_length=64,
        required=False,
        widget=forms.TextInput({**WIDE, "autocomplete": "off"}),
    )
    title = forms.CharField(
        label="What was examined",
        max_length=100,
        required=False,
        widget=forms.TextInput({**WIDE, "autocomplete": "off"}),
    )
    text = forms.CharField(
        label="Text of the report",
        strip=False,
        max_length=100_000,
        required=False,
        widget=forms.Textarea({"class": "nhsuk-textarea", "rows": 10, "spellcheck": "false"}),
    )
    document = forms.FileField(
        label="Or its PDF",
        required=False,
        widget=forms.ClearableFileInput(
            {"class": "nhsuk-file-upload", "accept": ".pdf,application/pdf"}
        ),
    )

    def __init__(
        self, *args: Any, trusts: list[tuple[str, str]], reports: list[tuple[str, str]], **kw: Any
    ) -> None:
        super().__init__(*args, **kw)
        choices: dict[str, Any] = {
            "trust": [("", "Choose the trust"), *trusts],
            "of": [("", "a new report"), *reports],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]

    def clean_issued_on(self) -> Any:
        day = self.cleaned_data["issued_on"]
        if day > timezone.localdate():
            raise forms.ValidationError("This day has not come yet.", code="report.not_yet")
        return day

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        document = values.get("document")
        if not (values.get("text", "").strip() or document):
            self.add_error("text", forms.ValidationError(EMPTY, code="report.empty"))
        if document and document.size > settings.REPORT_MOST_BYTES:
            most = settings.REPORT_MOST_BYTES >> 20
            words = f"A PDF has at most {most} MB."
            self.add_error("document", forms.ValidationError(words, code="report.too_large"))
        return values

    def arrived(self) -> Arrived:
        """What was brought. Browsers send each line's end as two letters: one was pasted."""
        values = self.cleaned_data
        at = values["issued_time"]
        day, zone = values["issued_on"], ZoneInfo(settings.TIME_ZONE)
        document = values["document"]
        return Arrived(
            kind=Kind(values["kind"]),
            status=Status(values["status"]),
            number=values["number"],
            accession_number=values["number"],
            issued_at=datetime.combine(day, at or time(), zone),
            is_timed=at is not None,
            claim=Claimed(),
            title=values["title"],
            text=values["text"].replace("\r\n", "\n"),
            document=document.read() if document else b"",
        )
