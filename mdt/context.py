from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from mdt.teams import queries


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """What every page shows: whether this is the demo (a banner says so), and their sections."""
    return {"is_demo": settings.DEMO, "duties": SimpleLazyObject(lambda: _duties(request))}


def _duties(request: HttpRequest) -> frozenset[str]:
    if not request.user.is_authenticated:
        return frozenset()
    return queries.duties_of(request.user, timezone.localdate())
