"""Who is named in a case's referral, found by name. Parse, look up, call, answer."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from mdt import access
from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record_once_a_day
from mdt.errors import MdtError
from mdt.meetings.access_queries import case_or_404, meeting_or_404
from mdt.meetings.checks import check_role
from mdt.meetings.models import ListedCase
from mdt.meetings.people import name_people, version_of
from mdt.referrals.people_forms import ROLES, NamingForm, described
from mdt.teams.queries import people_called


@require_POST
def find_people(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Options to choose one person from. The name is posted: addresses end up in logs."""
    meeting = meeting_or_404(person_of(request), meeting_id)
    check_role(meeting, person_of(request), access.MAY_KEEP_LIST)
    typed = "".join(request.POST.get(f"find_{role}", "") for role in ROLES)  # of one box at a time
    found = [(one.public_id, described(one)) for one in people_called(typed)]
    return render(request, "meetings/_people_found.html", {"found": found, "typed": typed.strip()})


@require_GET
def case_people(request: HttpRequest, case_id: str) -> HttpResponse:
    """Who is named, and whether they alone may see the case."""
    case = _case_to_keep_or_404(request, case_id)
    record_once_a_day(AuditEvent.Action.CASE_VIEWED, by=person_of(request), target=case)
    return _page(request, case, _form_of(case))


@require_POST
def save_people(request: HttpRequest, case_id: str) -> HttpResponse:
    case = _case_to_keep_or_404(request, case_id)
    form = NamingForm(request.POST)
    if not form.is_valid():
        return _page(request, case, form, status=422)
    try:
        name_people(case=case, by=person_of(request), **form.cleaned_data)
    except MdtError as refusal:
        return _page(request, case, form, refusal, refusal.status)
    return redirect("meeting", case.meeting.public_id)


def _case_to_keep_or_404(request: HttpRequest, case_id: str) -> ListedCase:
    """The case, for whoever keeps its list. Members who do not are refused in words."""
    case = case_or_404(person_of(request), case_id)
    check_role(case.meeting, person_of(request), access.MAY_KEEP_LIST)
    return case


def _form_of(case: ListedCase) -> NamingForm:
    named = {role: getattr(case.referral, role) for role in ROLES}
    initial: dict[str, Any] = {role: one.public_id for role, one in named.items() if one}
    initial |= {"is_restricted": case.is_restricted}
    return NamingForm(initial=initial | {"if_version": version_of(case.referral, case)})


def _page(
    request: HttpRequest,
    case: ListedCase,
    form: NamingForm,
    refusal: MdtError | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "case": case,
        "meeting": case.meeting,
        "patient": case.referral.patient,
    }
    context |= {"form": form, "refusal": refusal, "section": "meetings"}
    return render(request, "meetings/people.html", context, status=status)
