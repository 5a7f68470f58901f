from django.conf import settings
from django.db import models
from django.db.models import Q

from imaging.ids import PublicIdField
from imaging.models import Search, Study
from mdt.laterality import Laterality
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
        """Ten digits, or empty. Reads `numbers`: prefetch them for lists."""
        numbers = self.numbers.all()
        return next((n.value for n in numbers if n.issuer == PatientNumber.Issuer.NHS), "")

    @property
    def shown_nhs_number(self) -> str:
        """As people read it, 3 3 4. Reads `numbers`: prefetch them for lists."""
        return spaced(self.nhs_number)

    @property
    def shown_name(self) -> str:
        """As lists and banners show it: 'KHAN, Amina'."""
        return ", ".join(filter(None, [self.family_name.upper(), self.given_names]))

    @property
    def local_numbers(self) -> dict[str, str]:
        """The local patient identifiers, by the ODS code of their trust."""
        local = PatientNumber.Issuer.LOCAL
        return {n.trust_ods_code: n.value for n in self.numbers.all() if n.issuer == local}


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

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_patient_per_number", fields=["issuer", "trust_ods_code", "value"]
            ),
            models.CheckConstraint(
                name="a_local_number_has_its_trust",
                condition=(Q(issuer="local") & ~Q(trust_ods_code=""))
                | (~Q(issuer="local") & Q(trust_ods_code="")),
            ),
        ]


class Objection(models.Model):
    """A patient objects to one trust's studies being shared: they are withheld, and said to be."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="objections")
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5)
    recorded_at = models.DateTimeField(auto_now_add=True)


class Referral(models.Model):
    """A request that a patient be discussed, with the question to the team."""

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
