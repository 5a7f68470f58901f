"""Numbers of people and who gave them: what is an NHS number, and whose local number one is.

Ten digits with a right check digit prove little: Scottish CHI and Northern Irish H&C numbers pass
the same modulus 11. So a number that says nothing of its issuer is never taken for an NHS number
when it lies in the ranges of those two.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

NHS_ISSUERS = frozenset({"NHS", "NHSNUMBER", "NHSNO", "NHSENGLAND", "2.16.840.1.113883.2.1.4.1"})
OTHER_NATIONS = frozenset({"CHI", "CHINUMBER", "HC", "HCN", "HCNUMBER", "HSC", "HSCN", "HSCNI"})
WEIGHTS = range(10, 1, -1)
#: CHI begins with the day of birth (01 to 31), H&C numbers are 32 to 39 and eight digits more.
FIRST_OF_ENGLAND = "4"
PATIENT_ID, OTHERS = "patient-id", "other-patient-ids"


@dataclass(frozen=True)
class Source:
    """How one archive writes its numbers down. `nhs_number_in` as in Archive.NhsNumberIn.

    `trusts_by_issuer` is of an archive that holds several trusts' studies: {issuer: ODS code}.
    """

    trust_ods_code: str
    issuer_of_patient_id: str
    nhs_number_in: str
    patient_id_prefix: str = ""
    trusts_by_issuer: Mapping[str, str] = field(default_factory=dict)

    @property
    def trusts(self) -> frozenset[str]:
        """ODS codes of all whose studies it holds."""
        return frozenset({self.trust_ods_code, *self.trusts_by_issuer.values()})


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
class _Number:
    """One number of a claim: its issuer in plain letters, and where it stood."""

    value: str
    issuer: str
    place: str


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


def nhs_numbers(claim: Claim, source: Source) -> set[str]:
    """The NHS numbers claimed: under the NHS's issuer, or without one where they are kept."""
    found = set()
    for one in _numbers(claim):
        number = digits_of(one.value)
        is_kept_here = one.place == source.nhs_number_in and one.issuer in _own_issuers(source)
        is_one = one.issuer in NHS_ISSUERS or (is_kept_here and number >= FIRST_OF_ENGLAND)
        if is_one and is_nhs_number(number):
            found.add(number)
    return found


def local_numbers(claim: Claim, source: Source) -> set[tuple[str, str]]:
    """(ODS code, number) of the local numbers claimed, prefixes and padding taken off.

    Not what is a national number by its digits: such a number stands in many a local field.
    """
    found = set()
    for one in _numbers(claim):
        trust = _trust_of(one, source)
        is_national = is_nhs_number(digits_of(one.value))
        if trust and one.issuer not in NHS_ISSUERS and not is_national:
            found.add((trust, bare(one.value, trust, source)))
    return {(trust, number) for trust, number in found if number}


def trust_stated(claim: Claim, source: Source) -> str:
    """ODS code of the trust that its Patient ID or its issuer names; empty when neither does."""
    own = _Number(claim.patient_id, plain(claim.issuer_of_patient_id), PATIENT_ID)
    return _trust_of(own, source)


def is_issuer_unknown(claim: Claim, source: Source) -> bool:
    """Whether an archive of several trusts says an issuer that is set up for none of them.

    National numbers say nothing of trusts.
    """
    issuer = plain(claim.issuer_of_patient_id)
    is_national = issuer in NHS_ISSUERS | OTHER_NATIONS
    is_said = bool(source.trusts_by_issuer and issuer and not is_national)
    return is_said and not trust_stated(claim, source)


def bare(number: str, trust_ods_code: str, source: Source) -> str:
    """A local number as the trust prints it, without what some archives put before it."""
    return as_printed(number, trust_ods_code, source.patient_id_prefix)


def as_printed(number: str, trust_ods_code: str, prefix: str = "") -> str:
    """A local number as it is compared, whoever typed or sent it.

    >>> as_printed("rm3-0123", "RM3")
    '123'
    """
    number = number.strip().upper()
    for before in (prefix.strip().upper(), trust_ods_code):
        if before:
            number = re.sub(rf"^{re.escape(before)}[-:/ ]?(?=.)", "", number)
    return number.lstrip("0")


def plain(issuer: str) -> str:
    return re.sub(r"[^A-Z0-9.]", "", issuer.upper())


def _trust_of(number: _Number, source: Source) -> str:
    """Whose local number it is; empty when nothing says so."""
    by_issuer = {plain(issuer): code for issuer, code in source.trusts_by_issuer.items()}
    by_issuer |= {code: code for code in source.trusts}
    by_issuer[plain(source.issuer_of_patient_id)] = source.trust_ods_code
    if number.issuer:
        return by_issuer.get(number.issuer, "")
    if number.place != PATIENT_ID:
        return ""
    if not source.trusts_by_issuer:
        return source.trust_ods_code
    value = number.value.strip().upper()
    return next((code for code in sorted(source.trusts) if value.startswith(code)), "")


def _numbers(claim: Claim) -> list[_Number]:
    """Every number but those of other nations."""
    own = (claim.patient_id, claim.issuer_of_patient_id, PATIENT_ID)
    others = [(value, issuer, OTHERS) for value, issuer in claim.other_patient_ids]
    numbers = [_Number(value, plain(issuer), place) for value, issuer, place in (own, *others)]
    return [number for number in numbers if number.issuer not in OTHER_NATIONS]


def _own_issuers(source: Source) -> frozenset[str]:
    mapped = (plain(issuer) for issuer in source.trusts_by_issuer)
    return frozenset({"", plain(source.issuer_of_patient_id), *source.trusts, *mapped})
