"""Whether this process lives, and whether it can serve: for supervisors and `make run`."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    return HttpResponse("live", content_type="text/plain")


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """503 until the database answers."""
    try:
        connection.ensure_connection()
    except Exception:
        return HttpResponse("not ready", status=503, content_type="text/plain")
    return HttpResponse("ready", content_type="text/plain")
