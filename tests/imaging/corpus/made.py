"""The made studies of the identity corpus: `python -m tests.imaging.corpus.made` writes them anew.

A line of identity.jsonl is one study as one search meets it: who is sought, who its header says it
is, how its archive writes numbers down, and the truth: `same` person or not. All people are made
up; NHS numbers are of the 999 range. What stands in `hard.py` was written by hand.

The *realistic* part is 600 studies in a mix that is our own estimate, written down here so that it
can be argued with; no trust's archive was counted for it. Of each 100 studies that a search finds:

  72    the NHS number or local number as it should be, the name as people write it: other case,
        middle names, initials, titles, hyphens, accents lost, padding
  11    no NHS number in the header; the trust's own number under its issuer, or under none
   5    a changed family name, or the two names swapped
   2    a number that was superseded
   1    the NHS number of a patient who has none here yet, beside the local number
   1.5  one thing wrong: day and month swapped, a slip in the date, a default date, an old local
        number, or no number at all
  7.5  another person: a namesake, a twin, a baby, a neighbour in the alphabet, or the same local
        number at another trust

The rest of the file, `messy`, is 200 studies of which every one has something wrong.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imaging.identity_numbers import is_nhs_number
from tests.imaging.corpus.hard import HARD

TARGET = Path(__file__).with_name("identity.jsonl")
SEED, REALISTIC, MESSY = 20260113, 600, 200
Line = dict[str, Any]

_FAMILIES = """
Khan Smith Jones Patel O'Neill Smith-Jones Müller Hussain Begum Williams Taylor Brown Ali Evans
García Nowak Kowalczyk Singh Kaur Okonkwo Adeyemi Murphy McDonald MacLeod Walsh Ó-Briain Chowdhury
Wilson Thomas Nguyen Chen Fernández Björk Sørensen D'Souza Al-Hassan St-John Price
"""
_GIVEN = """
Amina Ayesha Margaret John Mohammed Daniel Niamh Gareth Tariq Claire Zofia Paweł Siân José Priya
Rajesh Grace David Susan Patricia Kathleen Fatima Omar Lucy Robert Elizabeth Chloë Renée Harpreet
Oluwaseun Maria Thomas Irene Doris Albert Joan
"""
FAMILIES, GIVEN = _FAMILIES.split(), _GIVEN.split()
MIDDLE = ("", "", "", "Ann", "Jane", "James", "Louise", "Bibi", "Peter")
TRUSTS = ("RM3", "R0A", "RBV", "RWJ", "RMC", "RMP", "RRF")
OTHER_DAYS = ("1900-01-01", "1901-01-01", "1800-01-01")


class Maker:
    """People and studies, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  made-up people, no secret
        self._numbers = (f"{n}" for n in range(9990100000, 9999999999) if is_nhs_number(f"{n}"))

    def nhs_number(self) -> str:
        return next(self._numbers)

    def person(self) -> Line:
        trust = self.dice.choice(TRUSTS)
        return {
            "nhs_number": self.nhs_number(),
            "family_name": self.dice.choice(FAMILIES),
            "given_names": " ".join(
                filter(None, (self.dice.choice(GIVEN), self.dice.choice(MIDDLE)))
            ),
            "birth_date": self.day(),
            "sex": self.dice.choice("FM"),
            "local_numbers": {trust: self.local()},
            "superseded_nhs_numbers": [],
        }

    def day(self) -> str:
        year, month, day = (self.dice.randint(*span) for span in ((1928, 2015), (1, 12), (1, 28)))
        return f"{year}-{month:02}-{day:02}"

    def local(self) -> str:
        return f"{self.dice.choice('ABCMSTW')}{self.dice.randint(100000, 999999)}"

    def source(self, person: Line) -> Line:
        """One of the ways archives write numbers down."""
        trust = next(iter(person["local_numbers"]))
        kept = self.dice.choice(("patient-id", "other-patient-ids", "other-patient-ids"))
        several = self.dice.random() < 0.15
        return {
            "trust_ods_code": "RM3" if several else trust,
            "issuer_of_patient_id": "" if several else self.dice.choice(("", trust, "PAS")),
            "nhs_number_in": kept,
            "patient_id_prefix": "",
            "trusts_by_issuer": {f"{code} PAS": code for code in TRUSTS} if several else {},
        }

    def claim(self, person: Line, source: Line) -> Line:
        """A header as it should be."""
        trust, local = next(iter(person["local_numbers"].items()))
        issuer = f"{trust} PAS" if source["trusts_by_issuer"] else source["issuer_of_patient_id"]
        numbers = [[local, issuer], [person["nhs_number"], "NHS"]]
        if source["nhs_number_in"] == "patient-id":
            numbers.reverse()
        return {
            "patient_id": numbers[0][0],
            "issuer_of_patient_id": numbers[0][1],
            "other_patient_ids": [numbers[1]],
            "patient_name": f"{person['family_name'].upper()}^{person['given_names']}",
            "birth_date": person["birth_date"],
            "sex": person["sex"],
        }

    def written(self, person: Line) -> str:
        """A name as people and systems write it."""
        family, given = person["family_name"], person["given_names"]
        first = given.split()[0]
        return self.dice.choice(
            (
                f"{family.upper()}^{given}",
                f"{family.upper()}^{first}",
                f"{family}^{first}",
                f"{family.upper()}^{first.upper()}^^MRS",
                f"{family.upper()}^{first[0]}",
                f"{first} {family}",
                f"{family.upper()}, {first}",
                f"{plainly(family).upper()}^{plainly(first).upper()}",
                f"{family.upper().replace('-', ' ')}^{first} ",
                f"{family.upper().replace(chr(39), '')}^{given.upper()}",
            )
        )


