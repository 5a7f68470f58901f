"""Taking an upload as it comes, a part of a file at a time. Nothing of it is opened here.

A part says which file it is of (from 1) and where it begins, so that one sent twice changes
nothing and one that is missing is noticed. The names of files never reach us.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from imaging.models import Archive, Search, Upload
from imaging.uploads import places
from imaging.uploads.refusals import UploadRefused, refused
from imaging.uploads.zips import MAX_FILES

MAX_PART_BYTES = 16 << 20
CHUNK = 1 << 20


class Bytes(Protocol):
    """What comes: a file, or a request that is read as it comes."""

    def read(self, size: int, /) -> bytes: ...


def archive_of(trust_ods_code: str) -> Archive:
    """The folder that a trust's uploads go to: it knows numbers as the trust's own archive does."""
    values: dict[str, object] = {
        "trust_ods_code": trust_ods_code,
        "kind": Archive.Kind.FOLDER,
        "folder": str(places.root() / trust_ods_code),
        "takes_uploads": True,
    }
    theirs = Archive.objects.filter(trust_ods_code=trust_ods_code, takes_uploads=False)
    if own := theirs.order_by("pk").first():
        values |= {name: getattr(own, name) for name in NUMBERS}
    name = f"uploads-{trust_ods_code.lower()}"
    return Archive.objects.update_or_create(name=name, defaults=values)[0]


NUMBERS = ("nhs_number_in", "issuer_of_patient_id", "trusts_by_issuer", "patient_id_prefix")


def begin(*, search: Search, trust_ods_code: str, by: str) -> Upload:
    """Make ready for files of one trust, for the person sought. `by` is a person's public id."""
    return Upload.objects.create(archive=archive_of(trust_ods_code), search=search, by=by)


def take_part(upload: Upload, *, number: int, at: int, stream: Bytes, size: int) -> int:
    """Keep `size` bytes of file `number` that belong at `at`; returns how long the file is now.

    A part that was kept before changes nothing. Raises UploadRefused.
    """
    if not 1 <= number <= MAX_FILES:
        raise refused("upload.too_many")
    folder = places.incoming(upload)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone_in(folder):
        return _take_part(upload, folder / f"{number:06}", at, stream, size)


def _take_part(upload: Upload, path: Path, at: int, stream: Bytes, size: int) -> int:
    have = path.stat().st_size if path.exists() else 0
    if at + size <= have:
        return have
    if at != have:
        raise refused("upload.cut_off")
    _check_room(upload, size)
    try:
        return have + _append(path, stream, size, have)
    except UploadRefused:  # it will come again
        Upload.objects.filter(pk=upload.pk).update(size=F("size") - size)
        raise


def check_whole(upload: Upload, *, files: int, size: int) -> None:
    """Raises UploadRefused unless so many files came, of so many bytes in all."""
    folder = places.incoming(upload)
    sizes = [path.stat().st_size for path in folder.iterdir()] if folder.is_dir() else []
    if not sizes:
        raise refused("upload.empty")
    if (len(sizes), sum(sizes)) != (files, size):
        raise refused("upload.cut_off")


def refuse(upload: Upload, no: UploadRefused) -> None:
    """Write down that nothing of it is taken; what lies on disk is the caller's to remove."""
    refuse_all(Upload.objects.filter(pk=upload.pk), no)


def refuse_all(uploads: QuerySet[Upload], no: UploadRefused) -> None:
    """The same of all that are so at this instant: one UPDATE."""
    uploads.update(
        state=Upload.State.REFUSED, code=no.code, message=no.message, ended_at=timezone.now()
    )


def _check_room(upload: Upload, size: int) -> None:
    """Count the bytes in before they come: ten parts at once together count as ten."""
    if not places.has_room_for(size):
        raise refused("upload.no_space")
    most = settings.UPLOAD_MOST_BYTES - size
    here = Upload.objects.filter(pk=upload.pk, size__lte=most)
    if not here.update(size=F("size") + size):
        raise refused("upload.too_large")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """A part that found no answer is sent again, and may come while the first is still written.
    It waits no longer than a disk takes: the body of a request is here before it is handed to us.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        flock(handle, LOCK_EX)
        yield
    finally:
        os.close(handle)


def _append(path: Path, stream: Bytes, size: int, have: int) -> int:
    """All of the part or nothing. Raises UploadRefused when less comes than was said."""
    came = 0
    with path.open("ab") as file:
        while came < size and (chunk := stream.read(min(CHUNK, size - came))):
            came += file.write(chunk)
        if came < size:
            file.truncate(have)
            raise refused("upload.cut_off")
    return came
