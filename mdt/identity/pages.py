"""Pages of identity: the imaging team's queue, one doubtful study, a patient put right."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from mdt import access
from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, MdtError, WrongState
from mdt.identity import services
from mdt.identity.forms import DecisionForm, ObjectionForm
from mdt.identity.queries import Waiting, doubtful, is_waiting, queue_or_404, waiting_or_404
from mdt.identity.report_queries import reports_waiting
from mdt.meetings.access_queries import case_or_404, objected_in
from mdt.meetings.checks import check_role
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.referrals.forms import CorrectionForm
from mdt.referrals.queries import facts_of, version_of
from mdt.teams.queries import trusts_by_code

Action = AuditEvent.Action
QUEUE = "identity"
SOUGHT_ANEW = " Every study is checked anew, the archives are asked."


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What waits for the imaging teams somebody is in. Names and numbers are a page further."""
    person = person_of(request)
    context: dict[str, Any] = {"queue": queue_or_404(person), "section": "identity"}
    context["reports"] = reports_waiting(person)
    return render(request, "identity/queue.html", context)


@require_GET
def study(request: HttpRequest, study_id: str) -> HttpResponse:
    """Who was sought beside who the headers name. That it was seen is on record."""
    person = person_of(request)
    return _study(request, person, waiting_or_404(person, study_id))


@require_POST
def decide(request: HttpRequest, study_id: str) -> HttpResponse:
    """Keep a decision. What is wrong with the form comes back with all that was typed.

    What has changed meanwhile is to be looked at, and decided, anew.
    """
    person = person_of(request)
    waiting = waiting_or_404(person, study_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _study(request, person, waiting, form, status=422)
    try:
        services.decide(study=waiting.study, by=person, **form.cleaned_data)
    except (Conflict, WrongState) as refusal:
        messages.error(request, refusal.message)
        if is_waiting(person, study_id):
            return redirect("identity-study", study_id)
        return redirect(QUEUE)
    messages.success(request, "Your decision is kept. The case's team sees it now.")
    return redirect(QUEUE)


@require_GET
def patient(request: HttpRequest, case_id: str) -> HttpResponse:
    """Who a case's patient is, to be put right."""
    case = _case_to_correct_or_404(request, case_id)
    record(Action.CASE_VIEWED, by=person_of(request), target=case, page="patient")
    return _patient(request, case, _correction_of(case))


@require_POST
def correct_patient(request: HttpRequest, case_id: str) -> HttpResponse:
    """Put right who a case's patient is. A refusal brings back all that was typed."""
    case = _case_to_correct_or_404(request, case_id)
    form = CorrectionForm(request.POST, known=case.referral.patient.all_local_numbers)
    if not form.is_valid():
        return _patient(request, case, form, status=422)
    try:
        by = person_of(request)
        changed = services.correct_patient(case=case, by=by, **form.cleaned_data)
    except MdtError as refusal:
        return _patient(request, case, form, refusal, refusal.status)
    if changed:
        anew = "" if changed == ["is_deceased"] else SOUGHT_ANEW
        messages.success(request, f"Corrected.{anew}")
    return redirect("meeting", case.meeting.public_id)


@require_POST
def object_to_sharing(request: HttpRequest, case_id: str) -> HttpResponse:
    """Write down that the patient objects to a trust's studies and reports being shared."""
    case = _case_to_correct_or_404(request, case_id)
    form = _objection_form(case, request.POST)
    if not form.is_valid():
        return _patient(request, case, _correction_of(case), status=422, objection=form)
    trust = form.cleaned_data["trust"]
    services.record_objection(case=case, trust_ods_code=trust, by=person_of(request))
    messages.success(request, "Kept. This trust's studies and reports are withheld from now on.")
    return redirect("meeting", case.meeting.public_id)


def _case_to_correct_or_404(request: HttpRequest, case_id: str) -> ListedCase:
    """The case, for whoever keeps its list. Members who do not are refused in words."""
    case = case_or_404(person_of(request), case_id)
    check_role(case.meeting, person_of(request), access.MAY_KEEP_LIST)
    return case


def _correction_of(case: ListedCase) -> CorrectionForm:
    """The form with the patient as on record."""
    known = case.referral.patient
    initial = facts_of(known) | {"birth_date": known.birth_date.strftime("%d %m %Y")}
    initial["if_version"] = version_of(known)
    return CorrectionForm(initial=initial, known=initial.pop("local_numbers"))


def _objection_form(case: ListedCase, data: Any = None) -> ObjectionForm:
    """For each trust that is not objected to yet."""
    objected = objected_in(case.referral)
    trusts = [(code, str(trust)) for code, trust in trusts_by_code().items()]
    return ObjectionForm(data, trusts=[one for one in trusts if one[0] not in objected])


def _study(
    request: HttpRequest,
    person: Person,
    waiting: Waiting,
    form: DecisionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """On record before anything is shown. Without a header that is kept there is no form."""
    record(Action.IDENTITY_VIEWED, by=person, target=waiting.study)
    doubt = doubtful(waiting)
    if doubt.claims:
        form = form or DecisionForm(initial={"seen": doubt.seen})
    context = {"doubt": doubt, "waiting": waiting, "form": form, "section": "identity"}
    context |= {"what": "study", "ods_code": waiting.study.trust_ods_code}
    context["decide"] = reverse("identity-decide", args=[waiting.study.public_id])
    return render(request, "identity/study.html", context, status=status)


def _patient(
    request: HttpRequest,
    case: ListedCase,
    form: CorrectionForm,
    refusal: MdtError | None = None,
    status: int = 200,
    objection: ObjectionForm | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"case": case, "form": form, "refusal": refusal}
    context["section"] = "meetings"
    context["objection"] = objection or _objection_form(case)
    context["objected"] = [trusts_by_code().get(o, o) for o in sorted(objected_in(case.referral))]
    return render(request, "identity/patient.html", context, status=status)
