from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mdt.api import person_of
from mdt.meetings.access_queries import meeting_or_404
from mdt.meetings.attendance_queries import may_take_attendance


@require_GET
def room(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The live room's page. It carries no patient: the page loads that itself."""
    meeting = meeting_or_404(person_of(request), meeting_id)
    may_take = may_take_attendance(person_of(request), meeting)
    context = {"meeting": meeting, "may_take_attendance": may_take}
    return render(request, "live/room.html", context)
