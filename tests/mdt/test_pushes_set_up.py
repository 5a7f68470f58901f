"""An archive asked by DICOMweb that pushes by DICOM: from its form to a study in its case."""

from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from pydicom import dcmread
from pynetdicom import AE, build_context

from imaging.archives.dimse_reactor import keep_answers
from imaging.models import Archive, Arrival, Study
from imaging.scp import pushes
from imaging.scp.keeper import Keeper
from imaging.scp.service import StorageScp
from mdt.meetings import services
from mdt.referrals.services import refer
from mdt.teams.models import Duty
from tests.dicoms import make_study, study_uid
from tests.factories import MembershipFactory, PatientFactory, PatientNumberFactory
from tests.mdt.archive_kit import url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("swept"),
]
KHAN = "9990000018"
CT = "1.2.840.10008.5.1.4.1.1.2"
PUSHES = {"pushes_as": "PACS", "pushes_from": "127.0.0.1"}


@pytest.fixture
def set_up(client, team):
    """An archive of the team's trust, as its administrator types it."""

    def set_up(**typed):
        trust = team.site.trust
        person = MembershipFactory(team=team).person
        today = timezone.localdate()
        kind = Duty.Kind.ARCHIVE_ADMINISTRATOR
        Duty.objects.create(trust=trust, person=person, kind=kind, from_date=today)
        client.force_login(person)
        sent = {
            "trust_ods_code": trust.ods_code,
            "name": "web",
            "base_url": "http://127.0.0.1:1/dicom-web",
            "auth": "none",
            "page_size": "500",
            "nhs_number_in": "other-patient-ids",
            "at_most": "2",
        }
        assert client.post(url("archive-add", "dicomweb"), sent | typed).status_code == 200
        team.asked_of.add(trust)
        return Archive.objects.get()

    return set_up


@pytest.fixture
def case(meeting, coordinator):
    def case():
        patient = PatientFactory()
        PatientNumberFactory(patient=patient, value=KHAN)
        referral = refer(patient=patient, question="?", laterality="not-known", by=coordinator)
        return services.list_case(meeting=meeting, referral=referral, by=coordinator)

    return case


@contextmanager
def storage_scp():
    keeper = Keeper()
    scp = StorageScp(admit=keeper.admit, keep=keeper.keep)
    try:
        yield scp.start("127.0.0.1", 0, None)
    finally:
        scp.stop()
        keeper.close()


def push(port, files, calling):
    """How many of the files were acknowledged; None: the association was rejected."""
    ae = AE(ae_title=calling)
    ae.connection_timeout = ae.acse_timeout = 5
    ae.dimse_timeout = 60  # the first one begins the process that reads it
    association = ae.associate("127.0.0.1", port, [build_context(CT)], ae_title="LIGHTBOX")
    keep_answers(association)
    if not association.is_established:
        return None
    sent = [association.send_c_store(dcmread(BytesIO(file))).get("Status") for file in files]
    association.release()
    return sent.count(0)


def test_a_dicomweb_archive_that_pushes_joins_its_case(set_up, case):
    archive = set_up(**PUSHES)
    listed = case()
    with storage_scp() as port:
        assert push(port, make_study("pushed", nhs_number=KHAN), "PACS") == 3
    pushes.look_through(timezone.now() + 2 * pushes.QUIET)
    study = Study.objects.get(study_instance_uid=study_uid("pushed"))
    assert (study.archive, study.verdict, study.state) == (archive, "same", Study.State.WANTED)
    row = listed.referral.found_studies.get()
    assert (row.study, row.is_chosen) == (study, True)


@pytest.mark.parametrize(
    ("typed", "calling"),
    [
        (PUSHES, "STRANGER"),
        (PUSHES | {"pushes_from": "127.0.0.2"}, "PACS"),
        ({}, "PACS"),
    ],
    ids=["another AE title", "another address", "not set up to push"],
)
def test_who_is_not_set_up_to_push_is_refused_and_nothing_of_it_is_kept(
    typed, calling, set_up, case
):
    set_up(**typed)
    case()
    with storage_scp() as port:
        assert push(port, make_study("pushed", nhs_number=KHAN), calling) is None
    pushes.look_through(timezone.now() + timedelta(minutes=1))
    assert not Arrival.objects.exists()
    assert not Study.objects.exists()
