"""Pages of attendance: who is here, the code on the screen, checking in by phone."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import MdtError, NotAllowed
from mdt.meetings import attendance, check_in
from mdt.meetings.access_queries import meeting_or_404
from mdt.meetings.attendance_queries import (
    attendance_of,
    here_of,
    may_take_attendance,
    quorum_in,
)
from mdt.meetings.forms import CodeForm, TickForm
from mdt.meetings.fragments import fragment, rendered
from mdt.meetings.models import Meeting
from mdt.meetings.offers import may_open_room
from mdt.members import Person

ROWS, CODE = "meetings/_attendance_rows.html", "meetings/_check_in_code.html"


@require_GET
def attendance_page(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Everybody of the team and whether they are here; who may ticks whom they see."""
    person = person_of(request)
    meeting = meeting_or_404(person, meeting_id)
    context = _context(person, meeting)
    context["rows_shown"], context["etag"] = rendered(request, ROWS, context)
    return render(request, "meetings/attendance.html", context)


@require_GET
def attendance_rows(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The rows alone, polled: 304 while nobody came or went."""
    person = person_of(request)
    return fragment(request, ROWS, _context(person, meeting_or_404(person, meeting_id)))


@require_POST
def tick(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """One person is here, or no longer; the form says which, so that sending it twice is once."""
    by = person_of(request)
    meeting = meeting_or_404(by, meeting_id)
    form = TickForm(request.POST)
    if not form.is_valid():
        raise MdtError("Say who, and whether they are here.")
    act = attendance.tick if form.cleaned_data["is_here"] == "yes" else attendance.untick
    act(meeting=meeting, person=_person_or_404(meeting, form.cleaned_data["person"]), by=by)
    return fragment(request, ROWS, _context(by, meeting))


@require_GET
def code_page(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The code for the wall screen. That it was shown, and by whom, is on record."""
    meeting = _meeting_to_take_or_404(request, meeting_id)
    record(AuditEvent.Action.CHECK_IN_CODE_SHOWN, by=person_of(request), target=meeting)
    context = _code_context(request, meeting)
    context["code_shown"], context["etag"] = rendered(request, CODE, context)
    return render(request, "meetings/check_in_code.html", context)


@require_GET
def code_now(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The code alone, polled: 304 while it is the same and nobody came or went."""
    meeting = _meeting_to_take_or_404(request, meeting_id)
    return fragment(request, CODE, _code_context(request, meeting))


@require_http_methods(["GET", "HEAD", "POST"])
def check_in_page(request: HttpRequest) -> HttpResponse:
    """Type the code, be present. The same page says where one is present already."""
    if request.method != "POST":
        return _check_in(request, CodeForm())
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _check_in(request, form, status=422)
    try:
        check_in.check_in(code=form.cleaned_data["code"], by=person_of(request))
    except MdtError as refusal:
        return _check_in(request, CodeForm(), refusal, refusal.status)
    return redirect("check-in")


@require_POST
def check_out(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Say that one leaves the room."""
    person = person_of(request)
    check_in.check_out(meeting=meeting_or_404(person, meeting_id), by=person)
    return redirect("check-in")


def _context(person: Person, meeting: Meeting) -> dict[str, Any]:
    rows = attendance_of(meeting)
    return {
        "meeting": meeting,
        "rows": rows,
        "here": sum(row.is_here for row in rows),
        "quorum": quorum_in(meeting),
        "may_tick": meeting.is_live and may_take_attendance(person, meeting),
        "may_open_room": may_open_room(person, meeting),
        "section": "meetings",
    }


def _code_context(request: HttpRequest, meeting: Meeting) -> dict[str, Any]:
    now = timezone.now()
    code = check_in.code_of(meeting, now)
    return {
        "meeting": meeting,
        "code": f"{code[:3]} {code[3:]}" if meeting.is_live else "",
        "changes_at": check_in.changes_at(now),
        "here": sum(row.is_here for row in attendance_of(meeting)),
        "quorum": quorum_in(meeting),
        "host": request.get_host(),
    }


def _meeting_to_take_or_404(request: HttpRequest, meeting_id: str) -> Meeting:
    """The meeting, for whoever takes its attendance. Other members are refused in words."""
    meeting = meeting_or_404(person_of(request), meeting_id)
    if not may_take_attendance(person_of(request), meeting):
        raise NotAllowed("The check-in code is shown by those who take the attendance.")
    return meeting


def _person_or_404(meeting: Meeting, person_id: str) -> Person:
    """Somebody on the page of this meeting."""
    for row in attendance_of(meeting):
        if row.person.public_id == person_id:
            return row.person
    raise Http404


def _check_in(
    request: HttpRequest, form: CodeForm, refusal: MdtError | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "refusal": refusal,
        "here": here_of(person_of(request)),
        "section": "meetings",
    }
    return render(request, "meetings/check_in.html", context, status=status)
