"""Of which kind a report is, by the diagnostic service section it names. Pure.

HL7 table 0074 (OBR-24, `category`), LOINC's document classes, and each sender's own codes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mdt.reports.models import Kind

IMAGING = frozenset(
    {"RAD", "RUS", "RX", "CT", "CUS", "OUS", "XRC", "NMR", "NMS", "VUS", "MAM", "NUC", "PET", "US"}
    | {"LP29684-5"}
)
PATHOLOGY = frozenset({"SP", "PAT", "CP", "CG", "GE", "CY", "HP", "LP7839-6"})
#: The rest of table 0074: no default makes one of them imaging or pathology.
OTHERS = frozenset(
    {"AU", "BG", "BLB", "CH", "CTH", "EC", "EN", "HM", "ICU", "IMM", "LAB", "MB", "MCB", "MYC"}
    | {"NRS", "OSL", "OT", "OTH", "PF", "PHR", "PHY", "PT", "RC", "RT", "SR", "TX", "VR"}
)
#: How laboratories of blood and cultures name themselves where they do not keep to the table.
BLOOD = re.compile(r"BLOOD|FBC|HA?EM|CHEM|BIOC|COAG|MICRO|VIRO|IMMUN|TRANSF|SERO", re.IGNORECASE)
NOT_KEPT = "none"
#: What is logged and counted of a code: nothing that may be a person's name or number.
CODE = re.compile(r"(?=.{1,16}\Z)[A-Za-z][A-Za-z._/-]*[0-9]{0,3}(?:-[0-9])?")


@dataclass(frozen=True)
class Kinds:
    """What a sender's codes mean: `own` says of each; of what is neither of its own nor of the
    table, `default` does, as of what says nothing.
    """

    default: str = ""
    own: Mapping[str, str] = field(default_factory=dict)

    def of(self, codes: Iterable[str]) -> Kind | None:
        """None: of a kind that is not kept, such as blood tests."""
        said = {code for code in codes if code}
        mapped = {self.own[code] for code in said if code in self.own}
        if mapped:
            return Kind(mapped.pop()) if len(mapped) == 1 and mapped != {NOT_KEPT} else None
        if said & IMAGING:
            return Kind.IMAGING
        if said & PATHOLOGY:
            return Kind.PATHOLOGY
        is_of_blood = bool(said & OTHERS) or any(BLOOD.search(code) for code in said)
        return Kind(self.default) if self.default and not is_of_blood else None


def as_counted(codes: Iterable[str]) -> str:
    """A code to count by; of what may be no code only that there was one."""
    said = sorted(code for code in codes if code)
    if not said:
        return "(no code)"
    return said[0] if CODE.fullmatch(said[0]) else "(no code of a section)"
