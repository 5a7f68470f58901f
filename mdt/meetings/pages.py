"""Pages of meetings: home, the list, found studies. Parse, look up, call, answer."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
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
from mdt.meetings.looked_for import why_these
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.my_meetings import meetings_of
from mdt.meetings.offers import may_fetch_again, may_keep_list, may_open_room
from mdt.meetings.queries import row_of, rows_for
from mdt.meetings.report_lamps import counted
from mdt.meetings.room import open_meeting
from mdt.members import Person
from mdt.referrals.forms import NumberForm
from mdt.teams.queries import teams_kept_by

LIST, STUDIES = "meetings/_list.html", "meetings/_studies.html"


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """A person's meetings: today, coming, past."""
    person = person_of(request)
    context = {
        "meetings": meetings_of(person),
        "may_plan": teams_kept_by(person, timezone.localdate()).exists(),
        "section": "meetings",
    }
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


@require_POST
def cancel_study(request: HttpRequest, case_id: str, study_id: str) -> HttpResponse:
    person = person_of(request)
    found = found_study_or_404(person, case_id, study_id)
    case = case_or_404(person, case_id)
    services.cancel_study(case=case, study=found.study, by=person)
    return _studies(request, case)


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
        "light": meeting_light({row.case.position: row.light for row in rows if row.light}),
        "report_lights": counted(row.lamps for row in rows if row.lamps),
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
        "why": why_these(row.case),
        "may_keep_list": may_keep_list(person_of(request), case.meeting),
        "may_fetch_again": may_fetch_again(person_of(request), case.meeting),
    }
    return fragment(request, STUDIES, context)
