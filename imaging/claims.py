"""Who a study's headers say it is, kept with the study; and what its imaging team said of that.

A study keeps each different claim once (Study.claims), with the instance that makes it, so that it
can be judged anew when the patient's data is corrected, and read anew at the archive when the
claim is corrected there. A decision holds for one pair of sought and claim: `pair_of` names it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from imaging.identity import Finding, Sought, Verdict, verdict
from imaging.identity_numbers import Claim, Source, is_issuer_unknown, trust_stated
from imaging.models import Archive, Study

MOST_CLAIMS = 20  # of one study; one has no more identities than that, whatever is sent
WORST_FIRST: tuple[Verdict, ...] = ("different", "needs-a-person", "same")
DECIDED = "decided-by-imaging-team"
TWO_TRUSTS = "issuers-of-two-trusts"
ISSUER_NOT_KNOWN = "issuer-not-known"


@dataclass(frozen=True)
class KeptClaim:
    """A claim, and the instance whose header makes it; without one it is an archive's answer."""

    patient_id: str
    issuer_of_patient_id: str
    other_patient_ids: tuple[tuple[str, str], ...]
    patient_name: str
    birth_date: str
    sex: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def facts(self) -> tuple[object, ...]:
        """Who it says it is, without where it says so."""
        ids = (self.patient_id, self.issuer_of_patient_id, tuple(sorted(self.other_patient_ids)))
        return (*ids, self.patient_name, self.birth_date, self.sex)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Judge:
    """What is to be said of claims against one person sought, in one study's light."""

    def __init__(self, sought: Sought, source: Source, decisions: Mapping[str, str]) -> None:
        self._sought, self._source, self._decisions = sought, source, decisions

    def judge(self, *claims: Claim) -> Finding:
        """The worst of the findings. What nobody claims is nobody's: it needs a person.

        What names two trusts is neither's to share, and only its archive can mend that.
        """
        findings = [self._one(claim) for claim in claims]
        if not findings:
            return Finding("needs-a-person", ["header-not-kept"])
        if len(self.trusts(*claims)) > 1:
            return Finding("different", [TWO_TRUSTS])
        worst = min(findings, key=lambda finding: WORST_FIRST.index(finding.verdict))
        if worst.verdict != "different" and self._is_no_trusts(claims):
            return Finding("needs-a-person", [*worst.evidence, ISSUER_NOT_KNOWN])
        return worst

    def doubtful(self, claims: Iterable[KeptClaim]) -> list[KeptClaim]:
        """Those that are not surely of the person sought, or name one of several trusts."""
        claims = list(claims)
        are_mixed = len(self.trusts(*claims)) > 1
        return [
            claim
            for claim in claims
            if self._one(claim).verdict != "same" or (are_mixed and self.trusts(claim))
        ]

    def trusts(self, *claims: Claim) -> list[str]:
        """ODS codes of the trusts whose study they say it is, the first said first."""
        stated = (trust_stated(claim, self._source) for claim in claims)
        return list(dict.fromkeys(filter(None, stated)))

    def _is_no_trusts(self, claims: Sequence[Claim]) -> bool:
        """Whether an issuer is named that is set up for none of the archive's trusts, and nothing
        else says whose study it is: it is not silently taken for the archive's own.
        """
        is_unknown = any(is_issuer_unknown(claim, self._source) for claim in claims)
        return is_unknown and not self.trusts(*claims)

    def undecided(self, claims: Iterable[KeptClaim]) -> list[KeptClaim]:
        """Those that need a person and were not decided on yet. Of a study of which nobody can say
        what trust's it is there is nothing to decide.
        """
        claims = list(claims)
        if self._is_no_trusts(claims):
            return []
        return [claim for claim in claims if self._one(claim).verdict == "needs-a-person"]

    def pair_of(self, claim: Claim) -> str:
        return pair_of(self._sought, claim, self._source)

    def _one(self, claim: Claim) -> Finding:
        """A person's word counts where the rule asks for one, and nowhere else."""
        finding = verdict(self._sought, claim, self._source)
        if finding.verdict != "needs-a-person" or not self._decisions:
            return finding
        said = self._decisions.get(self.pair_of(claim))
        if said is None:
            return finding
        decided: Verdict = "same" if said == "same" else "different"
        return Finding(decided, [*finding.evidence, DECIDED])


def judge_for(study: Study, sought: Sought) -> Judge:
    """The judge of one study, its archive joined. Reads `decisions`: prefetch them for many."""
    return Judge(sought, source_of(study.archive), _decisions_on(study))


def source_of(archive: Archive) -> Source:
    return Source(
        archive.trust_ods_code,
        archive.issuer_of_patient_id,
        archive.nhs_number_in,
        archive.patient_id_prefix,
        archive.trusts_by_issuer,
    )


def kept(claim: Claim) -> KeptClaim:
    """A claim to keep, from a search answer or a header."""
    return KeptClaim(
        claim.patient_id,
        claim.issuer_of_patient_id,
        tuple((number, issuer) for number, issuer in claim.other_patient_ids),
        claim.patient_name,
        claim.birth_date,
        claim.sex,
        getattr(claim, "series_instance_uid", ""),
        getattr(claim, "sop_instance_uid", ""),
    )


def claims_of(study: Study) -> list[KeptClaim]:
    """What the study keeps, the first seen first."""
    return [_read(row) for row in study.claims]


def with_more(rows: list[dict[str, Any]], claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """What a study is to keep when these were seen too: each different claim once.

    What a header says takes the place of what an archive only answered.
    """
    seen = [kept(claim) for claim in claims]
    known = [_read(row) for row in rows]
    if any(claim.sop_instance_uid for claim in seen):
        known = [claim for claim in known if claim.sop_instance_uid]
    by_facts = {claim.facts: claim for claim in [*reversed(seen), *reversed(known)]}
    return [claim.as_json() for claim in list(reversed(by_facts.values()))[:MOST_CLAIMS]]


def pair_of(sought: Sought, claim: Claim, source: Source) -> str:
    """sha256 of all that a verdict on this claim rests on; other trusts' numbers play no part."""
    local = {t: n for t, n in sorted(sought.local_numbers.items()) if t in source.trusts}
    older = {t: n for t, n in sought.superseded_local_numbers.items() if t in source.trusts}
    person = sought.as_json() | {"local_numbers": local}
    person.pop("superseded_local_numbers")
    if older:  # else as it was told before there were any: decisions stand
        person["superseded_local_numbers"] = older
    told = json.dumps([person, kept(claim).facts], sort_keys=True)
    return sha256(told.encode()).hexdigest()


def _decisions_on(study: Study) -> dict[str, str]:
    """What was decided last of each pair."""
    decided: dict[str, str] = {}
    if study.pk:
        for decision in study.decisions.all():
            decided |= dict.fromkeys(decision.decided_on, decision.verdict)
    return decided


def _read(row: dict[str, Any]) -> KeptClaim:
    others = tuple((number, issuer) for number, issuer in row["other_patient_ids"])
    return KeptClaim(**row | {"other_patient_ids": others})
