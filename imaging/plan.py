"""Deciding what to ask, fetch and make. Other parts of the product call this and nothing below.

Everything here is called inside the caller's transaction; the message that wakes a worker
leaves after commit and may be lost: beat finds the job all the same.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from imaging.identity import Sought
from imaging.models import Archive, ArchiveAnswer, Job, Search, Series, Study
from imaging.pull.states import move
from imaging.tasks import wake

Kind, State = Job.Kind, Job.State
MOST_WANTED = 256  # of one series at once, by everybody together
SEARCH_RANK = 5  # before pulls: somebody has just typed a name and waits


@transaction.atomic
def search_archives(
    *, sought: Sought, archives: Iterable[Archive], meeting_at: datetime, list_position: int
) -> Search:
    """Ask every one of `archives` for a person's studies, each in a job of its own."""
    search = Search.objects.create(
        sought=sought.as_json(), meeting_at=meeting_at, list_position=list_position
    )
    for archive in archives:
        _ask(search, archive)
    _wake_after_commit()
    return search


@transaction.atomic
def search_again(search: Search) -> None:
    """Ask the archives that did not answer once more, and the others for what is new."""
    for answer in search.answers.select_related("archive"):
        _reset(Job.objects.filter(answer=answer))
        ArchiveAnswer.objects.filter(pk=answer.pk).update(
            state=ArchiveAnswer.State.WAITING, code="", message=""
        )
    _wake_after_commit()


@transaction.atomic
def want_study(study: Study) -> bool:
    """Make sure a study will be here before its meeting; asking again is free.

    False, and nothing is done, while it is not certain whose study it is. The caller is not
    told of the move it asked for.
    """
    study.refresh_from_db(fields=["state", "verdict"])
    if study.verdict != Study.Verdict.SAME or study.state == Study.State.WITHHELD:
        return False
    job, is_new = Job.objects.get_or_create(
        study=study,
        defaults={
            "kind": Kind.PULL,
            "archive": study.archive,
            "due_at": timezone.now(),
            "meeting_at": study.search.meeting_at,
            "list_position": study.search.list_position,
        },
    )
    if study.state in (Study.State.FOUND, Study.State.FAILED, Study.State.PARTIAL):
        move(study, Study.State.WANTED, tell=False, code="", message="")
    if not is_new and study.state == Study.State.WANTED:
        _reset(Job.objects.filter(pk=job.pk))
    _wake_after_commit()
    return True


@transaction.atomic
def want_frames(series: Series, frames: list[int]) -> None:
    """Make these frames (from 1, of the series' newest metadata) first: somebody is waiting.

    What others wait for is kept behind it, MOST_WANTED in all. What falls off the end is made
    with the rest of the series: a job ends only when nothing is missing.
    """
    job = Job.objects.select_for_update().filter(series=series).first()
    if job is None:
        return
    wanted = list(dict.fromkeys([*frames, *job.wanted_frames]))[:MOST_WANTED]
    Job.objects.filter(pk=job.pk).update(rank=0, wanted_frames=wanted)
    Job.objects.filter(pk=job.pk, state=State.DONE).update(
        state=State.WAITING, due_at=timezone.now()
    )
    _wake_after_commit()


def _ask(search: Search, archive: Archive) -> None:
    state = ArchiveAnswer.State.NOT_ASKED if archive.is_paused else ArchiveAnswer.State.WAITING
    answer = ArchiveAnswer.objects.create(search=search, archive=archive, state=state)
    Job.objects.create(
        kind=Kind.SEARCH,
        answer=answer,
        archive=archive,
        rank=SEARCH_RANK,
        due_at=timezone.now(),
        meeting_at=search.meeting_at,
        list_position=search.list_position,
    )


def _reset(jobs: models.QuerySet[Job]) -> None:
    """Due again now, with all its attempts; a running one is left alone."""
    jobs.exclude(state=State.RUNNING).update(state=State.WAITING, due_at=timezone.now(), attempts=0)


def _wake_after_commit() -> None:
    transaction.on_commit(wake, robust=True)
