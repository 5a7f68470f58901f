"""Bringing one study here: a PULL job from its claim to its end. Plain functions: no Celery.

What is missing is always computed anew (expected minus stored), so a pull may be broken off at any
instant and carried on by anybody. The archive is asked outside any transaction.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import sleep

from imaging import arrivals, budget, models, store
from imaging.archives import registry
from imaging.archives.base import (
    MOST_BESIDES,
    Archive,
    ArchiveError,
    Level,
    Listed,
    Wanted,
    count_of,
    too_many,
)
from imaging.models import Job, Study
from imaging.pull import pace, spool
from imaging.pull.expected import expect
from imaging.pull.receive import AnotherPersonError, LeaseLostError, Receiving
from imaging.pull.reconcile import Came, Outcome, reckon
from imaging.pull.requests import first_slices, requests
from imaging.pull.settle import begin, settle, wait_for_the_store, withhold_study
from imaging.pull.spool import Kept
from imaging.store.base import StoreError

log = logging.getLogger(__name__)
MOST_FIRST_BYTES = 64 << 20  # of slices shown first: more is left to come with all the others
HEAD_START_S = 0.05  # about what a first picture takes
ROUNDS = 3  # how often a study that grows while it is fetched is followed before a pause


def carry_out(job: Job, wake: Callable[[], None] = lambda: None) -> None:
    """Fetch what is missing of the job's study, and settle the job.

    `wake` is called, after commit, when frames can be made.
    """
    study = job.study
    assert study is not None  # noqa: S101  a PULL job has a study: a_job_has_what_its_kind_works_on
    try:
        if _has_room(job, study) and begin(job, study):
            _fetch(job, study, wake)
    except AnotherPersonError as another:
        withhold_study(job, study, another)
    except StoreError as error:
        wait_for_the_store(job, study, error)
    except LeaseLostError:
        log.info("pull job %s: it is ours no longer", job.pk)


def _has_room(job: Job, study: Study) -> bool:
    """False: it waits for the store, and its archive was asked nothing."""
    try:
        store.check_space()
    except StoreError as error:
        wait_for_the_store(job, study, error, was_asked=False)
        return False
    return True


def _fetch(job: Job, study: Study, wake: Callable[[], None]) -> None:
    with Receiving(job, study, wake) as receiving:
        receiving.take_what_was_left()
        _take_what_arrived(study, receiving)
        try:
            with registry.connect(study.archive) as archive:
                outcome = _pull(job, archive, study, receiving)
        except ArchiveError as failure:  # what is set up here for it cannot be used
            outcome = _reckon(study, [], None, receiving, failure)
    settle(job, study, outcome, wake)
    pace.learn(study.archive_id, receiving.pace.bytes_per_s)
    spool.sweep()


def _take_what_arrived(study: Study, receiving: Receiving) -> None:
    """What our Storage SCP has of the study already: pushed, or for a pull that was broken off."""
    for _, data in arrivals.Inbox(study.archive_id).take(study.study_instance_uid):
        receiving.take(data)
    receiving.write()


def _pull(job: Job, archive: Archive, study: Study, receiving: Receiving) -> Outcome:
    """Ask, retrieve, ask again, until two listings in a row agree and there is no more to come."""
    uid = study.study_instance_uid
    listed: list[Listed] = []
    again: list[Listed] | None = None
    failure: ArchiveError | None = None
    try:
        if may_stream_at_once(job, study.archive, receiving.stored):
            listed, failure = _stream_at_once(job, archive, study, receiving)
        else:
            listed = archive.list_instances(uid)
            failure = _retrieve(archive, study, listed, receiving)
        again = archive.list_instances(uid)
        for _ in range(ROUNDS - 1):
            if again == listed:
                break
            listed, again = again, None
            failure = _retrieve(archive, study, listed, receiving) or failure
            again = archive.list_instances(uid)
        _count_again(archive, study, listed)
    except ArchiveError as lost:
        failure = failure or lost
    receiving.write()
    return _reckon(study, listed, again, receiving, failure)


def _count_again(archive: Archive, study: Study, listed: list[Listed]) -> None:
    """What the archive states was asked with the search: something may have left it since."""
    if (study.stated_count or 0) <= len(listed):
        return
    count = count_of(archive.search_for_series(study.study_instance_uid))
    if count is not None:
        study.stated_count = count
        Study.objects.filter(pk=study.pk).update(stated_count=count)
        expect(study, listed)


def _reckon(
    study: Study,
    listed: list[Listed],
    again: list[Listed] | None,
    receiving: Receiving,
    failure: ArchiveError | None,
) -> Outcome:
    came = Came(
        listed,
        again,
        receiving.stored,
        receiving.refused,
        failure,
        receiving.series_numbers,
        was_sent=study.sent_at is not None,
        stated=study.stated_count,
        sent=receiving.sent,
    )
    return replace(reckon(came), retry_after_s=failure.retry_after_s if failure else None)


def may_stream_at_once(job: Job, archive: models.Archive, here: set[str]) -> bool:
    """Whether the whole study can be asked for before it is known what that is: over a second
    connection, if one is free, which is the job's from now on.

    Over DIMSE the classes of its instances must be known first: each needs its own context.
    """
    is_web = archive.kind == models.Archive.Kind.DICOMWEB
    return is_web and not here and budget.take_second_place(job)


def _stream_at_once(
    job: Job, archive: Archive, study: Study, receiving: Receiving
) -> tuple[list[Listed], ArchiveError | None]:
    """Stream a study of which nothing is here. Meanwhile, over another connection, ask what it
    is, and for the slices that are shown first.

    Raises ArchiveError when it cannot be listed.
    """
    uid = study.study_instance_uid
    failure: ArchiveError | None = None
    with _second(job, study) as other, ThreadPoolExecutor(1) as thread:
        listing = thread.submit(other.list_instances, uid)
        first = _First(study, receiving, thread, other, listing)
        try:
            for number, data in enumerate(archive.retrieve(Wanted(uid, Level.STUDY, ()))):
                receiving.take(data)
                if number == 0:
                    _show(receiving)
                if first.look():
                    other.close()
                    budget.give_second_place_back(job)
                _check_enough(number, listing)
        except ArchiveError as lost:
            failure = lost
        listed = listing.result()
        expect(study, listed)
        return listed, failure


@contextmanager
def _second(job: Job, study: Study) -> Iterator[Archive]:
    """Its place is given back when it is closed, at the end or before: a search may wait for it."""
    try:
        with registry.connect(study.archive) as archive:
            yield archive
    finally:
        budget.give_second_place_back(job)


def _show(receiving: Receiving) -> None:
    """Write down the first at once, and leave the processor to whoever makes its picture: beside a
    stream at full speed that takes twice as long.
    """
    receiving.write()
    sleep(HEAD_START_S)


def _check_enough(came: int, listing: Future[list[Listed]]) -> None:
    """Raises ArchiveError where far more comes than is listed: it would for ever."""
    is_listed = listing.done() and listing.exception() is None
    if is_listed and came >= 2 * len(listing.result()) + MOST_BESIDES:
        raise too_many()


class _First:
    """The slices that are shown first, beside the stream of all."""

    def __init__(
        self,
        study: Study,
        receiving: Receiving,
        thread: ThreadPoolExecutor,
        archive: Archive,
        listing: Future[list[Listed]],
    ) -> None:
        self._study, self._receiving = study, receiving
        self._thread, self._archive, self._listing = thread, archive, listing
        self._files: Future[list[Kept]] | None = None
        self._is_over = False

    def look(self) -> bool:
        """Ask for them once it is known which they are; take them once they are here. Whether this
        was the end of it.
        """
        if self._is_over or not (self._files or self._listing).done():
            return False
        if self._files is not None:
            self._is_over = True
            for kept in self._files.result():
                self._receiving.take_kept(kept)
            self._receiving.write()
        elif self._listing.exception() is None:
            listed, here = self._listing.result(), self._receiving.stored
            expect(self._study, listed)
            asked = list(first_slices(self._study.study_instance_uid, listed, here))
            self._files = self._thread.submit(self._fetch, asked)
        else:
            self._is_over = True
        return self._is_over

    def _fetch(self, asked: Sequence[Wanted]) -> list[Kept]:
        return [self._receiving.spool(data) for data in _all_that_come(self._archive, asked)]


def _retrieve(
    archive: Archive, study: Study, listed: list[Listed], receiving: Receiving
) -> ArchiveError | None:
    """Take all that is listed and not here. What single requests lack is told, not raised."""
    expect(study, listed)
    uid = study.study_instance_uid
    failure: ArchiveError | None = None
    asked = _to_ask(study, listed, receiving)
    if any(wanted.level == Level.STUDY for wanted in asked):
        for data in _all_that_come(archive, first_slices(uid, listed, receiving.stored)):
            receiving.take(data)
        receiving.write()
    for wanted in asked:
        try:
            for data in archive.retrieve(wanted):
                receiving.take(data)
        except ArchiveError as lost:
            failure = lost
            if lost.code != "archive.not_there":
                break
    receiving.write()
    return failure


def _to_ask(study: Study, listed: list[Listed], receiving: Receiving) -> list[Wanted]:
    """What is missing. All of it where more is there than is listed, which shows by its own count,
    or by what came: then a stream that ends well is the only word on what the whole is.
    """
    known = {one.sop_instance_uid for one in listed} | receiving.sent
    was_never_whole = study.completed_at is None and not receiving.stored <= known
    if listed and ((study.stated_count or 0) > len(known) or was_never_whole):
        return [Wanted(study.study_instance_uid, Level.STUDY, listed)]
    return list(requests(study.study_instance_uid, listed, receiving.stored))


def _all_that_come(archive: Archive, asked: Iterable[Wanted]) -> Iterator[bytes]:
    """Few: an archive that cannot send single instances sends them with the study. One that sends
    everything for each of them is left once that is much.
    """
    size = 0
    with suppress(ArchiveError):
        for wanted in asked:
            for data in archive.retrieve(wanted):
                size += len(data)
                yield data
                if size > MOST_FIRST_BYTES:
                    return
