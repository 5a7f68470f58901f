"""What our Storage SCP took and acknowledged, as rows, until its bytes are known elsewhere.

A row is removed only once an Instance or a Quarantined of its study has the same bytes, or its
archive says better what they are, or after ARRIVALS_KEPT_DAYS: so neither the SCP nor a worker
loses anything by being killed.
"""

import logging
import socket
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet

from imaging import store
from imaging.models import Arrival, Instance, Quarantined, Study
from imaging.store.base import Stored

log = logging.getLogger(__name__)
PROBE_S = 2
OTHER_PERSON = "instance.other_person"  # as Quarantined.code
OVERTAKEN = 64  # rows of other associations may be committed later under a smaller number


class Header(Protocol):
    """What is read of a file before it is believed (imaging.frames.header.Header)."""

    @property
    def study_instance_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def sop_class_uid(self) -> str: ...


def keep(archives: Collection[int], header: Header, stored: Stored, *, is_asked: bool) -> Arrival:
    """The row of one file that is in the store. `archives` are those its sender may be: one
    peer may stand for several.
    """
    return Arrival.objects.create(
        archive_id=_whose(archives, header.study_instance_uid),
        study_instance_uid=header.study_instance_uid,
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        store_key=stored.key,
        size=stored.size,
        is_asked=is_asked,
    )


def _whose(archives: Collection[int], study_instance_uid: str) -> int:
    """Of several archives behind one AE title the one that knows the study, else the first."""
    if len(archives) > 1:
        studies = Study.objects.filter(
            archive__in=archives, study_instance_uid=study_instance_uid
        ).exclude(state=Study.State.FOUND)
        newest = F("pull_started_at").desc(nulls_last=True)  # PostgreSQL would have them first
        for archive in studies.order_by(newest).values_list("archive", flat=True)[:1]:
            return archive
    return min(archives)


class Inbox:
    """What came from one archive, each once (imaging.archives.dimse_move.Inbox)."""

    def __init__(self, archive_id: int) -> None:
        self._archive_id = archive_id
        self._seen: set[int] = set()

    @property
    def port(self) -> int:
        return settings.SCP_PORT

    def is_listening(self) -> bool:
        address = (settings.SCP_REACHED_AT or "127.0.0.1", settings.SCP_PORT)
        with suppress(OSError), socket.create_connection(address, PROBE_S):
            return True
        return False

    def take(self, study_instance_uid: str) -> Iterator[tuple[str, bytes]]:
        """SOP Instance UID and bytes of what came since the last time."""
        since = max(self._seen, default=0) - OVERTAKEN
        rows = of_study(self._archive_id, study_instance_uid).filter(pk__gt=since)
        for pk, uid, key in rows.values_list("pk", "sop_instance_uid", "store_key"):
            if pk not in self._seen:
                self._seen.add(pk)
                if data := bytes_of(key):
                    yield uid, data


def of_study(archive_id: int, study_instance_uid: str) -> QuerySet[Arrival]:
    """All that is here of a study and not known to be recorded, oldest first."""
    return Arrival.objects.filter(archive=archive_id, study_instance_uid=study_instance_uid)


def bytes_of(store_key: str) -> bytes:
    """Empty where the store has lost them: all others are still taken. Raises StoreError."""
    try:
        return store.get().read_range(store_key)
    except FileNotFoundError:
        log.error("An object that was acknowledged is not in the store")
        return b""


def forget_read(archive_id: int, study_instance_uid: str, sops: Collection[str]) -> None:
    """Those that were asked for to be read alone: not what was pushed, nor what a pull takes."""
    pulled = Study.objects.filter(
        archive=archive_id,
        study_instance_uid=study_instance_uid,
        state__in=(Study.State.WANTED, Study.State.PULLING, Study.State.PARTIAL),
    )
    arrived = of_study(archive_id, study_instance_uid).filter(~Exists(pulled), is_asked=True)
    arrived.filter(sop_instance_uid__in=sops).delete()


def forget_set_aside(archive_id: int, study_instance_uid: str, but: Collection[int] = ()) -> None:
    """What was taken for another person's of a study whose headers, read anew, are surely the
    person's: what the archive sends now takes its place. `but` those that were read.
    """
    aside = Quarantined.objects.filter(
        code=OTHER_PERSON, study__archive=archive_id, study__study_instance_uid=study_instance_uid
    )
    arrived = of_study(archive_id, study_instance_uid)
    arrived.filter(store_key__in=aside.values("sha256")).exclude(pk__in=but).delete()


def forget_recorded() -> int:
    """Remove the rows whose bytes their study has; returns how many.

    Not what was set aside as another person's: its imaging team may say that it is hers. Nor what
    comes again of a study that is withheld: its archive says by it once more whose it is.
    """
    instances = Instance.objects.filter(
        sha256=OuterRef("store_key"),  # the store's keys are hashes
        sop_instance_uid=OuterRef("sop_instance_uid"),
        series__study__archive=OuterRef("archive"),
        series__study__study_instance_uid=OuterRef("study_instance_uid"),
    ).exclude(Q(store_key="") | Q(series__study__state=Study.State.WITHHELD))  # "": removed since
    refused = Quarantined.objects.filter(
        sha256=OuterRef("store_key"),
        study__archive=OuterRef("archive"),
        study__study_instance_uid=OuterRef("study_instance_uid"),
    ).exclude(code=OTHER_PERSON)
    recorded = Arrival.objects.filter(Exists(instances) | Exists(refused))
    keys = list(recorded.values_list("pk", flat=True)[:500])
    return Arrival.objects.filter(pk__in=keys).delete()[0]


@dataclass(frozen=True)
class Waiting:
    """A study, or a part of one, that came unasked. `looked_at` None: some of it was never."""

    archive_id: int
    study_instance_uid: str
    looked_at: datetime | None


def unasked(until: datetime) -> list[Waiting]:
    """What was pushed and waits, and of which nothing has come since `until`; oldest first."""
    groups = Arrival.objects.filter(is_asked=False).order_by()
    never = Count("pk", filter=Q(looked_at=None))
    found = groups.values_list("archive", "study_instance_uid").annotate(
        last=Max("at"), never=never, since=Min("looked_at")
    )
    return [
        Waiting(archive, uid, None if never else since)
        for archive, uid, _, never, since in found.filter(last__lt=until).order_by("last")
    ]


def drop_old(now: datetime) -> int:
    """Forget what nobody wanted for ARRIVALS_KEPT_DAYS; returns how many. Bytes that no row names
    any more are removed by imaging.retention.
    """
    old = Arrival.objects.filter(at__lt=now - timedelta(days=settings.ARRIVALS_KEPT_DAYS))
    return old.delete()[0]
