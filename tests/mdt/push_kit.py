"""What an archive sends us unasked, for one patient of the meeting's list."""

from io import BytesIO

import pytest
from django.utils import timezone

from imaging import arrivals, store
from imaging.frames.process import reader
from imaging.models import Arrival, Study
from imaging.scp import pushes
from mdt.meetings import services
from mdt.referrals.services import refer
from tests.dicoms import study_uid
from tests.factories import ArchiveFactory, PatientFactory, PatientNumberFactory

KHAN = "9990000018"


@pytest.fixture
def archive(team):
    """The own trust's archive, which the team asks, and which may push."""
    team.asked_of.add(team.site.trust)
    return ArchiveFactory(
        trust_ods_code=team.site.trust.ods_code, pushes_from="127.0.0.1", pushes_as="PACS"
    )


@pytest.fixture
def list_khan(meeting, coordinator):
    """List the patient all these studies are of."""
    patient = PatientFactory()
    PatientNumberFactory(patient=patient, value=KHAN)

    def list_khan():
        referral = refer(patient=patient, question="?", laterality="not-known", by=coordinator)
        return services.list_case(meeting=meeting, referral=referral, by=coordinator)

    return list_khan


def push(archive, files, *, is_asked=False):
    """As the Storage SCP keeps them, long enough ago to be looked at."""
    for file in files:
        stored = store.get().put(BytesIO(file))
        arrivals.keep([archive.pk], reader().read_header(file), stored, is_asked=is_asked)
    Arrival.objects.filter(looked_at=None).update(at=timezone.now() - 2 * pushes.QUIET)


def look():
    pushes.look_through(timezone.now())


def the_study(name):
    return Study.objects.filter(study_instance_uid=study_uid(name)).first()
