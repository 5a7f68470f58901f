"""Uploads as they come and what is left of them, for the tests of uploads."""

from io import BytesIO

import pytest

from imaging import plan, work
from imaging.models import Job
from imaging.uploads import places, receive
from tests.dicoms import OTHER_PATIENT, make_instance, make_study
from tests.factories import SearchFactory

HERS = dict(enumerate(make_study("upload", nhs_number="9990000018")))
CD = {f"DICOM/ST0/IM{number}": file for number, file in HERS.items()}
OTHERS = {f"OTHER/IM{n}": make_instance("others", number=n, **OTHER_PATIENT) for n in (1, 2)}


@pytest.fixture(autouse=True)
def uploads_dir(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


def bring(*files, search=None, trust="RBV"):
    """An upload of these files, before anybody has looked through it."""
    upload = receive.begin(search=search or SearchFactory(), trust_ods_code=trust, by="somebody")
    for number, file in enumerate(files, start=1):
        part(upload, file, number=number)
    return upload


def part(upload, data, *, number=1, at=0, size=None):
    return receive.take_part(
        upload, number=number, at=at, stream=BytesIO(data), size=len(data) if size is None else size
    )


def look_through(*files, **kwargs):
    upload = bring(*files, **kwargs)
    plan.unpack(upload)
    work.run_next((Job.Kind.UNPACK,))
    upload.refresh_from_db()
    return upload


def on_disk(upload):
    """Files of it anywhere."""
    return [p for p in places.root().rglob("*") if p.is_file() and upload.public_id in str(p)]
