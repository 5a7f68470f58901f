"""Studies, whose they are, and what is here of them as it was received.

A study is known by (archive, Study Instance UID): the same UID in two archives is two rows until
identity has been checked on each.
"""

from typing import Any, NoReturn

from django.db import models
from django.db.models import F
from django.utils import timezone

from imaging.ids import PublicIdField
from imaging.models.archives import Archive
from imaging.models.searches import Search


class Study(models.Model):
    """A DICOM study we know of, whose it is, and how much of it is here."""

    class State(models.TextChoices):
        FOUND = "found", "found"
        WANTED = "wanted", "waiting to be fetched"
        PULLING = "pulling", "fetching"
        PARTIAL = "partial", "partly here"
        COMPLETE = "complete", "here"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        WITHHELD = "withheld", "identity does not agree"

    TRANSITIONS = {
        State.FOUND: {State.WANTED, State.WITHHELD},
        State.WANTED: {State.PULLING, State.FAILED, State.CANCELLED, State.WITHHELD, State.FOUND},
        State.PULLING: {
            *(State.PARTIAL, State.COMPLETE, State.FAILED),
            *(State.CANCELLED, State.WITHHELD, State.WANTED),
        },
        State.PARTIAL: {
            *(State.WANTED, State.PULLING, State.CANCELLED),
            *(State.WITHHELD, State.FOUND),
        },
        State.COMPLETE: {State.WANTED, State.WITHHELD, State.FOUND},
        State.FAILED: {State.WANTED, State.WITHHELD, State.FOUND},
        State.CANCELLED: {State.WANTED, State.WITHHELD, State.FOUND},
        State.WITHHELD: {State.FOUND},  # settled by its imaging team, or corrected at source
    }

    EVICTED = "study.evicted"
    GONE = "study.gone"  # not listed at its archive any more; what is here stays as it came
    NOT_DESCRIBED = "study.not_described"
    ISSUER_NOT_KNOWN = "identity.issuer"
    SAID = {
        GONE: "Its archive does not list this study any more.",
        NOT_DESCRIBED: "Its archive cannot say what this study holds.",
        ISSUER_NOT_KNOWN: "Its numbers are of an issuer that nobody has set up for this archive: "
        "whose study it is must be known before it is shown.",
    }

    class Verdict(models.TextChoices):
        """Whose the study is, after the header was held against the person sought."""

        SAME = "same", "same person"
        NEEDS_A_PERSON = "needs-a-person", "needs a person"
        DIFFERENT = "different", "another person"

    public_id = PublicIdField()
    archive = models.ForeignKey(Archive, models.PROTECT, related_name="studies")
    search = models.ForeignKey(
        Search, models.PROTECT, related_name="+", help_text="the last that found it"
    )
    searches = models.ManyToManyField(
        Search, related_name="studies", help_text="all that found it and believe its verdict"
    )
    trust_ods_code = models.CharField(
        "ODS code of the trust whose study it is", max_length=5, blank=True
    )
    study_instance_uid = models.CharField("Study Instance UID", max_length=64)
    study_date = models.DateField(null=True)
    study_time = models.TimeField(null=True)
    description = models.TextField(blank=True)
    modalities = models.TextField(blank=True, help_text="codes joined by a comma: 'CT,SR'")
    body_part = models.TextField(blank=True)
    laterality = models.CharField(
        max_length=1, blank=True, help_text="L, R, B: of both sides, or empty: not stated"
    )
    accession_number = models.CharField(max_length=64, blank=True)
    state = models.TextField(choices=State.choices, default=State.FOUND)
    verdict = models.TextField(choices=Verdict.choices)
    evidence = models.JSONField(
        default=list, help_text="what agreed and what did not: codes, never values"
    )
    doubted_at = models.DateTimeField(null=True, help_text="since when it needs a person")
    claims = models.JSONField(
        default=list,
        help_text="who its headers say it is, each different one once (imaging/claims.py)",
    )
    expected_count = models.PositiveIntegerField(null=True, help_text="instances; null: not known")
    stated_count = models.PositiveIntegerField(
        null=True, help_text="instances its archive says it holds; null: it does not say"
    )
    stored_count = models.PositiveIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    found_at = models.DateTimeField(
        default=timezone.now, help_text="when an archive first answered with it"
    )
    sent_at = models.DateTimeField(
        null=True, help_text="when its archive sent it unasked, or a KOS 'For Conference' named it"
    )
    code = models.TextField(blank=True, help_text="why it is not complete: 'pull.cut_short'")
    message = models.TextField(blank=True, help_text="the same in words; no patient data")
    pull_started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = [F("study_date").desc(nulls_last=True), "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_study_per_archive_and_uid", fields=["archive", "study_instance_uid"]
            )
        ]

    def save(self, **options: Any) -> None:
        """It is its archive's trust's, unless an issuer says whose else."""
        self.trust_ods_code = self.trust_ods_code or self.archive.trust_ods_code
        super().save(**options)

    @property
    def is_evicted(self) -> bool:
        """Its pictures were here, and are not any more (imaging/retention.py)."""
        return self.state == self.State.FOUND and self.code == self.EVICTED


