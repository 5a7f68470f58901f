"""Associations with one archive: opened, with or without TLS, and why not when they are not.

Nagle is off on every one of them: with it each small message waits 40 ms (measured: 92 ms a C-FIND
instead of 3 ms).
"""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from imaging.archives import addresses, http_tls
from imaging.archives.base import ArchiveError, Patience
from imaging.archives.dimse_guard import Guard
from imaging.archives.dimse_reactor import keep_answers

# Neither library may put what it read into a log: names and numbers of patients.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_HANDLER_LEVEL = "none"  # texts for that log: a tenth of the time a C-GET takes
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

MAX_PDU = 128 * 1024
RECALL = 5  # times Patience.idle_s until the first image comes: it may lie on a tape
SIGNS_ONLY = 4  # times as long again while it says that it is at work, and no image comes
FAILED = "archive.failed"
MOST_SINGLY = 512  # images asked for one after another, of an archive that takes no list of them
MOST_IN_VAIN = 3  # of them in a row that it fails over too: then it is not the list
OVER = (None, None)  # what pynetdicom itself puts into a queue to end somebody's wait
Send = Callable[[Dataset], Iterator[tuple[Dataset, Dataset | None]]]


@dataclass(frozen=True)
class Link:
    """Where an archive is, and who we are to it. `tls` None: plain TCP."""

    host: str
    port: int
    called: str
    calling: str
    patience: Patience
    tls: ssl.SSLContext | None = None

    def associate(
        self,
        contexts: list[PresentationContext],
        *,
        idle_s: float | None,
        roles: Sequence[Any] = (),
        handlers: Sequence[Any] = (),
    ) -> Association:
        """One that is established. `idle_s`: how long a message may take to come, None: for ever.

        Raises ArchiveError.
        """
        ae = AE(ae_title=self.calling)
        ae.connection_timeout = ae.acse_timeout = self.patience.connect_s
        ae.dimse_timeout = ae.network_timeout = idle_s
        association = ae.associate(
            *self._address(),
            contexts=contexts,
            ae_title=self.called,
            max_pdu=MAX_PDU,
            ext_neg=list(roles),
            tls_args=(self.tls, self.host) if self.tls else None,
            evt_handlers=[*Guard(self.patience.idle_s).handlers, *handlers],
        )
        if not association.is_established:
            raise self._why_not(association)
        keep_answers(association)
        return association

    def _address(self) -> tuple[str, int]:
        return addresses.resolve(self.host, self.port), self.port

    def _why_not(self, association: Association) -> ArchiveError:
        answer = _answer_of(association)
        if answer is not None and answer.result:
            text = "The archive refused our AE title, or the one it is called by."
            return ArchiveError("archive.refused", text, may_retry=answer.result == 2)
        if answer is not None and not association.accepted_contexts:
            return not_offered()
        fault = self._fault_of_tls() if self.tls else self._wants_tls()
        return fault or ArchiveError("archive.unreachable", "The archive cannot be reached.")

    def _fault_of_tls(self) -> ArchiveError | None:
        """pynetdicom does not say what TLS had against a connection: make one to see."""
        try:
            with self._shaken_hands(self.tls) as connection:
                connection.recv(1)  # with TLS 1.3 our certificate is refused only now
        except TimeoutError as silence:
            return http_tls.fault(silence, "the archive", is_connecting=True) or no_tls()
        except ConnectionRefusedError:
            return None
        except OSError as error:
            fault = http_tls.fault(error, "the archive", is_connecting=True)
            return fault or no_tls()
        return None

    def _wants_tls(self) -> ArchiveError | None:
        """Whether it speaks TLS to us, who did not."""
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE  # nothing is sent to it
        try:
            with self._shaken_hands(anybody):
                pass
        except ssl.SSLError as error:
            if "ALERT" not in str(error.reason):  # an alert is TLS: it has something against us
                return None
        except OSError:
            return None
        text = "The archive speaks TLS at this port, and is set up here without."
        return ArchiveError("archive.wants_tls", text, may_retry=False)

    @contextmanager
    def _shaken_hands(self, context: ssl.SSLContext | None) -> Iterator[ssl.SSLSocket]:
        assert context is not None  # noqa: S101  asked only where there is one
        seconds = self.patience.connect_s
        with (
            socket.create_connection(self._address(), seconds) as plain,
            context.wrap_socket(plain, server_hostname=self.host) as connection,
        ):
            yield connection


