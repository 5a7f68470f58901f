"""Looking again before people sit down: every case of every coming meeting.

At night, and two hours before each meeting, its archives are asked once more and what came in part
is wanted once more; listing a case asks at once (services.list_case). A plain function of `now`:
what was asked since the last such moment is left alone, so it may be called at any time, twice,
or late. It only adds work to the queue, which keeps to each archive's budget.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from imaging import plan
from imaging.models import ArchiveAnswer, Job, Study
from mdt import protocol
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.services import begin_search, place_searches, trusts_to_ask
from mdt.meetings.withdrawn import stop_asking
from mdt.referrals.models import ReferralStudy
from mdt.room_log import log as room_log

log = logging.getLogger(__name__)
NIGHT = time(2)
BEFORE_A_MEETING = timedelta(hours=2)
HORIZON = timedelta(days=14)
SHORT = (Study.State.PARTIAL, Study.State.FAILED)
ON_ITS_WAY = (Job.State.WAITING, Job.State.RUNNING)


@dataclass(frozen=True)
class Swept:
    """How many cases were looked at again, archives asked for them, and studies wanted again."""

    cases: int = 0
    archives: int = 0
    studies: int = 0


def sweep(*, now: datetime) -> Swept:
    """Look again at what is due, each case in a short transaction of its own.

    First, what is on its way and may not be asked for any more is taken back.
    """
    stop_asking()
    coming = Meeting.objects.filter(starts_at__gt=now, starts_at__lte=now + HORIZON)
    still_to_come = list(coming.exclude(state=Meeting.State.CLOSED))
    for meeting in still_to_come:
        place_searches(meeting)  # an earlier meeting with the same case may be over by now
    done = [
        _looked_again(case, since)
        for meeting in still_to_come
        for since in [last_moment(meeting.starts_at, now)]
        for case in _due(meeting, since)
    ]
    swept = _sum(done)
    if swept.cases:
        log.info(
            "swept: %d cases, %d questions to archives, %d studies wanted again",
            *(swept.cases, swept.archives, swept.studies),
        )
    return swept


def last_moment(starts_at: datetime, now: datetime) -> datetime:
    """When a meeting was last due to be looked at again: last night, or two hours before it."""
    local = timezone.localtime(now)
    day = local.date() if local.time() >= NIGHT else local.date() - timedelta(days=1)
    night = timezone.make_aware(datetime.combine(day, NIGHT))
    before = starts_at - BEFORE_A_MEETING
    return max(night, before) if before <= now else night


def _due(meeting: Meeting, since: datetime) -> QuerySet[ListedCase]:
    """Cases with an archive not asked since, or a study that is short and was not wanted since."""
    unasked = _old_answers(since).filter(search=OuterRef("referral__search"))
    short = _short(since).filter(referral=OuterRef("referral"))
    joined = meeting.cases.select_related("meeting__team", "referral__patient", "referral__search")
    return joined.filter(Exists(unasked) | Exists(short) | Q(referral__search=None))


def _is_due(case: ListedCase, since: datetime) -> bool:
    """Whether anything of what is due may still be asked for, or fetched."""
    if case.referral.search is None:
        return True
    old = [one.archive for one in _old_answers(since).filter(search=case.referral.search)]
    if any(one.takes_uploads for one in old):
        return True
    may_ask = {archive.pk for archive in plan.archives_of(trusts_to_ask(case))}
    return any(one.pk in may_ask for one in old) or bool(_to_want(case, since))


def _old_answers(since: datetime) -> QuerySet[ArchiveAnswer]:
    """What was not asked since, and is not to be asked already."""
    old = ArchiveAnswer.objects.filter(Q(answered_at=None) | Q(answered_at__lt=since))
    return old.exclude(job__state__in=ON_ITS_WAY).select_related("archive")


def _to_want(case: ListedCase, since: datetime) -> list[Study]:
    sharing = sharing_of(case)
    short = _short(since).filter(referral=case.referral)
    return [found.study for found in short if not sharing.why_withheld(found)]


def _short(since: datetime) -> QuerySet[ReferralStudy]:
    """Chosen studies that came in part or failed, and were last wanted before `since`."""
    short = ReferralStudy.objects.filter(is_chosen=True, study__state__in=SHORT)
    last = short.filter(study__job__due_at__lt=since)
    return last.exclude(study__job__state__in=ON_ITS_WAY).select_related("study__archive")


def _looked_again(case: ListedCase, since: datetime) -> Swept:
    try:
        return _look_again(case, since) if _is_due(case, since) else Swept()
    except Exception:  # one case must not end the sweep for those after it
        log.exception("case %s could not be looked at again", case.public_id)
        return Swept()


@transaction.atomic
def _look_again(case: ListedCase, since: datetime) -> Swept:
    """By the search of now: the patient may have been put right since the sweep began."""
    case.referral.refresh_from_db(fields=["search"])
    archives = _ask_again(case, since)
    studies = plan.want_studies(_to_want(case, since))
    if not (archives or studies):
        return Swept()
    room_log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))
    return Swept(1, archives, studies)


def _ask_again(case: ListedCase, since: datetime) -> int:
    """How many archives are asked: those known since it was listed are among them."""
    search = case.referral.search
    if search is not None:
        trusts = trusts_to_ask(case)
        archives = plan.archives_of(trusts)
        return plan.search_again(search, archives=archives, since=since, trusts=trusts)
    begin_search(case)
    return case.referral.search.answers.count() if case.referral.search else 0


def _sum(several: Iterable[Swept]) -> Swept:
    several = list(several)
    return Swept(
        cases=sum(one.cases for one in several),
        archives=sum(one.archives for one in several),
        studies=sum(one.studies for one in several),
    )