class IdentityDecision(models.Model):
    """What somebody of the source trust's imaging team said of a doubtful study. Never changed.

    It holds for what it was decided on and nothing else: who was sought, and who the headers say
    it is. When either differs later, the study is doubtful again.
    """

    class Verdict(models.TextChoices):
        SAME = "same", "It is the same person"
        DIFFERENT = "different", "It is another person"

    class Reason(models.TextChoices):
        """Grounds of one verdict each: see REASONS_OF."""

        RECORDS_AGREE = "records-agree", "Our patient record shows both as one person"
        MERGED = "merged", "Two of our numbers were merged: both are this person's"
        SLIP = "slip", "A slip of the pen in the study, not corrected yet"
        RENAMED = "renamed", "The person has changed their name"
        OTHER_RECORD = "other-record", "Our patient record shows two people"
        WRONG_NUMBER = "wrong-number", "The study carries a number that is not its patient's"
        NO_PATIENT = "no-patient", "A test, a phantom or nobody's study"
        CANNOT_TELL = "cannot-tell", "Nobody can tell any more"

    REASONS_OF = {
        Verdict.SAME: (Reason.RECORDS_AGREE, Reason.MERGED, Reason.SLIP, Reason.RENAMED),
        Verdict.DIFFERENT: (
            *(Reason.OTHER_RECORD, Reason.WRONG_NUMBER, Reason.NO_PATIENT, Reason.CANNOT_TELL),
        ),
    }

    public_id = PublicIdField()
    study = models.ForeignKey(Study, models.PROTECT, related_name="decisions")
    verdict = models.TextField(choices=Verdict.choices)
    reason = models.TextField(choices=Reason.choices)
    note = models.TextField(blank=True)
    by = models.CharField("public id of a person", max_length=16)
    at = models.DateTimeField(auto_now_add=True)
    decided_on = models.JSONField(help_text="sha256 of who was sought with each doubtful claim")

    class Meta:
        ordering = ["at", "pk"]

    def save(self, **options: Any) -> None:
        if not self._state.adding:
            raise TypeError("decisions are never changed: a new one is made")
        super().save(**options)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        raise TypeError("decisions are never removed")


class ExpectedInstance(models.Model):
    """One SOP Instance the archive says it holds. What is missing is expected minus stored."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="expected_instances")
    series_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_expectation_per_instance", fields=["study", "sop_instance_uid"]
            )
        ]


class Series(models.Model):
    """One series of a study. `version` is that of its newest metadata, 0 before there is any."""

    public_id = PublicIdField()
    study = models.ForeignKey(Study, models.CASCADE, related_name="series")
    series_instance_uid = models.CharField("Series Instance UID", max_length=64)
    modality = models.CharField(max_length=16, blank=True)
    number = models.IntegerField(null=True)
    description = models.TextField(blank=True)
    body_part = models.TextField(blank=True)
    laterality = models.CharField(max_length=1, blank=True)
    frame_of_reference_uid = models.CharField(
        max_length=64, blank=True, help_text="where all frames share one"
    )
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["number", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_series_per_study_and_uid", fields=["study", "series_instance_uid"]
            )
        ]


class Instance(models.Model):
    """One SOP Instance, kept as the bytes that came. Never overwritten.

    Its public id and a frame's number make that frame's key: "k3Xw....7" (see frame_key). The row
    outlives its bytes (imaging/retention.py): what is fetched again must have the same sha256.
    """

    public_id = PublicIdField()
    series = models.ForeignKey(Series, models.CASCADE, related_name="instances")
    sop_instance_uid = models.CharField("SOP Instance UID", max_length=64)
    sop_class_uid = models.CharField("SOP Class UID", max_length=64)
    transfer_syntax_uid = models.CharField("Transfer Syntax UID", max_length=64)
    instance_number = models.IntegerField(null=True)
    frame_count = models.PositiveIntegerField(default=0, help_text="0: it holds no image")
    store_key = models.TextField(
        blank=True, db_index=True, help_text="empty: its bytes were removed, and may be fetched"
    )
    sha256 = models.CharField("of the bytes as received", max_length=64)
    size = models.PositiveBigIntegerField("bytes")
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["instance_number", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_instance_per_series_and_uid", fields=["series", "sop_instance_uid"]
            )
        ]


class Arrival(models.Model):
    """One object our Storage SCP took and acknowledged, until its bytes are known elsewhere.

    A pull takes those it asked for; what nobody asked for waits here until it belongs to a case,
    or has waited too long (imaging/arrivals.py, imaging/scp).
    """

    archive = models.ForeignKey(Archive, models.CASCADE, related_name="arrivals")
    study_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    store_key = models.TextField()
    size = models.PositiveBigIntegerField("bytes")
    is_asked = models.BooleanField("came for a C-MOVE of somebody's")
    at = models.DateTimeField(auto_now_add=True)
    looked_at = models.DateTimeField(
        null=True, help_text="when the open searches were last held against it"
    )

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(name="arrival_by_study", fields=["archive", "study_instance_uid"]),
            models.Index(name="arrival_by_store_key", fields=["store_key"]),
        ]


class Quarantined(models.Model):
    """Bytes that came and were not taken: damaged, another person's, or other than the first."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="quarantined")
    sop_instance_uid = models.CharField(max_length=64, blank=True)
    code = models.TextField(help_text="why, stable: 'instance.other_bytes'")
    store_key = models.TextField(blank=True, db_index=True)
    sha256 = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(auto_now_add=True)
