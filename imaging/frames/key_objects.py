"""What a Key Object Selection document points at, and what for (PS3.3 A.35.4, PS3.16 TID 2010)."""

from dataclasses import dataclass

from imaging.frames import values
from imaging.frames.part10 import Part10

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.59"
#: PS3.16 CID 7010: For Conference, For Tumor Board.
FOR_A_MEETING = frozenset({("DCM", "113005"), ("DCM", "128203")})
MOST_STUDIES = 100
EVIDENCE = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")


@dataclass(frozen=True)
class KeyObjects:
    """`studies` are the Study Instance UIDs it refers to."""

    is_for_a_meeting: bool
    studies: list[str]


def key_objects_of(part10: Part10) -> KeyObjects:
    """Of any other document: for no meeting, and of no study."""
    dataset = part10.dataset
    title = values.item(dataset, "ConceptNameCodeSequence")
    code = (values.text(title, "CodingSchemeDesignator"), values.text(title, "CodeValue"))
    found = (
        values.uid(item, "StudyInstanceUID")
        for keyword in EVIDENCE
        for item in values.items(dataset, keyword)[:MOST_STUDIES]
    )
    is_one = values.uid(dataset, "SOPClassUID") == SOP_CLASS
    studies = sorted({uid for uid in found if uid}) if is_one else []
    return KeyObjects(is_one and code in FOR_A_MEETING, studies)
