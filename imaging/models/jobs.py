"""The queue of work."""

from django.db import models
from django.db.models import Q

from imaging.models.archives import Archive
from imaging.models.searches import ArchiveAnswer, Upload
from imaging.models.studies import Series, Study


class Job(models.Model):
    """Work to be done for imaging. This table is the queue; a Celery message only says: look."""

    class Kind(models.TextChoices):
        SEARCH = "search", "ask one archive"
        PULL = "pull", "fetch one study"
        FRAMES = "frames", "make canonical frames of one series"
        UNPACK = "unpack", "look through one upload"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    kind = models.TextField(choices=Kind.choices)
    answer = models.OneToOneField(ArchiveAnswer, models.CASCADE, null=True, related_name="job")
    study = models.OneToOneField(Study, models.CASCADE, null=True, related_name="job")
    series = models.OneToOneField(Series, models.CASCADE, null=True, related_name="job")
    upload = models.OneToOneField(Upload, models.CASCADE, null=True, related_name="job")
    archive = models.ForeignKey(
        Archive, models.PROTECT, null=True, related_name="jobs", help_text="null: asks nobody"
    )
    state = models.TextField(choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField()
    places = models.PositiveSmallIntegerField(
        default=1, help_text="connections to its archive while it runs, of those it may use at once"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    meeting_at = models.DateTimeField(help_text="when the team will look at it")
    list_position = models.PositiveSmallIntegerField(default=0)
    rank = models.PositiveSmallIntegerField(
        default=10, help_text="0: somebody is looking at a blank pane now"
    )
    wanted_frames = models.JSONField(
        default=list, help_text="FRAMES: the frames (from 1, of the series) to make first"
    )
    claim = models.UUIDField(null=True, unique=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["rank", "meeting_at", "list_position", "pk"]
        # what waits, and what runs at one archive, in a table that only grows
        indexes = [models.Index(name="job_by_archive_and_state", fields=["archive", "state"])]
        constraints = [
            models.CheckConstraint(
                name="a_running_job_has_a_claim_and_a_lease",
                condition=Q(state="running", claim__isnull=False, lease_until__isnull=False)
                | (~Q(state="running") & Q(claim=None, lease_until=None)),
            ),
            models.CheckConstraint(
                name="a_job_has_what_its_kind_works_on",
                condition=Q(
                    kind="search", answer__isnull=False, study=None, series=None, upload=None
                )
                | Q(kind="pull", answer=None, study__isnull=False, series=None, upload=None)
                | Q(kind="frames", answer=None, study=None, series__isnull=False, upload=None)
                | Q(kind="unpack", answer=None, study=None, series=None, upload__isnull=False),
            ),
        ]
