"""Pages for bringing images from a CD, a USB stick or a zip, for one case."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record_once_a_day
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.fragments import fragment, rendered
from mdt.meetings.models import ListedCase
from mdt.meetings.services import check_may_change_list
from mdt.meetings.upload_queries import trusts_to_bring_from, uploads_of

ROWS = "meetings/_uploads.html"


@require_GET
def upload_page(request: HttpRequest, case_id: str) -> HttpResponse:
    """Say whose CD it is, choose its files, watch them go. That the case was seen is on record."""
    case = _case_or_404(request, case_id)
    record_once_a_day(AuditEvent.Action.CASE_VIEWED, by=person_of(request), target=case)
    context = _context(case)
    context["rows"], context["etag"] = rendered(request, ROWS, context)
    context["trusts"] = trusts_to_bring_from(case)
    context["patient"] = case.referral.patient
    context["asked_of"] = request.GET.get("trust", "")
    return render(request, "meetings/upload.html", context)


@require_GET
def upload_rows(request: HttpRequest, case_id: str) -> HttpResponse:
    """What became of each upload, polled."""
    return fragment(request, ROWS, _context(_case_or_404(request, case_id)))


def _context(case: ListedCase) -> dict[str, Any]:
    return {"case": case, "uploads": uploads_of(case), "section": "meetings"}


def _case_or_404(request: HttpRequest, case_id: str) -> ListedCase:
    """The case, for whoever keeps its list. Members who do not are refused in words."""
    case = case_or_404(person_of(request), case_id)
    check_may_change_list(meeting=case.meeting, by=person_of(request))
    return case
