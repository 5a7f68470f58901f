"""Asking one archive for one person's studies: a SEARCH job from its claim to its end.

Every answer is held against the person sought before it is believed: an archive that does not know
a filter ignores it and returns everybody (measured). Answers about others are counted, not kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from imaging import doors, queue
from imaging.archives import registry
from imaging.archives.base import (
    Archive,
    ArchiveError,
    FoundStudy,
    Level,
    Question,
    Wanted,
    fill_from_below,
)
from imaging.frames.process import reader
from imaging.frames.refused import Refused
from imaging.identity import Finding, Sought, Source, family_name_begins, verdict
from imaging.models import ArchiveAnswer, Job, Study
from imaging.pull import health
from imaging.pull.receive import source_of

MAX_HEADERS_READ = 25  # of candidates whose own header must say who they are, per search


@dataclass
class Harvest:
    """What one archive knows of one person."""

    studies: list[tuple[FoundStudy, Finding]] = field(default_factory=list)
    rejected: int = 0


def carry_out(job: Job, wake: Callable[[], None] = lambda: None) -> None:
    """Ask the job's archive, write down what it said, and settle the job."""
    answer = job.answer
    assert answer is not None  # noqa: S101  a_job_has_what_its_kind_works_on
    sought, source = Sought(**answer.search.sought), source_of(answer.archive)
    try:
        _check_attempts(job)
        with registry.connect(answer.archive) as archive:
            harvest = gather(archive, sought, source)
    except ArchiveError as failure:
        _write_failure(job, answer, failure)
    else:
        _write_answer(job, answer, harvest)


def _check_attempts(job: Job) -> None:
    if job.attempts > queue.ATTEMPTS:  # workers died on it
        text = "Asking this archive ended without a word, several times."
        raise ArchiveError("search.gave_up", text, may_retry=False)


def gather(archive: Archive, sought: Sought, source: Source) -> Harvest:
    """Ask by number; by birth date and name only where no number can tell. Raises ArchiveError."""
    harvest = Harvest()
    answered: dict[str, FoundStudy] = {}
    for question in questions(sought, source):
        answered |= {one.study_instance_uid: one for one in archive.search_for_studies(question)}
        if any(verdict(sought, one, source).verdict == "same" for one in answered.values()):
            break
    unread = MAX_HEADERS_READ
    for study in answered.values():
        finding = verdict(sought, study, source)
        if finding.verdict == "needs-a-person" and unread:
            unread -= 1
            finding = _by_its_header(archive, study, sought, source) or finding
        if finding.verdict == "different":
            harvest.rejected += 1
        else:
            harvest.studies.append((fill_from_below(archive, study), finding))
    return harvest


def questions(sought: Sought, source: Source) -> Iterator[Question]:
    """What to ask, surest first; the next is asked while nobody has been recognised."""
    local = sought.local_numbers.get(source.trust_ods_code, "")
    if sought.nhs_number and source.nhs_number_in == "patient-id":
        yield Question(patient_id=sought.nhs_number)
    elif local:
        yield Question(patient_id=local)
    begins = family_name_begins(sought)
    if sought.birth_date and begins:
        yield Question(family_name_begins=begins, birth_date=sought.birth_date)


def _by_its_header(
    archive: Archive, study: FoundStudy, sought: Sought, source: Source
) -> Finding | None:
    """The verdict on one instance's own header: archives answer with few of a person's numbers."""
    uid = study.study_instance_uid
    try:
        first = archive.list_instances(uid)[:1]
        files = archive.retrieve(Wanted(uid, Level.IMAGE, first)) if first else iter(())
        header = reader().read_header(next(files, b""))
    except (ArchiveError, Refused):
        return None
    return verdict(sought, header, source) if header.study_instance_uid == uid else None


@transaction.atomic
def _write_answer(job: Job, answer: ArchiveAnswer, harvest: Harvest) -> None:
    if not queue.let_go(job, Job.State.DONE):
        return
    _write(
        answer,
        ArchiveAnswer.State.ANSWERED,
        studies_found=len(harvest.studies),
        studies_rejected=harvest.rejected,
    )
    for found, finding in harvest.studies:
        if study := _keep(answer, found, finding):
            doors.on_change(study)


@transaction.atomic
def _write_failure(job: Job, answer: ArchiveAnswer, failure: ArchiveError) -> None:
    """Said at once, and asked again later where that can help."""
    retry_at = queue.retry_at(job, timezone.now()) if failure.may_retry else None
    if retry_at is None:
        is_mine = queue.let_go(job, Job.State.FAILED)
    else:
        is_mine = queue.let_go(job, Job.State.WAITING, due_at=retry_at)
    if is_mine:
        state = ArchiveAnswer.State.FAILED
        _write(answer, state, code=failure.code, message=failure.message)


def _write(answer: ArchiveAnswer, state: ArchiveAnswer.State, **changes: object) -> None:
    row = ArchiveAnswer.objects.filter(pk=answer.pk)
    texts = {"code": "", "message": ""}
    row.update(state=state, answered_at=timezone.now(), **texts | changes)
    health.note(answer.archive_id, str(changes.get("code", "")))


def _keep(answer: ArchiveAnswer, found: FoundStudy, finding: Finding) -> Study | None:
    """The study's row, new or brought up to date; None when it is surely another person's.

    It serves every search that found it: a person is sought anew for each meeting. What was
    fetched is not described anew: its own headers have said more since.
    """
    study = (
        Study.objects.select_for_update()
        .filter(archive=answer.archive, study_instance_uid=found.study_instance_uid)
        .first()
    )
    if study is None:
        study = Study(archive=answer.archive, study_instance_uid=found.study_instance_uid)
    elif study.verdict == Study.Verdict.SAME and finding.verdict != "same":
        return None
    if study.state == Study.State.WITHHELD:
        return None
    is_sure_now = study.verdict == Study.Verdict.NEEDS_A_PERSON and finding.verdict == "same"
    study.search = answer.search
    if study.state == Study.State.FOUND:
        _describe(study, found, finding)
    study.save()
    if is_sure_now:
        study.searches.clear()  # to those it was never certain: perhaps they sought another
    study.searches.add(answer.search)
    queue.bring_forward(study, answer.search, timezone.now())
    return study


def _describe(study: Study, found: FoundStudy, finding: Finding) -> None:
    study.verdict, study.evidence = Study.Verdict(finding.verdict), finding.evidence
    study.study_date, study.study_time = found.study_date, found.study_time
    study.description = found.description
    study.modalities = ",".join(found.modalities)
    study.body_part = found.body_part
    study.laterality = found.laterality[:1]
    study.accession_number = found.accession_number[:64]
    study.expected_count = found.instance_count
