"""One HTTP server for all fakes of DICOMweb archives. A trick says the very bytes on the wire."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from time import sleep
from urllib.parse import parse_qsl, urlsplit

from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.peers import multipart

JSON = "application/dicom+json"
PARTS = 'multipart/related; type="application/dicom"; boundary=xyz'
LEVELS = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}
SAID = {
    "studies": (
        *("StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
        *("StudyDate", "StudyDescription", "OtherPatientIDsSequence"),
    ),
    "series": ("SeriesInstanceUID", "Modality", "BodyPartExamined"),
    "instances": ("SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}
FILTERS = ("PatientID", "PatientBirthDate")


@dataclass
class Ask:
    """One request. `kind` is "studies", "series" or "instances" (QIDO-RS), or "pictures"."""

    archive: "WebArchive"
    path: str
    query: dict[str, str]

    @property
    def kind(self) -> str:
        return self.path.rpartition("/")[2] if self.query else "pictures"

    @property
    def place(self) -> dict[str, str]:
        """Which study, series and instance the path names, by keyword."""
        words = self.path.split("/")
        named = dict(zip(words[::2], words[1::2], strict=False))
        keywords = LEVELS | {"instances": "SOPInstanceUID"}
        return {keywords[level]: uid for level, uid in named.items()}


Trick = Callable[[Ask], Iterable[bytes]]


@dataclass
class WebArchive:
    """Holds files and answers as it should, but for its tricks, by kind of request."""

    url: str
    files: list[bytes]
    tricks: dict[str, Trick] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)

    def answer(self, ask: Ask) -> Iterable[bytes]:
        self.asked.append(ask)
        return self.tricks.get(ask.kind, well)(ask)

    def held(self) -> list[tuple[Dataset, bytes]]:
        return [(dcmread(BytesIO(file), stop_before_pixels=True), file) for file in self.files]


def well(ask: Ask) -> Iterable[bytes]:
    """What a good archive says."""
    if ask.kind == "pictures":
        return [pictures(files_of(ask))]
    return [listing(rows_of(ask), ask)]


def rows_of(ask: Ask) -> list[dict]:
    """One row for each study, series or instance that was asked for."""
    wanted = ask.place | {key: ask.query[key] for key in FILTERS if key in ask.query}
    found = {}
    for header, _ in ask.archive.held():
        if all(str(header.get(key, "")) == value for key, value in wanted.items()):
            row = row_of(header, ask.kind)
            found[json.dumps(row)] = row
    return list(found.values())


def row_of(header: Dataset, kind: str, **said: object) -> dict:
    """The DICOM JSON of a header; `said` are values told instead."""
    chosen = Dataset()
    for keyword in SAID[kind]:
        if keyword in header:
            chosen[keyword] = header[keyword]
    for keyword, value in said.items():
        setattr(chosen, keyword, value)
    return chosen.to_json_dict()


def files_of(ask: Ask) -> list[bytes]:
    """The files that were asked for."""
    held = ask.archive.held()
    return [f for h, f in held if all(str(h[key].value) == uid for key, uid in ask.place.items())]


def listing(rows: list[dict], ask: Ask) -> bytes:
    start = int(ask.query.get("offset", 0))
    return whole(json.dumps(rows[start : start + int(ask.query["limit"])]).encode(), JSON)


def pictures(files: list[bytes], *, is_closed: bool = True) -> bytes:
    return whole(multipart(files, is_closed=is_closed), PARTS)


def whole(body: bytes, kind: str = JSON, status: int = 200, **headers: str) -> bytes:
    """An answer with its length, after which the connection is closed."""
    return head(kind, status, Content_Length=str(len(body)), **headers) + body


def head(kind: str = PARTS, status: int = 200, **headers: str) -> bytes:
    """Without Content_Length the end of the connection is the end of the answer."""
    said = {"Content_Type": kind, "Connection": "close"} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in said.items()]
    return "\r\n".join([f"HTTP/1.1 {status} As Told", *lines, "", ""]).encode("latin-1")


def slowly(data: bytes, *, size: int, pause_s: float) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
        sleep(pause_s)


class WebServer(socketserver.ThreadingTCPServer):
    """All fakes, each below a path of its own."""

    daemon_threads, block_on_close = True, False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archives: dict[str, WebArchive] = {}
        self._numbers = count()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def archive(self, files: Iterable[bytes] = (), **tricks: Trick) -> WebArchive:
        name = f"a{next(self._numbers)}"
        url = f"http://127.0.0.1:{self.server_address[1]}/{name}"
        self.archives[name] = WebArchive(url, list(files), tricks)
        return self.archives[name]

    def handle_error(self, *_: object) -> None:
        """Whoever asked has hung up."""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        target = urlsplit(self.rfile.readline().split()[1].decode())
        length = 0
        while line := self.rfile.readline().strip().lower():
            length = int(line.partition(b":")[2]) if line.startswith(b"content-length:") else length
        self.rfile.read(length)
        name, _, path = target.path[1:].partition("/")
        archive = self.server.archives[name]
        ask = Ask(archive, path, dict(parse_qsl(target.query)))
        with suppress(OSError):
            for data in archive.answer(ask):
                self.wfile.write(data)
