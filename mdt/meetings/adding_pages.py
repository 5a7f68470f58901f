"""Adding a case, step by step: a number, who it is, the question. Parse, look up, call, answer."""

from typing import Any
from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from mdt.api import person_of
from mdt.errors import MdtError
from mdt.meetings import services
from mdt.meetings.access_queries import meeting_or_404
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.put_right import learn_local_number
from mdt.referrals.forms import (
    KnownPatientForm,
    LocalNumberForm,
    NewPatientForm,
    NumberForm,
    QuestionForm,
    WhoForm,
)
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient
from mdt.referrals.queries import patient_with
from mdt.referrals.services import look_at_patient, look_up_patient

STEP = "meetings/_add_{step}.html"


@require_POST
def add_number(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """First line: an NHS number. Known: show who it is. Not known: ask for the rest."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    form = NumberForm(request.POST)
    if not form.is_valid():
        return _step(request, meeting, "number", {"form": form}, status=422)
    return _who_it_is(request, meeting, form.cleaned_data["nhs_number"])


@require_POST
def add_without_number(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """There is no NHS number: ask for a trust's own."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    return _step(request, meeting, "local", {"form": LocalNumberForm()})


@require_POST
def add_local_number(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The first line without an NHS number; then as with one."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    form = LocalNumberForm(request.POST)
    if not form.is_valid():
        return _step(request, meeting, "local", {"form": form}, status=422)
    return _who_it_is(request, meeting, "", form.local)


@require_POST
def add_question(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """The person shown is the one meant: ask for the question."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    form = WhoForm(request.POST)
    patient = _patient_or_404(request, form)
    initial = _named_by(**form.who) | {"birth_date": patient.birth_date}
    context = {"patient": patient, "form": KnownPatientForm(initial=initial)}
    return _step(request, meeting, "question", context)


@require_POST
def add_known(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """List a patient who was confirmed."""
    meeting = _meeting_to_change_or_404(request, meeting_id)
    form = KnownPatientForm(request.POST)
    return _add(request, meeting, form, "question", {"patient": _patient_or_404(request, form)})


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


def _meeting_to_change_or_404(request: HttpRequest, meeting_id: str) -> Meeting:
    """The meeting, for whoever keeps its list. Members who do not are refused in words."""
    meeting = meeting_or_404(person_of(request), meeting_id)
    services.check_may_change_list(meeting=meeting, by=person_of(request))
    return meeting


def _who_it_is(
    request: HttpRequest, meeting: Meeting, nhs_number: str, local: LocalNumber | None = None
) -> HttpResponse:
    """Somebody asked by a number: who is known by it is to be confirmed, the others made known."""
    patient = look_up_patient(nhs_number=nhs_number, local=local, by=person_of(request))
    initial = _named_by(nhs_number, local)
    if patient is None:
        return _step(request, meeting, "patient", {"form": NewPatientForm(initial=initial)})
    context = {"patient": patient, "form": WhoForm(initial=initial)}
    return _step(request, meeting, "confirm", context)


def _named_by(nhs_number: str, local: LocalNumber | None) -> dict[str, Any]:
    """What the next step's form carries of the number that was typed."""
    typed: dict[str, Any] = {"nhs_number": nhs_number, "event_id": uuid4()}
    if not nhs_number and local:
        typed |= {"trust": local.trust, "local_number": local.value}
    return typed


def _patient_or_404(request: HttpRequest, form: WhoForm) -> Patient:
    """Who the hidden number names. Nobody is shown by it who is not on record as looked at."""
    form.full_clean()
    patient = look_at_patient(**form.who, by=person_of(request))
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
        case = _listed(request, meeting, form)
    except MdtError as refusal:  # it says that somebody is known by this number
        look_at_patient(**form.who, by=person_of(request))
        return _step(request, meeting, step, {**context, "refusal": refusal}, refusal.status)
    response = _step(request, meeting, "number", {"form": NumberForm(), "listed": case})
    response["HX-Trigger"] = "list-changed"
    return response


def _listed(request: HttpRequest, meeting: Meeting, form: QuestionForm) -> ListedCase:
    """What is learnt of somebody who is known comes first: the case's search asks with it."""
    by, typed = person_of(request), form.cleaned_data
    known = patient_with(**form.who) if typed["nhs_number"] and typed["local"] else None
    if known:
        learn_local_number(
            meeting=meeting,
            patient=known,
            birth_date=typed["birth_date"],
            local=typed["local"],
            by=by,
        )
    return services.add_case(meeting=meeting, by=by, **typed)


def _step(
    request: HttpRequest, meeting: Meeting, step: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    template = STEP.format(step=step)
    return render(request, template, {**context, "meeting": meeting}, status=status)
