"""Fields of the archive forms. Wrong input keeps its place, with a sentence and a code."""

import ssl
from datetime import time
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from imaging.archives import addresses

INPUT = {"class": "nhsuk-input", "autocomplete": "off", "spellcheck": "false"}
TEXTAREA = {"class": "nhsuk-textarea", "autocomplete": "off", "spellcheck": "false", "rows": 4}
KEPT = "One is kept and never shown. Type to replace it."


class Text(forms.CharField):
    """One line. What is missing is asked for in the field's own words."""

    def __init__(self, label: str, ask: str = "", **options: Any) -> None:
        options.setdefault("max_length", 200)
        options.setdefault("required", bool(ask))
        options.setdefault("widget", forms.TextInput(attrs=INPUT))
        super().__init__(label=label, error_messages={"required": ask}, **options)


class Many(Text):
    """Several lines."""

    def __init__(self, label: str, **options: Any) -> None:
        options.setdefault("widget", forms.Textarea(attrs=TEXTAREA))
        super().__init__(label, max_length=20_000, **options)


class _Hidden(forms.Textarea):
    """What was typed is not sent back: a key's page may lie in somebody's history."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class Secret(Text):
    """Write only: never shown again. Empty keeps what is there."""

    def __init__(self, label: str, **options: Any) -> None:
        attrs = INPUT | {"autocomplete": "new-password"}
        super().__init__(label, widget=forms.PasswordInput(attrs=attrs), strip=False, **options)


class SecretKey(Many):
    """The same over several lines: the PEM of a key."""

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, widget=_Hidden(attrs=TEXTAREA), **options)


class Url(Text):
    """An address an archive may have (imaging/archives/addresses.py)."""

    def clean(self, value: Any) -> str:
        url = str(super().clean(value))
        if url and (why := addresses.why_url_refused(url)):
            raise ValidationError(f"This address {why}.", code="archive.address")
        return url


class Host(Text):
    def clean(self, value: Any) -> str:
        host = str(super().clean(value))
        if host and (why := addresses.why_host_refused(host)):
            raise ValidationError(f"This address {why}.", code="archive.address")
        return host


class AeTitle(Text):
    """At most 16 characters without backslash or control characters (PS3.5 6.2, VR AE)."""

    def __init__(self, label: str, ask: str = "", **options: Any) -> None:
        super().__init__(label, ask, max_length=16, **options)

    def clean(self, value: Any) -> str:
        title = str(super().clean(value))
        if "\\" in title or not (title.isascii() and title.isprintable()):
            text = "An AE title has plain letters, digits and signs, at most 16."
            raise ValidationError(text, code="archive.ae_title")
        return title


class Certificate(Many):
    """PEM of one or more certificates."""

    def clean(self, value: Any) -> str:
        pem = str(super().clean(value)).strip()
        if pem:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
            except (ssl.SSLError, ValueError) as error:
                text = "This is no certificate. It begins with -----BEGIN CERTIFICATE-----."
                raise ValidationError(text, code="archive.certificate") from error
        return pem


class Folder(Text):
    """A folder of this server that archives may be in."""

    def clean(self, value: Any) -> str:
        folder = str(super().clean(value))
        roots = [Path(root).resolve() for root in settings.ARCHIVE_FOLDERS]
        path = Path(folder).resolve() if folder and "\0" not in folder else None
        if path and not any(path.is_relative_to(root) for root in roots):
            named = ", ".join(map(str, roots))
            text = f"Only folders within {named} are read (ARCHIVE_FOLDERS)."
            raise ValidationError(text, code="archive.folder")
        return str(path) if path else ""


class Whole(forms.IntegerField):
    """A whole number within bounds that are said."""

    def __init__(self, label: str, least: int, most: int, **options: Any) -> None:
        words = f"A whole number from {least} to {most}."
        names = ("required", "invalid", "min_value", "max_value")
        super().__init__(
            label=label,
            min_value=least,
            max_value=most,
            error_messages=dict.fromkeys(names, words),
            widget=forms.TextInput(attrs=INPUT | {"inputmode": "numeric", "size": 6}),
            **options,
        )


class Clock(forms.TimeField):
    """A local time such as 19:00."""

    def __init__(self, label: str, help_text: str) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            required=False,
            input_formats=["%H:%M", "%H.%M", "%H%M"],
            error_messages={"invalid": "Write the time like 19:00."},
            widget=forms.TimeInput(format="%H:%M", attrs=INPUT | {"size": 5}),
        )

    def clean(self, value: Any) -> time | None:
        typed: time | None = super().clean(value)
        return typed


class Choice(forms.ChoiceField):
    def __init__(self, label: str, choices: Any, ask: str, **options: Any) -> None:
        errors = {"required": ask, "invalid_choice": ask}
        widget = forms.Select(attrs={"class": "nhsuk-select"})
        super().__init__(
            label=label, choices=choices, error_messages=errors, widget=widget, **options
        )


class Tick(forms.BooleanField):
    def __init__(self, label: str, **options: Any) -> None:
        widget = forms.CheckboxInput(attrs={"class": "nhsuk-checkboxes__input"})
        super().__init__(label=label, required=False, widget=widget, **options)


class Keywords(Text):
    """DICOM keywords, with commas between them."""

    def clean(self, value: Any) -> list[str]:
        words = [word.strip() for word in str(super().clean(value)).split(",") if word.strip()]
        if not all(word.isascii() and word.isalnum() for word in words):
            text = "Write DICOM keywords, such as PatientName, with commas between them."
            raise ValidationError(text, code="archive.keywords")
        return words

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


class TrustsByIssuer(Many):
    """A line for each issuer: ISSUER = ODS code."""

    def clean(self, value: Any) -> dict[str, str]:
        lines = [line for line in str(super().clean(value)).splitlines() if line.strip()]
        pairs = [line.partition("=") for line in lines]
        found = {issuer.strip(): code.strip().upper() for issuer, _, code in pairs}
        if not all(issuer and code.isalnum() and len(code) <= 5 for issuer, code in found.items()):
            text = "Write one line for each issuer: ISSUER = RM3."
            raise ValidationError(text, code="archive.issuers")
        return found

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{issuer} = {code}" for issuer, code in value.items())
        return value
