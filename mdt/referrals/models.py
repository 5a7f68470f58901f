from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from imaging.identity_numbers import as_printed
from imaging.ids import PublicIdField
from imaging.models import Search, Study
from mdt.laterality import Laterality
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.nhs_number import spaced


class Patient(models.Model):
    """A person in care. Every number they are known by is a row of PatientNumber."""

    class Sex(models.TextChoices):
        """As in DICOM (0010,0040)."""

        FEMALE = "F", "Female"
        MALE = "M", "Male"
        OTHER = "O", "Other or not stated"

    class NhsNumberStatus(models.TextChoices):
        """NHS number status indicator code (NHS Data Dictionary)."""

        VERIFIED = "01", "Number present and verified"
        NOT_TRACED = "02", "Number present but not traced"
        TRACE_REQUIRED = "03", "Trace required"
        NO_MATCH = "04", "Trace attempted: no match or multiple match"
        CONFLICT = "05", "Trace needs to be resolved"
        IN_PROGRESS = "06", "Trace in progress"
        ABSENT = "07", "Number not present and trace not required"
        POSTPONED = "08", "Trace postponed"

    #: Why there is no number: each a reason that can stand without one.
    STATUS_WITHOUT_NUMBER = (
        NhsNumberStatus.TRACE_REQUIRED,
        NhsNumberStatus.NO_MATCH,
        NhsNumberStatus.IN_PROGRESS,
        NhsNumberStatus.ABSENT,
        NhsNumberStatus.POSTPONED,
    )

    public_id = PublicIdField()
    family_name = models.TextField()
    given_names = models.TextField(blank=True)
    birth_date = models.DateField()
    sex = models.CharField(max_length=1, choices=Sex.choices)
    nhs_number_status = models.CharField(
        max_length=2, choices=NhsNumberStatus.choices, default=NhsNumberStatus.NOT_TRACED
    )
    is_deceased = models.BooleanField(default=False)

    @property
    def nhs_number(self) -> str:
        """The one that counts, ten digits, or empty. Reads `numbers`: prefetch them for lists."""
        numbers = (n for n in self.numbers.all() if n.issuer == PatientNumber.Issuer.NHS)
        return next((n.value for n in numbers if not n.superseded_by_id), "")

    @property
    def superseded_nhs_numbers(self) -> list[str]:
        """Those the record says were replaced, one by another, by the one that counts now."""
        numbers = {n.pk: n for n in self.numbers.all() if n.issuer == PatientNumber.Issuer.NHS}
        current = {n.pk for n in numbers.values() if not n.superseded_by_id}
        older: list[str] = []
        for _ in numbers:
            next_older = {k for k, n in numbers.items() if n.superseded_by_id in current}
            older += sorted(numbers[key].value for key in next_older)
            current = next_older
        return older

    @property
    def shown_nhs_number(self) -> str:
        """As people read it, 3 3 4. Reads `numbers`: prefetch them for lists."""
        return spaced(self.nhs_number)

    @property
    def shown_name(self) -> str:
        """As lists and banners show it: 'KHAN, Amina'."""
        return ", ".join(filter(None, [self.family_name.upper(), self.given_names]))

    @property
    def shown_number(self) -> str:
        """The NHS number as people read it, or that there is none, and why."""
        why = self.get_nhs_number_status_display()
        return self.shown_nhs_number or f"no NHS number: {why[:1].lower()}{why[1:]}"

    @property
    def all_local_numbers(self) -> list[LocalNumber]:
        """Trust by trust, those that were superseded after the one that counts."""
        rows = [n for n in self.numbers.all() if n.issuer == PatientNumber.Issuer.LOCAL]
        told = [LocalNumber(n.trust_ods_code, n.value, bool(n.superseded_by_id)) for n in rows]
        return sorted(told, key=lambda one: (one.trust, one.is_superseded, one.value))

    @property
    def local_numbers(self) -> dict[str, str]:
        """The local patient identifiers that count, by the ODS code of their trust."""
        return {n.trust: n.value for n in self.all_local_numbers if not n.is_superseded}

    @property
    def superseded_local_numbers(self) -> dict[str, list[str]]:
        """Those that were replaced, by the ODS code of their trust."""
        older: dict[str, list[str]] = {}
        for number in self.all_local_numbers:
            if number.is_superseded:
                older.setdefault(number.trust, []).append(number.value)
        return older


class PatientNumber(models.Model):
    """One number of one patient, which means nothing without its issuer."""

    class Issuer(models.TextChoices):
        NHS = "nhs", "NHS number"
        CHI = "chi", "CHI number"
        HC = "hc", "H&C number"
        LOCAL = "local", "Local patient identifier"

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="numbers")
    issuer = models.TextField(choices=Issuer.choices)
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5, blank=True)
    value = models.CharField(max_length=40)
    compared_as = models.CharField(
        max_length=40,
        default="",
        editable=False,
        help_text="without its trust's code and the zeros before it",
    )
    superseded_by = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="supersedes", help_text="null: it counts"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_nhs_number_counts",
                fields=["patient"],
                condition=Q(issuer="nhs", superseded_by=None),
            ),
            models.UniqueConstraint(
                name="one_local_number_counts",
                fields=["patient", "trust_ods_code"],
                condition=Q(issuer="local", superseded_by=None),
            ),
            models.UniqueConstraint(
                name="one_patient_per_number", fields=["issuer", "trust_ods_code", "value"]
            ),
            models.CheckConstraint(
                name="a_local_number_has_its_trust",
                condition=(Q(issuer="local") & ~Q(trust_ods_code=""))
                | (~Q(issuer="local") & Q(trust_ods_code="")),
            ),
        ]
        indexes = [
            models.Index(
                name="number_as_compared", fields=["compared_as", "issuer", "trust_ods_code"]
            )
        ]

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        is_local = self.issuer == self.Issuer.LOCAL
        self.compared_as = as_printed(self.value, self.trust_ods_code) if is_local else self.value
        if update_fields is not None:
            update_fields = {*update_fields, "compared_as"}
        super().save(*args, update_fields=update_fields, **kwargs)


class Objection(models.Model):
    """A patient objects to one trust's studies being shared: they are withheld, and said to be."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="objections")
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5)
    recorded_at = models.DateTimeField(auto_now_add=True)


class Referral(models.Model):
    """A request that a patient be discussed, with the question to the team."""

    #: Who may be named in it: they see its case, members or not.
    ROLES = ("referrer", "responsible_consultant", "key_worker")

    public_id = PublicIdField()
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="referrals")
    question = models.TextField("question for the MDT")
    laterality = models.TextField(choices=Laterality.choices, default=Laterality.NOT_KNOWN)
    received_at = models.DateTimeField(auto_now_add=True)
    search = models.OneToOneField(Search, models.PROTECT, null=True, related_name="+")
    referrer, responsible_consultant, key_worker = (
        models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
        for _ in range(3)
    )


class ReferralStudy(models.Model):
    """A study found for a referral: chosen or not, by which rule or by whom."""

    referral = models.ForeignKey(Referral, models.CASCADE, related_name="found_studies")
    study = models.ForeignKey(Study, models.CASCADE, related_name="+")
    is_chosen = models.BooleanField()
    reason = models.TextField(help_text="'same body part, last 2 years'")
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_choice_per_study", fields=["referral", "study"])
        ]
