"""The object store this machine is set up with: `store.get()`."""

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from imaging.store.base import LowSpaceError, Store
from imaging.store.local import LocalStore


def get() -> Store:
    """The store STORE_URL names: file:///a/folder, or s3://bucket/prefix?endpoint=...&region=..."""
    return _open(settings.STORE_URL, os.getpid())


def location(key: str) -> str:
    """The address inside the proxy at which it sends an object itself; "" when we send it."""
    if not settings.STORE_LOCATION or not settings.STORE_URL.startswith("file:"):
        return ""
    return f"{settings.STORE_LOCATION.rstrip('/')}/{get().place(key)}"


FOR_FRAMES, FOR_A_SCREEN = 4, 16
"""Of what is kept free, frames of what is here leave a quarter, and those somebody looks at now a
sixteenth: outcomes, and all else that is said in a meeting, lie on the same disk by default.
"""


def is_low(*, part: int = 1) -> bool:
    """Whether less is free than STORE_KEEP_FREE_MB, or than such a part of it."""
    free = get().free_bytes()
    return free is not None and free < (settings.STORE_KEEP_FREE_MB << 20) // part


def check_space() -> None:
    """Raise LowSpaceError where no more should be taken in."""
    if is_low():
        raise LowSpaceError


def check_space_for_frames(*, are_waited_for: bool) -> None:
    """Raise LowSpaceError where no more pictures should be made of what is here."""
    if is_low(part=FOR_A_SCREEN if are_waited_for else FOR_FRAMES):
        raise LowSpaceError


@cache
def _open(url: str, pid: int) -> Store:
    """One for each process: a forked worker must not share its parent's connections."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc:
        return _open_s3(parts)
    if parts.scheme != "file" or parts.netloc or not parts.path:
        raise ImproperlyConfigured(
            "STORE_URL must be file:///an/absolute/folder or s3://bucket/prefix; secrets of the"
            " second are in the environment"
        )
    return LocalStore(Path(unquote(parts.path)))


def _open_s3(parts: SplitResult) -> Store:
    asked = dict(parse_qsl(parts.query))
    if unknown := asked.keys() - {"endpoint", "region"}:
        raise ImproperlyConfigured(f"STORE_URL knows no {', '.join(sorted(unknown))}")
    try:
        module = import_module("imaging.store.s3")
    except ModuleNotFoundError as missing:
        raise ImproperlyConfigured("pip install -r requirements-s3.txt") from missing
    opened: Store = module.S3Store(parts.netloc, unquote(parts.path), **asked)
    return opened
