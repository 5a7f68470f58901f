"""Whose study is this? The one place that answers it, for search answers and headers alike.

A number means nothing without its issuer (imaging/identity_numbers.py). A name never makes two
people one (imaging/identity_names.py): it says whether somebody is worth a person's look, and
makes a number that was given to the wrong twin worth one. Evidence is codes, never values.
"""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from imaging import identity_names
from imaging.identity_numbers import (
    Claim,
    Source,
    bare,
    digits_of,
    local_numbers,
    nhs_numbers,
)

Verdict = Literal["same", "needs-a-person", "different"]  # Study.Verdict holds the same words

#: What systems write where nobody knows a birth date. Nobody alive was born on these days.
NO_BIRTH_DATES = frozenset(
    {"1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "9999-12-31"}
)
BOTH_NUMBERS = frozenset({"nhs-number-agrees", "local-number-agrees"})
A_NUMBER = BOTH_NUMBERS | {"nhs-number-superseded", "local-number-superseded"}
ANOTHER_NUMBER = frozenset({"nhs-number-differs", "local-number-differs"})
NOBODYS = frozenset({"test-patient", "baby-of"})


@dataclass(frozen=True)
class Sought:
    """Who an archive is asked for, as the asker knows them. Dates are YYYY-MM-DD.

    `superseded_nhs_numbers` are those the record says were replaced by `nhs_number`.
    `local_numbers` are by the ODS code of their trust; `superseded_local_numbers` likewise, those
    that were replaced there.
    """

    nhs_number: str
    family_name: str
    given_names: str
    birth_date: str
    sex: str
    local_numbers: dict[str, str] = field(default_factory=dict)
    superseded_nhs_numbers: list[str] = field(default_factory=list)
    superseded_local_numbers: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Finding:
    """A verdict and what it rests on: "nhs-number-agrees", "birth-date-differs", ..."""

    verdict: Verdict
    evidence: list[str]


def verdict(sought: Sought, claim: Claim, source: Source) -> Finding:
    """Hold a claim against the person sought.

    *same*: the birth date agrees, and so does an NHS number (the one that counts, or one it
    superseded) or a trust's own number under its issuer; no number is against it, and the name is
    no other's. *needs-a-person*: something agrees, and something else does not or is missing.
    *different*: the rest.
    """
    evidence = [
        *_nhs_evidence(sought, nhs_numbers(claim, source)),
        *_local_evidence(sought, claim, source),
        *_birth_date_evidence(sought.birth_date, claim.birth_date),
        *_sex_evidence(sought.sex, claim.sex),
        *identity_names.compare(sought.family_name, sought.given_names, claim.patient_name),
    ]
    return Finding(_judge(frozenset(evidence)), evidence)


def family_name_begins(sought: Sought) -> str:
    """Plain letters to narrow a search with: archives differ in all others, and in wildcards."""
    match = re.match(r"[A-Z]*", sought.family_name.strip().upper())
    return match[0] if match else ""


def _judge(evidence: frozenset[str]) -> Verdict:
    """From codes to a verdict."""
    if evidence.isdisjoint(A_NUMBER):
        return "needs-a-person" if _may_be_without_number(evidence) else "different"
    if _is_surely_same(evidence):
        return "same"
    is_born_on_another_day = (
        "birth-date-differs" in evidence and "birth-date-swapped" not in evidence
    )
    is_another = is_born_on_another_day and "family-name-agrees" not in evidence
    return "different" if is_another else "needs-a-person"


def _is_surely_same(evidence: frozenset[str]) -> bool:
    """One number and the birth date agree, no number is against it, and no other is named.

    Whoever is named otherwise may be a twin, or a namesake, who was given the wrong number: both
    numbers must agree then. So may be who is of the other sex, unless the given name is written
    out. A new family name alone is cosmetic.
    """
    is_safe = "birth-date-agrees" in evidence and evidence.isdisjoint(ANOTHER_NUMBER | NOBODYS)
    if "sex-differs" in evidence and "given-names-agrees" not in evidence:
        return False
    return is_safe and ("given-names-differs" not in evidence or evidence >= BOTH_NUMBERS)


def _may_be_without_number(evidence: frozenset[str]) -> bool:
    """Worth a person's look, though no number says so: name and birth date, and nothing against."""
    against = ("nhs-number-differs", "birth-date-differs", "given-names-differs", "test-patient")
    is_named = "family-name-agrees" in evidence
    is_whole = not evidence.isdisjoint(
        {"birth-date-agrees", "given-names-agrees", "given-names-initial-agrees"}
    )
    return is_named and is_whole and evidence.isdisjoint(against)


def _nhs_evidence(sought: Sought, claimed: set[str]) -> list[str]:
    """A number that was superseded agrees; beside it any other is against."""
    current = digits_of(sought.nhs_number)
    older = {digits_of(number) for number in sought.superseded_nhs_numbers}
    if not current or not claimed:
        return ["nhs-number-not-stated"]
    agrees = ["nhs-number-agrees"] if current in claimed else []
    superseded = ["nhs-number-superseded"] if older & claimed else []
    differs = ["nhs-number-differs"] if claimed - {current} - older else []
    return agrees + superseded + differs


def _local_evidence(sought: Sought, claim: Claim, source: Source) -> list[str]:
    """Each trust's number against what is known of that trust. Nothing of others is concluded."""
    known = {
        trust: bare(number, trust, source)
        for trust, number in sought.local_numbers.items()
        if number.strip()
    }
    older = {
        (trust, bare(number, trust, source))
        for trust, numbers in sought.superseded_local_numbers.items()
        for number in numbers
    }
    claimed = {one for one in local_numbers(claim, source) if one[0] in known}
    current = set(known.items())
    agrees = ["local-number-agrees"] if claimed & current else []
    superseded = ["local-number-superseded"] if claimed & older else []
    differs = ["local-number-differs"] if claimed - current - older else []
    return agrees + superseded + differs or ["local-number-not-stated"]


def _birth_date_evidence(sought: str, claimed: str) -> list[str]:
    if NO_BIRTH_DATES & {sought, claimed}:
        return ["birth-date-default"]
    if not sought or not claimed:
        return ["birth-date-not-stated"]
    if sought == claimed:
        return ["birth-date-agrees"]
    year, month, day = sought.split("-")
    is_swapped = claimed == f"{year}-{day}-{month}"
    return ["birth-date-differs", *(["birth-date-swapped"] if is_swapped else [])]


def _sex_evidence(sought: str, claimed: str) -> list[str]:
    if not {sought, claimed} <= {"F", "M"}:
        return ["sex-not-stated"]
    return ["sex-agrees" if sought == claimed else "sex-differs"]
