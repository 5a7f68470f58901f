"""Pages of identity: one report of which only a person can say whose it is."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, WrongState
from mdt.identity import services
from mdt.identity.forms import ReportDecisionForm
from mdt.identity.report_queries import WaitingReport, waiting_report_or_404
from mdt.members import Person

QUEUE = "identity"


@require_GET
def report(request: HttpRequest, report_id: str) -> HttpResponse:
    """Who is sought beside who the sender names. That it was seen is on record."""
    person = person_of(request)
    return _report(request, person, waiting_report_or_404(person, report_id))


@require_POST
def decide_report(request: HttpRequest, report_id: str) -> HttpResponse:
    """Keep a decision. What is wrong with the form comes back with all that was typed.

    What has changed meanwhile is to be looked at, and decided, anew: it is in the queue.
    """
    person = person_of(request)
    waiting = waiting_report_or_404(person, report_id)
    form = ReportDecisionForm(request.POST)
    if not form.is_valid():
        return _report(request, person, waiting, form, status=422)
    try:
        services.decide_report(
            unmatched=waiting.unmatched, patient=waiting.patient, by=person, **form.cleaned_data
        )
    except (Conflict, WrongState) as refusal:
        messages.error(request, refusal.message)
        return redirect(QUEUE)
    messages.success(request, "Your decision is kept. The case's team sees it now.")
    return redirect(QUEUE)


def _report(
    request: HttpRequest,
    person: Person,
    waiting: WaitingReport,
    form: ReportDecisionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """On record before anything is shown."""
    record(AuditEvent.Action.IDENTITY_VIEWED, by=person, target=waiting.unmatched)
    form = form or ReportDecisionForm(initial={"seen": waiting.seen})
    context = {"waiting": waiting, "form": form, "section": "identity", "what": "report"}
    context["ods_code"] = waiting.unmatched.source.trust_ods_code
    context["decide"] = reverse("identity-decide-report", args=[waiting.unmatched.public_id])
    return render(request, "identity/report.html", context, status=status)
