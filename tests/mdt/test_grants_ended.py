"""When a grant opens nothing: old, forged or revoked; and while the database is down."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event

import pytest
from django.core import signing
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from imaging import grants, revocations
from imaging.identity import Finding
from imaging.models import Revocation
from imaging.pull.doubt import withhold
from mdt.audit import grants as audited
from mdt.room_log import log
from tests.factories import SeriesFactory
from tests.mdt import grant_kit
from tests.mdt.grant_kit import FRAMES, ask, fetch, grant_for, read

pytestmark = pytest.mark.django_db
series, version, case = grant_kit.series, grant_kit.version, grant_kit.case  # fixtures
_nothing_remembered = grant_kit._nothing_remembered


# ---- grants that are none --------------------------------------------------------------


def test_a_grant_ends_after_a_minute(client, series, version, monkeypatch):
    grant = grant_for(series)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + grants.LIFETIME_S + 1)
    assert fetch(client, series, grant).status_code == 404
    assert read(client, series, grant).status_code == 404


@pytest.mark.parametrize("forge", [lambda g: "", lambda g: g + "x", lambda g: "e30:1:x"])
def test_a_forged_grant_opens_nothing(client, series, version, forge):
    forged = forge(grant_for(series))
    assert fetch(client, series, forged).status_code == 404
    assert read(client, series, forged).status_code == 404
    assert read(client, series, forged, 1).status_code == 404


def test_a_grant_for_one_series_opens_no_other(client, series, version):
    other = grant_for(SeriesFactory())
    answers = fetch(client, series, other), read(client, series, other)
    assert {answer.json()["code"] for answer in answers} == {"mdt.not_found"}
    assert {answer.status_code for answer in answers} == {404}


# ---- revocation ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "revoked",
    [{"person": "person"}, {"case": "case"}, {"person": "person", "case": "case"}, {}],
)
def test_a_revoked_grant_ends_within_two_seconds(client, series, monkeypatch, revoked):
    grant = grant_for(series)
    assert fetch(client, series, grant).status_code == 200
    revocations.revoke(**revoked or {"series": series.public_id})
    later = revocations.monotonic() + 2
    monkeypatch.setattr(revocations, "monotonic", lambda: later)
    assert fetch(client, series, grant).status_code == 404
    assert fetch(client, series, grant_for(series)).status_code == 200


@pytest.mark.parametrize("revoked", [{"person": "x"}, {"person": "person", "case": "x"}])
def test_other_grants_stand(client, series, revoked):
    grant = grant_for(series)
    revocations.revoke(**revoked)
    assert fetch(client, series, grant).status_code == 200


def test_who_signs_out_or_leaves_a_team_loses_what_they_were_granted(client, chair, series):
    grant = grant_for(series, person=chair.public_id)
    log.revoke(chair)
    assert fetch(client, series, grant).status_code == 404


def test_a_revocation_counts_for_as_long_as_any_grant_it_ended(client, series, monkeypatch):
    """The oldest grant that is still read was revoked right after it was given."""
    now = timezone.now()
    grant = grant_for(series, given_at=now.timestamp() - grants.LIFETIME_S + 1)
    assert fetch(client, series, grant).status_code == 200
    revocations.revoke(person="person")
    Revocation.objects.update(at=now - timedelta(seconds=grants.LIFETIME_S - 2))
    revocations.revoke(person="somebody else")
    monkeypatch.setattr(revocations, "_known", revocations.Known())
    assert fetch(client, series, grant).status_code == 404


def test_revocations_are_forgotten_once_no_grant_is_so_old(series):
    revocations.revoke(person="old")
    Revocation.objects.update(at=timezone.now() - timedelta(hours=1))
    revocations.revoke(person="new")
    assert Revocation.objects.get().person == "new"


@pytest.mark.django_db(transaction=True)
def test_a_grant_asked_for_before_a_study_was_withheld_and_given_after_opens_nothing(
    client, chair, series, case, monkeypatch
):
    """It is asked for when the withholding has begun, and given when that is committed."""
    client.force_login(chair)
    has_begun, was_seen_before = Event(), Event()

    def take_off():
        with ExitStack() as at_last, transaction.atomic():
            at_last.callback(connections.close_all)
            withhold(series.study, Finding("different", []), [], "another person's")
            has_begun.set()
            was_seen_before.wait(5)

    with ThreadPoolExecutor(1) as other:
        taking_off = other.submit(take_off)
        has_begun.wait(5)
        issue = audited.issue

        def issue_late(**about):
            was_seen_before.set()
            taking_off.result(10)
            return issue(**about)

        monkeypatch.setattr(audited, "issue", issue_late)
        answer = ask(client, series, case)
    assert answer.status_code == 201
    assert fetch(client, series, answer.json()["grant"]).status_code == 404


# ---- while the database is down --------------------------------------------------------


@pytest.fixture
def database_goes_down(monkeypatch):
    """Called, it makes every query fail as it does when PostgreSQL is gone."""

    def go_down():
        def fail(*_, **__):
            raise OperationalError("the database is gone")

        monkeypatch.setattr("django.db.models.sql.compiler.SQLCompiler.execute_sql", fail)

    return go_down


def test_a_granted_series_keeps_drawing_while_the_database_is_down(
    client, series, version, database_goes_down, monkeypatch
):
    grant = grant_for(series)
    fetch(client, series, grant), read(client, series, grant), read(client, series, grant, 1)
    database_goes_down()
    later = revocations.monotonic() + 60
    monkeypatch.setattr(revocations, "monotonic", lambda: later)
    assert fetch(client, series, grant).content == FRAMES
    assert read(client, series, grant).headers["X-Series-Version"] == "1"
    assert read(client, series, grant, 1).status_code == 200


def test_what_was_revoked_before_the_database_went_stays_revoked(
    client, series, database_goes_down, monkeypatch
):
    grant = grant_for(series)
    fetch(client, series, grant_for(series, person="other"))
    revocations.revoke(person="person")
    monkeypatch.setattr(revocations, "_known", revocations.Known())
    assert fetch(client, series, grant).status_code == 404
    database_goes_down()
    later = revocations.monotonic() + 60
    monkeypatch.setattr(revocations, "monotonic", lambda: later)
    assert fetch(client, series, grant).status_code == 404


def test_a_found_segment_asks_the_database_nothing(client, series, django_assert_num_queries):
    fetch(client, series, grant_for(series))
    with django_assert_num_queries(0):
        assert fetch(client, series, grant_for(series)).content == FRAMES
