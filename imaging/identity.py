"""Whose study is this? The one place that answers it, for search answers and headers alike.

A number means nothing without its issuer: CHI numbers (Scotland) and H&C numbers (Northern
Ireland) pass the NHS number's check as well. A name never makes two people one; it only says
whether somebody is worth a person's look. Evidence is codes, never values.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal, Protocol

Verdict = Literal["same", "needs-a-person", "different"]  # Study.Verdict holds the same words

NHS_ISSUERS = frozenset({"NHS", "NHSNUMBER", "NHSNO", "NHSENGLAND", "2.16.840.1.113883.2.1.4.1"})
OTHER_NATIONS = frozenset({"CHI", "CHINUMBER", "HC", "HCN", "HCNUMBER", "HSC", "HSCN", "HSCNI"})
WEIGHTS = range(10, 1, -1)


@dataclass(frozen=True)
class Sought:
    """Who an archive is asked for, as the asker knows them. Dates are YYYY-MM-DD."""

    nhs_number: str
    family_name: str
    given_names: str
    birth_date: str
    sex: str
    local_numbers: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Source:
    """How one archive writes its numbers down. `nhs_number_in` as in Archive.NhsNumberIn."""

    trust_ods_code: str
    issuer_of_patient_id: str
    nhs_number_in: str


class Claim(Protocol):
    """Who a search answer or a header says it is about; archives and frames have such objects."""

    @property
    def patient_id(self) -> str: ...
    @property
    def issuer_of_patient_id(self) -> str: ...
    @property
    def other_patient_ids(self) -> Sequence[tuple[str, str]]: ...
    @property
    def patient_name(self) -> str: ...
    @property
    def birth_date(self) -> str: ...
    @property
    def sex(self) -> str: ...


@dataclass(frozen=True)
class Finding:
    """A verdict and what it rests on: "nhs-number-agrees", "birth-date-differs", ..."""

    verdict: Verdict
    evidence: list[str]


def verdict(sought: Sought, claim: Claim, source: Source) -> Finding:
    """Hold a claim against the person sought.

    *same*: the birth date agrees, and so does the NHS number or the trust's own number under its
    issuer, and no number is against it. *needs-a-person*: something agrees, and something else
    does not or is missing. *different*: the rest.
    """
    evidence = [
        *_compare("nhs-number", digits_of(sought.nhs_number), _nhs_numbers(claim, source)),
        *_compare("local-number", *_local_numbers(sought, claim, source)),
        *_compare("birth-date", sought.birth_date, {claim.birth_date} - {""}),
        *_compare("sex", _known_sex(sought.sex), {_known_sex(claim.sex)} - {""}),
        "name-agrees" if _names_agree(sought, claim.patient_name) else "name-differs",
    ]
    return Finding(_judge(frozenset(evidence)), evidence)


def digits_of(typed: str) -> str:
    """A number as it is stored, from a number as people write, paste and send it.

    >>> digits_of(" 943 476-5919 ")
    '9434765919'
    """
    return re.sub(r"[\s-]", "", typed)


def is_nhs_number(text: str) -> bool:
    """Ten digits of which the last is the right modulus 11 check digit (NHS Data Dictionary)."""
    if not re.fullmatch(r"[0-9]{10}", text):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, text[:9], strict=True))
    check_digit = 11 - total % 11
    return check_digit != 10 and check_digit % 11 == int(text[9])


def family_name_begins(sought: Sought) -> str:
    """Plain letters to narrow a search with: archives differ in all others, and in wildcards."""
    match = re.match(r"[A-Z]*", sought.family_name.strip().upper())
    return match[0] if match else ""


def _judge(evidence: frozenset[str]) -> Verdict:
    """From codes to a verdict: one number and the birth date agree, and no number is against it."""
    number_agrees = not evidence.isdisjoint(("nhs-number-agrees", "local-number-agrees"))
    number_differs = not evidence.isdisjoint(("nhs-number-differs", "local-number-differs"))
    if number_agrees and not number_differs and "birth-date-agrees" in evidence:
        return "same"
    if number_agrees:
        is_another = {"birth-date-differs", "name-differs"} <= evidence
        return "different" if is_another else "needs-a-person"
    against = ("nhs-number-differs", "birth-date-differs", "name-differs")
    return "needs-a-person" if evidence.isdisjoint(against) else "different"


def _compare(kind: str, sought: str, claimed: set[str]) -> list[str]:
    """What agrees, and what is there and does not. Nothing when either side says nothing."""
    if not sought or not claimed:
        return [f"{kind}-not-stated"]
    agrees = [f"{kind}-agrees"] if sought in claimed else []
    return agrees + ([f"{kind}-differs"] if claimed - {sought} else [])


def _nhs_numbers(claim: Claim, source: Source) -> set[str]:
    """The valid NHS numbers claimed. A number without issuer counts only where they are kept."""
    found = set()
    for value, issuer, place in _numbers(claim):
        is_kept_here = place == source.nhs_number_in and issuer in _own_issuers(source)
        number = digits_of(value)
        if (issuer in NHS_ISSUERS or is_kept_here) and is_nhs_number(number):
            found.add(number)
    return found


def _local_numbers(sought: Sought, claim: Claim, source: Source) -> tuple[str, set[str]]:
    """The trust's own number as sought, and as claimed under the trust's issuer or none."""
    trust = source.trust_ods_code
    own = _own_issuers(source)
    claimed = {
        _without_prefix(value, trust)
        for value, issuer, place in _numbers(claim)
        if place == "patient-id" and issuer in own and source.nhs_number_in != "patient-id"
    }
    return _without_prefix(sought.local_numbers.get(trust, ""), trust), claimed - {""}


def _numbers(claim: Claim) -> list[tuple[str, str, str]]:
    """(value, issuer in plain letters, where it stood) of every number but other nations'."""
    own = (claim.patient_id, claim.issuer_of_patient_id, "patient-id")
    others = [(value, issuer, "other-patient-ids") for value, issuer in claim.other_patient_ids]
    plain = [(value, _plain(issuer), place) for value, issuer, place in (own, *others)]
    return [number for number in plain if number[1] not in OTHER_NATIONS]


def _own_issuers(source: Source) -> frozenset[str]:
    return frozenset({"", _plain(source.issuer_of_patient_id)})


def _plain(issuer: str) -> str:
    return re.sub(r"[^A-Z0-9.]", "", issuer.upper())


def _without_prefix(number: str, trust_ods_code: str) -> str:
    """A local number as the trust prints it: some send it behind their ODS code."""
    return re.sub(rf"^{re.escape(trust_ods_code)}[-:/ ]?", "", number.strip().upper())


def _known_sex(sex: str) -> str:
    return sex if sex in ("F", "M") else ""


def _names_agree(sought: Sought, patient_name: str) -> bool:
    """Whether family names are the same but for accents, marks, order and a slip of the pen."""
    family, _, given = patient_name.partition("=")[0].partition("^")
    wanted = _letters(sought.family_name)
    if not wanted:
        return False
    alike = SequenceMatcher(None, wanted, _letters(family)).ratio() >= 0.8
    is_within = wanted in _letters(patient_name)  # double-barrelled, or given name first
    return alike or is_within or _letters(family + given) == _letters(sought.family_name)


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).upper()
    return "".join(letter for letter in plain if letter.isalpha())
