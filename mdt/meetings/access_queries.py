"""Lookups that are the check: they return the object, or 404 as if it did not exist."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from imaging.grants import Grant, Purpose
from imaging.models import Series
from mdt import access
from mdt.audit import grants
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.room_queries import present_in
from mdt.members import Person
from mdt.referrals.models import Referral, ReferralStudy
from mdt.teams.queries import roles_of, trusts_shared_with


@dataclass(frozen=True)
class Sharing:
    """What one case may show: trusts that share with its team today, and those objected to."""

    shared: frozenset[str]
    objected: frozenset[str]

    def why_withheld(self, found: ReferralStudy) -> access.WhyWithheld | None:
        return access.why_study_is_withheld(found.study, shared=self.shared, objected=self.objected)

    def why_trust_is_withheld(self, ods_code: str) -> access.WhyWithheld | None:
        return access.why_trust_is_withheld(ods_code, shared=self.shared, objected=self.objected)

    def may_ask(self, ods_code: str) -> bool:
        return self.why_trust_is_withheld(ods_code) is None


def meeting_or_404(person: Person, meeting_id: str) -> Meeting:
    """The meeting whose room this person may enter now."""
    meetings = Meeting.objects.select_related("team__site__trust", "case", "presenter")
    meeting = get_object_or_404(meetings, public_id=_checked(meeting_id))
    if not access.may_enter_room(meeting, _roles(person, meeting, timezone.now())):
        raise Http404
    return meeting


def case_or_404(person: Person, case_id: str) -> ListedCase:
    """The case this person may see now."""
    cases = ListedCase.objects.select_related(
        "meeting__team__site__trust", "referral__patient", "referral__search"
    )
    case = get_object_or_404(cases, public_id=_checked(case_id))
    if not visible_cases(person, case.meeting, [case]):
        raise Http404
    return case


def found_study_or_404(person: Person, case_id: str, study_id: str) -> ReferralStudy:
    """A study found for a case this person may see, and that may be shown to them."""
    case = case_or_404(person, case_id)
    found = get_object_or_404(
        case.referral.found_studies.select_related("study__archive"),
        study__public_id=_checked(study_id),
    )
    if sharing_of(case).why_withheld(found):
        raise Http404
    return found


def visible_cases(
    person: Person, meeting: Meeting, cases: Iterable[ListedCase]
) -> list[ListedCase]:
    """Those of a meeting's cases this person may see now, in the order given.

    Two queries, however many cases; their referrals are to be joined already.
    """
    now = timezone.now()
    roles = _roles(person, meeting, now)
    is_present = present_in(meeting).filter(person=person).exists()
    return [
        case
        for case in cases
        if access.may_view_case(person, case, roles, at=now, is_present=is_present)
    ]


def sharing_of(case: ListedCase) -> Sharing:
    """Whose studies may be shown in a case today. Two queries."""
    shared = trusts_shared_with(case.meeting.team, timezone.localdate())
    return Sharing(shared, objected_in(case.referral))


def with_sharing(cases: QuerySet[ListedCase]) -> Iterator[tuple[ListedCase, Sharing]]:
    """Each of these cases, in their order, with what it may show: a query for each team."""
    joined = cases.select_related("meeting__team__site__trust", "referral__patient")
    shared: dict[int, frozenset[str]] = {}
    for case in joined.prefetch_related("referral__patient__objections"):
        team = case.meeting.team
        if team.pk not in shared:
            shared[team.pk] = trusts_shared_with(team, timezone.localdate())
        yield case, Sharing(shared[team.pk], objected_in(case.referral))


def objected_in(referral: Referral) -> frozenset[str]:
    """ODS codes of the trusts whose studies the patient does not want shared.

    Reads `patient.objections`: prefetch them for lists.
    """
    return frozenset(o.trust_ods_code for o in referral.patient.objections.all())


def authorise(
    *, person: Person, series: Series, case_id: str, purpose: Purpose, chain: str = ""
) -> Grant:
    """The door imaging asks (settings.IMAGING_AUTHORISE): a grant that is already on record.

    Only a series of a study chosen for the case, known to be this patient's, and not withheld;
    before it is shown ("prefetch") to members only, never to who observes.
    """
    given_at = timezone.now().timestamp()
    case = case_or_404(person, case_id)
    if purpose == "prefetch" and not _may_prefetch(person, case):
        raise Http404
    chosen = case.referral.found_studies.select_related("study__archive").filter(is_chosen=True)
    found = get_object_or_404(chosen, study=series.study_id)
    if sharing_of(case).why_withheld(found):
        raise Http404
    return grants.issue(
        person=person,
        series=series,
        case_id=case.public_id,
        purpose=purpose,
        chain=chain,
        given_at=given_at,
    )


def _may_prefetch(person: Person, case: ListedCase) -> bool:
    return not access.MAY_PREFETCH.isdisjoint(_roles(person, case.meeting, timezone.now()))


def _checked(public_id: str) -> str:
    """A public id has letters and digits only. (PostgreSQL breaks on a NUL, for one.)"""
    if not (public_id.isascii() and public_id.isalnum()):
        raise Http404
    return public_id


def _roles(person: Person, meeting: Meeting, at: datetime) -> frozenset[str]:
    return roles_of(person, meeting.team, timezone.localdate(at))
