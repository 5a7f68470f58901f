"""A case, a trust that may be asked for its images, and who asks it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from mdt.meetings import image_requests
from mdt.meetings.models import ImageRequest
from mdt.members import Role
from mdt.teams.models import SharingAgreement
from tests.factories import (
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
    SearchFactory,
    TrustFactory,
)


@pytest.fixture
def coordinator(team, client):
    who = {"person__first_name": "Ann", "person__last_name": "Cole"}
    person = MembershipFactory(team=team, role=Role.COORDINATOR, **who).person
    client.force_login(person)
    return person


@pytest.fixture
def christie(team):
    """A trust that shares with the team's."""
    trust = TrustFactory(
        ods_code="RBV", name="The Christie NHS Foundation Trust", imaging_contact="PACS, ext. 0000"
    )
    today = timezone.localdate()
    own = team.site.trust
    SharingAgreement.objects.create(
        holder=trust, receiver=own, reference="made up", from_date=today - timedelta(days=900)
    )
    return trust


@pytest.fixture
def case(team):
    """Of a meeting in a week."""
    meeting = MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=7))
    referral = ReferralFactory(search=SearchFactory())
    PatientNumberFactory(patient=referral.patient)
    return ListedCaseFactory(meeting=meeting, referral=referral, position=1)


@pytest.fixture
def take(case, christie, coordinator):
    def take(to, **kwargs):
        kwargs = {"by": coordinator, "event_id": uuid4(), "trust": christie} | kwargs
        image_requests.step(case=case, to=to, **kwargs)
        return ImageRequest.objects.get()

    return take
