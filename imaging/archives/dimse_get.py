"""Archives that send by C-GET, on the association they are asked on (DICOM PS3.4 C.4.3)."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from threading import Condition
from time import monotonic

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context, build_role

from imaging.archives.base import MOST_BESIDES, Listed, Wanted, counted
from imaging.archives.dimse import DimseArchive, identifiers
from imaging.archives.dimse_link import RECALL, Link, Sending, check_images, ended

GET = "1.2.840.10008.5.1.4.1.2.2.3"  # Study Root
MAX_CONTEXTS = 120  # 128 is the standard's; the rest is left for C-GET itself
HELD_BYTES = 64 << 20  # of what came and is not taken yet; one that is larger comes alone

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


class GetArchive(DimseArchive):
    def retrieve(self, wanted: Wanted) -> Iterator[bytes]:
        """Received in a thread of its own, a few instances ahead of whoever takes them."""
        classes = classes_of(wanted.instances)
        roles = [build_role(uid, scp_role=True) for uid in classes]
        arrivals = _Arrivals()
        self.close()  # an association that only waits meanwhile would be ended by the archive
        association = self._link.associate(
            [build_context(GET), *contexts(classes)],
            idle_s=RECALL * self._link.patience.idle_s,
            roles=roles,
            handlers=[(evt.EVT_C_STORE, arrivals.take)],
        )
        with (
            ended(association),
            closing(arrivals.received(association, identifiers(wanted), self._link)) as files,
        ):
            yield from counted(files, 2 * len(wanted.instances) + MOST_BESIDES)


class _Arrivals:
    """Hands what the C-STORE handler received over to the thread that asked."""

    def __init__(self) -> None:
        self._held: deque[bytes] = deque()
        self._size, self._is_over = 0, False
        self._changed = Condition()

    def take(self, event: evt.Event) -> int:
        """The C-STORE handler: the bytes as they came, with file meta information."""
        data = event.encoded_dataset()
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._has_room(len(data)))
            if self._is_over:
                return 0xA700
            self._held.append(data)
            self._size += len(data)
            self._changed.notify_all()
        return 0x0000

    def next(self, seconds: float) -> bytes | None:
        """The first that came; None where nothing has come for so long."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._held, seconds):
                return None
            data = self._held.popleft()
            self._size -= len(data)
            self._changed.notify_all()
            return data

    def end(self) -> None:
        """Nobody takes any more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return not self._held or self._size + size <= HELD_BYTES

    def received(
        self, association: Association, asked: Sequence[Dataset], link: Link
    ) -> Generator[bytes]:
        send = partial(association.send_c_get, query_model=GET)
        with Sending(association, send, asked).running() as sending:
            last_at = monotonic()
            try:
                while sending.is_running or self._held:
                    if (data := self.next(0.05)) is not None:
                        yield data
                        last_at = monotonic()
                    check_images(last_at, link.patience)
            finally:
                self.end()
        if sending.failure:
            raise sending.failure


def classes_of(instances: Sequence[Listed]) -> Sequence[str]:
    """What to offer: just what the archive says it holds, or what is common where it does not."""
    stated = {one.sop_class_uid for one in instances}
    classes = sorted(stated - {""})
    if classes and "" not in stated:
        return classes
    return [*classes, *(uid for uid in COMMON_CLASSES if uid not in stated)]


def contexts(classes: Sequence[str]) -> list[PresentationContext]:
    """A context for every class in as many syntaxes as fit, each syntax apart from the others."""
    classes = classes[:MAX_CONTEXTS]
    syntaxes = SYNTAXES[: max(1, MAX_CONTEXTS // len(classes))]
    return [build_context(uid, syntax) for uid in classes for syntax in syntaxes]
