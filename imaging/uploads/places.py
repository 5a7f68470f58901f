"""Where uploads lie on disk, by our own names alone, and whether there is room for more.

incoming/<upload>/000001        a file as it came, a part at a time
incoming/<upload>.open/...      what is being copied out of it
<ODS code>/<upload>/000001.dcm  what the folder archive of that trust holds
index/...                       what is known of those (imaging/archives/folder_index.py)
"""

import shutil
from pathlib import Path

from django.conf import settings

from imaging.models import Upload


def root() -> Path:
    return Path(settings.UPLOADS_DIR)


def incoming(upload: Upload) -> Path:
    return root() / "incoming" / upload.public_id


def being_opened(upload: Upload) -> Path:
    return root() / "incoming" / f"{upload.public_id}.open"


def kept(upload: Upload) -> Path:
    """Where its DICOM files lie, within the folder of its archive."""
    return Path(upload.archive.folder) / upload.public_id


def new_folder(folder: Path) -> Path:
    """An empty folder that only we may look into."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return folder


def remove_incoming(upload: Upload) -> None:
    for folder in (incoming(upload), being_opened(upload)):
        shutil.rmtree(folder, ignore_errors=True)


def remove(upload: Upload) -> None:
    """Everything of it, wherever it has got to."""
    remove_incoming(upload)
    shutil.rmtree(kept(upload), ignore_errors=True)


def has_room_for(size: int) -> bool:
    """Whether so many bytes more leave what must stay free."""
    root().mkdir(mode=0o700, parents=True, exist_ok=True)
    return shutil.disk_usage(root()).free - size >= settings.UPLOADS_KEEP_FREE_BYTES
