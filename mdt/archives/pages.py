"""Pages of whoever looks after archives: how they are, adding, changing, pausing, testing them."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from imaging.archives import probe
from imaging.archives.probe import Result, Step, Verdict
from imaging.models import Archive
from mdt.api import person_of
from mdt.archives import services
from mdt.archives.forms import FORMS, KIND_WORDS, ArchiveForm, PauseForm, TestForm
from mdt.archives.queries import (
    archive_or_404,
    card_of,
    cards_of,
    trusts_of_administrator_or_404,
)
from mdt.meetings.fragments import fragment, rendered

CARDS, CARD, FORM = "archives/_cards.html", "archives/_card.html", "archives/_form.html"
STEP, TESTING = "archives/_test_step.html", "archives/_test.html"
TITLES = {
    Step.NETWORK: "Address and network",
    Step.TLS: "TLS",
    Step.LIFE: "Sign of life",
    Step.QUERY: "Search",
    Step.SCP: "Our Storage SCP",
    Step.RETRIEVE: "Retrieve",
}
#: With one of these wrong the next steps would only say the same again.
NEEDED = frozenset({Step.NETWORK, Step.TLS, Step.LIFE})
NOBODY_TO_TRY = "archive.no_test_patient"


@require_GET
def archives(request: HttpRequest) -> HttpResponse:
    """All the archives of the trusts a person looks after."""
    person = person_of(request)
    trusts_of_administrator_or_404(person)
    context: dict[str, Any] = {"cards": cards_of(person), "kinds": KIND_WORDS.items()}
    context["cards_shown"], context["etag"] = rendered(request, CARDS, context)
    return render(request, "archives/archives.html", context | SECTION)


@require_GET
def cards(request: HttpRequest) -> HttpResponse:
    """The dashboard alone, polled: 304 while nothing on it has changed."""
    person = person_of(request)
    trusts_of_administrator_or_404(person)
    return fragment(request, CARDS, {"cards": cards_of(person)})


@require_GET
def archive(request: HttpRequest, archive_id: str) -> HttpResponse:
    """One archive: how it is, what it said last, and what can be done about it."""
    found = archive_or_404(person_of(request), archive_id)
    context: dict[str, Any] = {
        "archive": found,
        "card": card_of(found),
        "pause_form": PauseForm(),
        "test_form": TestForm(auto_id="%s"),
    }
    context["card_shown"], context["etag"] = rendered(request, CARD, context)
    return render(request, "archives/archive.html", context | SECTION)


@require_GET
def card(request: HttpRequest, archive_id: str) -> HttpResponse:
    """One archive's part of the dashboard, polled."""
    found = archive_or_404(person_of(request), archive_id)
    return fragment(request, CARD, {"card": card_of(found), "archive": found})


@require_GET
def new_archive(request: HttpRequest, kind: str) -> HttpResponse:
    """The empty form of one kind."""
    return _form_page(request, _form(request, kind, None))


@require_POST
def add_archive(request: HttpRequest, kind: str) -> HttpResponse:
    form = _form(request, kind, None)
    if not form.is_valid():
        return _form_again(request, form)
    added = services.add_archive(kind=kind, by=person_of(request), **form.cleaned_data)
    messages.info(request, "Added, and paused. Test it, then let it be asked.")
    return _go_to(added)


@require_GET
def change_page(request: HttpRequest, archive_id: str) -> HttpResponse:
    """The form with what is known, but for what is secret."""
    found = archive_or_404(person_of(request), archive_id)
    return _form_page(request, _form(request, found.kind, found))


@require_POST
def save_archive(request: HttpRequest, archive_id: str) -> HttpResponse:
    found = archive_or_404(person_of(request), archive_id)
    form = _form(request, found.kind, found)
    if not form.is_valid():
        return _form_again(request, form)
    person = person_of(request)
    if services.change_archive(archive=found, by=person, **form.cleaned_data):
        messages.info(request, "Saved. Its address has changed: test it.")
    else:
        messages.info(request, "Saved.")
    return _go_to(found)


