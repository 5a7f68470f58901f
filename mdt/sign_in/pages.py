"""Signing in and out. In the demo, also as anybody."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mdt.api import person_of
from mdt.errors import MdtError
from mdt.members import Person
from mdt.sign_in import services
from mdt.sign_in.forms import SignInForm
from mdt.sign_in.queries import people_with_roles


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The way in. A fragment that meets it reloads its page, which then comes here whole."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    if request.method != "POST":
        return _page(request, {"form": SignInForm()})
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _page(request, {"form": form}, status=422)
    try:
        services.sign_in(request, **form.cleaned_data)
    except MdtError as refusal:
        return _page(request, {"form": form, "refusal": refusal}, status=refusal.status)
    return HttpResponseRedirect(_next(request))


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Out, leaving nothing behind in the browser: pictures, codes, typed words."""
    if request.user.is_authenticated:
        services.sign_out(request, by=person_of(request))
    response = redirect("sign-in")
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@login_not_required
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """The demo's people, to be tried one by one."""
    _check_is_demo()
    context = {"people": people_with_roles(), "next": _next(request)}
    return render(request, "sign_in/people.html", context)


@login_not_required
@require_POST
def sign_in_as(request: HttpRequest) -> HttpResponse:
    """The demo lets anybody be anybody."""
    _check_is_demo()
    person_id = request.POST.get("person", "")
    if not person_id.isalnum():
        raise Http404
    person = get_object_or_404(Person, public_id=person_id, is_active=True)
    services.begin_session(request, person=person, way="demo")
    return HttpResponseRedirect(_next(request))


def _check_is_demo() -> None:
    if not settings.DEMO:
        raise Http404


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    context = {**context, "next": _next(request)}
    return render(request, "sign_in/sign_in.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """Where somebody wanted to go: a page of ours, or home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else reverse("home")
