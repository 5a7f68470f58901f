from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from imaging.ids import PublicIdField
from mdt.members import Role


class Specialty(models.TextChoices):
    RADIOLOGY = "radiology", "Radiology"
    PATHOLOGY = "pathology", "Pathology"
    SURGERY = "surgery", "Surgery"
    ONCOLOGY = "oncology", "Oncology"
    NURSING = "nursing", "Specialist nursing"
    COORDINATION = "coordination", "MDT coordination"


class Trust(models.Model):
    """A provider, by its ODS code. One that is data only has studies and no users."""

    ods_code = models.CharField(max_length=5, unique=True)
    name = models.TextField()
    is_data_only = models.BooleanField(default=False)
    imaging_contact = models.TextField(blank=True, help_text="whom to ring about images")

    class Meta:
        ordering = ["ods_code"]

    def __str__(self) -> str:
        return f"{self.name} ({self.ods_code})"

    @property
    def short_name(self) -> str:
        """As people say it: 'Bolton' for Bolton NHS Foundation Trust."""
        return self.name.split(" NHS ")[0]


class Site(models.Model):
    """A hospital of a trust. COSD CR3090 asks for the site, not the trust."""

    trust = models.ForeignKey(Trust, models.PROTECT, related_name="sites")
    ods_code = models.CharField(max_length=9, unique=True)
    name = models.TextField()

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """A standing MDT."""

    public_id = PublicIdField()
    name = models.TextField()
    mdt_type = models.CharField("MDT meeting type (COSD CR3190)", max_length=4)
    site = models.ForeignKey(Site, models.PROTECT, related_name="teams")
    access_days = models.PositiveSmallIntegerField(
        "days a case stays open to the team after its release", default=90
    )
    prior_years = models.PositiveSmallIntegerField(
        "how far back a study of the same body part is relevant", default=2
    )
    images_cut_off_hours = models.PositiveSmallIntegerField(
        "hours before a meeting when images asked for should be here", default=48
    )
    asked_of = models.ManyToManyField(
        Trust, related_name="+", help_text="the trusts whose archives are asked for this team"
    )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One part a person plays in one team, from a day to a day. Both days count."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.TextField(choices=Role.choices)
    specialty = models.TextField(choices=Specialty.choices, blank=True)
    from_date = models.DateField("from")
    to_date = models.DateField("to", null=True)
    covers = models.ForeignKey("self", models.PROTECT, null=True, related_name="covered_by")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="membership_ends_after_it_begins",
                condition=Q(to_date=None) | Q(to_date__gte=F("from_date")),
            )
        ]

    def is_in_date(self, day: date) -> bool:
        return self.from_date <= day and (self.to_date is None or day <= self.to_date)


class Duty(models.Model):
    """What a person looks after for one trust, from a day to a day. Both days count."""

    class Kind(models.TextChoices):
        IMAGING_TEAM = "imaging-team", "Imaging team"
        ARCHIVE_ADMINISTRATOR = "archive-administrator", "Archive administrator"

    trust = models.ForeignKey(Trust, models.CASCADE, related_name="duties")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="duties")
    kind = models.TextField(choices=Kind.choices)
    from_date = models.DateField("from")
    to_date = models.DateField("to", null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="duty_ends_after_it_begins",
                condition=Q(to_date=None) | Q(to_date__gte=F("from_date")),
            )
        ]


class QuorumRule(models.Model):
    """How many of one specialty must be in the room. Local policy, so it is data."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="quorum_rules")
    specialty = models.TextField(choices=Specialty.choices)
    at_least = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_rule_per_specialty", fields=["team", "specialty"])
        ]


class RelevanceRule(models.Model):
    """Which studies a team looks at, by modality, body part, age and words: local, so it is data.

    The rules of a team are asked in their order; the first that a study falls under decides
    (imaging/relevance_rules.py). What is left empty does not narrow the rule. Lists of words and
    codes are joined by a comma.
    """

    team = models.ForeignKey(Team, models.CASCADE, related_name="relevance_rules")
    order = models.PositiveSmallIntegerField()
    modalities = models.TextField(blank=True, help_text="'MR,CT,PT'")
    body_parts = models.TextField(
        blank=True, help_text="of imaging/body_parts.py; 'asked' is what the question names"
    )
    question_words = models.TextField(blank=True, help_text="one of them is in the question")
    description_words = models.TextField(blank=True, help_text="one of them is in the description")
    years = models.PositiveSmallIntegerField(null=True, blank=True, help_text="empty: any age")
    at_most = models.PositiveSmallIntegerField("studies of one kind", null=True, blank=True)
    keeps_oldest = models.BooleanField("the oldest of a kind, as baseline", default=False)
    minds_side = models.BooleanField("not the other side of a pair", default=False)
    leaves_out = models.BooleanField("what falls under it is left out", default=False)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(name="one_relevance_rule_a_place", fields=["team", "order"])
        ]


class SharingAgreement(models.Model):
    """One trust lets the teams of another see its studies, from a day to a day. Both days count."""

    holder = models.ForeignKey(Trust, models.PROTECT, related_name="agreements_given")
    receiver = models.ForeignKey(Trust, models.PROTECT, related_name="agreements_received")
    reference = models.TextField(help_text="the document the two trusts signed")
    from_date = models.DateField("from")
    to_date = models.DateField("to", null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="agreement_ends_after_it_begins",
                condition=Q(to_date=None) | Q(to_date__gte=F("from_date")),
            )
        ]

    def is_in_date(self, day: date) -> bool:
        return self.from_date <= day and (self.to_date is None or day <= self.to_date)