@require_POST
def pause(request: HttpRequest, archive_id: str) -> HttpResponse:
    found = archive_or_404(person_of(request), archive_id)
    form = PauseForm(request.POST)
    if not form.is_valid():
        context = {"archive": found, "pause_form": form}
        return render(request, "archives/_pause.html", context, status=422)
    services.pause(archive=found, by=person_of(request), **form.cleaned_data)
    return _go_to(found)


@require_POST
def resume(request: HttpRequest, archive_id: str) -> HttpResponse:
    found = archive_or_404(person_of(request), archive_id)
    services.resume(archive=found, by=person_of(request))
    return redirect("archive", found.public_id)


@require_POST
def ask_again(request: HttpRequest, archive_id: str) -> HttpResponse:
    found = archive_or_404(person_of(request), archive_id)
    services.ask_again(archive=found, by=person_of(request))
    return redirect("archive", found.public_id)


@require_POST
def test(request: HttpRequest, archive_id: str) -> HttpResponse:
    """Begin: the page then asks for one step after another, each a request of seconds."""
    found = archive_or_404(person_of(request), archive_id)
    form = TestForm(request.POST, auto_id="%s")
    if not form.is_valid():
        context = {"archive": found, "test_form": form}
        return render(request, TESTING, context, status=422)
    steps = probe.steps_of(found)
    context = {"archive": found, "test_form": form, "next": _next(found, steps[0])}
    return render(request, TESTING, context)


@require_POST
def test_step(request: HttpRequest, archive_id: str, step: str) -> HttpResponse:
    """Carry out one step and say how it went. Nothing of what came is kept."""
    found = archive_or_404(person_of(request), archive_id)
    steps = probe.steps_of(found)
    if step not in steps:
        raise Http404
    form = TestForm(request.POST)
    number = form.cleaned_data["test_number"] if form.is_valid() else ""
    result = probe.run(found, Step(step), number)
    services.note_test(archive=found, by=person_of(request), result=result)
    context = {"archive": found, "result": result, "title": TITLES[result.step]}
    return render(request, STEP, context | _after(found, steps, result))


def _after(found: Archive, steps: list[Step], result: Result) -> dict[str, Any]:
    """The step to go on with, or that the rest was not tried."""
    rest = steps[steps.index(result.step) + 1 :]
    if not rest:
        return {"is_over": True}
    is_needed = result.step in NEEDED or result.code == NOBODY_TO_TRY
    if result.verdict == Verdict.FAILED and is_needed:
        return {"not_tried": [TITLES[step] for step in rest]}
    return {"next": _next(found, rest[0])}


def _next(found: Archive, step: Step) -> dict[str, str]:
    url = reverse("archive-test-step", args=[found.public_id, step])
    return {"url": url, "title": TITLES[step]}


def _form(request: HttpRequest, kind: str, found: Archive | None) -> ArchiveForm:
    """404 to who looks after no archive, and for a kind there is none of."""
    trusts = trusts_of_administrator_or_404(person_of(request))
    if kind not in FORMS:
        raise Http404
    data = request.POST if request.method == "POST" else None
    return FORMS[kind](data, archive=found, trusts=trusts)


def _form_page(request: HttpRequest, form: ArchiveForm) -> HttpResponse:
    return render(request, "archives/form.html", _form_context(form))


def _form_again(request: HttpRequest, form: ArchiveForm) -> HttpResponse:
    """The same with what is wrong: nothing typed is lost but secrets."""
    return render(request, FORM, _form_context(form), status=422)


def _form_context(form: ArchiveForm) -> dict[str, Any]:
    kind = next(kind for kind, made in FORMS.items() if type(form) is made)
    named = {"kind": kind, "kind_words": Archive.Kind(kind).label}
    return {"form": form, "archive": form.archive, **named} | SECTION


def _go_to(found: Archive) -> HttpResponse:
    """For htmx: a page of its own."""
    return HttpResponse(headers={"HX-Redirect": reverse("archive", args=[found.public_id])})


SECTION = {"section": "archives"}
