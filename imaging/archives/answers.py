"""What an archive answered, read alike whether it came as DICOM JSON or as a C-FIND identifier.

The kinds differ in where a value stands; which values say what of a study is said here, once.
"""

from collections.abc import Sequence
from typing import Any, Protocol, Self

from imaging.archives.base import (
    FoundSeries,
    FoundStudy,
    clean,
    iso_date,
    read_count,
    read_date,
    read_time,
)

# What is asked for, and read below. The keys an answer is found by are the caller's to add.
STUDY_KEYWORDS = (
    *("StudyInstanceUID", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate"),
    *("PatientSex", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber"),
    *("ModalitiesInStudy", "NumberOfStudyRelatedInstances", "OtherPatientIDsSequence"),
)
SERIES_KEYWORDS = (
    *("SeriesInstanceUID", "Modality", "BodyPartExamined", "Laterality"),
    "NumberOfSeriesRelatedInstances",
)
MOST_MODALITIES = 32


class Answer(Protocol):
    """One study, series or instance as an archive describes it, by DICOM keyword."""

    def values(self, keyword: str) -> Sequence[Any]:
        """All values; none where it is absent or cannot be read: nothing is then concluded."""

    def items(self, keyword: str) -> Sequence[Self]:
        """The items of a sequence; none where it is absent."""


def text_of(answer: Answer, keyword: str) -> str:
    """The first value as text, empty when there is none."""
    return clean(next(iter(answer.values(keyword)), ""))


def study_of(answer: Answer) -> FoundStudy:
    modalities = {clean(value) for value in answer.values("ModalitiesInStudy")}
    return FoundStudy(
        study_instance_uid=text_of(answer, "StudyInstanceUID"),
        patient_id=text_of(answer, "PatientID"),
        issuer_of_patient_id=text_of(answer, "IssuerOfPatientID"),
        other_patient_ids=tuple(
            dict.fromkeys(  # each once, and all: one of them may be the one that tells
                (text_of(item, "PatientID"), text_of(item, "IssuerOfPatientID"))
                for item in answer.items("OtherPatientIDsSequence")
            )
        ),
        patient_name=text_of(answer, "PatientName"),
        birth_date=iso_date(text_of(answer, "PatientBirthDate")),
        sex=text_of(answer, "PatientSex"),
        study_date=read_date(text_of(answer, "StudyDate")),
        study_time=read_time(text_of(answer, "StudyTime")),
        description=text_of(answer, "StudyDescription"),
        accession_number=text_of(answer, "AccessionNumber"),
        modalities=tuple(sorted(modalities - {""})[:MOST_MODALITIES]),
        instance_count=read_count(text_of(answer, "NumberOfStudyRelatedInstances")),
    )


def series_of(answer: Answer) -> FoundSeries:
    return FoundSeries(
        series_instance_uid=text_of(answer, "SeriesInstanceUID"),
        modality=text_of(answer, "Modality"),
        body_part=text_of(answer, "BodyPartExamined"),
        laterality=text_of(answer, "Laterality"),
        instance_count=read_count(text_of(answer, "NumberOfSeriesRelatedInstances")),
    )
