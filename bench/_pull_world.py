"""What the pull is measured in: archives on loopback, a database, a store, a real worker."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench._pull_study import NHS_NUMBER, slices
from tests.e2e.product import procfile
from tests.peers import Peer, start_orthanc
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
WITHIN_S = 180
SOUGHT = {
    "nhs_number": NHS_NUMBER,
    "family_name": "KHAN",
    "given_names": "Amina",
    "birth_date": "1957-03-12",
    "sex": "F",
    "local_numbers": {"RM3": "A100"},
}


@dataclass
class World:
    """A folder with everything in it. `archives` are Orthancs, each with one study of 300."""

    folder: Path
    environment: dict[str, str]
    archives: list[Peer] = field(default_factory=list)

    def program(self, *command: str, **changes: str) -> subprocess.Popen[bytes]:
        """A process in a group of its own, its output in the folder."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603  commands of our own
                command,
                cwd=ROOT,
                env=self.environment | changes,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def environment_of(folder: Path) -> dict[str, str]:
    """What every process of the world has, and so must this one before Django starts."""
    password = secrets.token_urlsafe(12)
    return {
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "mdt.settings",
        "VAR_DIR": str(folder / "var"),
        "STORE_URL": f"file://{folder}/store",
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "REDIS_URL": f"redis://:{password}@127.0.0.1:{free_port()}/0",
        "SQLITE_WAIT_S": "20",
        "TCP_NODELAY": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


@contextmanager
def world(folder: Path, archives: int) -> Iterator[World]:
    """Archives filled, the database made, the bus running; no worker yet."""
    here = World(folder, os.environ | {"PYTHONWARNINGS": "ignore"})
    with ExitStack() as stack:
        for number in range(1, archives + 1):
            at = folder / f"archive{number}"
            at.mkdir()
            here.archives.append(stack.enter_context(start_orthanc(at, name=f"TRUST{number}")))
            here.archives[-1].store(list(slices(study_name(number))))
        bus = here.program("/bin/sh", "-c", procfile()["valkey"])
        stack.callback(end, bus)
        _wait_for_port(urlsplit(here.environment["REDIS_URL"]).port or 0)
        yield here


def study_name(number: int) -> str:
    """Of the study in archive `number`, from 1."""
    return f"bench {number}"


@contextmanager
def worker(here: World) -> Iterator[subprocess.Popen[bytes]]:
    """The worker of the Procfile, with beat, warm or not as it comes."""
    process = here.program("/bin/sh", "-c", procfile()["worker"])
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
            process.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9, it and all its children."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def want(peer: Peer, number: int, kind: str = "dicomweb") -> Any:
    """The rows of the study in archive `number`, as a search would leave them, and a PULL job."""
    from django.utils import timezone

    from imaging import plan
    from imaging.models import Archive, Search, Study
    from tests.dicoms import study_uid

    archive, _ = Archive.objects.update_or_create(
        name=f"{peer.name}-{kind}".lower(), defaults=_profile(peer, kind)
    )
    meeting_at = timezone.now() + timedelta(hours=1)
    search = Search.objects.create(sought=SOUGHT, meeting_at=meeting_at)
    study = Study.objects.create(
        archive=archive,
        search=search,
        study_instance_uid=study_uid(study_name(number)),
        verdict=Study.Verdict.SAME,
    )
    study.searches.add(search)
    plan.want_study(study)
    return study


def _profile(peer: Peer, kind: str) -> dict[str, Any]:
    return {"trust_ods_code": "RM3", "at_most": 2, **peer.as_archive(kind)}


def forget_everything() -> None:
    """No study, no job, and an empty store: the next pull begins from nothing."""
    from imaging import store
    from imaging.models import Job, Search, Study

    Job.objects.all().delete()
    Study.objects.all().delete()
    Search.objects.all().delete()
    for key in list(store.get().list()):
        store.get().delete(key)


def wait_for(is_so: Callable[[], bool], *, every_s: float = 0.02) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("it was waited for too long")
        time.sleep(every_s)


def _wait_for_port(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(listens)


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)
