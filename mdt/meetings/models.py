from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from imaging.ids import PublicIdField
from mdt.append_only import AppendOnly
from mdt.referrals.models import Referral
from mdt.teams.models import Team


class Meeting(models.Model):
    """One sitting of an MDT, and where its room stands."""

    class State(models.TextChoices):
        PLANNED = "planned", "planned"
        LIVE = "live", "room open"
        CLOSED = "closed", "closed"

    TRANSITIONS = {
        State.PLANNED: {State.LIVE},
        State.LIVE: {State.CLOSED},
        State.CLOSED: set(),
    }

    public_id = PublicIdField()
    team = models.ForeignKey(Team, models.PROTECT, related_name="meetings")
    starts_at = models.DateTimeField()
    planned_minutes = models.PositiveSmallIntegerField(default=120)
    state = models.TextField(choices=State.choices, default=State.PLANNED)
    opened_at = models.DateTimeField(null=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)

    # The room's position, moved only by services, each move with a row in the room log.
    room_seq = models.PositiveIntegerField(default=0)
    case = models.ForeignKey("mdt.ListedCase", models.SET_NULL, null=True, related_name="+")
    case_seq = models.PositiveIntegerField("seq of the event that opened the case", default=0)
    term = models.PositiveIntegerField("how often the presenter changed", default=0)
    presenter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    presenter_tab = models.TextField(blank=True)
    presenter_since = models.DateTimeField(null=True)
    presenter_seen_at = models.DateTimeField(
        null=True, help_text="last heartbeat of the presenter's tab: their lease runs on from here"
    )

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="meeting_opened_at_and_by_together",
                condition=Q(opened_at=None, opened_by=None)
                | Q(opened_at__isnull=False, opened_by__isnull=False),
            ),
        ]

    @property
    def is_live(self) -> bool:
        return self.state == self.State.LIVE


class ListedCase(models.Model):
    """A referral placed on one meeting's list: what the room turns to."""

    public_id = PublicIdField()
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="cases")
    referral = models.ForeignKey(Referral, models.PROTECT, related_name="listings")
    position = models.PositiveSmallIntegerField(help_text="from 1, without a gap")
    planned_minutes = models.PositiveSmallIntegerField(default=5)
    listed_at = models.DateTimeField(default=timezone.now)
    listed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True)
    is_restricted = models.BooleanField("for the people named in the referral only", default=False)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(name="one_listing_per_meeting", fields=["meeting", "referral"])
        ]


class Attendance(models.Model):
    """A person present in one meeting, from when to when. Quorum is counted from these rows.

    A person has one open row per source at most, however many tabs.
    """

    class Source(models.TextChoices):
        SOCKET = "socket", "was connected"
        CHECK_IN = "check-in", "entered the code"
        TICK = "tick", "ticked by the coordinator"

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="attendances")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    source = models.TextField(choices=Source.choices)
    ticked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    joined_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="the last heartbeat of any of their tabs")
    left_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["joined_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_attendance",
                fields=["meeting", "person", "source"],
                condition=Q(left_at=None),
            )
        ]


class ImageRequest(models.Model):
    """People of one trust asked for the images of one referral, and where that stands.

    `state` is that of the newest step, moved by image_requests.py alone.
    """

    class State(models.TextChoices):
        ASKED = "asked", "asked"
        CHASED = "chased", "chased"
        PROMISED = "promised", "promised"
        ARRIVED = "arrived", "arrived"
        NOT_COMING = "not-coming", "not coming"

    TRANSITIONS = {
        State.ASKED: {State.CHASED, State.PROMISED, State.ARRIVED, State.NOT_COMING},
        State.CHASED: {State.CHASED, State.PROMISED, State.ARRIVED, State.NOT_COMING},
        State.PROMISED: {State.CHASED, State.PROMISED, State.ARRIVED, State.NOT_COMING},
        State.NOT_COMING: {State.ASKED, State.ARRIVED},
        State.ARRIVED: {State.ASKED},
    }

    public_id = PublicIdField()
    referral = models.ForeignKey(Referral, models.CASCADE, related_name="image_requests")
    trust_ods_code = models.CharField("ODS code of the trust", max_length=5)
    state = models.TextField(choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField(help_text="the first time, or again after an end")

    class Meta:
        ordering = ["trust_ods_code"]
        constraints = [
            models.UniqueConstraint(
                name="one_image_request_per_trust", fields=["referral", "trust_ods_code"]
            )
        ]

    @property
    def is_open(self) -> bool:
        """Somebody still has to do something about it."""
        return self.state in OPEN_REQUESTS


OPEN_REQUESTS = frozenset(
    {ImageRequest.State.ASKED, ImageRequest.State.CHASED, ImageRequest.State.PROMISED}
)


class ImageRequestStep(AppendOnly):
    """One step of a request for images, with who and when; nobody's where images just came."""

    request = models.ForeignKey(ImageRequest, models.PROTECT, related_name="steps")
    state = models.TextField(choices=ImageRequest.State.choices)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    promised_for = models.DateField("promised by", null=True)
    reason = models.TextField(blank=True, help_text="why images are not coming; no patient data")

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="a_promise_has_its_day",
                condition=Q(state="promised", promised_for__isnull=False)
                | (~Q(state="promised") & Q(promised_for=None)),
            ),
            models.CheckConstraint(
                name="not_coming_has_its_reason", condition=~Q(state="not-coming") | ~Q(reason="")
            ),
        ]
