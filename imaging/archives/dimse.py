"""Archives over DIMSE: C-ECHO and C-FIND (DICOM PS3.4 A, C); dimse_get and _move retrieve."""

from collections.abc import Collection, Iterator, Mapping, MutableSequence, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from imaging.archives.answers import SERIES_KEYWORDS, STUDY_KEYWORDS, series_of, study_of, text_of
from imaging.archives.base import (
    MAX_ANSWERS,
    MAX_INSTANCES,
    Brisk,
    Closing,
    FoundSeries,
    FoundStudy,
    Level,
    Listed,
    Question,
    Wanted,
    are_usable,
    is_uid,
    not_understood,
    read_count,
    too_many,
)
from imaging.archives.dimse_link import Link, check, not_offered

FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root
VERIFICATION = "1.2.840.10008.1.1"
INSTANCE_KEYWORDS = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber")
UIDS_A_REQUEST = 64
UNIQUE_KEYS = {  # PS3.4 C.6.2
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


@dataclass(frozen=True)
class _Identifier:
    """A C-FIND answer (imaging.archives.answers.Answer)."""

    dataset: Dataset

    def values(self, keyword: str) -> list[Any]:
        try:
            value = self.dataset.get(keyword)
        except Exception:  # pydicom raises many kinds on damaged values
            return []
        if isinstance(value, MutableSequence):
            return list(value)
        return [] if value is None else [value]

    def items(self, keyword: str) -> list["_Identifier"]:
        return [_Identifier(item) for item in self.values(keyword)]


class DimseArchive(Closing):
    """What C-GET and C-MOVE archives have in common. `unsupported` are keys it cannot match."""

    def __init__(self, link: Link, *, unsupported: Collection[str] = ()) -> None:
        self._link = link
        self._unsupported = frozenset(unsupported)
        self._open: Association | None = None

    def close(self) -> None:
        association, self._open = self._open, None
        if association is not None and association.is_established:
            association.release()

    def echo(self) -> None:
        with self._asking(VERIFICATION) as association:
            check(association.send_c_echo())

    def search_for_studies(self, question: Question) -> list[FoundStudy]:
        asked = question.as_keys(self._unsupported)
        answers = self._find(Level.STUDY, STUDY_KEYWORDS, asked)
        found = {one.study_instance_uid: one for one in map(study_of, answers)}
        return [study for uid, study in found.items() if is_uid(uid)]

    def search_for_series(self, study_instance_uid: str) -> list[FoundSeries]:
        above = {"StudyInstanceUID": study_instance_uid}
        answers = self._find(Level.SERIES, SERIES_KEYWORDS, above)
        found = {one.series_instance_uid: one for one in map(series_of, answers)}
        return [series for uid, series in found.items() if is_uid(uid)]

    def list_instances(self, study_instance_uid: str) -> list[Listed]:
        found: dict[str, Listed] = {}
        pace = Brisk()
        for series in self.search_for_series(study_instance_uid):
            uid = series.series_instance_uid
            above = {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": uid}
            for answer in self._find(Level.IMAGE, INSTANCE_KEYWORDS, above, pace):
                one = _listed(answer, uid)
                found[one.sop_instance_uid] = one
        listed = [one for uid, one in found.items() if is_uid(uid)]
        return sorted(listed, key=lambda one: (one.series_instance_uid, one.sop_instance_uid))

    def _find(
        self, level: Level, keys: Sequence[str], asked: dict[str, str], pace: Brisk | None = None
    ) -> list[_Identifier]:
        """`pace` is that of several questions together."""
        pace = pace or Brisk()
        returned = {key: [] if key.endswith("Sequence") else "" for key in keys}
        identifier = _identifier(level, returned | asked)
        at_most = MAX_INSTANCES if level == Level.IMAGE else MAX_ANSWERS
        found = []
        with self._asking(FIND) as association:
            for status, answer in association.send_c_find(identifier, FIND):
                check(status)
                pace.note(answers=1)
                if answer is not None:
                    found.append(_Identifier(answer))
                elif status.Status in (0xFF00, 0xFF01):
                    raise not_understood("DICOM")
                if len(found) > at_most:
                    raise too_many()
        uids = [text_of(one, UNIQUE_KEYS[level]) for one in found]
        if not are_usable(uids, is_listing=level != Level.STUDY):
            raise not_understood("DICOM")
        return found

    @contextmanager
    def _asking(self, service: str) -> Iterator[Association]:
        """One association for all questions: some archives take half a second to accept one."""
        if self._open is None or not self._open.is_established:
            contexts = [build_context(FIND), build_context(VERIFICATION)]
            self._open = self._link.associate(contexts, idle_s=self._link.patience.idle_s)
        if service not in {context.abstract_syntax for context in self._open.accepted_contexts}:
            raise not_offered()
        try:
            yield self._open
        except BaseException:
            self._open.abort()
            raise


def identifiers(wanted: Wanted) -> list[Dataset]:
    """What to ask for, one after another on one association. Never at PATIENT level: the issuer
    does not qualify such a request (CP-1649).
    """
    study = {"StudyInstanceUID": wanted.study_instance_uid}
    if wanted.level == Level.STUDY:
        return [_identifier(wanted.level, study)]
    asked = []
    for series_uid, instances in groupby(wanted.instances, lambda one: one.series_instance_uid):
        series = study | {"SeriesInstanceUID": series_uid}
        if wanted.level == Level.SERIES:
            asked.append(_identifier(wanted.level, series))
            continue
        uids = [one.sop_instance_uid for one in instances]
        for start in range(0, len(uids), UIDS_A_REQUEST):
            some = {"SOPInstanceUID": uids[start : start + UIDS_A_REQUEST]}
            asked.append(_identifier(wanted.level, series | some))
    return asked


def _listed(answer: _Identifier, series_instance_uid: str) -> Listed:
    return Listed(
        series_instance_uid,
        text_of(answer, "SOPInstanceUID"),
        text_of(answer, "SOPClassUID"),
        read_count(text_of(answer, "InstanceNumber")),
    )


def _identifier(level: Level, values: Mapping[str, Any]) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(identifier, keyword, value)
    return identifier
