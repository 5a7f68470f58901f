"""Archives over DICOMweb: QIDO-RS to ask, WADO-RS to retrieve (DICOM PS3.18 10.6 and 10.4)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydicom.datadict import tag_for_keyword

from imaging.archives.answers import SERIES_KEYWORDS, STUDY_KEYWORDS, series_of, study_of, text_of
from imaging.archives.base import (
    MAX_ANSWERS,
    MAX_INSTANCES,
    MOST_BESIDES,
    ArchiveError,
    Brisk,
    Closing,
    FoundSeries,
    FoundStudy,
    Level,
    Listed,
    Question,
    Wanted,
    are_usable,
    counted,
    is_uid,
    not_understood,
    read_count,
    too_many,
)
from imaging.archives.http_body import read_all
from imaging.archives.http_peer import Answer, HttpPeer, bad_request
from imaging.archives.multipart import BadMultipart, boundary_of, iter_parts

MAX_PAGES = 10_000  # an archive may cut every page shorter than asked; each must bring new ones
MAX_JSON = 64 * 1024 * 1024
MAX_INSTANCE = 1024 * 1024 * 1024
MAX_UNPACKED = 256 * 1024 * 1024  # of an instance that comes packed though asked not to be
# transfer-syntax=*: as stored; without it some archives transcode, or fail at what they cannot
DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'

INSTANCE_KEYWORDS = ("SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber")

Elements = dict[str, Any]


@dataclass(frozen=True)
class _Row:
    """An answer in DICOM JSON (imaging.archives.answers.Answer)."""

    elements: Elements

    def values(self, keyword: str) -> list[Any]:
        """A person's name in its alphabetic form (PS3.18 F.2.2)."""
        return [
            value.get("Alphabetic", "") if isinstance(value, dict) else value
            for value in self._raw(keyword)
        ]

    def items(self, keyword: str) -> list["_Row"]:
        return [_Row(item) for item in self._raw(keyword) if isinstance(item, dict)]

    def _raw(self, keyword: str) -> list[Any]:
        element = self.elements.get(_tag(keyword))
        values = element.get("Value") if isinstance(element, dict) else None
        return values if isinstance(values, list) else []


class _Rows(list[_Row]):
    """All answers to one question. `has_pages`: after the last there was an empty page."""

    def __init__(self, rows: Iterable[_Row], *, has_pages: bool) -> None:
        super().__init__(rows)
        self.has_pages = has_pages


def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


@dataclass(frozen=True)
class Habits:
    """What this archive does otherwise than the standard says."""

    page_size: int = 500
    takes_wildcards_raw: bool = False
    unsupported: frozenset[str] = frozenset()


