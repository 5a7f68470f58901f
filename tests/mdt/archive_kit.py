"""Who looks after archives, for the tests of their pages."""

import pytest
from django.urls import reverse
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.teams.models import Duty
from tests.factories import PersonFactory, TrustFactory


@pytest.fixture
def administrator():
    return looks_after("RM3")


@pytest.fixture
def desk(client, administrator):
    """A browser in which the administrator is signed in."""
    client.force_login(administrator)
    return client


def looks_after(*codes, kind=Duty.Kind.ARCHIVE_ADMINISTRATOR, **dates):
    """A person with a duty for these trusts, from today on unless said otherwise."""
    person = PersonFactory()
    dates.setdefault("from_date", timezone.localdate())
    for code in codes:
        trust = TrustFactory(ods_code=code, name=f"{code} NHS Foundation Trust")
        Duty.objects.create(trust=trust, person=person, kind=kind, **dates)
    return person


def url(name, *parts):
    """Of a route, by rows or words."""
    return reverse(name, args=[getattr(part, "public_id", part) for part in parts])


def audited():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
