"""Looking through one upload: an UNPACK job from its claim to its end. Plain functions: no Celery.

What is DICOM goes to the folder archive of its trust, where a SEARCH finds it for the person it
was brought for; files of studies that are surely about somebody else are removed at once. It
begins anew each time, so it may be broken off at any instant.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from imaging import queue
from imaging.archives.folder_index import DICOMDIR, NOT_DICOM, FolderIndex, Held
from imaging.claims import source_of
from imaging.identity import Sought, verdict
from imaging.models import ArchiveAnswer, Job, Upload
from imaging.uploads import places
from imaging.uploads.receive import refuse
from imaging.uploads.refusals import UploadRefused, refused
from imaging.uploads.zips import (
    COPIED,
    NESTED,
    PREAMBLE,
    SKIPPED,
    copy_out,
    is_dicom,
    is_zip,
    unpacked_size,
)

SEARCH_RANK = 5  # as every search: somebody waits for it
NOT_DAMAGED = ("", NOT_DICOM, DICOMDIR)


def carry_out(job: Job, wake: Callable[[], None] = lambda: None) -> None:
    """Look through the job's upload, write down what came of it, and settle the job."""
    upload = job.upload
    assert upload is not None  # noqa: S101  a_job_has_what_its_kind_works_on
    try:
        _check_attempts(job)
        counts = look_through(upload)
    except UploadRefused as no:
        if _write_refused(job, upload, no):
            places.remove(upload)
        return
    if _write_taken(job, upload, counts):
        places.remove_incoming(upload)
        wake()


def look_through(upload: Upload) -> Counter[str]:
    """Open it, keep what is DICOM, remove what is about others. Raises UploadRefused.

    Counts by the fields of Upload.
    """
    opened = places.new_folder(places.being_opened(upload))
    try:
        counts = _open_all(places.incoming(upload), opened)
    except OSError as error:
        raise refused("upload.no_space") from error
    kept = places.kept(upload)
    places.new_folder(kept)
    opened.rename(kept)
    return _sort(upload, counts)


def _check_attempts(job: Job) -> None:
    if job.attempts > queue.ATTEMPTS:  # workers died on it
        raise refused("upload.gave_up")


def _open_all(incoming: Path, opened: Path) -> Counter[str]:
    """Copy the DICOM files of everything that came into one folder."""
    came = sorted(incoming.iterdir()) if incoming.is_dir() else []
    files = (opened / f"{number:06}.dcm" for number in count(1))
    counts: Counter[str] = Counter()
    for path in came:
        counts += _open(path, files)
    if not counts[COPIED]:
        raise refused(_why_nothing(counts, came))
    return counts


def _open(path: Path, files: Iterator[Path]) -> Counter[str]:
    head = _head(path)
    if is_dicom(head):
        os.link(path, next(files))
        return Counter({COPIED: 1})
    if not is_zip(head):
        return Counter({SKIPPED: 1})
    if not places.has_room_for(unpacked_size(path)):
        raise refused("upload.no_space")
    return copy_out(path, files)


def _why_nothing(counts: Counter[str], came: list[Path]) -> str:
    if counts[NESTED]:
        return "upload.nested_zip"
    is_no_zip = len(came) == 1 and not is_zip(_head(came[0]))
    return "upload.not_a_zip" if is_no_zip else "upload.no_dicom"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(PREAMBLE)


def _sort(upload: Upload, counts: Counter[str]) -> Counter[str]:
    """Read every header, and remove the studies that are surely about somebody else."""
    folder = upload.public_id
    index = FolderIndex(Path(upload.archive.folder), places.root() / "index")
    index.refresh()
    held, codes = index.held_in(folder), index.codes(folder)
    others = _of_others(upload, held)
    for one in others:
        (Path(upload.archive.folder) / one.path).unlink(missing_ok=True)
    index.refresh()
    mine = [one.sha256 for one in held if one not in others]
    if others and not mine:
        raise refused("upload.another_person")
    if not mine:
        raise refused("upload.no_dicom")
    return Counter(
        taken=len(set(mine)),
        of_others=len(others),
        twice=len(mine) - len(set(mine)),
        damaged=sum(number for code, number in codes.items() if code not in NOT_DAMAGED),
        skipped=counts[SKIPPED] + counts[NESTED] + codes[DICOMDIR],
    )


def _of_others(upload: Upload, held: Iterable[Held]) -> list[Held]:
    """The files of studies of which no file may be the person's.

    Of a study that names two people all files stay: it is withheld when it is fetched.
    """
    sought, source = Sought(**upload.search.sought), source_of(upload.archive)
    held = list(held)
    perhaps = {
        one.header.study_instance_uid
        for one in held
        if verdict(sought, one.header, source).verdict != "different"
    }
    return [one for one in held if one.header.study_instance_uid not in perhaps]


@transaction.atomic
def _write_refused(job: Job, upload: Upload, no: UploadRefused) -> bool:
    if not queue.let_go(job, Job.State.FAILED):
        return False
    refuse(upload, no)
    return True


@transaction.atomic
def _write_taken(job: Job, upload: Upload, counts: Counter[str]) -> bool:
    """The end of the job and the search that follows, unless it is another worker's now."""
    if not queue.let_go(job, Job.State.DONE):
        return False
    now = timezone.now()
    upload.refresh_from_db(fields=["search"])  # another, if the patient was put right meanwhile
    Upload.objects.filter(pk=upload.pk).update(
        state=Upload.State.TAKEN, ended_at=now, code="", message="", **counts
    )
    answer, _ = ArchiveAnswer.objects.update_or_create(
        search=upload.search,
        archive=upload.archive,
        defaults={"state": ArchiveAnswer.State.WAITING, "code": "", "message": ""},
    )
    values = {"state": Job.State.WAITING, "due_at": now, "attempts": 0, "rank": SEARCH_RANK}
    values |= {"meeting_at": job.meeting_at, "list_position": job.list_position}
    values |= {"claim": None, "lease_until": None}
    about = {"kind": Job.Kind.SEARCH, "archive": upload.archive}
    Job.objects.update_or_create(answer=answer, defaults=about | values)
    return True
