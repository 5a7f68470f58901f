"""Archives that send by C-MOVE: to our own Storage SCP, over a connection they open themselves.

Why nothing came, the archive does not tell (measured: an unknown AE title, a closed port and an
unknown study are the same C000), nor whether all came. What came is looked for in the inbox, which
the SCP fills before it acknowledges anything; the reason is found by looking here and asking again.
"""

from collections.abc import Collection, Iterator
from functools import partial
from time import monotonic, sleep
from typing import Protocol

from pynetdicom.presentation import build_context

from imaging.archives.base import ArchiveError, Level, Wanted
from imaging.archives.dimse import DimseArchive, identifiers
from imaging.archives.dimse_link import RECALL, Link, Sending, check_images, ended

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"  # Study Root
LOOK_EVERY_S = 0.05
SETTLE_S = 1.5  # what is still on its way when an archive says that it has done
LOST = ("archive.cut_short", "archive.silent")


class Inbox(Protocol):
    """What our Storage SCP took from one archive."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def is_listening(self) -> bool:
        """Whether anybody could send us anything at all."""

    def take(self, study_instance_uid: str) -> Iterator[tuple[str, bytes]]:
        """SOP Instance UID and file of what came of a study, each once."""


class MoveArchive(DimseArchive):
    """`destination` is our AE title as the archive knows it."""

    def __init__(
        self, link: Link, *, destination: str, inbox: Inbox, unsupported: Collection[str] = ()
    ) -> None:
        super().__init__(link, unsupported=unsupported)
        self._destination, self._inbox = destination, inbox

    def retrieve(self, wanted: Wanted) -> Iterator[bytes]:
        if not self._inbox.is_listening():
            text = "Our own Storage SCP does not run: no archive could send anything to it."
            raise ArchiveError("scp.not_running", text)
        self.close()  # an association that only waits meanwhile would be ended by the archive
        coming = _Coming(self._inbox, wanted)
        association = self._link.associate([build_context(MOVE)], idle_s=None)
        send = partial(association.send_c_move, move_aet=self._destination, query_model=MOVE)
        with (
            ended(association),
            Sending(association, send, identifiers(wanted)).running() as sending,
        ):
            while sending.is_running:
                yield from coming.taken()
                self._check_patience(sending, coming)
                sleep(LOOK_EVERY_S)
        yield from coming.taken() if sending.failure else coming.settled()
        if coming.count == 0 and wanted.instances:
            raise self._why_nothing_came(wanted, sending.failure)
        if sending.failure:
            raise sending.failure

    def _check_patience(self, sending: Sending, coming: "_Coming") -> None:
        """An image is a sign of life as good as an answer; some archives send just these."""
        check_images(coming.heard_at, self._link.patience)
        heard_at = max(sending.heard_at, coming.heard_at)
        if monotonic() - heard_at > RECALL * self._link.patience.idle_s:
            raise ArchiveError("archive.silent", "The archive says nothing any more.")

    def _why_nothing_came(self, wanted: Wanted, failure: ArchiveError | None) -> ArchiveError:
        if failure and failure.code in LOST:
            return failure
        if not self.list_instances(wanted.study_instance_uid):
            text = "The archive no longer holds what it was asked for."
            return ArchiveError("archive.not_there", text)
        text = (
            f"The archive sent nothing: it does not know our AE title {self._destination}, or "
            f"cannot reach our port {self._inbox.port}, or calls us from an address that is not "
            "set up here."
        )
        return ArchiveError("archive.cannot_reach_us", text)


class _Coming:
    """What comes for one request, held against what was wanted."""

    def __init__(self, inbox: Inbox, wanted: Wanted) -> None:
        self._inbox, self._study_uid = inbox, wanted.study_instance_uid
        self._due = {one.sop_instance_uid for one in wanted.instances}
        self._only = None if wanted.level == Level.STUDY else frozenset(self._due)
        self.count = 0
        self.heard_at = monotonic()

    def taken(self) -> Iterator[bytes]:
        for sop_instance_uid, data in self._inbox.take(self._study_uid):
            if self._only is not None and sop_instance_uid not in self._only:
                continue  # of an earlier request that was broken off: kept, and not asked for now
            self.count += 1
            self._due.discard(sop_instance_uid)
            self.heard_at = monotonic()
            yield data
            self.heard_at = monotonic()  # whoever takes it may have taken long

    def settled(self) -> Iterator[bytes]:
        """The rest, until all that was wanted is here or nothing has come for SETTLE_S."""
        self.heard_at = monotonic()
        yield from self.taken()
        while self._due and monotonic() - self.heard_at < SETTLE_S:
            sleep(LOOK_EVERY_S)
            yield from self.taken()
