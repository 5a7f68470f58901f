"""The evidence on whose a study is, in words beside the values. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from imaging.identity import Sought
from imaging.identity_numbers import Claim, digits_of, is_nhs_number
from mdt.referrals.nhs_number import spaced

WORDS = {
    "nhs-number-agrees": "agrees",
    "nhs-number-superseded": "agrees with a number that was superseded by this one",
    "nhs-number-differs": "another NHS number",
    "nhs-number-not-stated": "nothing to compare",
    "local-number-agrees": "agrees",
    "local-number-superseded": "agrees with a number that was superseded at its trust",
    "local-number-differs": "another number of the same trust",
    "local-number-not-stated": "nothing to compare",
    "birth-date-agrees": "agrees",
    "birth-date-differs": "another day",
    "birth-date-swapped": "day and month have changed places",
    "birth-date-default": "a date that stands for not known",
    "birth-date-not-stated": "nothing to compare",
    "family-name-agrees": "family name agrees",
    "family-name-differs": "another family name",
    "family-name-not-stated": "no family name",
    "given-names-agrees": "given name agrees",
    "given-names-initial-agrees": "given name agrees by its initial alone",
    "given-names-differs": "another given name",
    "given-names-not-stated": "no given name",
    "test-patient": "looks like a test, not a person",
    "baby-of": "names a baby: mother and child are easily taken for each other",
    "sex-agrees": "agrees",
    "sex-differs": "another sex",
    "sex-not-stated": "nothing to compare",
    "issuer-not-known": "its numbers are of an issuer that is not set up for this archive",
    "header-not-kept": "its headers were read before they were kept: ask the archives again",
}
AGREES, SILENT = ("-agrees", "-superseded"), "-not-stated"
NOT_COMPARED = "not compared: who gave it is not known here"
LABELS = {
    "nhs-number": "NHS number",
    "local-number": "local number",
    "birth-date": "birth date",
    "sex": "sex",
}


@dataclass(frozen=True)
class Fact:
    """One line: what was sought, what the header says, and what that comes to."""

    label: str
    sought: str
    said: str
    words: str
    agrees: bool
    is_silent: bool


def facts_of(sought: Sought, claim: Claim, evidence: Iterable[str], *, trust: str) -> list[Fact]:
    """Values side by side, in the order people check them, for the team of one trust (ODS code).

    Numbers that other trusts gave the person are none of theirs, whosever studies lie beside.
    """
    codes = list(evidence)
    local = _local_numbers(sought, trust)
    return [
        _fact("NHS number", _numbers(sought), _ids(claim), codes, "nhs-number"),
        _fact("Local number", ", ".join(local), _patient_id(claim), codes, "local-number"),
        _fact("Birth date", _day(sought.birth_date), _day(claim.birth_date), codes, "birth-date"),
        _fact("Name", _name(sought), claim.patient_name.replace("^", " ").strip(), codes, *NAMES),
        _fact("Sex", sought.sex, claim.sex, codes, "sex"),
    ]


def why(evidence: Iterable[str]) -> str:
    """What stands against it, in words without any value."""
    against = [code for code in evidence if not code.endswith((*AGREES, SILENT))]
    return "; ".join(_against(code) for code in against) or "no number to go by"


def _against(code: str) -> str:
    label = next((label for kind, label in LABELS.items() if code.startswith(kind)), "")
    return f"{label}: {WORDS[code]}" if label else WORDS[code]


NAMES = ("family-name", "given-names", "test-patient", "baby-of")


def _fact(label: str, sought: str, said: str, codes: list[str], *kinds: str) -> Fact:
    mine = [code for code in codes if code.startswith(kinds)]
    is_silent = all(code.endswith(SILENT) for code in mine)
    words = "; ".join(WORDS[code] for code in mine)
    return Fact(
        label,
        sought or "not known",
        said or "not stated",
        NOT_COMPARED if is_silent and sought and said else words,
        agrees=all(code.endswith(AGREES) for code in mine),
        is_silent=is_silent,
    )


def _numbers(sought: Sought) -> str:
    older = [f"{spaced(number)} (superseded)" for number in sought.superseded_nhs_numbers]
    return ", ".join([one for one in (spaced(sought.nhs_number), *older) if one])


def _local_numbers(sought: Sought, trust: str) -> list[str]:
    older = sought.superseded_local_numbers.get(trust, ())
    superseded = [f"{number} ({trust}, superseded)" for number in older]
    counts = [f"{number} ({trust})" for number in [sought.local_numbers.get(trust)] if number]
    return counts + superseded


def _ids(claim: Claim) -> str:
    """Every number beside the Patient ID, with what is said of who gave it."""
    return ", ".join(_id(number, issuer) for number, issuer in claim.other_patient_ids)


def _patient_id(claim: Claim) -> str:
    return _id(claim.patient_id, claim.issuer_of_patient_id) if claim.patient_id else ""


def _id(number: str, issuer: str) -> str:
    digits = digits_of(number)
    shown = spaced(digits) if is_nhs_number(digits) else number.strip()
    return f"{shown} ({issuer.strip() or 'no issuer'})"


def _day(iso: str) -> str:
    return f"{date.fromisoformat(iso):%-d %b %Y}" if iso else ""


def _name(sought: Sought) -> str:
    return ", ".join(filter(None, (sought.family_name.upper(), sought.given_names)))
