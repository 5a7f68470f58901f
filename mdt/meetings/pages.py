"""Pages of meetings: home, the list, adding a case, found studies. Parse, look up, call, answer."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import MdtError
from mdt.meetings import services
from mdt.meetings.access_queries import case_or_404, found_study_or_404, meeting_or_404
from mdt.meetings.forms import MoveForm, ReasonForm
from mdt.meetings.fragments import fragment, rendered
from mdt.meetings.lights import meeting_light
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.queries import may_keep_list, may_open_room, meetings_of, row_of, rows_for
from mdt.meetings.room import open_meeting
from mdt.members import Person
from mdt.referrals.forms import KnownPatientForm, NewPatientForm, NumberForm, QuestionForm
from mdt.referrals.models import Patient
from mdt.referrals.queries import patient_with
from mdt.referrals.services import look_up_patient

ADD, LIST, STUDIES = "meetings/_add_{step}.html", "meetings/_list.html", "meetings/_studies.html"


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """A person's meetings: today, coming, past."""
    context = {"meetings": meetings_of(person_of(request)), "section": "meetings"}
    return render(request, "meetings/home.html", context)


@require_GET
def meeting_page(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The list of a meeting. Who opens it sees names: that is on record, once a page."""
    person = person_of(request)
    meeting = meeting_or_404(person, meeting_id)
    record(AuditEvent.Action.LIST_VIEWED, by=person, target=meeting)
    context = _list_context(person, meeting)
    context["list"], context["etag"] = rendered(request, LIST, context)
    return render(request, "meetings/meeting.html", context)


@require_GET
def meeting_list(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The list alone, polled: 304 while nothing on it has changed."""
    person = person_of(request)
    return _list(request, person, meeting_or_404(person, meeting_id))


@require_POST
def open_room(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Open the room, or find it open; either way go in."""
    meeting = meeting_or_404(person_of(request), meeting_id)
    if not meeting.is_live:
        open_meeting(meeting=meeting, by=person_of(request))
    return redirect("room", meeting.public_id)


@require_POST
def add_number(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """First line: an NHS number. Known: show who it is. Not known: ask for the rest."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    form = NumberForm(request.POST)
    if not form.is_valid():
        return _step(request, meeting, "number", {"form": form}, status=422)
    number = form.cleaned_data["nhs_number"]
    patient = look_up_patient(nhs_number=number, by=person_of(request))
    initial = {"nhs_number": number, "event_id": uuid4()}
    if patient is None:
        return _step(request, meeting, "patient", {"form": NewPatientForm(initial=initial)})
    return _step(request, meeting, "confirm", {"patient": patient})


@require_POST
def add_question(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The person shown is the one meant: ask for the question."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    patient = _patient_or_404(request)
    initial = {
        "nhs_number": patient.nhs_number,
        "birth_date": patient.birth_date,
        "event_id": uuid4(),
    }
    context = {"patient": patient, "form": KnownPatientForm(initial=initial)}
    return _step(request, meeting, "question", context)


@require_POST
def add_known(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """List a patient who was confirmed."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    form = KnownPatientForm(request.POST)
    return _add(request, meeting, form, "question", {"patient": _patient_or_404(request)})


@require_POST
def add_new(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Make a patient known and list them."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    return _add(request, meeting, NewPatientForm(request.POST), "patient", {})


@require_POST
def add_cancelled(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Back to the first line."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    return _step(request, meeting, "number", {"form": NumberForm()})


@require_GET
def case_studies(request: HttpRequest, case_id: str) -> HttpResponse:
    """What was found for a case, by trust, and what to do about it; polled while it is open."""
    return _studies(request, case_or_404(person_of(request), case_id))


@require_POST
def move_case(request: HttpRequest, case_id: str) -> HttpResponse:
    person = person_of(request)
    case = case_or_404(person, case_id)
    form = MoveForm(request.POST)
    if not form.is_valid():
        raise MdtError("A place on the list is a number.")
    services.move_case(case=case, by=person, **form.cleaned_data)
    return _list(request, person, case.meeting)


@require_POST
def remove_case(request: HttpRequest, case_id: str) -> HttpResponse:
    person = person_of(request)
    case = case_or_404(person, case_id)
    services.remove_case(case=case, by=person)
    return _list(request, person, case.meeting)


@require_POST
def search_again(request: HttpRequest, case_id: str) -> HttpResponse:
    case = case_or_404(person_of(request), case_id)
    services.search_again(case=case, by=person_of(request))
    return _studies(request, case_or_404(person_of(request), case_id))


@require_POST
def choose_study(request: HttpRequest, case_id: str, study_id: str) -> HttpResponse:
    person = person_of(request)
    found = found_study_or_404(person, case_id, study_id)
    case = case_or_404(person, case_id)
    services.choose_study(case=case, study=found.study, by=person, reason=_reason(request))
    return _studies(request, case)


@require_POST
def unchoose_study(request: HttpRequest, case_id: str, study_id: str) -> HttpResponse:
    person = person_of(request)
    found = found_study_or_404(person, case_id, study_id)
    case = case_or_404(person, case_id)
    services.unchoose_study(case=case, study=found.study, by=person, reason=_reason(request))
    return _studies(request, case)


@require_POST
def retry_study(request: HttpRequest, case_id: str, study_id: str) -> HttpResponse:
    person = person_of(request)
    found = found_study_or_404(person, case_id, study_id)
    case = case_or_404(person, case_id)
    services.retry_study(case=case, study=found.study, by=person)
    return _studies(request, case)


def _meeting_to_change_or_404(request: HttpRequest, meeting_id: str) -> Meeting:
    """The meeting, for whoever keeps its list. Members who do not are refused in words."""
    meeting = meeting_or_404(person_of(request), meeting_id)
    services.check_may_change_list(meeting=meeting, by=person_of(request))
    return meeting


def _patient_or_404(request: HttpRequest) -> Patient:
    """Who the hidden number names: it was looked up, and so put on record, a step before."""
    form = QuestionForm(request.POST)
    form.full_clean()
    patient = patient_with(form.cleaned_data.get("nhs_number", ""))
    if patient is None:
        raise Http404
    return patient


def _add(
    request: HttpRequest, meeting: Meeting, form: QuestionForm, step: str, context: dict[str, Any]
) -> HttpResponse:
    """List the case, or show the same form again with what is wrong: nothing typed is lost."""
    context = {**context, "form": form}
    if not form.is_valid():
        return _step(request, meeting, step, context, status=422)
    try:
        case = services.add_case(meeting=meeting, by=person_of(request), **form.cleaned_data)
    except MdtError as refusal:
        return _step(request, meeting, step, {**context, "refusal": refusal}, refusal.status)
    response = _step(request, meeting, "number", {"form": NumberForm(), "listed": case})
    response["HX-Trigger"] = "list-changed"
    return response


def _step(
    request: HttpRequest, meeting: Meeting, step: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    template = ADD.format(step=step)
    return render(request, template, {**context, "meeting": meeting}, status=status)


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    form.full_clean()
    return str(form.cleaned_data.get("reason", ""))


def _list(request: HttpRequest, person: Person, meeting: Meeting) -> HttpResponse:
    return fragment(request, LIST, _list_context(person, meeting))


def _list_context(person: Person, meeting: Meeting) -> dict[str, Any]:
    rows = rows_for(meeting, person)
    minutes = sum(row.case.planned_minutes for row in rows)
    return {
        "meeting": meeting,
        "rows": rows,
        "light": meeting_light(row.light for row in rows if row.light),
        "minutes": minutes,
        "ends_at": meeting.starts_at + timedelta(minutes=minutes),
        "may_keep_list": may_keep_list(person, meeting),
        "may_open_room": may_open_room(person, meeting),
        "number_form": NumberForm(),
        "section": "meetings",
    }


def _studies(request: HttpRequest, case: ListedCase) -> HttpResponse:
    row = row_of(case)
    context = {
        "row": row,
        "case": row.case,
        "may_keep_list": may_keep_list(person_of(request), case.meeting),
    }
    return fragment(request, STUDIES, context)