def plainly(name: str) -> str:
    """As an old system keeps it: no letter beyond ASCII."""
    return name.translate(str.maketrans("üóíáéøöâëłñ", "uoiaeooaeln"))


def ordinary(make: Maker, person: Line, source: Line, claim: Line) -> None:
    claim["patient_name"] = make.written(person)
    claim["patient_id"] += make.dice.choice(("", "", " "))
    claim["sex"] = make.dice.choice((claim["sex"], claim["sex"], ""))


def local_only(make: Maker, person: Line, source: Line, claim: Line) -> None:
    """No NHS number anywhere; the trust's own number, where this archive keeps it."""
    local = next(iter(person["local_numbers"].items()))
    source["nhs_number_in"] = make.dice.choice(("other-patient-ids", "not-stored"))
    claim["patient_id"] = local[1]
    if source["trusts_by_issuer"]:
        claim["issuer_of_patient_id"] = f"{local[0]} PAS"
    else:
        source["issuer_of_patient_id"] = claim["issuer_of_patient_id"] = ""
    claim["other_patient_ids"] = []
    claim["patient_name"] = make.written(person)


def renamed(make: Maker, person: Line, source: Line, claim: Line) -> None:
    other = make.dice.choice([name for name in FAMILIES if name != person["family_name"]])
    claim["patient_name"] = make.dice.choice(
        (
            f"{other.upper()}^{person['given_names']}",
            f"{other.upper()}-{person['family_name'].upper()}^{person['given_names']}",
            f"{person['given_names'].split()[0].upper()}^{person['family_name']}",
        )
    )


def superseded(make: Maker, person: Line, source: Line, claim: Line) -> None:
    old = make.nhs_number()
    person["superseded_nhs_numbers"] = [old]
    claim["other_patient_ids"] = [[old, "NHS"]]
    if source["nhs_number_in"] == "patient-id":
        claim |= {"patient_id": old, "issuer_of_patient_id": "NHS", "other_patient_ids": []}


def none_here(make: Maker, person: Line, source: Line, claim: Line) -> None:
    person["nhs_number"] = ""
    source |= {"nhs_number_in": "other-patient-ids", "issuer_of_patient_id": "PAS"}
    source["trusts_by_issuer"] = {}
    source["trust_ods_code"], local = next(iter(person["local_numbers"].items()))
    claim |= {"patient_id": local, "issuer_of_patient_id": "PAS"}


def one_wrong(make: Maker, person: Line, source: Line, claim: Line) -> None:
    year, month, day = claim["birth_date"].split("-")
    slip = f"{year}-{month}-{int(day) % 28 + 1:02}"
    wrongs: list[Line] = [
        {"birth_date": f"{year}-{day}-{month}" if int(day) <= 12 != day == month else slip},
        {"birth_date": slip},
        {"birth_date": make.dice.choice(OTHER_DAYS)},
        {"patient_id": make.local(), "issuer_of_patient_id": source["issuer_of_patient_id"]},
        {"patient_id": "", "issuer_of_patient_id": "", "other_patient_ids": []},
    ]
    claim |= make.dice.choice(wrongs)


