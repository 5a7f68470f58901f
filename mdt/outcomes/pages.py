"""The pages after the meeting: my outcomes, one outcome and its next step, a picture of it."""

from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, WrongState
from mdt.meetings.access_queries import case_or_404, meeting_or_404
from mdt.members import Person
from mdt.outcomes.forms import StepForm
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.offers import next_step, typed_since, unfinished_in
from mdt.outcomes.pictures import picture_of_mark, picture_of_shown
from mdt.outcomes.queries import AT_MOST, outcomes_for
from mdt.outcomes.reading import Reading, reading_for
from mdt.outcomes.services import step


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
    number = case.referral.patient.shown_number
    context = {"reading": reading, "nhs_number": number, "section": "outcomes"}
    context |= _what_follows(reading, person)
    return render(request, "outcomes/outcome.html", context)


def _what_follows(reading: Reading, person: Person) -> dict[str, object]:
    """For those of the team: the next step with the version shown, and what is typed since."""
    if not reading.reads_unsigned:
        return {}
    following = next_step(reading.outcome, reading.case, person) if reading.outcome else None
    typed = typed_since(reading.case, reading.outcome, person)
    return {"next": following, "typed": typed, "event_id": uuid4()}


@require_POST
def take_step(request: HttpRequest, case_id: str, number: int) -> HttpResponse:
    """Read back, confirm or sign the version that was on the screen, whether or not a room is open.

    Who was second, and whoever read a version that is not the newest, reads why and what stands.
    """
    person = person_of(request)
    case = case_or_404(person, case_id)
    version = get_object_or_404(case.outcome_versions, number=number)
    form = StepForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was done: this page was not whole. Read it again.")
        return redirect("outcome", case_id)
    kind, event_id = OutcomeStep.Kind(form.cleaned_data["kind"]), form.cleaned_data["event_id"]
    try:
        step(outcome=version, kind=kind, by=person, event_id=event_id)
    except (Conflict, WrongState) as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"Version {number} is {kind.label}.")
    return redirect("outcome", case_id)


@require_GET
def unfinished(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """For the list of a closed meeting: which of its cases are not signed, and how they stand."""
    person = person_of(request)
    rows = unfinished_in(meeting_or_404(person, meeting_id), person)
    return render(request, "outcomes/unfinished.html", {"rows": rows})


@require_GET
def view(request: HttpRequest, case_id: str) -> HttpResponse:
    """One discussed picture, to scroll in on one's own: no room, nobody follows.

    Named by what was shown of the case, or by a mark on it.
    """
    person = person_of(request)
    case = case_or_404(person, case_id)
    picture = picture_of_shown(case, request.GET.get("shown", ""))
    picture = picture or picture_of_mark(case, request.GET.get("mark", ""))
    if picture is None:
        raise Http404
    record(AuditEvent.Action.CASE_VIEWED, by=person, target=case, page="picture")
    number = case.referral.patient.shown_number
    context = {"case": case, "picture": picture, "nhs_number": number}
    return render(request, "outcomes/view.html", context)
