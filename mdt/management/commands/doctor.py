"""What is missing on this machine, and what to do about it. Looks, and changes nothing."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from imaging import store
from imaging.store.base import StoreError
from mdt.demo import make
from mdt.management.commands.check_floors import below_floors, floors

PYTHON_AT_LEAST = (3, 11)
VENDOR = "var/vendor/vendor"
#: Programs of the machine: command, Debian package, what is not there without it.
PROGRAMS = [
    ("node", "nodejs", "tests of the JavaScript"),
    ("Orthanc", "orthanc orthanc-dicomweb", "the demo's DICOMweb archives; our own stand in"),
    ("getscu", "dcmtk", "tests of the DIMSE archives"),
    ("dciodvfy", "dicom3tools", "tests of the objects we make"),
    ("chromium", "chromium", "tests in a browser"),
]


@dataclass(frozen=True)
class Finding:
    """One line of the report. `advice` says what to do; what is not `needed` may be missing."""

    what: str
    is_well: bool
    advice: str = ""
    needed: bool = True

    def __str__(self) -> str:
        mark = "ok     " if self.is_well else ("MISSING" if self.needed else "absent ")
        return f"{mark} {self.what}" + ("" if self.is_well else f": {self.advice}")


class Command(BaseCommand):
    help = "Say what is missing on this machine; exit 1 when Lightbox cannot run"

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(examine())
        for finding in findings:
            self.stdout.write(str(finding))
        lacking = [finding for finding in findings if finding.needed and not finding.is_well]
        if lacking:
            raise CommandError(f"{len(lacking)} of {len(findings)} missing")
        self.stdout.write("Lightbox can run on this machine.")


def examine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", sys.version_info >= PYTHON_AT_LEAST, "3.11 or later")
    old = below_floors(floors())
    yield Finding("packages at or above their floors", not old, "; ".join(old))
    yield Finding("database", *_tries(_migrated))
    yield Finding("bus", *_tries(_bus), needed=bool(settings.REDIS_URL))
    yield Finding("store is writable", *_tries(_writable))
    yield Finding("store has room", *_tries(_roomy), needed=False)
    vendor = (settings.BASE_DIR / VENDOR).is_dir()
    yield Finding("files from npm", vendor, "npm ci --ignore-scripts; manage.py collect_vendor")
    yield Finding("demo studies", make.is_fresh(), "make seed", needed=settings.DEMO)
    yield from (_program(*program) for program in PROGRAMS)
    servers = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    yield _optional("PostgreSQL server", bool(servers), "postgresql", "tests of the full size")


def _program(command: str, package: str, without: str) -> Finding:
    return _optional(command, shutil.which(command) is not None, package, without)


def _optional(what: str, is_here: bool, package: str, without: str) -> Finding:
    advice = f"apt-get install {package} (without it: no {without})"
    return Finding(what, is_here, advice, needed=False)


def _tries(check: Callable[[], str]) -> tuple[bool, str]:
    """Whether a check finds nothing, and what it found."""
    try:
        advice = check()
    except StoreError as error:
        return False, error.message
    except (DatabaseError, redis.RedisError, OSError) as error:
        return False, type(error).__name__
    return not advice, advice


def _migrated() -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(pending)} migrations to apply: manage.py migrate" if pending else ""


def _bus() -> str:
    if not settings.REDIS_URL:
        return "REDIS_URL is not set; make run and make serve start a server of their own"
    redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2).ping()
    return ""


def _roomy() -> str:
    if not store.is_low():
        return ""
    return f"less than {settings.STORE_KEEP_FREE_MB} MB are free: nothing more is fetched"


def _writable() -> str:
    if not settings.STORE_URL.startswith("file://"):
        store.get().put(BytesIO(b"the doctor was here"))
        return ""
    folder = Path(settings.STORE_URL.removeprefix("file://"))
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    return ""
