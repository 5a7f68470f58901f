"""Where nginx sends the frames (docs/deploy.md), Lightbox still says who may have them."""

import pytest

from imaging import revocations, store
from imaging.models import Segment
from tests.factories import SeriesFactory
from tests.mdt import grant_kit
from tests.mdt.grant_kit import ask, events, fetch, grant_for

pytestmark = pytest.mark.django_db
series, case = grant_kit.series, grant_kit.case  # fixtures
_nothing_remembered = grant_kit._nothing_remembered


@pytest.fixture
def behind_proxy(settings):
    settings.STORE_LOCATION = "/_store/"


def test_without_a_proxy_nothing_points_to_one(client, series):
    assert "X-Accel-Redirect" not in fetch(client, series, grant_for(series)).headers


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize("wanted", [{}, {"Range": "bytes=2-4"}, {"Range": "bytes=10-12"}])
def test_behind_a_proxy_a_segment_is_where_it_lies_and_the_range_is_the_proxys(
    client, series, wanted
):
    key = series.segments.get().store_key
    response = fetch(client, series, grant_for(series), **wanted)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["X-Accel-Redirect"] == f"/_store/{key[:2]}/{key}"
    assert {"Content-Range", "Accept-Ranges"}.isdisjoint(response.headers)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Cache-Control"] == "private, no-store"


@pytest.mark.usefixtures("behind_proxy")
def test_behind_a_proxy_a_grant_is_asked_for_and_on_record_all_the_same(
    client, chair, series, case
):
    client.force_login(chair)
    grant = ask(client, series, case).json()["grant"]
    assert events("view.granted").count() == 1
    assert "X-Accel-Redirect" in fetch(client, series, grant).headers
    revocations.revoke(person=chair.public_id)
    later = revocations.monotonic() + 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocations, "monotonic", lambda: later)
        for refused in (grant, "", grant + "x", grant_for(SeriesFactory())):
            response = fetch(client, series, refused)
            assert response.status_code == 404
            assert "X-Accel-Redirect" not in response.headers


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/etc/passwd", "..", "", "ab/../../x", "A" * 64, "0" * 63 + "\n"]
)
def test_behind_a_proxy_no_key_leads_out_of_the_store(client, series, key):
    Segment.objects.update(store_key=key)
    response = fetch(client, series, grant_for(series))
    assert (response.status_code, response.json()["code"]) == (404, "store.lost")
    assert "X-Accel-Redirect" not in response.headers


def test_a_segment_that_the_store_lost_is_said_with_a_code_and_logged(client, series, caplog):
    store.get().delete(series.segments.get().store_key)
    response = fetch(client, series, grant_for(series))
    assert (response.status_code, response.json()["code"]) == (404, "store.lost")
    assert f"series {series.public_id} is not in the store" in caplog.text
