"""Archives over DIMSE: C-ECHO, C-FIND, and C-GET on the same association (DICOM PS3.4 B, C)."""

import logging
import socket
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from queue import Empty, Full, Queue
from threading import Event as Flag
from threading import Thread
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context, build_role

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

# Neither library may put what it read into a log: names and numbers of patients.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

# Study Root: to find, to get; and Verification
FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
VERIFICATION = "1.2.840.10008.1.1"

MAX_PDU = 128 * 1024
MAX_CONTEXTS = 120  # 128 is the standard's; the rest is left for C-GET itself
UIDS_A_REQUEST = 64
HELD_AT_ONCE = 8  # instances that came and are not taken yet

# One context each, so that everything comes as it is stored; the plain ones first.
SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.90"),
    *("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"),
    *("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.57"),
    *("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.2"),
    *("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"),
    *("1.2.840.10008.1.2.4.203", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.100"),
)
# Offered when an archive does not say what it holds: CT, MR, CR, DX, US, XA, PET, NM, SC, enhanced.
# fmt: off
COMMON_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.{end}" for end in (
    "2", "4", "1", "1.1", "6.1", "3.1", "12.1", "128", "20", "7", "2.1", "4.1", "66.4", "104.1",
    "88.11", "88.33", "11.1", "1.2",
))
# fmt: on


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
    def __init__(
        self, host: str, port: int, *, called: str, calling: str, patience: Patience
    ) -> None:
        self._address = (host, port)
        self._called = called
        self._ae = AE(ae_title=calling)
        self._ae.connection_timeout = self._ae.acse_timeout = patience.connect_s
        self._ae.dimse_timeout = self._ae.network_timeout = patience.idle_s
        self._open: Association | None = None

    def close(self) -> None:
        association, self._open = self._open, None
        if association is not None and association.is_established:
            association.release()

    def echo(self) -> None:
        with self._asking(VERIFICATION) as association:
            _check(association.send_c_echo())

    def search_for_studies(self, question: Question) -> list[FoundStudy]:
        answers = self._find(Level.STUDY, STUDY_KEYWORDS, question.as_keys())
        found = {one.study_instance_uid: one for one in map(study_of, answers)}
        return [study for uid, study in found.items() if is_uid(uid)]

    def search_for_series(self, study_instance_uid: str) -> list[FoundSeries]:
        above = {"StudyInstanceUID": study_instance_uid}
        answers = self._find(Level.SERIES, SERIES_KEYWORDS, above)
        found = {one.series_instance_uid: one for one in map(series_of, answers)}
        return [series for uid, series in found.items() if is_uid(uid)]

    def list_instances(self, study_instance_uid: str) -> list[Listed]:
        found: dict[str, Listed] = {}
        for series in self.search_for_series(study_instance_uid):
            uid = series.series_instance_uid
            above = {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": uid}
            for answer in self._find(Level.IMAGE, ("SOPInstanceUID", "SOPClassUID"), above):
                sop_instance_uid = text_of(answer, "SOPInstanceUID")
                found[sop_instance_uid] = Listed(
                    uid, sop_instance_uid, text_of(answer, "SOPClassUID")
                )
        listed = [one for uid, one in found.items() if is_uid(uid)]
        return sorted(listed, key=lambda one: (one.series_instance_uid, one.sop_instance_uid))

    def retrieve(self, wanted: Wanted) -> Iterator[bytes]:
        """Received in a thread of its own, a few instances ahead of whoever takes them."""
        classes = sorted({one.sop_class_uid for one in wanted.instances} - {""}) or COMMON_CLASSES
        roles = [build_role(uid, scp_role=True) for uid in classes]
        contexts = [build_context(GET), *_contexts(classes)]
        arrivals = _Arrivals()
        self.close()  # an association that only waits meanwhile would be ended by the archive
        association = self._associate(contexts, roles, [(evt.EVT_C_STORE, arrivals.take)])
        with _ended(association):
            yield from arrivals.received(association, _identifiers(wanted))

    def _find(self, level: Level, keys: Sequence[str], asked: dict[str, str]) -> list[_Identifier]:
        returned = {key: [] if key.endswith("Sequence") else "" for key in keys}
        identifier = _identifier(level, returned | asked)
        found = []
        with self._asking(FIND) as association:
            for status, answer in association.send_c_find(identifier, FIND):
                _check(status)
                if answer is not None:
                    found.append(_Identifier(answer))
                if len(found) > MAX_ANSWERS:
                    text = "The archive answers with far too much: it misunderstands the question."
                    raise ArchiveError("archive.too_many", text, may_retry=False)
        return found

    @contextmanager
    def _asking(self, service: str) -> Iterator[Association]:
        """One association for all questions: some archives take half a second to accept one."""
        if self._open is None or not self._open.is_established:
            self._open = self._associate([build_context(FIND), build_context(VERIFICATION)])
        if service not in {context.abstract_syntax for context in self._open.accepted_contexts}:
            raise _not_offered()
        try:
            yield self._open
        except BaseException:
            self._open.abort()
            raise

    def _associate(
        self,
        contexts: list[PresentationContext],
        roles: Sequence[Any] = (),
        handlers: Sequence[Any] = (),
    ) -> Association:
        association = self._ae.associate(
            *self._address,
            contexts=contexts,
            ae_title=self._called,
            max_pdu=MAX_PDU,
            ext_neg=list(roles),
            evt_handlers=[(evt.EVT_CONN_OPEN, _send_at_once), *handlers],
        )
        if not association.is_established:
            raise _why_not(association)
        return association


@contextmanager
def _ended(association: Association) -> Iterator[None]:
    """Released at the end, aborted on any error."""
    try:
        yield
    except BaseException:
        association.abort()
        raise
    if association.is_established:
        association.release()


class _Arrivals:
    """Hands what the C-STORE handler received over to the thread that asked."""

    def __init__(self) -> None:
        self._queue: Queue[bytes] = Queue(HELD_AT_ONCE)
        self._is_over = Flag()
        self._failure: ArchiveError | None = None

    def take(self, event: evt.Event) -> int:
        """The C-STORE handler: the bytes as they came, with file meta information."""
        data = event.encoded_dataset()
        while not self._is_over.is_set():
            try:
                self._queue.put(data, timeout=0.2)
            except Full:
                continue
            return 0x0000
        return 0xA700

    def received(self, association: Association, asked: Sequence[Dataset]) -> Iterator[bytes]:
        thread = Thread(target=self._get, args=(association, asked), daemon=True)
        thread.start()
        try:
            while thread.is_alive() or not self._queue.empty():
                try:
                    yield self._queue.get(timeout=0.05)
                except Empty:
                    continue
        finally:
            self._is_over.set()
            if thread.is_alive():  # whoever asked wants no more
                association.abort()
                association.dimse.msg_queue.put((None, None))  # ends its wait for a message
            thread.join()
        if self._failure:
            raise self._failure

    def _get(self, association: Association, asked: Sequence[Dataset]) -> None:
        try:
            for identifier in asked:
                for status, _ in association.send_c_get(identifier, GET):
                    _check(status)
        except ArchiveError as failure:
            self._failure = failure
        except (RuntimeError, ValueError):
            self._failure = _cut_short()


def _send_at_once(event: evt.Event) -> None:
    """Without it every small message waits for Nagle: 92 ms instead of 3 ms a question."""
    connection: Any = event.assoc.dul.socket
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _contexts(classes: Sequence[str]) -> list[PresentationContext]:
    """A context for every class in as many syntaxes as fit, each syntax apart from the others."""
    classes = classes[:MAX_CONTEXTS]
    syntaxes = SYNTAXES[: max(1, MAX_CONTEXTS // len(classes))]
    return [build_context(uid, syntax) for uid in classes for syntax in syntaxes]


def _identifiers(wanted: Wanted) -> list[Dataset]:
    """What to ask for, one after another on one association."""
    study = {"StudyInstanceUID": wanted.study_instance_uid}
    if wanted.level == Level.STUDY:
        return [_identifier(wanted.level, study)]
    identifiers = []
    for series_uid, instances in groupby(wanted.instances, lambda one: one.series_instance_uid):
        series = study | {"SeriesInstanceUID": series_uid}
        if wanted.level == Level.SERIES:
            identifiers.append(_identifier(wanted.level, series))
            continue
        uids = [one.sop_instance_uid for one in instances]
        for start in range(0, len(uids), UIDS_A_REQUEST):
            some = {"SOPInstanceUID": uids[start : start + UIDS_A_REQUEST]}
            identifiers.append(_identifier(wanted.level, series | some))
    return identifiers


def _identifier(level: Level, values: Mapping[str, Any]) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(identifier, keyword, value)
    return identifier


def _check(status: Dataset) -> None:
    """Raise unless success, pending, or a warning: what came of those is counted by UID anyway."""
    code = status.get("Status")
    if code is None:
        raise _cut_short()
    if code in (0x0000, 0xFF00, 0xFF01, 0xB000):
        return
    message = f"The archive failed (status {code:04X})."
    raise ArchiveError("archive.failed", message, may_retry=code not in (0xA900, 0x0122))


def _cut_short() -> ArchiveError:
    text = "The connection to the archive broke before everything had come."
    return ArchiveError("archive.cut_short", text)


def _not_offered() -> ArchiveError:
    text = "The archive does not offer what was asked of it."
    return ArchiveError("archive.not_offered", text, may_retry=False)


def _why_not(association: Association) -> ArchiveError:
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        text = "The archive refused our AE title, or the one it is called by."
        return ArchiveError("archive.refused", text, may_retry=answer.result == 2)
    if answer is not None and not association.accepted_contexts:
        return _not_offered()
    return ArchiveError("archive.unreachable", "The archive cannot be reached.")
