"""An archive as its administrator describes it, and what it was asked in the last day."""

from django.db import models
from django.db.models import Q

from imaging.ids import PublicIdField


class Archive(models.Model):
    """One trust's archive: how to reach it, how hard it may be asked, what it said last."""

    class Kind(models.TextChoices):
        DICOMWEB = "dicomweb", "DICOMweb"
        DIMSE = "dimse", "DIMSE (C-FIND, C-GET or C-MOVE)"
        FOLDER = "folder", "CD, USB export or zip"

    class Auth(models.TextChoices):
        """How a DICOMweb archive knows us; a client certificate may come with each of them."""

        NONE = "none", "not at all"
        BASIC = "basic", "user name and password"
        BEARER = "bearer", "a fixed token"
        OAUTH2 = "oauth2", "OAuth2 client credentials"

    class RetrieveBy(models.TextChoices):
        """How a DIMSE archive sends images."""

        GET = "get", "C-GET"
        MOVE = "move", "C-MOVE to our Storage SCP"

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
    auth = models.TextField(choices=Auth.choices, default=Auth.NONE)
    token = models.TextField("bearer token", blank=True)
    token_url = models.URLField("OAuth2 token address", blank=True)
    client_id = models.TextField("OAuth2 client id", blank=True)
    client_secret = models.TextField("OAuth2 client secret", blank=True)
    scope = models.TextField("OAuth2 scope", blank=True)
    ca_certificate = models.TextField("PEM of who signs its certificate", blank=True)
    client_certificate = models.TextField("PEM of ours, mutual TLS", blank=True)
    client_key = models.TextField("PEM of the key of ours", blank=True)
    host = models.TextField("DIMSE host", blank=True)
    port = models.PositiveIntegerField("DIMSE port", null=True)
    called_ae_title = models.CharField(max_length=16, blank=True)
    calling_ae_title = models.CharField(max_length=16, default="LIGHTBOX")
    is_tls = models.BooleanField("DIMSE over TLS", default=False)
    retrieve_by = models.TextField(choices=RetrieveBy.choices, default=RetrieveBy.GET)
    move_destination = models.CharField(
        "our AE title as the archive knows it", max_length=16, blank=True
    )
    nhs_number_in = models.TextField(
        choices=NhsNumberIn.choices, default=NhsNumberIn.OTHER_PATIENT_IDS
    )
    issuer_of_patient_id = models.TextField(blank=True)
    trusts_by_issuer = models.JSONField(
        default=dict, blank=True, help_text="of one archive of several trusts: {issuer: ODS code}"
    )
    patient_id_prefix = models.CharField(
        max_length=16, blank=True, help_text="what stands before the local number"
    )
    takes_wildcards_raw = models.BooleanField(
        default=False, help_text="matches * and ^ only when they are not percent-encoded"
    )
    page_size = models.PositiveIntegerField("answers to ask for at one time", default=500)
    unsupported_filters = models.JSONField(
        default=list, blank=True, help_text="keywords it ignores or refuses: not sent"
    )
    at_most = models.PositiveSmallIntegerField("jobs at one time", default=2)
    per_hour = models.PositiveIntegerField("questions and studies an hour", null=True, blank=True)
    opens_at = models.TimeField("asked from, local time", null=True, blank=True)
    closes_at = models.TimeField("asked until, local time", null=True, blank=True)
    may_write_back = models.BooleanField(default=False)
    pushes_as = models.CharField(
        "AE title it sends studies as, empty: it may not", max_length=16, blank=True
    )
    pushes_from = models.TextField(
        "host or address it sends studies from", blank=True, help_text="DIMSE: empty is its host"
    )
    folder = models.TextField("folder of CDs, USB exports and uploads", blank=True)
    takes_uploads = models.BooleanField(
        default=False, help_text="it is asked only for whom something was uploaded"
    )
    is_paused = models.BooleanField(default=False)
    pause_reason = models.TextField(blank=True, help_text="the administrator's; no patient data")
    last_answer_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True, help_text="the breaker: not asked before")
    bytes_per_s = models.FloatField(null=True, help_text="measured on its last pulls")

    class Meta:
        ordering = ["trust_ods_code", "name"]
        constraints = [
            models.CheckConstraint(
                name="an_archive_has_the_address_of_its_kind",
                condition=Q(kind="folder") & ~Q(folder="")
                | (Q(kind="dicomweb") & ~Q(base_url=""))
                | (Q(kind="dimse", port__isnull=False) & ~Q(host="") & ~Q(called_ae_title="")),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Asking(models.Model):
    """One time an archive was asked: what its hourly budget counts, and how it ended.

    Written by the claim of a job; kept for a day (imaging/budget.py).
    """

    archive = models.ForeignKey(Archive, models.CASCADE, related_name="askings")
    kind = models.TextField(help_text="of the job: 'search' or 'pull'")
    claim = models.UUIDField(unique=True, help_text="of the job that asked")
    at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    code = models.TextField(blank=True, help_text="why not, stable: 'archive.silent'")
    message = models.TextField(blank=True, help_text="the same in words; no patient data")

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(name="asking_by_archive_and_time", fields=["archive", "at"])]
