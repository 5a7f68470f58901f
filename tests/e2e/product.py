"""The whole product in processes of its own, as `make run` starts it, on a folder of its own."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 90
TODAY = """
from django.utils import timezone
from mdt.meetings.models import Meeting
today = Meeting.objects.get(starts_at__date=timezone.localdate())
"""
NEW_MEETING = f"""{TODAY}
from datetime import timedelta
from mdt.meetings.services import list_case
from mdt.members import Person
new = Meeting.objects.create(team=today.team, starts_at=today.starts_at + timedelta(days=1))
for case in today.cases.order_by("position"):
    list_case(meeting=new, referral=case.referral, by=Person.objects.get(username="coordinator"))
print(new.public_id)
"""


@dataclass
class Product:
    """A running demo. `process(name)` is one line of the Procfile, for tests that end it."""

    url: str
    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def manage(self, *arguments: str) -> str:
        """Run one management command to its end and return what it printed."""
        return self.run("manage.py", *arguments)

    def run(self, *arguments: str) -> str:
        """The same for any program of the project, in the product's own environment."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def todays_meeting(self) -> str:
        """The public id of the meeting that was seeded for today."""
        return self._told(TODAY + "print(today.public_id)")

    def new_meeting(self) -> str:
        """The public id of a meeting for one test alone: tomorrow's, of today's cases."""
        return self._told(NEW_MEETING)

    def _told(self, program: str) -> str:
        return self.manage("shell", "--verbosity", "0", "-c", program).strip()

    def start(self, name: str, *, line: str = "", **changes: str) -> None:
        """One process of the Procfile, in a group of its own, its output in <folder>/<name>.log.

        `line` is the Procfile's it runs, where that is not its name: a second web process, for
        example, with `changes` to the environment.
        """
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["/bin/sh", "-c", procfile()[line or name]],
                cwd=ROOT,
                env=self.environment | changes,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """kill -9, the process and its children; nothing gets to say goodbye."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGTERM)
        for name in list(self.processes):
            try:
                self.processes[name].wait(10)
            except subprocess.TimeoutExpired:
                self.kill(name)

    def wait_until_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise TimeoutError("the pages did not come up")


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


@contextmanager
def running(
    folder: Path, *, database_url: str = "", prepare: Callable[[Product], None] | None = None
) -> Iterator[Product]:
    """A seeded demo from the first process to the last, under `folder`.

    It has a SQLite file there, unless `database_url` names an empty database. `prepare` may add
    to the seeded data while no process runs yet.
    """
    port = free_port()
    names = ("PATH", "HOME", "LANG", "TMPDIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment |= {
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "mdt.settings",
        "VAR_DIR": str(folder),
        "DATABASE_URL": database_url or f"sqlite:///{folder}/db.sqlite3",
        "STORE_URL": f"file://{folder}/store",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    product = Product(f"http://127.0.0.1:{port}", folder, environment)
    product.manage("migrate", "--verbosity", "0")
    product.manage("seed_demo")
    if prepare:
        prepare(product)
    product.manage("prepare_run", "--port", str(port))
    for line in (folder / "run.env").read_text().splitlines():
        name, _, value = line.partition("=")
        environment[name] = shlex.split(value)[0] if value else ""
    try:
        for name in procfile():
            product.start(name)
        product.wait_until_ready()
        yield product
    finally:
        product.stop()