def _answer_of(association: Association) -> A_ASSOCIATE | None:
    """What the archive said to our request (PS3.8 7.1.1), if it said anything.

    An archive that refuses hangs up at once. Where that comes before pynetdicom had a turn to look
    for a connection (a busy machine), it sees none, and leaves the answer where it lies.
    """
    answer = association.acceptor.primitive or association.dul.receive_pdu()
    return answer if isinstance(answer, A_ASSOCIATE) else None


class Sending:
    """One C-GET or C-MOVE after another, sent from a thread of its own, and what was answered."""

    def __init__(self, association: Association, send: Send, asked: Sequence[Dataset]) -> None:
        self._association, self._send, self._asked = association, send, asked
        self._thread = Thread(target=self._run, daemon=True)
        self._is_singly, self._singly_left, self._in_vain = False, MOST_SINGLY, 0
        self.failure: ArchiveError | None = None
        self.heard_at = monotonic()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @contextmanager
    def running(self) -> Iterator["Sending"]:
        """Leaving it early ends the association: whoever asked wants no more."""
        self._thread.start()
        try:
            yield self
        finally:
            if self.is_running:
                self._association.abort()
                self._association.dimse.msg_queue.put(OVER)
            self._thread.join()

    def _run(self) -> None:
        try:
            for identifier in self._asked:
                self._ask_for(identifier)
        except ArchiveError as failure:
            self.failure = failure
        except (RuntimeError, ValueError):
            self.failure = cut_short()

    def _ask_for(self, identifier: Dataset) -> None:
        """Of an archive that fails over a list of images (qrscp does), for one after another."""
        each = _one_each(identifier)
        if not self._is_singly:
            try:
                self._ask(identifier)
                return
            except ArchiveError as failure:
                if failure.code != FAILED or len(each) == 1:
                    raise
            self._is_singly = True
        for one in each:
            self._ask_singly(one)

    def _ask_singly(self, identifier: Dataset) -> None:
        """One that fails is told at the end; several in a row are the end."""
        if self._singly_left == 0:
            raise ArchiveError(FAILED, "The archive sends one image at a time, and many are left.")
        self._singly_left -= 1
        try:
            self._ask(identifier)
            self._in_vain = 0
        except ArchiveError as failure:
            self._in_vain += 1
            if failure.code != FAILED or self._in_vain == MOST_IN_VAIN:
                raise
            self.failure = failure

    def _ask(self, identifier: Dataset) -> None:
        for status, _ in self._send(identifier):
            self.heard_at = monotonic()
            check(status)


def _one_each(identifier: Dataset) -> list[Dataset]:
    """A request for each image that one asks for; the request itself where it names no several."""
    uids = identifier.get("SOPInstanceUID")
    if not isinstance(uids, MultiValue):
        return [identifier]
    each = [deepcopy(identifier) for _ in uids]
    for one, uid in zip(each, uids, strict=True):
        one.SOPInstanceUID = uid
    return each


@contextmanager
def ended(association: Association) -> Iterator[None]:
    """Released at the end, aborted on any error."""
    try:
        yield
    except BaseException:
        association.abort()
        raise
    if association.is_established:
        association.release()


def check(status: Dataset) -> None:
    """Raise unless success, pending, or a warning: what came of those is counted by UID anyway."""
    code = status.get("Status")
    if code is None:
        raise cut_short()
    if code in (0x0000, 0xFF00, 0xFF01, 0xB000):
        return
    if code == 0xA801:
        raise ArchiveError("archive.cannot_reach_us", "It does not know where to send images.")
    message = f"The archive failed (status {code:04X})."
    raise ArchiveError(FAILED, message, may_retry=code not in (0xA900, 0x0122))


def check_images(last_at: float, patience: Patience) -> None:
    """Raises ArchiveError where an archive has long said that it is at work, and sends nothing."""
    if monotonic() - last_at > SIGNS_ONLY * RECALL * patience.idle_s:
        raise ArchiveError("archive.silent", "The archive says that it sends, and sends nothing.")


def cut_short() -> ArchiveError:
    text = "The connection to the archive broke before everything had come."
    return ArchiveError("archive.cut_short", text)


def not_offered() -> ArchiveError:
    text = "The archive does not offer what was asked of it."
    return ArchiveError("archive.not_offered", text, may_retry=False)


def no_tls() -> ArchiveError:
    text = "The archive does not speak TLS at this port."
    return ArchiveError("archive.tls", text, may_retry=False)
