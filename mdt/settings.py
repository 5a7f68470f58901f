"""One settings file; everything that differs between machines comes from the environment."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))  # what this machine keeps


def env_bool(name: str) -> bool:
    value = os.environ.get(name, "0")
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name}={value!r}: use 0 or 1")
    return value == "1"


def env_secret(name: str, *, demo: str) -> str:
    """A value the demo may default, and nothing else may leave out or share with the demo."""
    value = os.environ.get(name, demo if DEMO else "")
    if not DEMO and value in ("", demo):
        raise ImproperlyConfigured(f"{name} must be set to a value of your own, or DEMO=1")
    return value


def database(url: str) -> dict[str, object]:
    """sqlite:///path or postgresql://user:password@host:port/name"""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = BASE_DIR / parts.path[1:]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": SQLITE}
    if parts.scheme != "postgresql":
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite: or postgresql:")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def location(path: str) -> str:
    """/an/internal/path/ of the proxy, or empty; never a page of ours, never another host."""
    if path and not re.fullmatch(r"(/[A-Za-z0-9_-]+)+/", path):
        raise ImproperlyConfigured("STORE_LOCATION must be like /_store/")
    return path


SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    "timeout": int(os.environ.get("SQLITE_WAIT_S", "2")),  # 20 in the worker
}

