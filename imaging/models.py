"""What imaging knows: archives, what was asked of them, studies and what is here of them.

Nothing here has heard of a meeting. A study is known by (archive, Study Instance UID): the same
UID in two archives is two rows until identity has been checked on each.
"""

from django.db import models
from django.db.models import F, Q

from imaging.ids import PublicIdField


class Archive(models.Model):
    """One trust's archive: how to reach it, how hard it may be asked, what it said last."""

    class Kind(models.TextChoices):
        DICOMWEB = "dicomweb", "DICOMweb"
        DIMSE = "dimse", "DIMSE (C-FIND, C-GET)"

    class NhsNumberIn(models.TextChoices):
        """Where this archive keeps the NHS number; there is no agreed place in UK practice."""

        PATIENT_ID = "patient-id", "Patient ID (0010,0020)"
        OTHER_PATIENT_IDS = "other-patient-ids", "Other Patient IDs Sequence (0010,1002)"
        NOT_STORED = "not-stored", "not stored"

    public_id = PublicIdField()
    name = models.SlugField(unique=True)
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5)
    kind = models.TextField(choices=Kind.choices)
    base_url = models.URLField("DICOMweb root", blank=True)
    username = models.TextField(blank=True)
    password = models.TextField(blank=True)
    host = models.TextField("DIMSE host", blank=True)
    port = models.PositiveIntegerField("DIMSE port", null=True)
    called_ae_title = models.CharField(max_length=16, blank=True)
    calling_ae_title = models.CharField(max_length=16, default="LIGHTBOX")
    nhs_number_in = models.TextField(
        choices=NhsNumberIn.choices, default=NhsNumberIn.OTHER_PATIENT_IDS
    )
    issuer_of_patient_id = models.TextField(blank=True)
    at_most = models.PositiveSmallIntegerField("jobs at one time", default=2)
    is_paused = models.BooleanField(default=False)
    last_answer_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ["trust_ods_code", "name"]
        constraints = [
            models.CheckConstraint(
                name="an_archive_has_the_address_of_its_kind",
                condition=(Q(kind="dicomweb") & ~Q(base_url=""))
                | (Q(kind="dimse", port__isnull=False) & ~Q(host="") & ~Q(called_ae_title="")),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Search(models.Model):
    """One person's studies asked of every archive. `sought` is who was asked for, as known then.

    The same `sought` is held against every header that comes back (imaging/identity.py):
    `{"nhs_number", "family_name", "given_names", "birth_date", "sex", "local_numbers": {ods: id}}`,
    dates as YYYY-MM-DD.
    """

    public_id = PublicIdField()
    sought = models.JSONField()
    meeting_at = models.DateTimeField(help_text="when the team will look: what is urgent")
    list_position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)


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


class Study(models.Model):
    """A DICOM study we know of, whose it is, and how much of it is here."""

    class State(models.TextChoices):
        FOUND = "found", "found"
        WANTED = "wanted", "waiting to be fetched"
        PULLING = "pulling", "fetching"
        PARTIAL = "partial", "partly here"
        COMPLETE = "complete", "here"
        FAILED = "failed", "failed"
        WITHHELD = "withheld", "identity does not agree"

    TRANSITIONS = {
        State.FOUND: {State.WANTED, State.WITHHELD},
        State.WANTED: {State.PULLING, State.FAILED, State.WITHHELD, State.FOUND},
        State.PULLING: {State.PARTIAL, State.COMPLETE, State.FAILED, State.WITHHELD, State.WANTED},
        State.PARTIAL: {State.WANTED, State.PULLING, State.WITHHELD},
        State.COMPLETE: {State.WANTED, State.WITHHELD},
        State.FAILED: {State.WANTED, State.WITHHELD},
        State.WITHHELD: set(),
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
    study_instance_uid = models.CharField("Study Instance UID", max_length=64)
    study_date = models.DateField(null=True)
    study_time = models.TimeField(null=True)
    description = models.TextField(blank=True)
    modalities = models.TextField(blank=True, help_text="codes joined by a comma: 'CT,SR'")
    body_part = models.TextField(blank=True)
    laterality = models.CharField(max_length=1, blank=True, help_text="(0020,0060): L, R or empty")
    accession_number = models.CharField(max_length=64, blank=True)
    state = models.TextField(choices=State.choices, default=State.FOUND)
    verdict = models.TextField(choices=Verdict.choices)
    evidence = models.JSONField(
        default=list, help_text="what agreed and what did not: codes, never values"
    )
    expected_count = models.PositiveIntegerField(null=True, help_text="instances; null: not known")
    stored_count = models.PositiveIntegerField(default=0)
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

    Its public id and a frame's number make that frame's key: "k3Xw....7" (see frame_key).
    """

    public_id = PublicIdField()
    series = models.ForeignKey(Series, models.CASCADE, related_name="instances")
    sop_instance_uid = models.CharField("SOP Instance UID", max_length=64)
    sop_class_uid = models.CharField("SOP Class UID", max_length=64)
    transfer_syntax_uid = models.CharField("Transfer Syntax UID", max_length=64)
    instance_number = models.IntegerField(null=True)
    frame_count = models.PositiveIntegerField(default=0, help_text="0: it holds no image")
    store_key = models.TextField()
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


class Quarantined(models.Model):
    """Bytes that came and were not taken: damaged, another person's, or other than the first."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="quarantined")
    sop_instance_uid = models.CharField(max_length=64, blank=True)
    code = models.TextField(help_text="why, stable: 'instance.other_bytes'")
    store_key = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(auto_now_add=True)


class Segment(models.Model):
    """A run of canonical frames kept as one object of the store. Rows are added, never changed."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="segments")
    number = models.PositiveIntegerField(help_text="from 1")
    store_key = models.TextField()
    size = models.PositiveBigIntegerField("bytes")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_segment_a_number", fields=["series", "number"])
        ]


class Frame(models.Model):
    """Where one canonical frame lies, or why it cannot be made. Rows are added, never changed."""

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
    store_key = models.TextField(help_text="the gzipped metadata")
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


class Job(models.Model):
    """Work to be done for imaging. This table is the queue; a Celery message only says: look."""

    class Kind(models.TextChoices):
        SEARCH = "search", "ask one archive"
        PULL = "pull", "fetch one study"
        FRAMES = "frames", "make canonical frames of one series"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    kind = models.TextField(choices=Kind.choices)
    answer = models.OneToOneField(ArchiveAnswer, models.CASCADE, null=True, related_name="job")
    study = models.OneToOneField(Study, models.CASCADE, null=True, related_name="job")
    series = models.OneToOneField(Series, models.CASCADE, null=True, related_name="job")
    archive = models.ForeignKey(
        Archive, models.PROTECT, null=True, related_name="jobs", help_text="null: asks nobody"
    )
    state = models.TextField(choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField()
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
        constraints = [
            models.CheckConstraint(
                name="a_running_job_has_a_claim_and_a_lease",
                condition=Q(state="running", claim__isnull=False, lease_until__isnull=False)
                | (~Q(state="running") & Q(claim=None, lease_until=None)),
            ),
            models.CheckConstraint(
                name="a_job_has_what_its_kind_works_on",
                condition=Q(kind="search", answer__isnull=False, study=None, series=None)
                | Q(kind="pull", answer=None, study__isnull=False, series=None)
                | Q(kind="frames", answer=None, study=None, series__isnull=False),
            ),
        ]
