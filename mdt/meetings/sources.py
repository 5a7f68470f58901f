"""Found studies as a list shows them: one that several archives hold once, with all its sources."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from imaging.copies import best_first, by_uid, said_to_hold
from imaging.models import Frame, Study
from imaging.pull import pace
from mdt.access import WhyWithheld
from mdt.meetings.lights import not_made
from mdt.meetings.withheld import why_unsure
from mdt.referrals.models import ReferralStudy

FIRST_ANSWERS = timedelta(minutes=30)  # what comes so soon after the listing is no news
MAY_RETRY = frozenset(
    {Study.State.FAILED, Study.State.PARTIAL, Study.State.CANCELLED, Study.State.COMPLETE}
)
SAID_OF_COPIES = {  # by what why_unsure says
    "unsure": "whose it is must be settled there",
    "issuer": "its issuer is not set up for that archive",
    "gone": "whose it is was not settled, and that archive lists it no more",
    "": "it has another identity",
}
Why = Callable[[ReferralStudy], WhyWithheld | None]


@dataclass(frozen=True)
class Source:
    """Another archive that holds the study, and how much of it."""

    ods_code: str
    trust: str
    held: str = ""

    @property
    def words(self) -> str:
        return f"also at {self.trust}" + (f": {self.held}" if self.held else "")


@dataclass(frozen=True)
class ShownStudy:
    """A found study that may be shown, its part beside the others, and where else it is.

    `cautions`, `changed` where it differs from what a meeting saw, and `other_bytes` where an
    image came in two versions, are sentences to be read before its pictures; `new_since` is empty
    for what was there when the case was listed.
    """

    found: ReferralStudy
    trust: str
    role: str = ""
    also_at: tuple[Source, ...] = ()
    cautions: tuple[str, ...] = ()
    new_since: str = ""
    waits: str = ""
    changed: str = ""
    not_made: int = 0  # series of which pictures could not be made
    other_bytes: str = ""

    @property
    def study(self) -> Study:
        return self.found.study

    @property
    def name(self) -> str:
        return name_of(self.study)

    @property
    def may_retry(self) -> bool:
        is_over = self.study.state in MAY_RETRY or self.study.is_evicted
        return self.found.is_chosen and (is_over or self.may_make_again)

    @property
    def may_make_again(self) -> bool:
        """Whether all of it is here, and its pictures are not."""
        return self.study.state == Study.State.COMPLETE and bool(self.not_made)

    @property
    def is_in_order(self) -> bool:
        """Whether nothing is wrong with it: fetching again brings what its archive has more."""
        is_here = self.study.state == Study.State.COMPLETE and not self.study.is_evicted
        return is_here and not self.may_make_again

    @property
    def state_words(self) -> str:
        removed = "removed after the meeting"
        return removed if self.study.is_evicted else self.study.get_state_display()

    @property
    def beware(self) -> tuple[str, ...]:
        """All there is to be read before its pictures."""
        return (
            *self.cautions,
            *filter(None, [self.changed, self.other_bytes, self.not_made_words]),
        )

    @property
    def not_made_words(self) -> str:
        """Empty where all pictures are made, or on their way."""
        return f"NOT MADE: {not_made(self.not_made)}." if self.not_made else ""

    @property
    def may_cancel(self) -> bool:
        return self.study.state in (Study.State.WANTED, Study.State.PULLING)

    @property
    def time_left(self) -> str:
        """'about 2 minutes left', empty while that is not known."""
        seconds = pace.seconds_left(self.study)
        return "" if seconds is None else pace.words_left(seconds)


def name_of(study: Study) -> str:
    """'CT of 3 Mar 2026', to begin a sentence about it with."""
    kind = study.modalities or "A study"
    return f"{kind} of {study.study_date:%-d %b %Y}" if study.study_date else kind


def shown_first(found: Sequence[ReferralStudy], now: datetime) -> list[list[ReferralStudy]]:
    """Found studies gathered by Study Instance UID; of each the copy to show comes first."""
    rows = {one.study_id: one for one in found}
    groups = by_uid(one.study for one in found)
    ranked = [[rows[copy.pk] for copy in best_first(copies, now)] for copies in groups]
    return [sorted(copies, key=lambda one: not one.is_chosen) for copies in ranked]


def also_at(copies: Sequence[ReferralStudy], name: Callable[[str], str]) -> tuple[Source, ...]:
    """Where else the first of `copies` is, and how much less is there."""
    whole = said_to_hold([one.study for one in copies])
    return tuple(
        Source(one.study.trust_ods_code, name(one.study.trust_ods_code), _held(one.study, whole))
        for one in copies[1:]
    )


def doubted_copies(
    found: Iterable[ReferralStudy], why: Why, name: Callable[[str], str]
) -> dict[str, list[str]]:
    """By Study Instance UID: sentences on copies of which it is not sure whose they are."""
    doubts: dict[str, list[str]] = {}
    for one in found:
        if why(one) == "identity":
            trust = name(one.study.trust_ods_code)
            said = SAID_OF_COPIES[why_unsure(one.study)]
            text = f"SOURCES: {trust} holds this study too, and {said}. Its copy is withheld."
            doubts.setdefault(one.study.study_instance_uid, []).append(text)
    return doubts


def pictures_that_differ(groups: Iterable[Sequence[ReferralStudy]]) -> Counter[str]:
    """By Study Instance UID: frames of one SOP Instance UID that are other pictures in another
    archive. Bytes always differ between archives (transfer syntax, headers); decoded samples may
    not. One query; none while no study is here from two archives.
    """
    twice = [
        [one.study for one in copies if one.study.stored_count]
        for copies in groups
        if len(copies) > 1
    ]
    here = [copy.pk for copies in twice if len(copies) > 1 for copy in copies]
    if not here:
        return Counter()
    uid = "instance__series__study__study_instance_uid"
    frames = Frame.objects.filter(instance__series__study__in=here, code="")
    same_place = frames.values(uid, "instance__sop_instance_uid", "number").order_by()
    differing = same_place.annotate(pictures=Count("crc32", distinct=True)).filter(pictures__gt=1)
    return Counter(row[uid] for row in differing)


def caution_of_pictures(count: int) -> str:
    images = "1 image is another picture" if count == 1 else f"{count} images are other pictures"
    return f"SOURCES: {images} in the other archive under the same identifier. Compare."


def new_since(study: Study, listed_at: datetime, now: datetime) -> str:
    """'14:02 yesterday' for what was found after the case was listed; else empty."""
    if study.found_at < listed_at + FIRST_ANSWERS:
        return ""
    at, today = timezone.localtime(study.found_at), timezone.localtime(now).date()
    if at.date() == today:
        return f"{at:%H:%M}"
    is_yesterday = at.date() == today - timedelta(days=1)
    return f"{at:%H:%M} yesterday" if is_yesterday else f"{at:%H:%M on %-d %b}"


def _held(study: Study, whole: int) -> str:
    here = max(study.expected_count or 0, study.stored_count)
    return f"{here:,} of {whole:,} there" if here and here < whole else ""
