from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from mdt import access
from mdt.append_only import AppendOnly
from mdt.audit.models import AuditEvent
from mdt.laterality import Laterality
from mdt.meetings.models import ListedCase
from mdt.members import Role
from mdt.outcomes.codes import (
    DiscussionType,
    Intent,
    NoTreatmentReason,
    PerformanceStatus,
)


class OutcomeDraft(models.Model):
    """What is being typed for one case and not yet recorded: nothing typed is lost (D18)."""

    case = models.OneToOneField(ListedCase, models.CASCADE, related_name="draft")
    version = models.PositiveIntegerField(default=0, help_text="counts saves")
    fields = models.JSONField(default=dict, help_text="name of an OutcomeVersion field: as typed")
    changed = models.JSONField(default=dict, help_text="name of a field: version that changed it")
    saved_at = models.DateTimeField(null=True)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )


class SetAside(AppendOnly):
    """Typing that met another's newer text in the same field: refused, kept word for word."""

    draft = models.ForeignKey(OutcomeDraft, models.PROTECT, related_name="set_aside")
    if_version = models.PositiveIntegerField(help_text="of the draft the writer had read")
    fields = models.JSONField(help_text="as sent")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]


class OutcomeVersion(AppendOnly):
    """What the meeting recommended for one case, as it stood once. A revision is a new row (D24).

    Coded fields are those of COSD v10; the number of each is in its verbose name.
    """

    case = models.ForeignKey(ListedCase, models.PROTECT, related_name="outcome_versions")
    number = models.PositiveSmallIntegerField(help_text="from 1")
    recommendation = models.TextField()
    laterality = models.TextField(choices=Laterality.choices)
    discussion_type = models.CharField(
        "MDTM discussion type (CR8110)", max_length=1, choices=DiscussionType.choices
    )
    mdt_type_comment = models.CharField("MDT type comment (CR3160)", max_length=60, blank=True)
    intent = models.CharField(
        "care plan intent (CR0460)", max_length=1, choices=Intent.choices, blank=True
    )
    treatments = models.JSONField("planned treatment types (CR0470)", default=list)
    no_treatment_reason = models.CharField(
        "no treatment reason (CR0490)", max_length=2, choices=NoTreatmentReason.choices, blank=True
    )
    performance_status = models.CharField(
        "performance status (CR0510)", max_length=1, choices=PerformanceStatus.choices, blank=True
    )
    t_category = models.CharField("T, with its prefix (CR0520)", max_length=15, blank=True)
    n_category = models.CharField("N, with its prefix (CR0540)", max_length=15, blank=True)
    m_category = models.CharField("M, with its prefix (CR0560)", max_length=15, blank=True)
    stage_group = models.CharField("stage group (CR0580)", max_length=15, blank=True)
    actions = models.JSONField(default=list, help_text="[{what, who, due}]")
    was_quorate = models.BooleanField()
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="one_outcome_per_number", fields=["case", "number"])
        ]

    @property
    def is_signed(self) -> bool:
        return self.stands_at == OutcomeStep.Kind.SIGNED

    @property
    def stands_at(self) -> str:
        """The last step taken with it, empty when only recorded. Reads `steps`: prefetch them."""
        return next((step.kind for step in reversed(list(self.steps.all()))), "")

    @property
    def stands_in_words(self) -> str:
        """'recorded', 'read back', 'confirmed' or 'signed'. Reads `steps`."""
        return OutcomeStep.Kind(self.stands_at).label if self.stands_at else "recorded"


class StepRule(NamedTuple):
    """One line of the table of steps: what it follows (None: the recording) and whose it is."""

    after: str | None
    allowed: frozenset[Role]
    action: AuditEvent.Action


class OutcomeStep(AppendOnly):
    """What was done with one version after it was recorded, in this order and each once."""

    class Kind(models.TextChoices):
        READ_BACK = "read-back", "read back"
        CONFIRMED = "confirmed", "confirmed"
        SIGNED = "signed", "signed"

    #: Typed and read back by who records, validated by the chair or a core clinician, signed by
    #: the chair.
    RULES = {
        Kind.READ_BACK: StepRule(
            None, access.MAY_RECORD_OUTCOME, AuditEvent.Action.OUTCOME_READ_BACK
        ),
        Kind.CONFIRMED: StepRule(
            Kind.READ_BACK, access.MAY_CONFIRM_OUTCOME, AuditEvent.Action.OUTCOME_CONFIRMED
        ),
        Kind.SIGNED: StepRule(
            Kind.CONFIRMED, access.MAY_SIGN_OUTCOME, AuditEvent.Action.OUTCOME_SIGNED
        ),
    }

    outcome = models.ForeignKey(OutcomeVersion, models.PROTECT, related_name="steps")
    kind = models.TextField(choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="one_step_of_a_kind", fields=["outcome", "kind"])
        ]


class PersonPresent(AppendOnly):
    """Who was in the meeting between an outcome's recording and its confirmation.

    Written when it is signed, as it was known then: names, memberships and ticks change later.
    """

    step = models.ForeignKey(
        OutcomeStep,
        models.PROTECT,
        related_name="present",
        limit_choices_to=Q(kind=OutcomeStep.Kind.SIGNED),
    )
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    name = models.TextField()
    specialty = models.TextField(blank=True)
    sources = models.TextField(help_text="how their presence is known: 'socket,tick'")
