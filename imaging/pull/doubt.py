"""A study whose identity does not hold: taken from every screen, doubted, given back.

Nothing here reads a file or asks an archive: who the headers say it is, is kept with the study.
Everything is called inside the caller's transaction, which held the study's row first.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from imaging import doors
from imaging.claims import KeptClaim, source_of, with_more
from imaging.identity import Finding
from imaging.identity_numbers import trust_stated
from imaging.models import Job, Study
from imaging.pull.states import move, move_all

State, Verdict = Study.State, Study.Verdict
ANOTHER = "An image in this study carries another identity. Its imaging team must look."
MIXED = "Its images name two trusts as whose study it is. The archive must mend that."
AT_SOURCE = "The archive says something else now of who this study is about."


Doubted = tuple[Study, Finding, Sequence[KeptClaim]]


def withhold(study: Study, finding: Finding, claims: Sequence[KeptClaim], message: str) -> None:
    """Take a study from every screen. Whoever fetches it now loses the job and writes no more."""
    _end_jobs([study])
    move(study, State.WITHHELD, **_withheld(study, finding, claims, message, timezone.now()))


def withhold_all(doubted: Sequence[Doubted], message: str) -> None:
    """The same of several, which the caller holds as they are now, and tells of.

    Those of which the same is written are written at once: all others who write wait meanwhile.
    """
    _end_jobs([study for study, _, _ in doubted])
    alike: dict[str, list[Study]] = defaultdict(list)
    changes: dict[str, dict[str, Any]] = {}
    now = timezone.now()
    for study, finding, claims in doubted:
        new = _withheld(study, finding, claims, message, now)
        if new["claims"] == study.claims:
            del new["claims"]
        changes[repr(new)] = new
        alike[repr(new)].append(study)
    for key, studies in alike.items():
        move_all(studies, State.WITHHELD, **changes[key])


def give_back(study: Study, finding: Finding, claims: Sequence[KeptClaim]) -> None:
    """It is the person sought after all: the study goes on as any other that was found."""
    move(study, State.FOUND, code="", message="", **_told(study, finding, claims, timezone.now()))


def doubt(
    study: Study, finding: Finding, claims: Sequence[KeptClaim], *, tell: bool = True
) -> bool:
    """Write down what is known now of a study that is not shown; whether that is anything new."""
    told = _told(study, finding, claims, timezone.now())
    if all(getattr(study, name) == value for name, value in told.items()):
        return False
    Study.objects.filter(pk=study.pk).update(**told)
    study.refresh_from_db()
    if tell:
        doors.on_change(study)
    return True


def _end_jobs(studies: Sequence[Study]) -> None:
    jobs = Job.objects.filter(study__in=studies).exclude(state=Job.State.FAILED)
    jobs.update(state=Job.State.DONE, claim=None, lease_until=None)


def _withheld(
    study: Study, finding: Finding, claims: Sequence[KeptClaim], message: str, now: datetime
) -> dict[str, Any]:
    told = _told(study, finding, claims, now)
    return {"code": "identity.differs", "message": message, **told}


def _told(
    study: Study, finding: Finding, claims: Sequence[KeptClaim], now: datetime
) -> dict[str, Any]:
    verdict = Verdict(finding.verdict)
    is_new = verdict == Verdict.NEEDS_A_PERSON and study.verdict != verdict
    since = now if is_new or study.doubted_at is None else study.doubted_at
    source = source_of(study.archive)
    stated = filter(None, (trust_stated(claim, source) for claim in claims))
    return {
        "trust_ods_code": next(stated, study.trust_ods_code),
        "verdict": verdict,
        "evidence": finding.evidence,
        "claims": with_more([], claims),
        "doubted_at": since if verdict == Verdict.NEEDS_A_PERSON else None,
    }
