"""The page that plans a meeting. Parse, call, answer."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from mdt.api import person_of
from mdt.errors import MdtError
from mdt.meetings.planning import plan_meeting
from mdt.meetings.planning_forms import MeetingForm
from mdt.members import Person
from mdt.teams.queries import teams_kept_by


@require_GET
def plan_page(request: HttpRequest) -> HttpResponse:
    """For who keeps a team's list; everybody else finds nothing here, nor below."""
    return _page(request, MeetingForm(by=_planner_or_404(request)))


@require_POST
def plan(request: HttpRequest) -> HttpResponse:
    by = _planner_or_404(request)
    form = MeetingForm(request.POST, by=by)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        meeting = plan_meeting(
            team=form.cleaned_data["team"],
            starts_at=form.starts_at,
            minutes=form.cleaned_data["minutes"],
            by=by,
        )
    except MdtError as refusal:
        return _page(request, form, refusal, status=refusal.status)
    return redirect("meeting", meeting.public_id)


def _planner_or_404(request: HttpRequest) -> Person:
    person = person_of(request)
    if not teams_kept_by(person, timezone.localdate()).exists():
        raise Http404
    return person


def _page(
    request: HttpRequest, form: MeetingForm, refusal: MdtError | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "refusal": refusal, "section": "meetings"}
    return render(request, "meetings/plan.html", context, status=status)
