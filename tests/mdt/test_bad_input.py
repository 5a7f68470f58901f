"""What went wrong with a study is said on the list and in the room: in words, with its code."""

import pytest
from django.urls import reverse

from imaging.models import Study
from tests.factories import ReferralStudyFactory

pytestmark = pytest.mark.django_db

SPOILT = "1 of 3 images missing. 1 that came is damaged or no DICOM."
WRONG = [
    (Study.State.PARTIAL, "pull.damaged", SPOILT),
    (Study.State.PARTIAL, "pull.vanished", "The archive no longer lists this study."),
    (Study.State.FAILED, "archive.unreachable", "The archive cannot be reached."),
]


@pytest.fixture
def spoil(client, chair, case):
    """A chosen study of the case that came out so; the chair looks."""
    client.force_login(chair)
    study = ReferralStudyFactory(referral=case.referral).study

    def spoil(state, code, message):
        known = {"stored_count": 2, "expected_count": 3}
        Study.objects.filter(pk=study.pk).update(state=state, code=code, message=message, **known)

    return spoil


@pytest.mark.parametrize("wrong", WRONG, ids=[code for _, code, _ in WRONG])
def test_the_list_says_what_is_wrong_with_a_study(wrong, spoil, client, case):
    spoil(*wrong)
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    _, code, message = wrong
    assert f'{message} <span class="lb-code">{code}</span>' in page


@pytest.mark.parametrize("wrong", WRONG, ids=[code for _, code, _ in WRONG])
def test_the_room_says_what_is_wrong_with_a_study(wrong, spoil, client, case):
    spoil(*wrong)
    data = client.get(reverse("case-api", args=[case.public_id])).json()
    _, code, message = wrong
    said = {one["code"]: one["message"] for one in data["warnings"]}
    assert said[code].endswith(f"not all images are here, 2 of 3. {message}")


def test_of_a_study_that_is_whole_nothing_is_said(spoil, client, case):
    spoil(Study.State.COMPLETE, "", "")
    assert client.get(reverse("case-api", args=[case.public_id])).json()["warnings"] == []
