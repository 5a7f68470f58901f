from typing import Any, NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from imaging.ids import PublicIdField
from imaging.models import Series
from mdt import access
from mdt.append_only import AppendOnly
from mdt.audit.models import AuditEvent
from mdt.laterality import Laterality
from mdt.meetings.models import ListedCase
from mdt.members import Role
from mdt.outcomes.codes import (
    CnsIndication,
    DiscussionType,
    Intent,
    NoTreatmentReason,
    PerformanceStatus,
    TnmEdition,
)
from mdt.outcomes.fields import DATES


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
        "MDTM discussion or its type (CR8100, CR8110)",
        max_length=2,
        choices=DiscussionType.choices,
    )
    planning_date = models.DateField("MDT discussion date (CR0430)", null=True)
    cns_indication = models.CharField(
        "CNS indication code (CR2050)", max_length=2, choices=CnsIndication.choices, blank=True
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
    tnm_edition = models.CharField(
        "TNM coding edition (CR6980)", max_length=1, choices=TnmEdition.choices, blank=True
    )
    tnm_version = models.CharField("TNM version number (CR2070)", max_length=2, blank=True)
    stage_date = models.DateField("stage date (CR3120)", null=True)
    actions = models.JSONField(default=list, help_text="[{what, who, due}]")
    was_quorate = models.BooleanField(
        null=True, help_text="as measured in the meeting; null: recorded after it, so not known"
    )
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="one_outcome_per_number", fields=["case", "number"])
        ]

    def typed(self, name: str) -> Any:
        """A field as it is typed and sent: a day is YYYY-MM-DD, or empty."""
        value = getattr(self, name)
        return (value.isoformat() if value else "") if name in DATES else value

    @property
    def is_not_discussed(self) -> bool:
        return self.discussion_type == DiscussionType.NOT_DISCUSSED

    @property
    def is_after_close(self) -> bool:
        """Recorded when the meeting had closed. Reads `case.meeting`."""
        closed_at = self.case.meeting.closed_at
        return closed_at is not None and self.recorded_at > closed_at

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
    """Who was in the meeting between an outcome's recording and its confirmation, or, recorded
    after it had closed, while the room was turned to the case.

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


class ShownView(models.Model):
    """What a presenter showed last of a case in one pane: the discussed picture, as it was seen.

    Written over while the room is turned to the case, so one row a pane (mdt/outcomes/shown.py).
    """

    public_id = PublicIdField()
    case = models.ForeignKey(ListedCase, models.PROTECT, related_name="shown_views")
    pane = models.CharField(max_length=16)
    series = models.ForeignKey(Series, models.SET_NULL, null=True, related_name="+")
    metadata_version = models.PositiveIntegerField()
    frame_key = models.CharField(max_length=40, help_text="the frame's key in the metadata")
    view = models.JSONField(help_text="as StackView in mdt/protocol")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pane"]
        constraints = [
            models.UniqueConstraint(name="one_shown_view_a_pane", fields=["case", "pane"])
        ]
