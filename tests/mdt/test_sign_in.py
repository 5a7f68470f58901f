"""In and out: on record, under a new key, back only to pages of our own; the demo's short cut."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.http import HttpRequest
from django.urls import reverse

from imaging.models import Revocation
from mdt.audit.models import AuditEvent
from mdt.errors import MdtError
from mdt.sign_in import services
from mdt.sign_in.services import MAX_TRIES
from tests.factories import MembershipFactory, PersonFactory

pytestmark = pytest.mark.django_db
URL = "/sign-in"


@pytest.fixture
def person(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    person = PersonFactory(username="osei", title="Dr", first_name="Ruth", last_name="Osei")
    person.set_password("right")
    person.save()
    return person


def sign_in(client, **typed):
    return client.post(URL, {"username": "osei", "password": "right", **typed})


def last_event():
    return AuditEvent.objects.order_by("-pk").first()


def test_who_signs_in_is_home_and_on_record(client, person):
    response = sign_in(client)
    assert (response.status_code, response.url) == (302, reverse("home"))
    event = last_event()
    assert (event.action, event.by, event.detail) == (
        "session.signed-in",
        person.public_id,
        {"way": "password"},
    )


def test_signing_in_begins_a_new_session(client, person):
    client.get(URL)
    session = client.session
    session["kept"] = "no"
    session.save()
    before = session.session_key
    sign_in(client)
    assert client.session.session_key != before
    assert not client.session.exists(before)


def test_a_wrong_password_is_refused_in_words_and_on_record(client, person):
    response = sign_in(client, password="wrong")
    assert response.status_code == 401
    assert "sign_in.wrong" in response.content.decode()
    assert 'value="osei"' in response.content.decode()
    assert "wrong</" not in response.content.decode().replace("sign_in.wrong", "")
    event = last_event()
    assert (event.action, event.by) == ("session.refused", "")
    assert event.target == f"mdt.Person:{person.public_id}"
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(("is_demo", "status"), [(True, 302), (False, 401)])
def test_the_demos_password_opens_nothing_outside_the_demo(
    is_demo, status, client, person, settings
):
    settings.DEMO = is_demo
    person.set_password(settings.DEMO_PASSWORD)
    person.save()
    assert sign_in(client, password=settings.DEMO_PASSWORD).status_code == status
    assert ("_auth_user_id" in client.session) is is_demo


def test_a_name_nobody_has_is_refused_alike(client, person):
    known = sign_in(client, password="wrong").content.decode()
    unknown = client.post(URL, {"username": "nobody", "password": "wrong"}).content.decode()
    assert "sign_in.wrong" in unknown
    assert "User name and password do not fit together." in known
    assert last_event().target == ""


def test_after_too_many_tries_even_the_right_password_waits(client, person):
    for _ in range(MAX_TRIES):
        assert sign_in(client, password="wrong").status_code == 401
    response = sign_in(client)
    assert response.status_code == 429
    assert "sign_in.too_many_tries" in response.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db(transaction=True)
def test_of_many_tries_at_once_no_more_are_taken_than_one_after_the_other(person, monkeypatch):
    """Each password is looked at before any refusal is on record."""
    tries = MAX_TRIES + 2
    together = Barrier(tries)

    def authenticate(request, **typed):
        together.wait(20)

    monkeypatch.setattr(services, "authenticate", authenticate)

    def attempt(_):
        try:
            services.sign_in(HttpRequest(), username="osei", password="wrong")
        except MdtError as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(tries) as pool:
        answers = Counter(pool.map(attempt, range(tries)))
    assert answers == {"sign_in.wrong": MAX_TRIES, "sign_in.too_many_tries": 2}
    assert AuditEvent.objects.filter(action="session.refused").count() == MAX_TRIES


def test_who_has_left_cannot_sign_in(client, person):
    person.is_active = False
    person.save()
    assert sign_in(client).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/meetings/abc", "/meetings/abc"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_one_is_sent_on_only_to_a_page_of_ours(wanted, goes_to, client, person):
    assert sign_in(client, next=wanted).url == goes_to


@pytest.mark.parametrize("missing", ["username", "password"])
def test_an_empty_field_is_named(missing, client, person):
    typed = {"username": "osei", "password": "right"} | {missing: ""}
    response = client.post(URL, typed)
    assert response.status_code == 422
    assert "Type your" in response.content.decode()


def test_signing_out_leaves_nothing_in_the_browser(client, person, published):
    client.force_login(person)
    before = client.session.session_key
    response = client.post("/sign-out")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert response.url == URL
    assert not client.session.exists(before)
    assert last_event().action == "session.signed-out"
    assert Revocation.objects.get().person == person.public_id


def test_signing_out_closes_the_rooms_of_the_session(
    client, person, monkeypatch, django_capture_on_commit_callbacks
):
    revoked = []
    monkeypatch.setattr("mdt.live.hub.revoke", revoked.append)
    client.force_login(person)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/sign-out")
    assert revoked == [person.public_id]


def test_signing_out_needs_a_form_of_ours(person):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    response = strict.post("/sign-out")
    assert response.status_code == 403
    assert "mdt.old_page" in response.content.decode()
    assert "_auth_user_id" in strict.session


def test_a_fragment_that_meets_the_way_in_loads_its_page_again(client):
    response = client.get(URL, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (204, "true")


def test_in_the_demo_anybody_may_be_anybody(client, settings):
    settings.DEMO = True
    member = MembershipFactory(person__last_name="Osei", role="chair")
    page = client.get("/sign-in/people").content.decode()
    assert "Chair, Surgery, Neuro-oncology" in page
    response = client.post(
        "/sign-in/as", {"person": member.person.public_id, "next": "/meetings/a"}
    )
    assert response.url == "/meetings/a"
    assert last_event().detail == {"way": "demo"}
    assert client.session["_auth_user_id"] == str(member.person.pk)


@pytest.mark.parametrize("person_id", ["", "nobody", "a b", "\x00"])
def test_the_demo_knows_only_its_own_people(person_id, client, settings):
    settings.DEMO = True
    assert client.post("/sign-in/as", {"person": person_id}).status_code == 404


def test_outside_the_demo_there_is_no_such_page(client, person):
    assert client.get("/sign-in/people").status_code == 404
    assert client.post("/sign-in/as", {"person": person.public_id}).status_code == 404
    assert "_auth_user_id" not in client.session
    assert "sign-in/people" not in client.get(URL).content.decode()
