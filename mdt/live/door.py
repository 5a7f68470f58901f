"""Who is at the room's door, asked in the room's own threads."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from mdt.live.database import in_database
from mdt.members import Person

App = Callable[..., Awaitable[None]]


class SignedIn:
    """Puts the session of a socket's cookie and the person of that session into its scope.

    Channels' own stack does it in the one thread that all sockets of a process share, and stands
    between the room and the server's `send`, so that no writer could know the server by it.
    """

    def __init__(self, room: App) -> None:
        self._room = room

    async def __call__(self, scope: dict[str, Any], receive: App, send: App) -> None:
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
        user = await in_database(_person_of, session)
        await self._room({**scope, "session": session, "user": user}, receive, send)


def _person_of(session: SessionBase) -> Person | AnonymousUser:
    """As Django's middleware finds them: by the backend, and only while the password stands."""
    return get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
