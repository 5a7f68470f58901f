"""Whether this process lives, and whether it can serve: for supervisors and `make run`."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse

from imaging import store
from imaging.store.base import StoreError


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    return HttpResponse("live", content_type="text/plain")


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """503 until the database answers. A store that is nearly full is said, and still serves."""
    try:
        with connection.cursor() as cursor:  # a connection that is open may be answered no more
            cursor.execute("SELECT 1")
    except Exception:
        return HttpResponse("not ready", status=503, content_type="text/plain")
    state = "ready, store.low_space" if _is_store_low() else "ready"
    return HttpResponse(state, content_type="text/plain")


def _is_store_low() -> bool:
    try:
        return store.is_low()
    except (OSError, StoreError):  # pages are served without it
        return False
