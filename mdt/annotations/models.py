from django.conf import settings
from django.db import models
from django.utils import timezone

from imaging.ids import PublicIdField
from imaging.models import Series
from mdt.append_only import AppendOnly
from mdt.meetings.models import ListedCase


class Mark(models.Model):
    """Something drawn on one frame in one case. What it looks like is in its versions (D25).

    The DICOM names are kept beside the series' row, so that a mark outlives a re-pull.
    """

    public_id = PublicIdField()
    case = models.ForeignKey(ListedCase, models.PROTECT, related_name="marks")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    series = models.ForeignKey(Series, models.SET_NULL, null=True, related_name="+")
    trust_ods_code = models.CharField(max_length=5)
    study_instance_uid = models.CharField(max_length=64)
    series_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)
    frame_number = models.PositiveIntegerField("frame of the instance, from 1")
    frame_key = models.CharField(max_length=40, help_text="the frame's key in the metadata")
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    metadata_version = models.PositiveIntegerField()

    class Meta:
        ordering = ["pk"]


class MarkVersion(AppendOnly):
    """A mark as it stood once. The newest counts; one that `is_removed` is a tombstone."""

    class Kind(models.TextChoices):
        LENGTH = "length", "Length"
        ARROW = "arrow", "Arrow with text"

    mark = models.ForeignKey(Mark, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(help_text="from 1")
    kind = models.TextField(choices=Kind.choices)
    points = models.JSONField(help_text="as Point in mdt/protocol: patient mm (LPS), or stored px")
    text = models.TextField(blank=True)
    measured = models.JSONField(
        null=True, help_text="{value, unit, note}, computed by the server; null: nothing measured"
    )
    is_removed = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="one_version_per_mark_number", fields=["mark", "number"])
        ]
