"""What the rest of the product reads of an instance before it believes and stores it."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from imaging.frames import values
from imaging.frames.limits import MAX_FRAME_PIXELS, MAX_FRAMES
from imaging.frames.part10 import Part10
from imaging.frames.refused import Refused
from imaging.frames.syntaxes import VIDEO


@dataclass(frozen=True)
class Header:
    """One instance's identity and shape. Texts are empty, and numbers None, where not stated.

    Dates are YYYY-MM-DD, times HH:MM:SS. `other_patient_ids` are (id, issuer).
    `number_of_frames` is 0 where there are no pixels, 1 of a video, which is one stream.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    patient_id: str
    issuer_of_patient_id: str
    other_patient_ids: list[tuple[str, str]]
    patient_name: str
    birth_date: str
    sex: str
    study_date: str
    study_time: str
    study_description: str
    accession_number: str
    series_number: int | None
    series_description: str
    modality: str
    body_part: str
    laterality: str
    instance_number: int | None
    number_of_frames: int
    rows: int
    columns: int


def header_of(part10: Part10) -> Header:
    """Raises Refused: header.incomplete without its UIDs, header.too_large beyond the limits."""
    dataset = part10.dataset
    return Header(
        study_instance_uid=_uid(dataset, "StudyInstanceUID"),
        series_instance_uid=_uid(dataset, "SeriesInstanceUID"),
        sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
        sop_class_uid=_uid(dataset, "SOPClassUID"),
        transfer_syntax_uid=str(part10.transfer_syntax),
        patient_id=values.text(dataset, "PatientID"),
        issuer_of_patient_id=values.text(dataset, "IssuerOfPatientID"),
        other_patient_ids=_other_patient_ids(dataset),
        patient_name=values.text(dataset, "PatientName"),
        birth_date=values.iso_date(dataset, "PatientBirthDate"),
        sex=values.text(dataset, "PatientSex", 1),
        study_date=values.iso_date(dataset, "StudyDate"),
        study_time=values.iso_time(dataset, "StudyTime"),
        study_description=values.text(dataset, "StudyDescription"),
        accession_number=values.text(dataset, "AccessionNumber", 64),
        series_number=values.whole(dataset, "SeriesNumber"),
        series_description=values.text(dataset, "SeriesDescription"),
        modality=values.text(dataset, "Modality", 16),
        body_part=values.text(dataset, "BodyPartExamined"),
        laterality=laterality(dataset),
        instance_number=values.whole(dataset, "InstanceNumber"),
        number_of_frames=frame_count(part10),
        rows=values.whole(dataset, "Rows") or 0,
        columns=values.whole(dataset, "Columns") or 0,
    )


def frame_count(part10: Part10) -> int:
    """Frames there are to be had: 0 without pixels, 1 of a video, else what the header states.

    Raises Refused beyond the limits.
    """
    if not part10.pixels_are:
        return 0
    rows = values.whole(part10.dataset, "Rows") or 0
    columns = values.whole(part10.dataset, "Columns") or 0
    is_video = str(part10.transfer_syntax) in VIDEO
    frames = 1 if is_video else values.whole(part10.dataset, "NumberOfFrames") or 1
    if rows * columns > MAX_FRAME_PIXELS or frames > MAX_FRAMES:
        raise Refused("header.too_large", f"{frames} frames of {columns} x {rows} are too much.")
    if rows < 1 or columns < 1 or frames < 1:
        raise Refused("header.incomplete", "The header does not say how large the image is.")
    return frames


def laterality(dataset: Dataset) -> str:
    """L, R or B by (0020,0062), else (0020,0060); empty when unpaired or not stated."""
    for keyword in ("ImageLaterality", "Laterality"):
        stated = values.text(dataset, keyword, 1)
        if stated in ("L", "R", "B"):
            return stated
    return ""


def _other_patient_ids(dataset: Dataset) -> list[tuple[str, str]]:
    """Those of the sequence (0010,1002) with their issuers, then of the retired (0010,1000)."""
    listed = [
        (values.text(item, "PatientID"), values.text(item, "IssuerOfPatientID"))
        for item in values.items(dataset, "OtherPatientIDsSequence")
    ]
    retired = values.text(dataset, "OtherPatientIDs").split("\\")
    return [*listed, *((one, "") for one in retired if one)]


def _uid(dataset: Dataset, keyword: str) -> str:
    found = values.uid(dataset, keyword)
    if not found:
        raise Refused("header.incomplete", f"The header has no valid {keyword}.")
    return found
