"""The pages read after the meeting: my outcomes, one outcome, one discussed picture."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.meetings.access_queries import case_or_404
from mdt.outcomes.queries import AT_MOST, outcomes_for
from mdt.outcomes.reading import picture_of_mark, reading_for
from mdt.referrals import nhs_number


@require_http_methods(["GET", "POST"])
def outcomes(request: HttpRequest) -> HttpResponse:
    """The list. The filter is posted, because a name in an address ends up in logs."""
    name = request.POST.get("name", "").strip()
    rows = outcomes_for(person_of(request), name=name)
    context = {"rows": rows, "name": name, "at_most": AT_MOST, "section": "outcomes"}
    is_fragment = request.headers.get("HX-Request") == "true"
    template = "outcomes/rows.html" if is_fragment else "outcomes/list.html"
    return render(request, template, context)


@require_GET
def outcome(request: HttpRequest, case_id: str) -> HttpResponse:
    """One outcome, read afterwards. Reading it is on record before it is shown."""
    person = person_of(request)
    case = case_or_404(person, case_id)
    reading = reading_for(case, person)
    record(AuditEvent.Action.CASE_VIEWED, by=person, target=case, page="outcome")
    number = nhs_number.spaced(case.referral.patient.nhs_number)
    context = {"reading": reading, "nhs_number": number, "section": "outcomes"}
    return render(request, "outcomes/outcome.html", context)


@require_GET
def view(request: HttpRequest, case_id: str) -> HttpResponse:
    """One discussed picture, to scroll in on one's own: no room, nobody follows."""
    person = person_of(request)
    case = case_or_404(person, case_id)
    picture = picture_of_mark(case, request.GET.get("mark", ""))
    if picture is None:
        raise Http404
    record(AuditEvent.Action.CASE_VIEWED, by=person, target=case, page="picture")
    number = nhs_number.spaced(case.referral.patient.nhs_number)
    context = {"case": case, "picture": picture, "nhs_number": number}
    return render(request, "outcomes/view.html", context)
