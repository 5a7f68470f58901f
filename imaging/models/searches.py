"""One person's studies asked of archives, what each said, and files brought by hand."""

from django.db import models

from imaging.ids import PublicIdField
from imaging.models.archives import Archive


class Search(models.Model):
    """One person's studies asked of every archive. `sought` is who was asked for, as known then.

    The same `sought` is held against every header that comes back (imaging/identity.py):
    `{"nhs_number", "family_name", "given_names", "birth_date", "sex", "local_numbers": {ods: id},
    ...}` as imaging.identity.Sought, dates as YYYY-MM-DD.
    """

    public_id = PublicIdField()
    sought = models.JSONField()
    meeting_at = models.DateTimeField(help_text="when the team will look: what is urgent")
    list_position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    replaced_by = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="the search for the person as corrected; this one asks and finds no more",
    )


class ArchiveAnswer(models.Model):
    """What one archive said to one search."""

    class State(models.TextChoices):
        NOT_ASKED = "not-asked", "not asked"
        WAITING = "waiting", "waiting"
        ANSWERED = "answered", "answered"
        FAILED = "failed", "does not answer"

    search = models.ForeignKey(Search, models.CASCADE, related_name="answers")
    archive = models.ForeignKey(Archive, models.PROTECT, related_name="answers")
    state = models.TextField(choices=State.choices, default=State.WAITING)
    code = models.TextField(blank=True, help_text="why not, stable: 'archive.unreachable'")
    message = models.TextField(blank=True, help_text="why not, in words; no patient data")
    answered_at = models.DateTimeField(null=True)
    trusts = models.JSONField(
        null=True, help_text="ODS codes of those whose own numbers it may be asked by; null: all"
    )
    studies_found = models.PositiveIntegerField(default=0)
    studies_rejected = models.PositiveIntegerField(
        default=0, help_text="answers that were about somebody else"
    )

    class Meta:
        ordering = ["archive__trust_ods_code"]
        constraints = [
            models.UniqueConstraint(
                name="one_answer_per_archive_and_search", fields=["search", "archive"]
            )
        ]


class Upload(models.Model):
    """Files somebody brought from one trust's CD, USB stick or zip, for one person sought.

    They lie in a folder of their own within the archive's (imaging/uploads), by our own names.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", "coming in"
        WAITING = "waiting", "being looked through"
        TAKEN = "taken", "taken"
        REFUSED = "refused", "not taken"

    public_id = PublicIdField()
    archive = models.ForeignKey(Archive, models.PROTECT, related_name="uploads")
    search = models.ForeignKey(Search, models.PROTECT, related_name="uploads")
    by = models.CharField("public id of a person", max_length=16)
    state = models.TextField(choices=State.choices, default=State.RECEIVING)
    code = models.TextField(blank=True, help_text="why not, stable: 'upload.encrypted'")
    message = models.TextField(blank=True, help_text="the same in words; no patient data")
    size = models.PositiveBigIntegerField("bytes as they came", default=0)
    taken = models.PositiveIntegerField("images and other DICOM files", default=0)
    of_others = models.PositiveIntegerField("DICOM files about somebody else", default=0)
    damaged = models.PositiveIntegerField("DICOM files that cannot be read", default=0)
    twice = models.PositiveIntegerField("files that were there already", default=0)
    skipped = models.PositiveIntegerField("viewers, pictures, papers: no DICOM", default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True, help_text="when its files were removed from disk")

    class Meta:
        ordering = ["-created_at", "-pk"]
