"""The door for FHIR: a bearer token per source, one DiagnosticReport at a time."""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from imaging.store.base import StoreError
from mdt.reports import fhir, services, sources
from mdt.reports.arrived import NotTaken
from mdt.reports.models import ReportSource
from mdt.reports.queries import fhir_source, kinds_of

FHIR = "application/fhir+json"
ROOM_FOR_JSON = 1 << 20


@csrf_exempt  # no session speaks here: the token is in a header
@login_not_required
@require_POST
def diagnostic_report(request: HttpRequest) -> HttpResponse:
    """201 for what is new, 200 for what says nothing new. The sender never learns who is known."""
    source = _source(request)
    if source is None:
        return _outcome(401, "login", "This needs a bearer token that is known here.")
    body = _read(request)
    if body is None:
        return _outcome(413, "too-long", "It is longer than a report may be.")
    try:
        return _take(body, source)
    except NotTaken as no:
        return _outcome(422, "invalid", f"{no.message} [{no.code}]")
    except (StoreError, DatabaseError):
        return _outcome(503, "transient", "It could not be kept now. Send it again.")


def _take(body: bytes, source: ReportSource) -> HttpResponse:
    report = fhir.parse(body)
    kinds = kinds_of(source)
    arrived = fhir.report_in(report, kinds)
    if arrived is None:
        sources.count_not_kept(source=source, sections=fhir.sections_not_kept(report, kinds))
        return _outcome(
            200, "informational", "There is nothing in it that is kept here.", "information"
        )
    named = fhir.message_id(report)
    kept = services.receive(arrived=arrived, source=source, message_id=named)
    is_new = kept.became is not services.Became.REPEAT
    words = "It is kept." if is_new else "It was kept before."
    return _outcome(201 if is_new else 200, "informational", words, "information")


def _source(request: HttpRequest) -> ReportSource | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return fhir_source(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _read(request: HttpRequest) -> bytes | None:
    """A PDF in Base64 and some text; None for more."""
    most = settings.REPORT_MOST_BYTES * 4 // 3 + ROOM_FOR_JSON
    body: bytes = request.read(most + 1)
    return body if len(body) <= most else None


def _outcome(status: int, code: str, words: str, severity: str = "error") -> HttpResponse:
    issue = {"severity": severity, "code": code, "diagnostics": words}
    body: dict[str, Any] = {"resourceType": "OperationOutcome", "issue": [issue]}
    response = HttpResponse(json.dumps(body), status=status, content_type=FHIR)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response
