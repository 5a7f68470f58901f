"""Deciding what to ask, fetch and make. Other parts of the product call this and nothing below.

Everything here is called inside the caller's transaction; the message that wakes a worker
leaves after commit and may be lost: beat finds the job all the same.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from imaging.claims import source_of
from imaging.frames import lost_segments
from imaging.frames.failing import FAILED
from imaging.identity import Sought
from imaging.models import Archive, ArchiveAnswer, Job, Search, Series, Study, Upload
from imaging.pull.states import hold, hold_all, move, move_all
from imaging.queue import MEETING_LASTS
from imaging.tasks import wake

Kind, State = Job.Kind, Job.State
MOST_WANTED = 256  # of one series at once, by everybody together
TO_WANT = (
    *(Study.State.FOUND, Study.State.FAILED),
    *(Study.State.PARTIAL, Study.State.CANCELLED),
)
TO_LOOK_AT_AGAIN = (*TO_WANT, Study.State.COMPLETE)
TO_CANCEL = (Study.State.WANTED, Study.State.PULLING, Study.State.PARTIAL)
SEARCH_RANK = 5  # before pulls: somebody has just typed a name and waits


def archives_of(trusts: Iterable[str]) -> list[Archive]:
    """The archives that hold studies of any of these trusts; one may hold those of several.

    Not those of uploads: they are asked for whom something was brought.
    """
    wanted = frozenset(trusts)
    archives = Archive.objects.filter(takes_uploads=False)
    return [archive for archive in archives if source_of(archive).trusts & wanted]


@transaction.atomic
def search_archives(
    *,
    sought: Sought,
    archives: Iterable[Archive],
    meeting_at: datetime,
    list_position: int,
    trusts: Collection[str] | None = None,
) -> Search:
    """Ask every one of `archives` for a person's studies, each in a job of its own.

    By the own numbers of no trusts (ODS codes) but these, where they are given.
    """
    search = Search.objects.create(
        sought=sought.as_json(), meeting_at=meeting_at, list_position=list_position
    )
    _ask(search, archives, trusts)
    _wake_after_commit()
    return search


@transaction.atomic
def search_again(
    search: Search,
    *,
    archives: Iterable[Archive],
    since: datetime | None = None,
    trusts: Collection[str] | None = None,
) -> int:
    """Ask the archives that did not answer once more, and the others for what is new.

    Only `archives` are asked, for the first time where need be, and what was brought for this
    search: one that was asked before may be forbidden by now. With `since`, those that were
    asked after it, or are yet to be, are left alone. By the own numbers of no trusts but `trusts`,
    where they are given. Returns how many are asked.
    """
    may_ask = {archive.pk: archive for archive in archives}
    known = list(search.answers.select_related("archive"))
    new = [may_ask[pk] for pk in may_ask.keys() - {answer.archive_id for answer in known}]
    answers = [one for one in known if one.archive_id in may_ask or one.archive.takes_uploads]
    _ask(search, new, trusts)
    old = [answer for answer in answers if since is None or _is_older(answer, since)]
    for answer in old:
        _ask_again(answer, trusts)
    _wake_after_commit()
    return len(new) + len(old)


@transaction.atomic
def place_search(search: Search, *, meeting_at: datetime, list_position: int) -> None:
    """Its case is looked at in another meeting next, or has another place on its list: what is
    still to be done for it comes in its turn.

    What a sooner meeting needs keeps that meeting's place. Call it outside of any lock.
    """
    place = {"meeting_at": meeting_at, "list_position": list_position}
    Search.objects.filter(pk=search.pk).update(**place)
    is_past = models.Q(meeting_at__lt=timezone.now() - MEETING_LASTS)
    is_its_own = models.Q(meeting_at=search.meeting_at) | models.Q(meeting_at__gt=meeting_at)
    of_search = models.Q(answer__search=search) | models.Q(upload__search=search)
    of_study = models.Q(study__search=search) | models.Q(series__study__search=search)
    open_jobs = Job.objects.filter(state__in=(State.WAITING, State.RUNNING))
    open_jobs.filter(of_search | of_study, is_its_own | is_past).update(**place)


def want_study(study: Study, *, look_again: bool = False) -> bool:
    """Make sure a study will be here before its meeting; asking again is free.

    With `look_again` its archive is asked for more also where all of it is here: that is listed,
    and only what is new comes. False, and nothing is done, while it is not certain whose study it
    is. The caller is not told of the move it asked for.
    """
    return want_studies([study], look_again=look_again) == 1


@transaction.atomic
def want_studies(studies: Iterable[Study], *, look_again: bool = False) -> int:
    """The same of several, in as many statements as for one. Returns how many it is sure of."""
    states = TO_LOOK_AT_AGAIN if look_again else TO_WANT
    held = hold_all(studies)
    same = [one for one in held if one.verdict == Study.Verdict.SAME]
    sure = [one for one in same if one.state != Study.State.WITHHELD]
    if not sure:
        return 0
    known = set(Job.objects.filter(study__in=sure).values_list("study_id", flat=True))
    Job.objects.bulk_create(_pull_of(study) for study in sure if study.pk not in known)
    to_want = [one for one in sure if one.state in states]
    move_all(to_want, Study.State.WANTED, code="", message="")
    again = [one.pk for one in sure if one.pk in known and one.state == Study.State.WANTED]
    _reset(Job.objects.filter(study__in=again))
    _reset(Job.objects.filter(FAILED, series__in=Series.objects.filter(study__in=sure)))
    _wake_after_commit()
    return len(sure)


@transaction.atomic
def cancel_study(study: Study, *, by: str) -> bool:
    """Fetch no more of a study, for `by` as people read the name. What came stays.

    A worker that is at it loses its claim, and sees so at the next instance or within a second.
    It is wanted again by hand only. False where nothing is being fetched. The caller is not told.
    """
    hold(study)
    study.refresh_from_db(fields=["state"])
    jobs = Job.objects.filter(study=study, state__in=(State.WAITING, State.RUNNING))
    if study.state not in TO_CANCEL or not jobs.exists():
        return False
    jobs.update(state=State.DONE, claim=None, lease_until=None)
    text = f"Cancelled by {by}."
    move(study, Study.State.CANCELLED, tell=False, code="pull.cancelled", message=text)
    return True


def hold_studies(studies: Iterable[Study]) -> None:
    """Lock studies until the transaction ends, in the order of their keys. Who will also lock what
    `settings.IMAGING_ON_CHANGE` locks, such as a meeting, calls this first: workers hold a study
    and then tell of it.
    """
    hold_all(studies)


@transaction.atomic
def end_searches(answers: models.QuerySet[ArchiveAnswer]) -> None:
    """What is on its way to these archives is asked no more. A worker that is at it loses its
    claim, and writes no more.
    """
    jobs = Job.objects.filter(answer__in=answers, state__in=(State.WAITING, State.RUNNING))
    jobs.update(state=State.DONE, claim=None, lease_until=None)
    answers.filter(state=ArchiveAnswer.State.WAITING).update(state=ArchiveAnswer.State.NOT_ASKED)


@transaction.atomic
def want_frames(series: Series, frames: list[int]) -> None:
    """Make these frames (from 1, of the series' newest metadata) first: somebody is waiting.

    What others wait for is kept behind it, MOST_WANTED in all. What falls off the end is made
    with the rest of the series: a job ends only when nothing is missing. One that failed is
    tried anew, with all its attempts.
    """
    job = Job.objects.select_for_update().filter(series=series).first()
    if job is None:
        return
    wanted = list(dict.fromkeys([*frames, *job.wanted_frames]))[:MOST_WANTED]
    Job.objects.filter(pk=job.pk).update(rank=0, wanted_frames=wanted)
    _reset(Job.objects.filter(pk=job.pk, state__in=(State.DONE, State.FAILED)))
    _wake_after_commit()


@transaction.atomic
def make_again(series_id: str, segment: int | None) -> None:
    """The store has lost this segment of a series, or (None) the newest version of its metadata."""
    if segment is None:
        is_wanted = lost_segments.describe_again(series_id)
    else:
        is_wanted = lost_segments.make_again(series_id, segment)
    if is_wanted:
        _wake_after_commit()


@transaction.atomic
def unpack(upload: Upload) -> None:
    """Look through an upload that is here in whole, then ask for whom it was brought."""
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.WAITING)
    Job.objects.create(
        kind=Kind.UNPACK,
        upload=upload,
        rank=SEARCH_RANK,
        due_at=timezone.now(),
        meeting_at=upload.search.meeting_at,
        list_position=upload.search.list_position,
    )
    _wake_after_commit()


def _pull_of(study: Study) -> Job:
    return Job(
        kind=Kind.PULL,
        study=study,
        archive=study.archive,
        due_at=timezone.now(),
        meeting_at=study.search.meeting_at,
        list_position=study.search.list_position,
    )


def _ask(search: Search, archives: Iterable[Archive], trusts: Collection[str] | None) -> None:
    """In two statements: a team may ask a dozen, while nobody else writes."""
    answers = ArchiveAnswer.objects.bulk_create(
        ArchiveAnswer(
            search=search, archive=one, state=_state_when_asked(one), trusts=_listed(trusts)
        )
        for one in archives
    )
    now = timezone.now()
    Job.objects.bulk_create(
        Job(
            kind=Kind.SEARCH,
            answer=answer,
            archive=answer.archive,
            rank=SEARCH_RANK,
            due_at=now,
            meeting_at=search.meeting_at,
            list_position=search.list_position,
        )
        for answer in answers
    )


def _ask_again(answer: ArchiveAnswer, trusts: Collection[str] | None) -> None:
    """Its job first, as everybody does who writes both. Where a worker is at that, and answers in
    this instant, what it wrote stays: nobody would come back to an answer that waits.
    """
    row = ArchiveAnswer.objects.filter(pk=answer.pk)
    if not _reset(Job.objects.filter(answer=answer)):
        row = row.filter(answered_at=answer.answered_at)
    state = _state_when_asked(answer.archive)
    row.update(state=state, code="", message="", trusts=_listed(trusts))


def _state_when_asked(archive: Archive) -> ArchiveAnswer.State:
    """What stands there until it answers. One that is paused is not asked, and that is said."""
    return ArchiveAnswer.State.NOT_ASKED if archive.is_paused else ArchiveAnswer.State.WAITING


def _listed(trusts: Collection[str] | None) -> list[str] | None:
    return None if trusts is None else sorted(trusts)


def _is_older(answer: ArchiveAnswer, since: datetime) -> bool:
    """Whether an answer, or the want of one, is from before `since`, and no job is on its way."""
    on_its_way = Job.objects.filter(answer=answer, state__in=(State.WAITING, State.RUNNING))
    is_old = answer.answered_at is None or answer.answered_at < since
    return is_old and not on_its_way.exists()


def _reset(jobs: models.QuerySet[Job]) -> int:
    """Due again now, with all its attempts; a running one is left alone. Returns how many are.

    `jobs` are found by their own columns alone: see decision 128.
    """
    ended = jobs.exclude(state=State.RUNNING)
    return ended.update(state=State.WAITING, due_at=timezone.now(), attempts=0)


def _wake_after_commit() -> None:
    transaction.on_commit(wake, robust=True)
