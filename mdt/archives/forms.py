"""Adding and changing an archive: for each kind the fields of that kind, and no others."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError

from imaging.archives import http_tls
from imaging.archives.base import ArchiveError
from imaging.models import Archive
from mdt.archives.fields import (
    INPUT,
    KEPT,
    TEXTAREA,
    AeTitle,
    Certificate,
    Choice,
    Clock,
    Folder,
    Host,
    Keywords,
    Secret,
    SecretKey,
    Text,
    Tick,
    TrustsByIssuer,
    Url,
    Whole,
)
from mdt.teams.queries import trusts_by_code

Sections = list[tuple[str, str, list[str]]]  # a heading, a sentence, the fields below it
WHERE = ["trust_ods_code", "name"]
NUMBERS = ["nhs_number_in", "issuer_of_patient_id", "patient_id_prefix", "trusts_by_issuer"]
NUMBERS_WORDS = "Every answer is held against these numbers before it is believed."
PUSHES = ["pushes_as", "pushes_from"]
PUSHES_WORDS = "By DICOM to our Storage SCP. Whoever calls by another name or address is refused."
BUDGET = ["at_most", "per_hour", "opens_at", "closes_at", "may_write_back"]
BUDGET_WORDS = "Take what its administrator allows: outside it nothing is asked."


class ArchiveForm(forms.Form):
    """What every kind has. `archive` is None for a new one; `trusts` are (ODS code, name)."""

    sections: ClassVar[Sections] = []
    #: Never shown again; empty keeps what is there.
    secrets: ClassVar[tuple[str, ...]] = ()

    trust_ods_code = Choice("Trust", [], "Choose the trust whose archive it is.")
    name = forms.SlugField(
        label="Short name",
        max_length=50,
        help_text="Small letters, digits and hyphens, such as rm3-salford. Not a patient's.",
        error_messages={
            "required": "Give it a short name.",
            "invalid": "Small letters, digits and hyphens only.",
        },
        widget=forms.TextInput(attrs=INPUT),
    )
    nhs_number_in = Choice(
        "Where it keeps the NHS number",
        Archive.NhsNumberIn.choices,
        "Choose where this archive keeps the NHS number.",
    )
    issuer_of_patient_id = Text(
        "Issuer of Patient ID (0010,0021)", help_text="As the archive writes it; often the trust's."
    )
    patient_id_prefix = Text(
        "What stands before the local number", max_length=16, help_text="Such as RM3- in RM3-12345."
    )
    trusts_by_issuer = TrustsByIssuer(
        "Issuers, where one archive holds several trusts",
        help_text="One line for each: ISSUER = ODS code. Empty: it holds one trust's studies.",
        widget=forms.Textarea(attrs=TEXTAREA | {"rows": 3}),
    )
    pushes_as = AeTitle(
        "AE title it sends studies as", help_text="Empty: it may not send us studies by itself."
    )
    pushes_from = Host(
        "Host name or address it sends them from", help_text="The machine that calls us."
    )
    at_most = Whole("Connections at one time", 1, 16)
    per_hour = Whole(
        "Questions and studies an hour", 1, 100_000, required=False, help_text="Empty: no limit."
    )
    opens_at = Clock("Asked from", "Such as 19:00. Empty: at any hour.")
    closes_at = Clock("Asked until", "Such as 07:00, of the next day where it is earlier.")
    may_write_back = Tick("Results may be written back to it")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        archive: Archive | None,
        trusts: list[tuple[str, str]],
    ) -> None:
        self.archive = archive
        shown = self.base_fields.keys() - set(self.secrets)
        initial = {name: getattr(archive or Archive(), name) for name in shown}
        super().__init__(data, initial=initial, auto_id="%s")
        trust = self.fields["trust_ods_code"]
        trust.choices = trusts if len(trusts) == 1 else [("", "Choose"), *trusts]  # type: ignore[attr-defined]
        for name in self.secrets:
            self.fields[name].help_text = KEPT if self._is_kept(name) else ""

    def groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields as the page shows them."""
        return [
            (title, words, [self[name] for name in names]) for title, words, names in self.sections
        ]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).lower()
        others = Archive.objects.filter(name=name)
        if self.archive:
            others = others.exclude(pk=self.archive.pk)
        if others.exists():
            raise ValidationError("Another archive has this name.", code="archive.name_taken")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if (cleaned.get("opens_at") is None) != (cleaned.get("closes_at") is None):
            empty = "opens_at" if cleaned.get("opens_at") is None else "closes_at"
            self.say(empty, "Give both times, or neither.", "archive.hours")
        self._check_pushes()
        held = cleaned.get("trusts_by_issuer", {}).values()
        if unknown := sorted(set(held) - trusts_by_code().keys()):
            words = f"No trust is known here by {', '.join(unknown)}."
            self.say("trusts_by_issuer", words, "archive.unknown_trust")
        return cleaned

    def say(self, field: str, words: str, code: str) -> None:
        """Unless something is wrong there already."""
        if field in self.fields and field not in self.errors:
            self.add_error(field, ValidationError(words, code=code))

    def need(self, names: list[str], words: str) -> None:
        """Each of these typed, or kept from before."""
        for name in names:
            if not self.cleaned_data.get(name) and not self._is_kept(name):
                self.say(name, words, "archive.missing")

    def _check_pushes(self) -> None:
        """By which title and from where, or neither."""
        if self.cleaned_data.get("pushes_from"):
            self.need(["pushes_as"], "Type the AE title it sends studies as.")
        elif self.cleaned_data.get("pushes_as") and "host" not in self.fields:
            self.need(["pushes_from"], "Type the host name or address it sends them from.")

    def check_our_certificate(self) -> None:
        """Ours and its key fit each other; neither comes alone."""
        certificate = str(self.cleaned_data.get("client_certificate") or "")
        key = str(self.cleaned_data.get("client_key") or "")
        key = key or (self.archive.client_key if self.archive else "")
        if not certificate:
            if self.cleaned_data.get("client_key"):
                self.say("client_certificate", "A key needs its certificate.", "archive.missing")
            return
        try:
            http_tls.context(certificate=certificate, key=key)
        except ArchiveError:
            self.say("client_key", "This key does not fit the certificate.", "archive.key")

    def _is_kept(self, name: str) -> bool:
        return name in self.secrets and bool(self.archive and getattr(self.archive, name))


