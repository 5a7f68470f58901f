"""Settling whose a study is: what its imaging team decides, what correcting a patient does.

Other parts of the product call this and nothing below. Nothing here reads a file or asks an
archive: who the headers say a study is about is kept with it (imaging/claims.py).
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from django.db import transaction

from imaging import doors, plan
from imaging.claims import KeptClaim, claims_of, judge_for, source_of
from imaging.identity import Finding, Sought
from imaging.models import ArchiveAnswer, IdentityDecision, Job, Search, Study
from imaging.pull.doubt import Doubted, doubt, give_back, withhold, withhold_all
from imaging.pull.states import hold

State, Verdict = Study.State, Study.Verdict
CORRECTED = "The patient's data was corrected, and this study does not agree with it any more."
DECIDED = "The trust's imaging team says: this is another person."


class NotInDoubtError(Exception):
    """There is nothing to decide on: it is settled, or nobody has kept what its headers say."""


class ChangedError(Exception):
    """Who was sought, or who the headers say it is, is not what the decider was shown."""


def fingerprint(study: Study) -> str:
    """What a decision on this study would be made on. Empty: there is nothing to decide."""
    pairs = _open_pairs(study)
    return sha256(" ".join(pairs).encode()).hexdigest() if pairs else ""


@transaction.atomic
def decide(
    *, study: Study, verdict: str, reason: str, note: str, by: str, seen: str
) -> IdentityDecision:
    """Keep what the imaging team says, and act on it. `seen` is the fingerprint they were shown.

    Raises NotInDoubtError, ChangedError.
    """
    held = _held(study)
    pairs = _open_pairs(held)
    if held.verdict != Verdict.NEEDS_A_PERSON or not pairs:
        raise NotInDoubtError
    if fingerprint(held) != seen:
        raise ChangedError
    decision = IdentityDecision.objects.create(
        study=held, verdict=verdict, reason=reason, note=note, by=by, decided_on=pairs
    )
    claims = claims_of(held)
    finding = _finding(held, held.search, claims)
    if finding.verdict == "same":
        held.searches.remove(*_those_not_told_so(held, claims))
        give_back(held, finding, claims)
    else:
        _take_from(held, finding, claims)
    return decision


def _those_not_told_so(held: Study, claims: Sequence[KeptClaim]) -> list[Search]:
    """The other searches that doubt a study which is the person's of its own search. Nobody said
    that it is theirs too.
    """
    others = held.searches.exclude(pk=held.search_id)
    return [one for one in others if _finding(held, one, claims).verdict != "same"]


def _take_from(held: Study, finding: Finding, claims: Sequence[KeptClaim]) -> None:
    """It is not the person's of its own search. Whoever else doubts it waits on; with nobody else
    it is withheld. All who looked at it are told, then it is offered no more to those it is not of.
    """
    findings = {one: _finding(held, one, claims) for one in held.searches.order_by("-pk")}
    doubting = [one for one, found in findings.items() if found.verdict == "needs-a-person"]
    if doubting:
        Study.objects.filter(pk=held.pk).update(search=doubting[0])
        doubt(held, findings[doubting[0]], claims, tell=False)
        doors.on_change(held)
    else:
        withhold(held, finding, claims, DECIDED)
    no_ones = [one for one, found in findings.items() if found.verdict == "different"]
    held.searches.remove(*no_ones)
    doors.on_change(held)


@transaction.atomic
def search_corrected(
    search: Search, sought: Sought, *, but_of: frozenset[str] = frozenset()
) -> Search:
    """Ask the archives of a search anew for its person as corrected; returns the new search.

    The old one asks nobody any more: what it still hears is about somebody who was not meant. Not
    those that hold studies `but_of` trusts (ODS codes) alone, which may not be asked any more.
    What is known here is held against the correction at once: what agrees no more leaves every
    screen. What did not agree and does now waits for the archive's own word.
    """
    plan.end_searches(search.answers.all())
    answers = list(search.answers.select_related("archive"))
    asked = [answer.archive for answer in answers]
    new = plan.search_archives(
        sought=sought,
        archives=[one for one in asked if not source_of(one).trusts <= but_of],
        meeting_at=search.meeting_at,
        list_position=search.list_position,
        trusts=_trusts_of(answers) - but_of,
    )
    Search.objects.filter(pk=search.pk).update(replaced_by=new)
    new.studies.add(*search.studies.order_by("pk"))
    search.uploads.update(search=new)  # what was brought for them is still theirs
    return new


def _trusts_of(answers: Iterable[ArchiveAnswer]) -> frozenset[str]:
    """By whose own numbers these archives could be asked."""
    known = [source_of(one.archive).trusts if one.trusts is None else one.trusts for one in answers]
    return frozenset().union(*known)


@transaction.atomic
def recheck(search: Search) -> None:
    """Hold every study that serves a search against who it seeks, and tell of what changes.

    At once: each room looks once, however many studies the patient has.
    """
    joined = Study.objects.select_related("archive").prefetch_related("decisions")
    found = joined.filter(pk__in=search.studies.values("pk"))
    held = list(found.select_for_update(of=("self",)).order_by("pk"))
    Study.objects.filter(pk__in=[study.pk for study in held]).update(search=search)
    running = Job.objects.filter(study__in=held, state=Job.State.RUNNING)
    running.update(state=Job.State.WAITING, claim=None, lease_until=None)
    if changed := _recheck(held, search):
        doors.on_change(*changed)


def _recheck(held: Sequence[Study], search: Search) -> list[Study]:
    """Those that changed."""
    to_withhold: list[Doubted] = []
    changed = []
    for study in held:
        study.search = search
        claims = claims_of(study)
        finding = _finding(study, search, claims)
        if finding.verdict == "same":
            continue
        is_shown = study.verdict == Verdict.SAME and study.state != State.WITHHELD
        if is_shown or finding.verdict == "different":
            to_withhold.append((study, finding, claims))
        elif doubt(study, finding, claims, tell=False):
            changed.append(study)
    withhold_all(to_withhold, CORRECTED)
    return changed + [study for study, _, _ in to_withhold]


def _held(study: Study) -> Study:
    """Locked, then read: PostgreSQL joins no other search to a row that it had to wait for."""
    hold(study)
    return Study.objects.select_related("archive", "search").get(pk=study.pk)


def _finding(study: Study, search: Search, claims: Sequence[KeptClaim]) -> Finding:
    return judge_for(study, Sought(**search.sought)).judge(*claims)


def _open_pairs(study: Study) -> list[str]:
    judge = judge_for(study, Sought(**study.search.sought))
    return sorted(judge.pair_of(claim) for claim in judge.undecided(claims_of(study)))