def another(make: Maker, person: Line, source: Line, claim: Line) -> None:
    """Somebody else's study, with somebody else's numbers."""
    other = make.person()
    other["local_numbers"] = {next(iter(person["local_numbers"])): make.local()}
    family, given, born = (person[key] for key in ("family_name", "given_names", "birth_date"))
    other |= make.dice.choice(
        (
            {"family_name": family, "given_names": given, "birth_date": born},  # namesake
            {"family_name": family, "given_names": given},
            {"family_name": family, "birth_date": born},  # twin
            {"family_name": family, "given_names": f"Baby Of {given}", "birth_date": "2024-03-01"},
            {"family_name": family},
            {"birth_date": born},
            {"local_numbers": person["local_numbers"]} if source["trusts_by_issuer"] else {},
        )
    )
    claim |= make.claim(other, source)
    if other["local_numbers"] == person["local_numbers"]:  # the same digits, another trust's
        elsewhere = next(code for code in TRUSTS if code not in person["local_numbers"])
        claim["issuer_of_patient_id"] = f"{elsewhere} PAS"
        claim["patient_id"] = next(iter(person["local_numbers"].values()))


def no_number_at_all(make: Maker, person: Line, source: Line, claim: Line) -> None:
    claim |= {"patient_id": "", "issuer_of_patient_id": "", "other_patient_ids": []}
    claim["birth_date"] = make.dice.choice((claim["birth_date"], "", "1900-01-01"))
    claim["patient_name"] = make.written(person)


def twins_number(make: Maker, person: Line, source: Line, claim: Line) -> None:
    """The study of a twin, who was given this person's NHS number, and has a number of her own."""
    sibling = make.dice.choice([one for one in GIVEN if one[0] != person["given_names"][0]])
    claim["patient_name"] = f"{person['family_name'].upper()}^{sibling}"
    claim |= {"patient_id": make.local(), "other_patient_ids": [[person["nhs_number"], "NHS"]]}
    claim["issuer_of_patient_id"] = "" if source["trusts_by_issuer"] else claim["patient_id"][:0]


def a_test(make: Maker, person: Line, source: Line, claim: Line) -> None:
    claim["patient_name"] = make.dice.choice(
        ("TEST^Patient", "XXTEST^Do Not Use", "ZZZTEST^Amina", "PHANTOM^QA", "DUMMY^One")
    )


def another_number(make: Maker, person: Line, source: Line, claim: Line) -> None:
    """The NHS number of somebody else beside this person's birth date and name."""
    claim |= {"patient_id": make.local(), "other_patient_ids": [[make.nhs_number(), "NHS"]]}


Change = Callable[[Maker, Line, Line, Line], None]
SHARES: list[tuple[float, Change, str]] = [
    (72.0, ordinary, "same"),
    (11.0, local_only, "same"),
    (5.0, renamed, "same"),
    (2.0, superseded, "same"),
    (1.0, none_here, "same"),
    (1.5, one_wrong, "same"),
    (7.5, another, "different"),
]
MESS: list[tuple[float, Change, str]] = [
    (20, one_wrong, "same"),
    (15, no_number_at_all, "same"),
    (15, renamed, "same"),
    (20, another, "different"),
    (12, twins_number, "different"),
    (8, a_test, "different"),
    (10, another_number, "different"),
]


def lines() -> Iterator[Line]:
    make = Maker(SEED)
    for part, count, shares in (("realistic", REALISTIC, SHARES), ("messy", MESSY, MESS)):
        for change, truth in _dealt(count, shares):
            person = make.person()
            source = make.source(person)
            claim = make.claim(person, source)
            change(make, person, source, claim)
            yield _line(part, change.__name__, truth, person, claim, source)
    yield from HARD


def _dealt(count: int, shares: list[tuple[float, Change, str]]) -> Iterator[tuple[Change, str]]:
    whole = sum(share for share, *_ in shares)
    for share, change, truth in shares:
        for _ in range(round(count * share / whole)):
            yield change, truth


def _line(part: str, case: str, truth: str, person: Line, claim: Line, source: Line) -> Line:
    return {
        "part": part,
        "case": case,
        "truth": truth,
        "sought": person,
        "claim": claim,
        "source": source,
    }


def text() -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines())


if __name__ == "__main__":
    TARGET.write_text(text())