DEMO = env_bool("DEMO")
DEMO_PASSWORD = "lightbox-demo"  # noqa: S105  everybody's in the demo; outside it, nobody's
DEBUG = False
SECRET_KEY = env_secret("SECRET_KEY", demo="the-demo-has-no-secrets")
ALLOWED_HOSTS = env_secret("ALLOWED_HOSTS", demo="localhost,127.0.0.1").split(",")
INSTALLED_APPS = [
    "daphne",
    "django.contrib.messages",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "imaging",
    "mdt",
]
MIDDLEWARE = [
    "mdt.middleware.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",  # refuses a Host that is not ours
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mdt.middleware.Refusals",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mdt.context.everywhere",
            ]
        },
    }
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = 12 * 3600  # a meeting day, idle or not
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMO
# Set behind a proxy that ends TLS and overwrites this header; anybody could send it otherwise.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env_bool("BEHIND_PROXY") else None
CSRF_TRUSTED_ORIGINS = [] if DEMO else [f"https://{host}" for host in ALLOWED_HOSTS]
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
AUTH_USER_MODEL = "mdt.Person"
APPEND_SLASH = False  # one address a page
ROOT_URLCONF = "mdt.urls"
ASGI_APPLICATION = "mdt.asgi.application"
DATABASES = {"default": database(os.environ.get("DATABASE_URL", f"sqlite:///{VAR_DIR}/db.sqlite3"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/London"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "var/vendor"]  # `manage.py collect_vendor`
STATIC_ROOT = BASE_DIR / "var/static"
STORE_URL = os.environ.get("STORE_URL", f"file://{VAR_DIR}/store")
# The proxy's internal location over the store's folder (docs/deploy.md); empty: we send frames.
STORE_LOCATION = location(os.environ.get("STORE_LOCATION", ""))
STORE_KEEP_FREE_MB = int(os.environ.get("STORE_KEEP_FREE_MB", "1024"))  # with less, no pull begins
# All that carry out jobs, on all machines: one is left for pictures. 0: pictures have others.
WORKER_PROCESSES = int(os.environ.get("WORKER_PROCESSES", "4"))
SPOOL_DIR = Path(os.environ.get("SPOOL_DIR", VAR_DIR / "spool"))  # received, not yet written down
PIXELS_KEPT_DAYS = int(os.environ.get("PIXELS_KEPT_DAYS", "14"))  # after the last meeting
# An archive on this very machine: the demo's, and a TLS tunnel's end.
ARCHIVES_ON_LOOPBACK = DEMO or env_bool("ARCHIVES_ON_LOOPBACK")
# Where folders may lie that an administrator names as an archive, ":" between them.
FOLDERS = f"{VAR_DIR}/archives" + (f":{VAR_DIR}/demo" if DEMO else "")
ARCHIVE_FOLDERS = os.environ.get("ARCHIVE_FOLDERS", FOLDERS).split(":")
# What is brought on CDs and in zips, until it is pulled; web and worker both need it.
UPLOADS_DIR = Path(os.environ.get("UPLOADS_DIR", VAR_DIR / "uploads"))
UPLOAD_MOST_BYTES = int(os.environ.get("UPLOAD_MOST_MB", "4096")) << 20
UPLOADS_KEEP_FREE_BYTES = int(os.environ.get("UPLOADS_KEEP_FREE_MB", "2048")) << 20
UPLOADS_KEPT_DAYS = int(os.environ.get("UPLOADS_KEPT_DAYS", "14"))  # after the meeting
# Our Storage SCP (manage.py storage_scp), for archives that send by C-MOVE or push.
SCP_HOST = os.environ.get("SCP_HOST", "127.0.0.1" if DEMO else "0.0.0.0")  # noqa: S104  archives call
SCP_PORT = int(os.environ.get("SCP_PORT", "11112"))
SCP_AE_TITLE = os.environ.get("SCP_AE_TITLE", "LIGHTBOX")
SCP_TLS_CERTIFICATE = os.environ.get("SCP_TLS_CERTIFICATE", "")  # PEM files; empty: plain TCP
SCP_TLS_KEY = os.environ.get("SCP_TLS_KEY", "")
SCP_TLS_CA = os.environ.get("SCP_TLS_CA", "")  # who signs the archives'; empty: none is asked for
SCP_REACHED_AT = os.environ.get("SCP_REACHED_AT", "")  # host of it for workers elsewhere
ARRIVALS_KEPT_DAYS = int(os.environ.get("ARRIVALS_KEPT_DAYS", "14"))  # pushed, and nobody's
# Reports: what systems send by HL7 (manage.py report_listener) and FHIR, and what people bring.
MLLP_HOST = os.environ.get("MLLP_HOST", "127.0.0.1" if DEMO else "0.0.0.0")  # noqa: S104  they call
MLLP_PORT = int(os.environ.get("MLLP_PORT", "2575"))
MLLP_TLS_CERTIFICATE = os.environ.get("MLLP_TLS_CERTIFICATE", "")  # PEM files; empty: plain TCP
MLLP_TLS_KEY = os.environ.get("MLLP_TLS_KEY", "")
MLLP_TLS_CA = os.environ.get("MLLP_TLS_CA", "")  # who signs the senders'; empty: none is asked for
REPORT_MOST_BYTES = int(os.environ.get("REPORT_MOST_MB", "20")) << 20  # of a PDF
REPORTS_UNMATCHED_KEPT_DAYS = int(os.environ.get("REPORTS_UNMATCHED_KEPT_DAYS", "14"))
STORAGES = {
    "staticfiles": {"BACKEND": "mdt.storage.ModuleStaticFilesStorage"},
}
REDIS_URL = os.environ.get("REDIS_URL", "")
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "look-again": {"task": "imaging.tasks.look_again", "schedule": 5.0},
    "remove-pixel-copies": {
        "task": "imaging.tasks.remove_pixel_copies",
        "schedule": crontab(hour="2", minute="30"),
    },
    "sweep": {"task": "mdt.meetings.tasks.sweep", "schedule": 300.0},
    "match-reports": {"task": "mdt.reports.tasks.match_again", "schedule": 60.0},
    "remove-uploads": {"task": "imaging.tasks.remove_uploads", "schedule": 3600.0},
}
CELERY_TASK_ROUTES = {
    "imaging.tasks.pull": {"queue": "pull"},
    "imaging.tasks.frames": {"queue": "frames"},
    "imaging.tasks.look_again": {"queue": "pull"},
    "imaging.tasks.remove_pixel_copies": {"queue": "pull"},
    "imaging.tasks.remove_uploads": {"queue": "pull"},
    "mdt.meetings.tasks.sweep": {"queue": "pull"},
    "mdt.reports.tasks.match_again": {"queue": "pull"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False  # a message that cannot be sent is replaced by beat's
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "unacked_restore_interval": 2,  # kombu looks for messages of dead workers each 100 s else
    "unacked_restore_throttle": 1,
}
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
ROOM_DB_THREADS = 2 if "sqlite" in str(DATABASES["default"]["ENGINE"]) else 8
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "mdt.api.drf_exception_handler",
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "masked": {
            "()": "mdt.logs.MaskingFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "masked"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},  # a 404 is an answer, not an event
        "mdt": {"level": "INFO"},
        "imaging": {"level": "INFO"},
        "pydicom": {"level": "ERROR"},  # its warnings quote values of the header
        "pynetdicom": {"level": "ERROR"},
    },
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# The doors that open upwards, and no others: who calls them imports nothing above itself.
IMAGING_AUTHORISE = "mdt.meetings.access_queries.authorise"
IMAGING_ON_CHANGE = "mdt.meetings.changes.study_changed"
IMAGING_PINNED = "mdt.outcomes.pins.pinned"
REPORTS_ON_CHANGE = "mdt.meetings.changes.report_changed"
ROOM_PUBLISH = "mdt.live.hub.publish"
ROOM_REVOKE = "mdt.live.hub.revoke"
