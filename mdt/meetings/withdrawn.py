"""Work on its way to trusts that may not be asked any more: an objection, an agreement's end.

Whoever makes a job asks first whether it may be asked. What was made before is taken back here:
at once for an objection, and at each sweep for whatever else ended meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from imaging import plan
from imaging.claims import source_of
from imaging.models import ArchiveAnswer, Job, Study
from mdt.meetings.access_queries import Sharing, with_sharing
from mdt.meetings.models import ListedCase
from mdt.referrals.models import Patient, Referral, ReferralStudy

ON_ITS_WAY = (Job.State.WAITING, Job.State.RUNNING)
BY = "Lightbox: its trust may not be asked any more"
Listings = Mapping[int, Sequence[Sharing]]  # by referral: what each of its cases may show


def stop_asking(of: Patient | None = None) -> int:
    """End every search and fetch that no case may want any more; returns how many.

    Also one that a worker is at: it loses its claim and writes no more. `of` one patient, or all.
    """
    searches, fetches = _searches(of), _fetches(of)
    found = _listings({*searches.values(), *(one for ids in fetches.values() for one in ids)})
    answers = [answer for answer, referral in searches.items() if _is_over(answer, found[referral])]
    plan.end_searches(ArchiveAnswer.objects.filter(pk__in=[answer.pk for answer in answers]))
    for answer, referral in searches.items():
        _ask_by_less(answer, found[referral])
    over = [study for study, ids in fetches.items() if _is_withheld(study, ids, found)]
    return len(answers) + sum(plan.cancel_study(study, by=BY) for study in over)


def _searches(of: Patient | None) -> dict[ArchiveAnswer, int]:
    """What archives are yet to be asked, with the referral it is for."""
    referrals = Referral.objects.filter(search__answers__job__state__in=ON_ITS_WAY)
    if of is not None:
        referrals = referrals.filter(patient=of)
    by_search = dict(referrals.values_list("search", "pk"))
    answers = ArchiveAnswer.objects.filter(job__state__in=ON_ITS_WAY, search__in=[*by_search])
    return {one: by_search[one.search_id] for one in answers.select_related("archive")}


def _fetches(of: Patient | None) -> dict[Study, list[int]]:
    """What is being fetched, with every referral it was found for."""
    rows = ReferralStudy.objects.filter(study__job__state__in=ON_ITS_WAY)
    if of is not None:
        rows = rows.filter(referral__patient=of)
    found: dict[Study, list[int]] = defaultdict(list)
    for row in rows.select_related("study__archive"):
        found[row.study].append(row.referral_id)
    return found


def _listings(referrals: Iterable[int]) -> Listings:
    found: dict[int, list[Sharing]] = defaultdict(list)
    for case, sharing in with_sharing(ListedCase.objects.filter(referral__in=[*referrals])):
        found[case.referral_id].append(sharing)
    return found


def _is_over(answer: ArchiveAnswer, listings: Collection[Sharing]) -> bool:
    """Whether no case may show anything of what this archive holds. What is on no list goes on."""
    trusts = source_of(answer.archive).trusts
    return bool(listings) and not any(one.may_ask(t) for one in listings for t in trusts)


def _ask_by_less(answer: ArchiveAnswer, listings: Collection[Sharing]) -> None:
    """One archive may hold several trusts' studies: it is not asked by the number of one that may
    not be asked any more.
    """
    trusts = source_of(answer.archive).trusts
    may_ask = {t for t in trusts if any(one.may_ask(t) for one in listings)}
    if listings and may_ask < trusts:
        ArchiveAnswer.objects.filter(pk=answer.pk).update(trusts=sorted(may_ask))


def _is_withheld(study: Study, referrals: Iterable[int], found: Listings) -> bool:
    listings = [sharing for referral in referrals for sharing in found[referral]]
    return bool(listings) and not any(one.may_ask(study.trust_ods_code) for one in listings)
