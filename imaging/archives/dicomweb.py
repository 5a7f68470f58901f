"""Archives over DICOMweb: QIDO-RS to ask, WADO-RS to retrieve (DICOM PS3.18 10.6 and 10.4)."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydicom.datadict import tag_for_keyword

from imaging.archives.answers import SERIES_KEYWORDS, STUDY_KEYWORDS, series_of, study_of, text_of
from imaging.archives.base import (
    MAX_ANSWERS,
    ArchiveError,
    Closing,
    FoundSeries,
    FoundStudy,
    Level,
    Listed,
    Patience,
    Question,
    Wanted,
    is_uid,
)
from imaging.archives.multipart import BadMultipart, CutShort, boundary_of, iter_parts

PAGE = 500
MAX_PAGES = 100  # an archive may cut every page shorter than asked
MAX_JSON = 64 * 1024 * 1024
MAX_INSTANCE = 1024 * 1024 * 1024
# transfer-syntax=*: as stored; without it some archives transcode, or fail at what they cannot
DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'

INSTANCE_KEYWORDS = ("SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")

Elements = dict[str, Any]
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, and they name patients


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


def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


class DicomWebArchive(Closing):
    def __init__(self, base_url: str, *, username: str, password: str, patience: Patience) -> None:
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            auth=httpx.BasicAuth(username, password) if username else None,
            timeout=httpx.Timeout(patience.idle_s, connect=patience.connect_s),
            follow_redirects=False,  # a password must not travel to where the archive points
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def echo(self) -> None:
        self._get_json("studies", [("limit", "1")])

    def search_for_studies(self, question: Question) -> list[FoundStudy]:
        filters = list(question.as_keys().items())
        rows = self._search("studies", filters, STUDY_KEYWORDS, "StudyInstanceUID")
        return [study_of(row) for row in rows]

    def search_for_series(self, study_instance_uid: str) -> list[FoundSeries]:
        path = f"studies/{study_instance_uid}/series"
        rows = self._search(path, [], SERIES_KEYWORDS, "SeriesInstanceUID")
        return [series_of(row) for row in rows]

    def list_instances(self, study_instance_uid: str) -> list[Listed]:
        """Asked per series where the whole study's answer does not name the series."""
        path = f"studies/{study_instance_uid}"
        rows = self._search(f"{path}/instances", [], INSTANCE_KEYWORDS, "SOPInstanceUID")
        listed = [_listed(row, text_of(row, "SeriesInstanceUID")) for row in rows]
        if all(one.series_instance_uid for one in listed):
            return sorted(listed, key=_place)
        found = []
        for series in self.search_for_series(study_instance_uid):
            uid = series.series_instance_uid
            within = f"{path}/series/{uid}/instances"
            rows = self._search(within, [], INSTANCE_KEYWORDS, "SOPInstanceUID")
            found += [_listed(row, uid) for row in rows]
        return sorted(found, key=_place)

    def retrieve(self, wanted: Wanted) -> Iterator[bytes]:
        path = f"studies/{wanted.study_instance_uid}"
        if wanted.level == Level.STUDY:
            yield from self._retrieve(path)
        elif wanted.level == Level.SERIES:
            yield from self._retrieve(f"{path}/series/{wanted.instances[0].series_instance_uid}")
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
        self, path: str, filters: list[tuple[str, str]], keywords: Iterable[str], key: str
    ) -> list[_Row]:
        """All pages. Ends when a page brings nothing new: some archives ignore the offset."""
        asked = filters + [("includefield", _tag(keyword)) for keyword in keywords]
        rows: dict[str, _Row] = {}
        for _ in range(MAX_PAGES):
            page = [("limit", str(PAGE)), ("offset", str(len(rows)))]
            answer = {text_of(row, key): row for row in self._get_json(path, asked + page)}
            new = {uid: row for uid, row in answer.items() if is_uid(uid) and uid not in rows}
            rows |= new
            if len(rows) > MAX_ANSWERS:
                raise _too_many()
            if not new:
                return list(rows.values())
        raise _too_many()

    def _get_json(self, path: str, parameters: list[tuple[str, str]]) -> list[_Row]:
        # `*` is left raw: real archives do not decode it, and RFC 3986 allows it
        query = "&".join(f"{name}={quote(value, safe='*')}" for name, value in parameters)
        headers = {"Accept": "application/dicom+json", "Accept-Encoding": "gzip"}
        with self._ask(f"{path}?{query}", headers) as answer:
            if answer.status_code == 404 and path == "studies":
                raise _bad_request(404)
            if answer.status_code != 200:
                return []
            return _rows(_read_all(answer.iter_bytes(), MAX_JSON))

    def _retrieve(self, path: str) -> Iterator[bytes]:
        # identity: archives gzip pixel data at a twentieth of the speed
        headers = {"Accept": DICOM_PARTS, "Accept-Encoding": "identity"}
        with self._ask(path, headers) as answer:
            if answer.status_code != 200:
                text = "The archive no longer has what it listed."
                raise ArchiveError("archive.not_there", text, may_retry=False)
            content_type = answer.headers.get("Content-Type", "")
            if content_type.startswith("application/dicom"):
                yield _single(answer)
            else:
                boundary = boundary_of(content_type)
                yield from iter_parts(answer.iter_bytes(), boundary, at_most=MAX_INSTANCE)

    @contextmanager
    def _ask(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """An answer of 200, 204 or 404, as a stream; everything else is an ArchiveError."""
        try:
            with self._http.stream("GET", url, headers=headers) as answer:
                _check_status(answer.status_code)
                yield answer
        except (httpx.HTTPError, httpx.InvalidURL, CutShort, BadMultipart, ValueError) as error:
            raise _explain(error) from error


FAILURES: list[tuple[tuple[type[Exception], ...], str, str]] = [
    (
        (httpx.ConnectError, httpx.ConnectTimeout),
        "archive.unreachable",
        "The archive cannot be reached.",
    ),
    ((httpx.TimeoutException,), "archive.silent", "The archive stopped answering."),
    (
        (CutShort, httpx.RemoteProtocolError, httpx.ReadError),
        "archive.cut_short",
        "The connection to the archive broke before everything had come.",
    ),
    (
        (BadMultipart, ValueError),
        "archive.not_understood",
        "The archive answered with something that is not DICOMweb.",
    ),
]


def _explain(error: Exception) -> ArchiveError:
    for kinds, code, message in FAILURES:
        if isinstance(error, kinds):
            return ArchiveError(code, message)
    return ArchiveError("archive.failed", "Talking to the archive failed.")


def _check_status(status: int) -> None:
    if status in (200, 204, 404, 410):
        return
    if status in (401, 403):
        text = "The archive refused our name or password."
        raise ArchiveError("archive.refused", text, may_retry=False)
    if 300 <= status < 400:
        text = "The archive points to another address. Its address here must be corrected."
        raise ArchiveError("archive.moved", text, may_retry=False)
    if status in (408, 429) or status >= 500:
        raise ArchiveError("archive.failed", f"The archive is in trouble (HTTP {status}).")
    raise _bad_request(status)


def _bad_request(status: int) -> ArchiveError:
    text = f"The archive did not accept the question (HTTP {status}). Is its address right?"
    return ArchiveError("archive.bad_request", text, may_retry=False)


def _too_many() -> ArchiveError:
    text = "The archive answers with far too much: it does not understand the question."
    return ArchiveError("archive.too_many", text, may_retry=False)


def _single(answer: httpx.Response) -> bytes:
    """One instance without multipart. A cut one must show, so its length must be stated."""
    if "Content-Length" not in answer.headers and "Transfer-Encoding" not in answer.headers:
        raise BadMultipart("an instance of unknown length")
    return _read_all(answer.iter_bytes(), MAX_INSTANCE)


def _read_all(chunks: Iterable[bytes], at_most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > at_most:
            raise BadMultipart("an answer is too large")
    return bytes(body)


def _rows(body: bytes) -> list[_Row]:
    rows = json.loads(body or b"[]")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadMultipart("no DICOM JSON")
    return [_Row(row) for row in rows]


def _listed(row: _Row, series_instance_uid: str) -> Listed:
    sop_instance_uid = text_of(row, "SOPInstanceUID")
    return Listed(series_instance_uid, sop_instance_uid, text_of(row, "SOPClassUID"))


def _place(one: Listed) -> tuple[str, str]:
    return one.series_instance_uid, one.sop_instance_uid
