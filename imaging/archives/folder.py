"""Archives in a folder: a CD, a USB export, or what was uploaded; with or without a DICOMDIR.

A DICOMDIR is not read: it may lie, or point outside. What is here is what the files themselves
say (imaging/archives/folder_index.py), whatever they are called and however deep they lie.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, time
from itertools import groupby
from pathlib import Path

from imaging.archives.base import (
    ArchiveError,
    Closing,
    FoundSeries,
    FoundStudy,
    Level,
    Listed,
    Question,
    Wanted,
)
from imaging.archives.folder_files import read_file, unreachable
from imaging.archives.folder_index import FolderIndex, Held
from imaging.frames.header import Header
from imaging.frames.limits import MAX_INSTANCE_BYTES
from imaging.identity_numbers import digits_of
from imaging.sides import in_one


class FolderArchive(Closing):
    def __init__(self, root: Path, beside: Path) -> None:
        """`beside` is where indexes of folders are kept."""
        self._root = root
        self._index = FolderIndex(root, beside)

    def echo(self) -> None:
        if not self._root.is_dir():
            raise unreachable()

    def search_for_studies(self, question: Question) -> list[FoundStudy]:
        """A study that names several people is answered with under each that may be meant."""
        if not question.brought:
            question.as_keys()  # raises where it would be anybody
        self._index.refresh()
        meant = [one for one in self._index.people(question.brought) if _is_meant(one, question)]
        held = {uid: self._index.held(uid) for uid in {one.study_instance_uid for one in meant}}
        return [_study(one, held[one.study_instance_uid]) for one in meant]

    def search_for_series(self, study_instance_uid: str) -> list[FoundSeries]:
        held = self._index.held(study_instance_uid) if study_instance_uid else []
        by_series = _grouped(held, lambda header: header.series_instance_uid)
        return [_series(some) for some in by_series]

    def list_instances(self, study_instance_uid: str) -> list[Listed]:
        self._index.refresh()
        held = self._index.held(study_instance_uid) if study_instance_uid else []
        listed = {one.key: _listed(one) for one in held}
        return [listed[key] for key in sorted(listed)]

    def retrieve(self, wanted: Wanted) -> Iterator[bytes]:
        """Two files that are one instance and differ both come: whoever takes them must know."""
        lost = 0
        for one in self._index.held(wanted.study_instance_uid):
            if not _is_wanted(one, wanted):
                continue
            try:
                data = _whole(self._root, one.path)
            except OSError:
                lost += 1
                continue
            yield data
        if lost:
            text = "Files of the folder that were there before cannot be read any more."
            raise ArchiveError("archive.not_there", text)


def _whole(root: Path, path: str) -> bytes:
    """Raises OSError, also for one that has grown since beyond what may be taken."""
    data = read_file(root, path, MAX_INSTANCE_BYTES + 1)
    if len(data) > MAX_INSTANCE_BYTES:
        raise OSError("it has grown too large")
    return data


def _grouped(held: Iterable[Held], uid: Callable[[Header], str]) -> list[list[Held]]:
    """By a UID of their headers; within a group by path, as they came."""
    in_order = sorted(held, key=lambda one: uid(one.header))
    return [list(some) for _, some in groupby(in_order, lambda one: uid(one.header))]


def _is_meant(header: Header, question: Question) -> bool:
    """Whether a header may be meant: what it leaves open is no reason not to look at it.

    A number counts wherever it stands and however it is spaced. Names are not looked at: few were
    born on one day, and whose study it is, is not for a folder to say.
    """
    if question.brought:
        return True
    numbers = {header.patient_id, *(number for number, _ in header.other_patient_ids)}
    asked = digits_of(question.patient_id)
    return (
        not asked or asked in {digits_of(number) for number in numbers}
    ) and question.birth_date in ("", header.birth_date or question.birth_date)


def _study(claim: Header, held: list[Held]) -> FoundStudy:
    modalities = {one.header.modality for one in held} - {""}
    return FoundStudy(
        study_instance_uid=claim.study_instance_uid,
        patient_id=claim.patient_id,
        issuer_of_patient_id=claim.issuer_of_patient_id,
        other_patient_ids=tuple(claim.other_patient_ids),
        patient_name=claim.patient_name,
        birth_date=claim.birth_date,
        sex=claim.sex,
        study_date=date.fromisoformat(claim.study_date) if claim.study_date else None,
        study_time=time.fromisoformat(claim.study_time) if claim.study_time else None,
        description=claim.study_description,
        accession_number=claim.accession_number,
        modalities=tuple(sorted(modalities)),
        instance_count=len({one.key for one in held}),
    )


def _series(held: list[Held]) -> FoundSeries:
    first = held[0].header
    return FoundSeries(
        series_instance_uid=first.series_instance_uid,
        modality=first.modality,
        body_part=first.body_part,
        laterality=in_one(one.header.laterality for one in held),
        instance_count=len({one.key for one in held}),
    )


def _listed(one: Held) -> Listed:
    return Listed(*one.key, one.header.sop_class_uid, one.header.instance_number)


def _is_wanted(one: Held, wanted: Wanted) -> bool:
    if wanted.level == Level.STUDY:
        return True
    if wanted.level == Level.SERIES:
        return one.key[0] in {listed.series_instance_uid for listed in wanted.instances}
    return one.key in {(i.series_instance_uid, i.sop_instance_uid) for i in wanted.instances}
