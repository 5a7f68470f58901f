"""An archive that answers every key it is asked for: C-ECHO, C-FIND and C-GET over a folder.

It has the Study Root model only, as DICOM PS3.4 C.4 has it, and tells two lies where the
story wants them: a study held under another patient's name, and an instance never sent.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.events import EventHandlerType

from mdt.demo.objects import identify
from mdt.demo.story import STUDIES, DemoStudy

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PENDING, SUCCESS, NOT_UNDERSTOOD = 0xFF00, 0x0000, 0xA900
LEVELS = ("STUDY", "SERIES", "IMAGE")
UNIQUE_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
BY_KEY = {study.key: study for study in STUDIES}
Answers = Iterator[tuple[int, Dataset | None]]


@dataclass(frozen=True)
class Held:
    """One file: what it says of itself, and which study of the story it is of."""

    path: Path
    story: DemoStudy | None

    @cached_property
    def header(self) -> Dataset:
        header = dcmread(self.path, stop_before_pixels=True)
        if self.story and self.story.held_for:
            identify(header, self.story.held_for, self.story.trust)
        return header


class DemoArchiveServer:
    """One archive, one AE title, one port on loopback."""

    def __init__(self, folder: Path, ae_title: str, port: int) -> None:
        self.held = [Held(path, _story_of(path)) for path in sorted(folder.glob("*.dcm"))]
        self.never_sent = _never_sent(self.held)
        self.ae = AE(ae_title=ae_title)
        for service in (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET):
            self.ae.add_supported_context(service)
        for context in AllStoragePresentationContexts:
            self.ae.add_supported_context(
                str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES, scu_role=True, scp_role=True
            )
        self.port = port

    def start(self) -> None:
        """Serve in threads of its own until `stop`."""
        handlers: list[EventHandlerType] = [
            (evt.EVT_CONN_OPEN, without_delay),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
        ]
        address = ("127.0.0.1", self.port)
        self.ae.start_server(address, block=False, evt_handlers=handlers)

    def stop(self) -> None:
        self.ae.shutdown()

    def _find(self, event: evt.Event) -> Answers:
        yield from find(self.held, event.identifier)

    def _get(self, event: evt.Event) -> Iterator[Any]:
        wanted = [held for held in self.held if matches(held.header, _unique(event.identifier))]
        sent = [held for held in wanted if held.path not in self.never_sent]
        yield len(sent)
        for held in sent:
            yield PENDING, dcmread(held.path)


def without_delay(event: evt.Event) -> None:
    """Small packets wait for no others: 20 times faster on loopback (measured)."""
    connection = event.assoc.dul.socket
    if connection and connection.socket:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def find(held: Iterable[Held], asked: Dataset) -> Answers:
    """One answer for each entity of the asked level that matches every key (PS3.4 C.2.2.2)."""
    level = str(asked.get("QueryRetrieveLevel", ""))
    if level not in LEVELS:
        yield NOT_UNDERSTOOD, None
        return
    unique = UNIQUE_KEYS[LEVELS.index(level)]
    entities: dict[str, list[Dataset]] = {}
    for one in held:
        if matches(one.header, asked):
            entities.setdefault(str(one.header[unique].value), []).append(one.header)
    for headers in entities.values():
        yield PENDING, _answer(asked, headers)


def matches(header: Dataset, asked: Dataset) -> bool:
    """Whether a header has every value asked for; a key without value asks for nothing."""
    return all(
        _element_matches(header, key)
        for key in asked
        if key.keyword not in COUNTED and key.keyword != "QueryRetrieveLevel"
    )


def _element_matches(header: Dataset, key: DataElement) -> bool:
    if key.VR == "SQ":
        items = header.get(key.keyword) or []
        return not key.value or any(matches(item, key.value[0]) for item in items)
    asked = [str(value) for value in ([key.value] if key.VM <= 1 else key.value) if value]
    have = str(header.get(key.keyword, ""))
    return not asked or any(_value_matches(have, value, key.VR) for value in asked)


def _value_matches(have: str, asked: str, vr: str) -> bool:
    if vr in ("DA", "TM") and "-" in asked:
        first, last = asked.split("-", 1)
        return (first or have) <= have <= (last or have)
    if vr == "PN":
        return fnmatchcase(have.upper(), asked.upper())
    if vr == "UI":
        return have == asked
    return fnmatchcase(have, asked)


def _answer(asked: Dataset, headers: list[Dataset]) -> Dataset:
    answer = Dataset()
    answer.SpecificCharacterSet = "ISO_IR 192"
    for key in asked:
        if key.keyword in COUNTED:
            setattr(answer, key.keyword, COUNTED[key.keyword](headers))
        elif key.keyword in headers[0]:
            answer.add(headers[0][key.keyword])
        elif key.keyword != "SpecificCharacterSet":
            answer.add(DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None))
    answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
    return answer


def _different(headers: list[Dataset], keyword: str) -> list[str]:
    return sorted({str(header.get(keyword, "")) for header in headers})


COUNTED: dict[str, Callable[[list[Dataset]], Any]] = {
    "ModalitiesInStudy": lambda headers: _different(headers, "Modality"),
    "NumberOfStudyRelatedSeries": lambda headers: len(_different(headers, "SeriesInstanceUID")),
    "NumberOfStudyRelatedInstances": len,
    "NumberOfSeriesRelatedInstances": len,
}


def _unique(asked: Dataset) -> Dataset:
    """What a retrieval is asked by: the unique keys and nothing else (PS3.4 C.4.3)."""
    keys = Dataset()
    for keyword in UNIQUE_KEYS:
        if asked.get(keyword):
            keys.add(asked[keyword])
    return keys


def _never_sent(held: list[Held]) -> set[Path]:
    """Files out of the middle of each study that the story wants cut short."""
    lost: set[Path] = set()
    for key, story in BY_KEY.items():
        mine = [one.path for one in held if one.story and one.story.key == key]
        lost |= set(mine[len(mine) // 2 :][: story.loses])
    return lost


def _story_of(path: Path) -> DemoStudy | None:
    return BY_KEY.get(path.stem.rsplit("-", 1)[0])
