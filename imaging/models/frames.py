"""Canonical frames, where they lie, and who may no longer see them."""

from django.db import models

from imaging.models.studies import Instance, Series


class Segment(models.Model):
    """A run of canonical frames kept as one object of the store. Rows are added, never changed,
    but that `store_key` is emptied with the pixel copies: a number is never given twice.
    """

    series = models.ForeignKey(Series, models.CASCADE, related_name="segments")
    number = models.PositiveIntegerField(help_text="from 1")
    store_key = models.TextField(blank=True, db_index=True)
    size = models.PositiveBigIntegerField("bytes")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_segment_a_number", fields=["series", "number"])
        ]


class Frame(models.Model):
    """Where one canonical frame lies, or why it cannot be made. Rows are added, and changed only
    where their segment's bytes were removed.
    """

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="frames")
    number = models.PositiveIntegerField("frame of the instance, from 1")
    segment = models.ForeignKey(Segment, models.CASCADE, null=True, related_name="frames")
    offset = models.PositiveBigIntegerField(default=0)
    length = models.PositiveBigIntegerField(default=0)
    ends = models.JSONField(
        default=list, help_text="bytes from `offset` that hold each resolution, smallest first"
    )
    crc32 = models.PositiveBigIntegerField("of the decoded little-endian samples", default=0)
    spread = models.JSONField(
        default=list, help_text="stored values: least, 1st and 99th percentile, greatest"
    )
    code = models.TextField(blank=True, help_text="why there is no picture: 'frame.damaged'")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_frame_a_number", fields=["instance", "number"])
        ]


def frame_key(instance: Instance, number: int) -> str:
    """What names a frame to browsers, over all versions of the metadata. `number` is from 1."""
    return f"{instance.public_id}.{number}"


class SeriesVersion(models.Model):
    """One version of a series' metadata (docs/series-metadata.md), kept for panes that show it."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(help_text="from 1")
    store_key = models.TextField(db_index=True, help_text="the gzipped metadata")
    is_complete = models.BooleanField(help_text="every frame of every stored instance is in it")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_metadata_a_version", fields=["series", "number"])
        ]


class Revocation(models.Model):
    """From `at` on, grants given before it count no more. Empty ids mean: any."""

    person = models.CharField("public id of a person", max_length=16, blank=True)
    case = models.CharField("public id of a case", max_length=16, blank=True)
    series = models.CharField("public id of a series", max_length=16, blank=True)
    at = models.DateTimeField(db_index=True)