class DicomWebArchive(Closing):
    def __init__(self, peer: HttpPeer, habits: Habits = Habits()) -> None:
        self._peer = peer
        self._page = max(1, habits.page_size)
        self._unsupported = habits.unsupported
        # `*` is always left raw: real archives do not decode it, and RFC 3986 allows it.
        # `^` it does not allow, so only those get it raw that understand nothing else.
        self._raw = "*^" if habits.takes_wildcards_raw else "*"

    def close(self) -> None:
        self._peer.close()

    def echo(self) -> None:
        self._get_json("studies", [("limit", "1")], Brisk())

    def search_for_studies(self, question: Question) -> list[FoundStudy]:
        filters = list(question.as_keys(self._unsupported).items())
        rows = self._search("studies", filters, STUDY_KEYWORDS, "StudyInstanceUID")
        return [study_of(row) for row in rows]

    def search_for_series(self, study_instance_uid: str) -> list[FoundSeries]:
        path = f"studies/{study_instance_uid}/series"
        rows = self._search(path, [], SERIES_KEYWORDS, "SeriesInstanceUID")
        return [series_of(row) for row in rows]

    def list_instances(self, study_instance_uid: str) -> list[Listed]:
        """Asked per series too where the whole study's answer does not name the series, or where
        there are no pages: such an archive may have cut it short.
        """
        path = f"studies/{study_instance_uid}"
        pace = Brisk()
        rows = self._instances(f"{path}/instances", pace)
        listed = [_listed(row, text_of(row, "SeriesInstanceUID")) for row in rows]
        found = {one.sop_instance_uid: one for one in listed if one.series_instance_uid}
        if not are_usable([one.series_instance_uid for one in found.values()], is_listing=True):
            raise not_understood("DICOMweb")
        if rows.has_pages and len(found) == len(listed):
            return sorted(listed, key=_place)
        for series in self.search_for_series(study_instance_uid):
            uid = series.series_instance_uid
            of_series = self._instances(f"{path}/series/{uid}/instances", pace)
            found |= {one.sop_instance_uid: one for one in (_listed(row, uid) for row in of_series)}
        return sorted(found.values(), key=_place)

    def _instances(self, path: str, pace: Brisk) -> "_Rows":
        return self._search(path, [], INSTANCE_KEYWORDS, "SOPInstanceUID", MAX_INSTANCES, pace)

    def retrieve(self, wanted: Wanted) -> Iterator[bytes]:
        path = f"studies/{wanted.study_instance_uid}"
        if wanted.level == Level.STUDY:
            yield from self._retrieve(path, len(wanted.instances))
        elif wanted.level == Level.SERIES:
            series = f"{path}/series/{wanted.instances[0].series_instance_uid}"
            yield from self._retrieve(series, len(wanted.instances))
        else:
            yield from self._retrieve_each(path, wanted.instances)

    def _retrieve_each(self, path: str, instances: Iterable[Listed]) -> Iterator[bytes]:
        """One that is gone does not keep the others from coming; it is told at the end."""
        gone = None
        for one in instances:
            series = f"{path}/series/{one.series_instance_uid}"
            try:
                yield from self._retrieve(f"{series}/instances/{one.sop_instance_uid}")
            except ArchiveError as failure:
                if failure.code != "archive.not_there":
                    raise
                gone = failure
        if gone:
            raise gone

    def _search(
        self,
        path: str,
        filters: list[tuple[str, str]],
        keywords: Iterable[str],
        key: str,
        at_most: int = MAX_ANSWERS,
        pace: Brisk | None = None,
    ) -> "_Rows":
        """All pages. Ends when a page brings nothing new: some archives ignore the offset. `pace`
        is that of several questions together.
        """
        pace = pace or Brisk()
        asked = filters + [("includefield", _tag(keyword)) for keyword in keywords]
        rows: dict[str, _Row] = {}
        for _ in range(MAX_PAGES):
            page = [("limit", str(self._page)), ("offset", str(len(rows)))]
            answer = {text_of(row, key): row for row in self._get_json(path, asked + page, pace)}
            if not are_usable(answer, is_listing=key != "StudyInstanceUID"):
                raise not_understood("DICOMweb")
            new = {uid: row for uid, row in answer.items() if is_uid(uid) and uid not in rows}
            rows |= new
            pace.note(answers=len(new))
            if len(rows) > at_most:
                raise too_many()
            if not new:
                return _Rows(rows.values(), has_pages=not answer)
        raise too_many()

    def _get_json(self, path: str, parameters: list[tuple[str, str]], pace: Brisk) -> list[_Row]:
        query = "&".join(
            f"{name}={quote(value, safe=self._raw)}"
            for name, value in parameters
            if name not in self._unsupported
        )
        headers = {"Accept": "application/dicom+json", "Accept-Encoding": "gzip"}
        with self._peer.get(f"{path}?{query}", headers) as answer:
            if answer.status == 404 and path == "studies":
                raise bad_request(404)
            if answer.status != 200:
                return []
            return _rows(read_all(_at(pace, answer.chunks), MAX_JSON))

    def _retrieve(self, path: str, listed: int = 1) -> Iterator[bytes]:
        """`listed` is how many instances should come, 0 where nobody has asked yet."""
        # identity: archives gzip pixel data at a twentieth of the speed
        headers = {"Accept": DICOM_PARTS, "Accept-Encoding": "identity"}
        with self._peer.get(path, headers) as answer:
            if answer.status != 200:
                answer.finish()
                text = "The archive no longer has what it listed."
                raise ArchiveError("archive.not_there", text, may_retry=False)
            at_most = MAX_UNPACKED if answer.is_packed else MAX_INSTANCE
            if answer.content_type.startswith("application/dicom"):
                yield _single(answer, at_most)
                return
            boundary = boundary_of(answer.content_type)
            parts = iter_parts(answer.chunks, boundary, at_most=at_most)
            yield from counted(parts, 2 * listed + MOST_BESIDES if listed else MAX_INSTANCES)
            answer.finish()


def _at(pace: Brisk, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        pace.note(size=len(chunk))
        yield chunk


def _single(answer: Answer, at_most: int) -> bytes:
    """One instance without multipart. A cut one must show, so its length must be stated."""
    if not answer.has_end:
        raise BadMultipart("an instance of unknown length")
    return read_all(answer.chunks, at_most)


def _rows(body: bytes) -> list[_Row]:
    try:
        rows = json.loads(body or b"[]")
    except RecursionError as error:
        raise BadMultipart("JSON without a bottom") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadMultipart("no DICOM JSON")
    return [_Row(row) for row in rows]


def _listed(row: _Row, series_instance_uid: str) -> Listed:
    sop_instance_uid = text_of(row, "SOPInstanceUID")
    number = read_count(text_of(row, "InstanceNumber"))
    return Listed(series_instance_uid, sop_instance_uid, text_of(row, "SOPClassUID"), number)


def _place(one: Listed) -> tuple[str, str]:
    return one.series_instance_uid, one.sop_instance_uid
