"""The object store this machine is set up with: `store.get()`."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from imaging.store.base import Store
from imaging.store.local import LocalStore


def get() -> Store:
    """The store STORE_URL names: file:///a/folder."""
    return _open(settings.STORE_URL)


def location(key: str) -> str:
    """The address inside the proxy at which it sends an object itself; "" when we send it."""
    if not settings.STORE_LOCATION:
        return ""
    return f"{settings.STORE_LOCATION.rstrip('/')}/{get().place(key)}"


@cache
def _open(url: str) -> Store:
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or not parts.path:
        raise ImproperlyConfigured("STORE_URL must be file:///an/absolute/folder")
    return LocalStore(Path(unquote(parts.path)))
