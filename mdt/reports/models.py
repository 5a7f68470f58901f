from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from imaging.ids import PublicIdField
from imaging.models import IdentityDecision
from mdt.append_only import AppendOnly
from mdt.referrals.models import Patient


class Kind(models.TextChoices):
    IMAGING = "imaging", "Imaging report"
    PATHOLOGY = "pathology", "Pathology report"


class Status(models.TextChoices):
    """How far a report is, whichever words its sender has for that."""

    PRELIMINARY = "preliminary", "Preliminary"
    FINAL = "final", "Final"
    AMENDED = "amended", "Amended"
    WITHDRAWN = "withdrawn", "Withdrawn"


class ReportSource(models.Model):
    """A system that may send reports, and whose they are. What is not a row here is refused."""

    class Way(models.TextChoices):
        HL7 = "hl7", "HL7 v2 over MLLP"
        FHIR = "fhir", "FHIR DiagnosticReport"

    public_id = PublicIdField()
    name = models.SlugField(unique=True)
    way = models.TextField(choices=Way.choices)
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5)
    kind = models.TextField(
        choices=Kind.choices, blank=True, help_text="of messages that do not say which they are"
    )
    sections = models.JSONField(
        default=dict, blank=True, help_text="the kind of each of its own section codes"
    )
    address = models.GenericIPAddressField("HL7: where it calls from", null=True)
    sending_application = models.TextField("HL7: MSH-3", blank=True)
    sending_facility = models.TextField("HL7: MSH-4", blank=True)
    token_sha256 = models.CharField("FHIR: of its bearer token", max_length=64, blank=True)
    issuer_of_patient_id = models.TextField("its name for the trust's own numbers", blank=True)
    patient_id_prefix = models.CharField(max_length=16, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="a_report_source_is_known_by_its_way",
                condition=Q(way="hl7", address__isnull=False, token_sha256="")
                & ~Q(sending_application="")
                | (Q(way="fhir", address=None) & ~Q(token_sha256="")),
            ),
            models.UniqueConstraint(
                name="one_hl7_source_per_sender",
                fields=["address", "sending_application", "sending_facility"],
                condition=Q(way="hl7"),
            ),
            models.UniqueConstraint(
                name="one_fhir_source_per_token",
                fields=["token_sha256"],
                condition=Q(way="fhir"),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UnkeptSection(models.Model):
    """How many reports of a source were acknowledged and not kept, by the section they named."""

    source = models.ForeignKey(ReportSource, models.CASCADE, related_name="not_kept")
    code = models.CharField(max_length=32)
    times = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(name="one_count_a_section", fields=["source", "code"])
        ]


class Report(models.Model):
    """One report of one patient, over all its versions. `number` means nothing without the trust.

    For imaging the number is that of the report or its accession number, for pathology that of
    the specimen. `service` tells apart what shares a number: the reports of one specimen.
    """

    public_id = PublicIdField()
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="reports")
    kind = models.TextField(choices=Kind.choices)
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5)
    number = models.CharField(max_length=64, blank=True)
    service = models.CharField("code of what was examined", max_length=64, blank=True)
    is_contested = models.BooleanField(
        default=False,
        help_text="its number came for somebody else: withheld until that is said",
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_report_per_number",
                fields=["patient", "trust_ods_code", "kind", "number", "service"],
                condition=~Q(number=""),
            )
        ]


class ReportVersion(AppendOnly):
    """What came of a report at one time, never changed: a newer version is a new row.

    `text` is as it came, byte for byte. Which version counts is for `queries.in_force` to say:
    messages overtake one another.
    """

    class Way(models.TextChoices):
        PASTED = "pasted", "pasted"
        PDF = "pdf", "brought as PDF"
        HL7 = "hl7", "sent by HL7"
        FHIR = "fhir", "sent by FHIR"

    public_id = PublicIdField()
    report = models.ForeignKey(Report, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(help_text="from 1, as they came")
    status = models.TextField(choices=Status.choices)
    title = models.TextField(blank=True, help_text="what was examined")
    accession_number = models.CharField(max_length=64, blank=True)
    laboratory = models.TextField("laboratory or department", blank=True)
    issued_at = models.DateTimeField(help_text="by its author, as the sender says")
    is_timed = models.BooleanField(default=True, help_text="an hour was said too, not only the day")
    received_at = models.DateTimeField(default=timezone.now)
    way = models.TextField(choices=Way.choices)
    source = models.ForeignKey(ReportSource, models.PROTECT, null=True, related_name="+")
    received_from = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    message_id = models.TextField(blank=True, help_text="MSH-10, or identifier and versionId")
    claim = models.JSONField(default=dict, help_text="who it says it is about; empty: a person did")
    text = models.TextField(blank=True)
    is_incomplete = models.BooleanField(
        default=False, help_text="parts of what was sent could not be kept"
    )
    store_key = models.TextField("of its PDF", blank=True, db_index=True)
    size = models.PositiveBigIntegerField("bytes of its PDF", default=0)
    content_sha256 = models.CharField("of text and PDF", max_length=64)
    digest = models.CharField("of all its sender said", max_length=64)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                name="one_report_version_a_number", fields=["report", "number"]
            ),
            models.UniqueConstraint(name="a_repeat_is_no_version", fields=["report", "digest"]),
            models.CheckConstraint(
                name="a_report_version_says_from_whom",
                condition=Q(way__in=["pasted", "pdf"], received_from__isnull=False, source=None)
                | Q(way__in=["hl7", "fhir"], received_from=None, source__isnull=False),
            ),
            models.CheckConstraint(
                name="a_report_version_says_something",
                condition=~Q(text="") | ~Q(store_key="") | Q(status="withdrawn"),
            ),
        ]


class ReportDecision(AppendOnly):
    """What somebody of the source trust's imaging team said of whose a doubtful report is.

    It holds for one pair of who the patient is on record and who the sender says it is about, and
    so for every version under that pair; when either differs later, the report is doubtful again.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="report_decisions")
    pair = models.CharField("sha256 of both", max_length=64)
    verdict = models.TextField(choices=IdentityDecision.Verdict.choices)
    reason = models.TextField(choices=IdentityDecision.Reason.choices)
    note = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "pk"]


class UnmatchedReport(models.Model):
    """What was sent about somebody who is not surely anybody's patient here, kept apart.

    Of what may be somebody's their trust's imaging team decides (mdt/identity). What is nobody's
    is shown to nobody, for some days: when the patient becomes known meanwhile, it is theirs.
    """

    public_id = PublicIdField()
    source = models.ForeignKey(ReportSource, models.CASCADE, related_name="+")
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    message_id = models.TextField(blank=True)
    arrived = models.JSONField(help_text="as arrived.Arrived")
    store_key = models.TextField("of its PDF", blank=True, db_index=True)
    digest = models.CharField("of all its sender said", max_length=64)
    is_contested = models.BooleanField(
        default=False, help_text="surely somebody's, but its number is somebody else's report here"
    )
    about = models.ForeignKey(
        Report, models.CASCADE, null=True, related_name="+", help_text="which is here already"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="a_repeat_is_not_kept_twice", fields=["source", "digest"])
        ]


class UnmatchedNumber(models.Model):
    """A number by which an unmatched report is found again, as PatientNumber.compared_as."""

    unmatched = models.ForeignKey(UnmatchedReport, models.CASCADE, related_name="looked_for")
    issuer = models.TextField()
    trust_ods_code = models.CharField(max_length=5, blank=True)
    value = models.CharField(max_length=40)

    class Meta:
        indexes = [
            models.Index(name="unmatched_by_number", fields=["value", "issuer", "trust_ods_code"])
        ]
