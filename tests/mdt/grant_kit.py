"""A series in a case, and the requests a browser makes for it, for the tests of grants."""

import gzip
import json
from io import BytesIO

import pytest
from django.urls import reverse

from imaging import grants, revocations, store, views
from imaging.models import Segment, SeriesVersion
from mdt.audit.models import AuditEvent
from tests.factories import ListedCaseFactory, ReferralStudyFactory, SeriesFactory

FRAMES = b"0123456789"
DOCUMENT = {"format": 1, "version": 1}


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(revocations, "_known", revocations.Known())
    monkeypatch.setattr(views, "_served", {})
    views._version_key.cache_clear()
    views._segment_key.cache_clear()


@pytest.fixture
def series():
    series = SeriesFactory()
    kept = store.get().put(BytesIO(FRAMES))
    Segment.objects.create(series=series, number=1, store_key=kept.key, size=kept.size)
    return series


@pytest.fixture
def version(series):
    return add_version(series, 1)


@pytest.fixture
def case(live_meeting, series):
    case = ListedCaseFactory(meeting=live_meeting)
    ReferralStudyFactory(referral=case.referral, study=series.study)
    return case


def add_version(series, number):
    text = json.dumps(DOCUMENT | {"version": number}).encode()
    kept = store.get().put(BytesIO(gzip.compress(text)))
    return SeriesVersion.objects.create(
        series=series, number=number, store_key=kept.key, is_complete=True
    )


def ask(client, series, case, **changes):
    data = {"case": case.public_id, "purpose": "display"} | changes
    return client.post(reverse("series-grant", args=[series.public_id]), data)


def tell(client, series, grant):
    url = reverse("series-displayed", args=[series.public_id])
    return client.post(url, headers={"X-View-Grant": grant})


def fetch(client, series, grant, **headers):
    url = reverse("series-segment", args=[series.public_id, 1])
    return client.get(url, headers={"X-View-Grant": grant} | headers)


def read(client, series, grant, number=None):
    name = "series-metadata-version" if number else "series-metadata"
    url = reverse(name, args=[series.public_id, *([number] if number else [])])
    return client.get(url, headers={"X-View-Grant": grant})


def want(client, series, grant, frames):
    url = reverse("series-want", args=[series.public_id])
    data = {"frames": frames}
    headers = {"X-View-Grant": grant}
    return client.post(url, data, content_type="application/json", headers=headers)


def grant_for(target, /, **changes):
    given = {"person": "person", "series": target.public_id, "case": "case", "purpose": "display"}
    return grants.Grant(**given | changes).token()


def events(action):
    return AuditEvent.objects.filter(action=action)
