"""One pull in a process that may be killed: `python -m bench._pull_once LOG`.

Each SOP Instance UID is written to LOG as soon as its last byte has come from the archive.
"""

import os
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import django
from pydicom import dcmread


def main(log: str) -> None:
    django.setup()
    from imaging import work
    from imaging.archives import registry
    from imaging.models import Job

    handle = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    connect = registry.connect

    def connect_and_log(profile: Any) -> Any:
        archive = connect(profile)
        retrieve = archive.retrieve

        def logged(wanted: Any) -> Iterator[bytes]:
            for data in retrieve(wanted):
                head = dcmread(BytesIO(data), stop_before_pixels=True)
                os.write(handle, f"{head.SOPInstanceUID}\n".encode())
                yield data

        archive.retrieve = logged
        return archive

    registry.connect = connect_and_log
    work.run_next((Job.Kind.PULL,))


if __name__ == "__main__":
    main(sys.argv[1])
