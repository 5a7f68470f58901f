"""Which studies' pixel copies must stay: the door imaging asks before it removes any."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from imaging.models import Series
from mdt.annotations.models import Mark
from mdt.audit.models import AuditEvent
from mdt.meetings.models import ListedCase, Meeting
from mdt.outcomes.models import OutcomeStep, OutcomeVersion, ShownView
from mdt.referrals.models import ReferralStudy

UNRECORDED_AT_MOST = timedelta(days=90)
"""After that nobody is taken to record an outcome any more; one recorded may always be signed."""


def pinned(studies: Collection[int], *, since: datetime) -> set[int]:
    """Of these studies, those that are listed, discussed and not signed, or being looked at.

    Listed: in a meeting that is open, is to come, or was later than `since`. Discussed: marked, or
    shown last, in a case whose newest outcome is not signed, since who signs must see what the
    marks say and what the meeting saw; for 90 days where none is recorded.
    """
    listed = ReferralStudy.objects.filter(_listed(since), study__in=studies)
    discussed = {"case__in": _to_be_signed().values("pk"), "series__study__in": studies}
    seen = _looked_at().filter(study__in=studies)
    return {
        *listed.values_list("study", flat=True),
        *Mark.objects.filter(**discussed).values_list("series__study", flat=True),
        *ShownView.objects.filter(**discussed).values_list("series__study", flat=True),
        *seen.values_list("study", flat=True),
    }


def _listed(since: datetime) -> Q:
    meeting = "referral__listings__meeting__"
    return (
        Q(**{f"{meeting}state": Meeting.State.LIVE})
        | Q(**{f"{meeting}starts_at__gt": since})
        | Q(**{f"{meeting}closed_at__gt": since})
    )


def _to_be_signed() -> QuerySet[ListedCase]:
    newest = OutcomeVersion.objects.filter(case=OuterRef("pk")).order_by("-number").values("pk")[:1]
    signed = OutcomeStep.objects.filter(outcome=OuterRef("newest"), kind=OutcomeStep.Kind.SIGNED)
    cases = ListedCase.objects.annotate(newest=Subquery(newest)).exclude(Exists(signed))
    is_late = Q(newest=None, meeting__starts_at__lte=timezone.now() - UNRECORDED_AT_MOST)
    return cases.exclude(is_late)


def _looked_at() -> QuerySet[Series]:
    """Series granted within the length of a session: a grant is renewed without a new row."""
    since = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    granted = AuditEvent.objects.filter(action=AuditEvent.Action.VIEW_GRANTED, at__gt=since)
    targets = granted.values_list("target", flat=True).distinct()
    return Series.objects.filter(public_id__in=[target.rpartition(":")[2] for target in targets])
