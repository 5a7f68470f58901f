"""The page "Ask for images": whom, in which words, and how it stands."""

from typing import Any
from uuid import uuid4, uuid5

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record_once_a_day
from mdt.errors import MdtError
from mdt.meetings import image_requests
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.forms import ImageStepForm
from mdt.meetings.image_request_queries import cut_off_of, places_to_ask
from mdt.meetings.models import ImageRequest, ListedCase
from mdt.meetings.services import check_may_change_list
from mdt.meetings.upload_queries import trust_or_404
from mdt.teams.models import Trust

PLACES = "meetings/_ask_places.html"


@require_GET
def ask_page(request: HttpRequest, case_id: str) -> HttpResponse:
    """Every trust whose images are missing. That the case was seen is on record."""
    case = _case_or_404(request, case_id)
    record_once_a_day(AuditEvent.Action.CASE_VIEWED, by=person_of(request), target=case)
    also = request.GET.get("trust", "")
    return render(request, "meetings/ask_for_images.html", _context(request, case, also))


@require_POST
def ask_step(request: HttpRequest, case_id: str) -> HttpResponse:
    """One step of one request; a refusal is said where it was typed, and what was typed stays."""
    case = _case_or_404(request, case_id)
    trust = trust_or_404(request.POST.get("trust", ""))
    form = ImageStepForm(request.POST)
    refusal = _refusal(request, case, trust, form)
    context = _context(request, case, trust.ods_code)
    if refusal is None:
        return render(request, PLACES, context)
    context |= {"refusal": refusal, "refused_at": trust.ods_code, "typed": form.data}
    return render(request, PLACES, context, status=refusal.status)


def _refusal(
    request: HttpRequest, case: ListedCase, trust: Trust, form: ImageStepForm
) -> MdtError | None:
    """Take the step; why it was not taken."""
    if not form.is_valid():
        return MdtError("A day is like 24/11/2026, a reason has at most 200 letters.")
    values = form.cleaned_data
    to = ImageRequest.State(values.pop("to"))
    # every form of a page has the page's id, and each step of each trust is a message of its own
    values["event_id"] = uuid5(values["event_id"], f"{trust.ods_code} {to}")
    try:
        image_requests.step(case=case, trust=trust, to=to, by=person_of(request), **values)
    except MdtError as no:
        return no
    return None


def _context(request: HttpRequest, case: ListedCase, also: str) -> dict[str, Any]:
    needed_by = case.meeting.starts_at - cut_off_of(case)
    return {
        "case": case,
        "patient": case.referral.patient,
        "places": places_to_ask(case, person_of(request), also=also),
        "needed_by": needed_by,
        "is_late": needed_by <= timezone.now(),
        "event_id": uuid4(),
        "today": timezone.localdate(),
        "section": "meetings",
    }


def _case_or_404(request: HttpRequest, case_id: str) -> ListedCase:
    """The case, for whoever keeps its list. Members who do not are refused in words."""
    case = case_or_404(person_of(request), case_id)
    check_may_change_list(meeting=case.meeting, by=person_of(request))
    return case
