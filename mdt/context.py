from typing import Any

from django.conf import settings
from django.http import HttpRequest


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """What every page shows: whether this is the demo (a banner says so)."""
    return {"is_demo": settings.DEMO}
