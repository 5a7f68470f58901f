"""Images that came otherwise when they were fetched again than they were shown (hazard H16)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Max, OuterRef
from django.utils import timezone

from imaging.models import Instance, Quarantined, Study
from mdt.meetings.models import Meeting
from mdt.referrals.models import ReferralStudy

CODE = "instance.changed_since_shown"
OTHER_BYTES = "instance.other_bytes"


@dataclass(frozen=True)
class Changed:
    """How many images of one study; when the last of them came, and when its meetings were."""

    count: int
    came_at: datetime
    shown_at: Sequence[datetime] = ()

    def words(self, meeting: Meeting) -> str:
        """For whoever reads a case of `meeting`: what it saw, else the last that saw the others."""
        before = [at for at in self.shown_at if at < self.came_at]
        last = meeting.starts_at if meeting.starts_at in before else max(before, default=None)
        images = "1 image differs" if self.count == 1 else f"{self.count} images differ"
        shown = f"shown on {timezone.localtime(last):%-d %B %Y}" if last else "here before"
        return f"CHANGED: {images} from those {shown}. The archive changed the study since."


def changed_in(studies: Iterable[Study]) -> dict[int, Changed]:
    """By primary key the studies of which something that is here differs. One query, two where
    any does; none while nothing is here.

    What an archive changed and then changed back differs no more.
    """
    differing = _differing(CODE, studies)
    shown_at = _shown_at(differing) if differing else {}
    return {pk: Changed(*told, shown_at.get(pk, ())) for pk, told in differing.items()}


def other_bytes_in(studies: Iterable[Study]) -> dict[int, str]:
    """By primary key the studies of which an image came again with other content, in words.

    Told from what was set aside, for as long as it differs from what is shown: whatever became of
    later pulls. One query; none while nothing is here.
    """
    return {pk: _other(count) for pk, (count, _) in _differing(OTHER_BYTES, studies).items()}


def _other(count: int) -> str:
    images = "1 image" if count == 1 else f"{count} images"
    return f"TWO VERSIONS: {images} came again with other content. The first is shown."


def _differing(code: str, studies: Iterable[Study]) -> dict[int, tuple[int, datetime]]:
    """How many images of each study came in bytes that are not those here; when the last did."""
    here = [study.pk for study in studies if study.stored_count]
    if not here:
        return {}
    same = Instance.objects.filter(
        series__study=OuterRef("study"),
        sop_instance_uid=OuterRef("sop_instance_uid"),
        sha256=OuterRef("sha256"),
    )
    found = (
        Quarantined.objects.filter(code=code, study__in=here)
        .exclude(Exists(same))
        .order_by()
        .values_list("study")
        .annotate(count=Count("sop_instance_uid", distinct=True), came_at=Max("at"))
    )
    return {pk: (count, came_at) for pk, count, came_at in found}


def _shown_at(studies: Iterable[int]) -> dict[int, list[datetime]]:
    """When the meetings were that were opened with each of these studies on their list."""
    listings = "referral__listings__meeting"
    rows = ReferralStudy.objects.filter(
        **{f"{listings}__opened_at__isnull": False}, study__in=list(studies), is_chosen=True
    )
    found: dict[int, list[datetime]] = {}
    for study, at in rows.values_list("study", f"{listings}__starts_at").distinct():
        found.setdefault(study, []).append(at)
    return found
