"""What every answer carries, whatever it is."""

import json

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from rest_framework import exceptions

from mdt.api import drf_exception_handler
from mdt.errors import Conflict, MdtError
from mdt.middleware import HEADERS, POLICY, Refusals

pytestmark = pytest.mark.django_db
PAGES = ["/sign-in", "/livez", "/nowhere", "/static/css/site.css", "/static/js/room/protocol.js"]


@pytest.mark.parametrize("url", PAGES)
def test_every_answer_carries_the_headers_even_a_workers_script(url, client):
    response = client.get(url)
    assert response.status_code == (404 if url == "/nowhere" else 200)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    response.close()


def test_no_inline_script_or_style_is_allowed():
    assert "unsafe-inline" not in POLICY
    assert "'unsafe-eval'" not in POLICY
    assert "script-src 'self' 'wasm-unsafe-eval'" in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_forms_are_sent_with_their_origin():
    """With no-referrer a browser posts `Origin: null`, which the CSRF check refuses."""
    assert HEADERS["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(("secure", "expected"), [(True, True), (False, False)])
def test_a_secure_answer_asks_for_secure_ones_ever_after(secure, expected, client):
    response = client.get("/livez", secure=secure)
    assert response.has_header("Strict-Transport-Security") == expected


@pytest.mark.parametrize("url", ["/sign-in", "/nowhere"])
def test_what_is_about_people_is_kept_by_no_cache(url, client):
    assert client.get(url).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(("is_demo", "times"), [(True, 1), (False, 0)])
def test_the_demo_says_so_on_every_page(is_demo, times, client, settings):
    settings.DEMO = is_demo
    for url in ("/sign-in", "/nowhere"):
        assert client.get(url).content.decode().count("DEMO / TRAINING") == times


def test_a_page_that_is_not_here_says_so_with_a_code(client):
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert "mdt.not_found" in response.content.decode()


def test_a_failure_is_a_page_that_needs_no_request():
    assert "mdt.failed" in render_to_string("500.html")


def test_a_fragments_refusal_goes_where_the_page_keeps_its_refusals(chair):
    request = RequestFactory().post("/", headers={"HX-Request": "true"})
    request.user = chair
    response = Refusals(lambda _: None).process_exception(request, Conflict("Look again."))
    assert (response.status_code, response["HX-Retarget"]) == (409, "#refusal")
    assert b"mdt.conflict" in response.content


def test_what_is_no_refusal_is_left_to_django(chair):
    assert Refusals(lambda _: None).process_exception(RequestFactory().get("/"), KeyError()) is None


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Conflict("Look again."), 409, "mdt.conflict"),
        (MdtError("No."), 400, "mdt.error"),
        (exceptions.NotFound(), 404, "mdt.not_found"),
        (exceptions.NotAuthenticated(), 401, "mdt.sign_in"),
        (exceptions.MethodNotAllowed("GET"), 405, "mdt.bad_method"),
        (exceptions.ParseError(), 400, "mdt.not_understood"),
        (exceptions.ValidationError({"a": ["b"]}), 400, "mdt.invalid"),
        (exceptions.Throttled(), 429, "mdt.error"),
    ],
)
def test_every_refusal_of_the_api_is_a_code_and_a_message(refusal, status, code):
    response = drf_exception_handler(refusal, {})
    assert response.status_code == status
    assert response.data["code"] == code
    assert response.data["message"]
    json.dumps(response.data)


def test_a_failure_is_no_refusal():
    assert drf_exception_handler(KeyError(), {}) is None
