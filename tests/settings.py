"""The product's own settings with throw-away secrets and folders."""

import os
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

_folder = TemporaryDirectory(prefix="mdt-tests-")
os.environ.update(SECRET_KEY=secrets.token_hex(), ALLOWED_HOSTS="testserver", DEMO="0")
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_folder.name}/db.sqlite3")

from mdt.settings import *  # noqa: E402, F403
from mdt.settings import DATABASES  # noqa: E402

STATIC_ROOT = Path(_folder.name)
WHITENOISE_USE_FINDERS = True
STORAGES = {  # files by their own names: nothing has been collected
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
STORE_URL = f"file://{_folder.name}/store"
STORE_KEEP_FREE_MB = 0  # a test is not about this machine's disk
WORKER_PROCESSES = 0  # a test claims as many jobs as it likes
SPOOL_DIR = Path(_folder.name) / "spool"
UPLOADS_DIR = Path(_folder.name) / "uploads"
UPLOADS_KEEP_FREE_BYTES = 0
ARCHIVES_ON_LOOPBACK = True
CELERY_BROKER_URL = "memory://localhost/"
REDIS_URL = ""  # the bus has tests of its own
DATABASES["default"]["CONN_MAX_AGE"] = 0  # an open connection keeps the test database from going
if "sqlite" in str(DATABASES["default"]["ENGINE"]):  # a file: the room's threads share it
    DATABASES["default"]["TEST"] = {"NAME": Path(_folder.name) / "test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and only here
