"""Worker processes as they run in a hospital: pictures first, and each of a number that is known.

Their decoders hang at files that say so, and their patience is short: a soak has no minutes for it.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.imaging import own_process

CODE = """
import sys, time
import django
django.setup()
from imaging import work
from imaging.archives import registry
from imaging.archives.base import Patience
from imaging.frames import process
process.COMMAND = (sys.executable, "-m", "tests.imaging.hostile.hanging", "header")
registry.PATIENCE = Patience(connect_s=2, idle_s=3)
process.reader()
print("ready", flush=True)
while True:
    if (work.run_next(work.FRAMES) or work.run_next(work.PULL)) is None:
        time.sleep(0.01)
"""


@contextmanager
def workers(count: int) -> Iterator[None]:
    told = {"ARCHIVES_ON_LOOPBACK": "1", "WORKER_PROCESSES": str(count)}
    command = [sys.executable, "-c", CODE]
    running = [own_process.start(command, told=told, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
            process.stdout.close()  # type: ignore[union-attr]