class _Tls(forms.Form):
    """Certificates, for whatever speaks TLS."""

    ca_certificate = Certificate(
        "Who signs its certificate (PEM)",
        help_text="Only where no public authority does: the trust's own, or its very certificate.",
    )
    client_certificate = Certificate("Our certificate (PEM)", help_text="Where it wants one of us.")
    client_key = SecretKey("The key of our certificate (PEM)")


TLS = ["ca_certificate", "client_certificate", "client_key"]


class DicomWebForm(ArchiveForm, _Tls):
    sections = [
        ("Where it is", "", [*WHERE, "base_url"]),
        (
            "How it knows us",
            "",
            ["auth", "username", "password", "token", "token_url", "client_id", "client_secret",
             "scope"],
        ),
        ("Certificates", "", TLS),
        ("What it sends by itself", PUSHES_WORDS, PUSHES),
        ("Whose the pictures are", NUMBERS_WORDS, NUMBERS),
        ("How hard we may ask", BUDGET_WORDS, BUDGET),
        ("Its habits", "", ["page_size", "takes_wildcards_raw", "unsupported_filters"]),
    ]  # fmt: skip
    secrets = ("password", "token", "client_secret", "client_key")

    base_url = Url(
        "DICOMweb root",
        "Type the address of its DICOMweb root.",
        help_text="Such as https://pacs.example/dicom-web. What stands before /studies.",
    )
    auth = Choice("It knows us by", Archive.Auth.choices, "Choose how it knows us.")
    username = Text("User name")
    password = Secret("Password")
    token = Secret("Token", max_length=4000)
    token_url = Url("Token address")
    client_id = Text("Client id")
    client_secret = Secret("Client secret", max_length=1000)
    scope = Text("Scope")
    page_size = Whole("Answers to ask for at one time", 1, 10_000)
    takes_wildcards_raw = Tick("Understands * and ^ only when they are not percent-encoded")
    unsupported_filters = Keywords(
        "Filters it ignores or refuses", help_text="DICOM keywords with commas; they are not sent."
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        needed = {
            "basic": ["username", "password"],
            "bearer": ["token"],
            "oauth2": ["token_url", "client_id", "client_secret"],
        }
        names = needed.get(str(cleaned.get("auth")), [])
        self.need(names, "The archive cannot know us without.")
        self._need_anew([name for name in names if name in self.secrets])
        self.check_our_certificate()
        return cleaned

    def _need_anew(self, secrets: list[str]) -> None:
        """What was typed for one machine is not sent to another because its address was changed."""
        then = [_machine(getattr(self.archive, name, "")) for name in ("base_url", "token_url")]
        now = [_machine(str(self.cleaned_data.get(name, ""))) for name in ("base_url", "token_url")]
        for name in secrets if self.archive and then != now else ():
            if not self.cleaned_data.get(name):
                words = "It was typed for another machine: type it again."
                self.say(name, words, "archive.another_machine")


def _machine(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class DimseForm(ArchiveForm, _Tls):
    sections = [
        ("Where it is", "", [*WHERE, "host", "port", "called_ae_title", "calling_ae_title"]),
        ("How images come", "", ["retrieve_by", "move_destination"]),
        ("What it sends by itself", PUSHES_WORDS, PUSHES),
        ("TLS", "", ["is_tls", *TLS]),
        ("Whose the pictures are", NUMBERS_WORDS, NUMBERS),
        ("How hard we may ask", BUDGET_WORDS, BUDGET),
        ("Its habits", "", ["unsupported_filters"]),
    ]
    secrets = ("client_key",)

    host = Host("Host name or address", "Type the archive's host name or address.")
    port = Whole("Port", 1, 65_535)
    called_ae_title = AeTitle("Its AE title", "Type the AE title the archive is called by.")
    calling_ae_title = AeTitle("Our AE title", "Type the AE title we call ourselves.")
    is_tls = Tick("Over TLS")
    retrieve_by = Choice("Images come by", Archive.RetrieveBy.choices, "Choose how images come.")
    move_destination = AeTitle(
        "Our AE title for C-MOVE", help_text="As the archive's own table names our Storage SCP."
    )
    pushes_from = Host(
        "Host name or address it sends them from", help_text="Empty: where it is, as above."
    )
    unsupported_filters = Keywords(
        "Filters it ignores or refuses", help_text="DICOM keywords with commas; they are not sent."
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("retrieve_by") == Archive.RetrieveBy.MOVE:
            self.need(["move_destination"], "C-MOVE needs the AE title it is to send to.")
            self._check_alone()
        self.check_our_certificate()
        return cleaned

    def _check_alone(self) -> None:
        """What comes is known by who sends it and whom it is sent to, and by nothing else."""
        names = ("host", "called_ae_title", "move_destination", "retrieve_by")
        same = {name: self.cleaned_data.get(name) for name in names}
        others = Archive.objects.filter(kind=Archive.Kind.DIMSE, **same)
        if self.archive:
            others = others.exclude(pk=self.archive.pk)
        if others.exists():
            words = "Another archive there sends to this title: theirs could not be told apart."
            self.say("move_destination", words, "archive.same_title")


class FolderForm(ArchiveForm):
    sections = [
        ("Where it is", "", [*WHERE, "folder"]),
        ("What it sends by itself", PUSHES_WORDS, PUSHES),
        ("Whose the pictures are", NUMBERS_WORDS, NUMBERS),
        ("How hard we may ask", BUDGET_WORDS, BUDGET),
    ]

    folder = Folder("Folder on this server", "Type the folder.", max_length=500)


FORMS: dict[str, type[ArchiveForm]] = {
    Archive.Kind.DICOMWEB: DicomWebForm,
    Archive.Kind.DIMSE: DimseForm,
    Archive.Kind.FOLDER: FolderForm,
}


#: As people say it: the labels of the model say what each can do.
KIND_WORDS: dict[str, str] = {
    Archive.Kind.DICOMWEB: "DICOMweb",
    Archive.Kind.DIMSE: "DIMSE",
    Archive.Kind.FOLDER: "Folder",
}


class PauseForm(forms.Form):
    """Why it is to be left alone; the teams read it on their lists."""

    reason = Text("Why", required=False, max_length=None)

    def clean_reason(self) -> str:
        reason = " ".join(str(self.cleaned_data["reason"]).split())
        if not reason:
            raise ValidationError("Say why: the teams read it.", code="archive.no_reason")
        if len(reason) > 200:
            raise ValidationError("At most 200 letters.", code="archive.long_reason")
        return reason


class TestForm(forms.Form):
    """A test patient's Patient ID in the archive; none is possible."""

    test_number = Text("Patient ID of a test patient in this archive", max_length=64)

    def clean_test_number(self) -> str:
        number = str(self.cleaned_data["test_number"])
        if not all(letter.isalnum() or letter in " -./_" for letter in number):
            text = "Letters, digits, spaces and - . / _ only: others would match many patients."
            raise ValidationError(text, code="archive.test_number")
        return number
