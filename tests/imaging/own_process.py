"""A process of its own on the test's database and store, as one runs in a hospital."""

import os
import subprocess
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    own = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{own['NAME']}"
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**own)


def start(command: list[str], *, told: dict[str, str], **popen) -> subprocess.Popen:
    """`told`: settings besides, or others. Who starts a process ends it."""
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "STORE_URL": settings.STORE_URL,
        "DJANGO_SETTINGS_MODULE": "mdt.settings",
        "SECRET_KEY": "x" * 50,
        "ALLOWED_HOSTS": "testserver",
        "SQLITE_WAIT_S": "20",
    }
    return subprocess.Popen(command, cwd=ROOT, env=environment | told, **popen)


def wait_until(is_so, *, of=None, seconds: float = 60) -> float:
    """How long it took; `of`: a process that must not end meanwhile."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds
        assert of is None or of.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    return time.monotonic() - began
