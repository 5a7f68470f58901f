"""Studies whose identity needs a person, for the imaging team of their trust. Read only."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from imaging import settle
from imaging.claims import ISSUER_NOT_KNOWN, claims_of, judge_for, source_of
from imaging.identity import Sought, verdict
from imaging.models import Study
from mdt.identity.words import Fact, facts_of, why
from mdt.meetings.access_queries import Sharing, with_sharing
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.referrals.models import ReferralStudy
from mdt.teams.models import Duty
from mdt.teams.queries import trusts_by_code, trusts_looked_after


@dataclass(frozen=True)
class Awaited:
    """What waits for its trust's imaging team, and the cases that wait for it."""

    trust: str
    cases: Sequence[ListedCase]

    @property
    def first(self) -> ListedCase:
        """The case that is discussed soonest."""
        return self.cases[0]

    @property
    def contact(self) -> str:
        """Whom to ring about the patient: who listed the case, at the team's hospital."""
        team = self.first.meeting.team
        who = self.first.listed_by.shown_name if self.first.listed_by else "the coordinator"
        return f"{who}, {team.name}, {team.site.name}"


@dataclass(frozen=True)
class Waiting(Awaited):
    """One study that waits."""

    study: Study

    @property
    def why(self) -> str:
        return why(self.study.evidence)


@dataclass(frozen=True)
class Doubtful:
    """What one study's headers say beside who was sought. `seen` names what is shown."""

    waiting: Waiting
    claims: Sequence[Sequence[Fact]]
    seen: str


def may_decide(person: Person, study: Study) -> bool:
    return study.trust_ods_code in trusts_decided_for(person)


def queue_or_404(person: Person) -> list[Waiting]:
    """What waits for this person's teams, what is discussed soonest first."""
    trusts = trusts_decided_for(person)
    if not trusts:
        raise Http404
    return _waiting(_doubted().filter(trust_ods_code__in=trusts))


def waiting_or_404(person: Person, study_id: str) -> Waiting:
    """A study that waits for this person's team; what was settled meanwhile waits no more."""
    if waiting := _waiting_for(person, study_id):
        return waiting[0]
    raise Http404


def is_waiting(person: Person, study_id: str) -> bool:
    return bool(_waiting_for(person, study_id))


def doubtful(waiting: Waiting) -> Doubtful:
    """Everything its imaging team needs to decide: here, and here alone, values are shown."""
    study = waiting.study
    sought, source = Sought(**study.search.sought), source_of(study.archive)
    open_claims = judge_for(study, sought).undecided(claims_of(study))
    return Doubtful(
        waiting=waiting,
        claims=[
            facts_of(
                sought,
                claim,
                verdict(sought, claim, source).evidence,
                trust=study.trust_ods_code,
            )
            for claim in open_claims
        ],
        seen=settle.fingerprint(study),
    )


def _waiting_for(person: Person, study_id: str) -> list[Waiting]:
    if not (study_id.isascii() and study_id.isalnum()):
        return []
    trusts = trusts_decided_for(person)
    return _waiting(_doubted().filter(public_id=study_id, trust_ods_code__in=trusts))


def trusts_decided_for(person: Person) -> frozenset[str]:
    """ODS codes of the trusts in whose imaging team somebody is today."""
    return trusts_looked_after(person, Duty.Kind.IMAGING_TEAM, timezone.localdate())


def _doubted() -> QuerySet[Study]:
    doubted = Study.objects.filter(verdict=Study.Verdict.NEEDS_A_PERSON)
    return doubted.select_related("archive", "search").prefetch_related("decisions")


def _waiting(studies: Iterable[Study]) -> list[Waiting]:
    """Those that a case which is still open waits for, and whose trust may be asked for it.

    A fixed number of queries, and one for each team, however many studies wait.
    """
    studies, trusts = list(studies), trusts_by_code()
    open_cases = _open_cases(studies)
    waiting = []
    for study in studies:
        if study.code == Study.GONE or ISSUER_NOT_KNOWN in study.evidence:
            continue  # there is nothing to decide on, or nobody who may
        code = study.trust_ods_code
        cases = [case for case, sharing in open_cases[study.pk] if sharing.may_ask(code)]
        if cases:
            name = trusts[code].short_name if code in trusts else code
            waiting.append(Waiting(name, cases, study))
    return sorted(waiting, key=lambda one: one.first.meeting.starts_at)


def _open_cases(studies: Sequence[Study]) -> Mapping[int, list[tuple[ListedCase, Sharing]]]:
    """By study the cases that are still open, soonest first, with what each may show.

    Those of the patient who is shown beside it: another, who doubts it too, is asked about after.
    """
    sought_for = {study.pk: study.search.sought for study in studies}
    studies_of: dict[int, list[int]] = defaultdict(list)
    rows = ReferralStudy.objects.filter(study__in=studies, referral__search__isnull=False)
    for row in rows.select_related("referral__search"):
        assert row.referral.search is not None  # noqa: S101  filtered so
        if row.referral.search.sought == sought_for[row.study_id]:
            studies_of[row.referral_id].append(row.study_id)
    found: dict[int, list[tuple[ListedCase, Sharing]]] = defaultdict(list)
    for case, sharing in open_ones(ListedCase.objects.filter(referral__in=[*studies_of])):
        for study in studies_of[case.referral_id]:
            found[study].append((case, sharing))
    return found


def open_ones(cases: QuerySet[ListedCase]) -> Iterator[tuple[ListedCase, Sharing]]:
    """Those of these cases that are still open, soonest first, with what each may show."""
    cases = cases.exclude(meeting__state=Meeting.State.CLOSED).order_by("meeting__starts_at", "pk")
    return with_sharing(cases.select_related("listed_by"))
