"""The page from which images are asked for."""

from uuid import uuid4

import pytest
from django.urls import reverse

from mdt.audit.models import AuditEvent
from mdt.meetings.models import ImageRequest, ImageRequestStep
from mdt.meetings.queries import row_of
from mdt.members import Role
from tests.factories import (
    MembershipFactory,
)

pytestmark = pytest.mark.django_db
State = ImageRequest.State
HTMX = {"HX-Request": "true"}


def post(client, case, **data):
    data = {"trust": "RBV", "to": "asked", "event_id": uuid4()} | data
    return client.post(reverse("ask-step", args=[case.public_id]), data, headers=HTMX)


def test_the_page_shows_contact_and_wording_and_its_address_says_nothing(
    client, coordinator, case, christie
):
    response = client.get(reverse("ask-for-images", args=[case.public_id]), {"trust": "RBV"})
    page = response.content.decode()
    assert "PACS, ext. 0000" in page
    assert "NHS number 999 000 0018" in page
    urls = [part.split('"')[0] for part in page.split('="/')[1:]]
    assert not [url for url in urls if "999" in url or "khan" in url.lower()]
    assert "mailto:" not in page
    assert AuditEvent.objects.get().action == AuditEvent.Action.CASE_VIEWED


def test_a_step_is_taken_by_a_button_and_shown_with_who(client, coordinator, case, christie):
    response = post(client, case)
    assert response.status_code == 200
    page = response.content.decode()
    assert "Ann Cole" in page
    assert 'value="chased"' in page


def test_two_trusts_asked_from_one_page_are_both_on_record(client, coordinator, case, christie):
    own = case.meeting.team.site.trust.ods_code
    of_the_page = uuid4()
    for code in ("RBV", own, "RBV"):
        assert post(client, case, trust=code, event_id=of_the_page).status_code == 200
    asked = ImageRequestStep.objects.values_list("request__trust_ods_code", "state")
    assert sorted(asked) == [("RBV", State.ASKED), (own, State.ASKED)]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"to": "promised", "promised_for": "2020-01-01"}, 422, "images.no_day"),
        ({"to": "not-coming", "reason": ""}, 422, "images.no_reason"),
        ({"to": "promised", "promised_for": "soon"}, 400, "mdt.error"),
        ({"to": "nowhere"}, 400, "mdt.error"),
    ],
)
def test_a_step_that_is_not_taken_says_why_and_keeps_what_was_typed(
    data, status, code, client, coordinator, case, christie
):
    post(client, case)
    response = post(client, case, **data)
    page = response.content.decode()
    assert response.status_code == status
    assert code in page
    assert f'value="{data.get("promised_for", "")}"' in page
    assert ImageRequest.objects.get().state == State.ASKED


def test_a_trust_nobody_knows_is_not_there(client, coordinator, case):
    assert post(client, case, trust="ZZ999").status_code == 404


def test_members_who_do_not_keep_the_list_are_refused_in_words(client, team, case, christie):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    for response in (
        client.get(reverse("ask-for-images", args=[case.public_id])),
        post(client, case),
    ):
        assert response.status_code == 403
        assert "mdt.not_allowed" in response.content.decode()
    assert not ImageRequest.objects.exists()


def test_what_is_open_leads_to_asking(client, coordinator, case):
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert reverse("ask-for-images", args=[case.public_id]) in page
    assert reverse("upload", args=[case.public_id]) in page
    assert row_of(case).requests == []
