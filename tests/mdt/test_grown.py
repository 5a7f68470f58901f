"""A study that is here in whole, and grows at its archive: what is new of it comes too."""

from uuid import uuid4

import pytest
from django.utils import timezone

from imaging import plan, work
from imaging.models import Instance, Job, SeriesVersion, Study
from mdt.errors import NotAllowed
from mdt.meetings import services, sweeps
from mdt.meetings.queries import row_of
from mdt.members import Role
from mdt.referrals.models import Objection
from mdt.referrals.services import refer
from mdt.room_log import log
from tests.dicoms import make_instance, study_uid
from tests.factories import (
    ArchiveFactory,
    MembershipFactory,
    PatientFactory,
    PatientNumberFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)
State, Kind = Study.State, Job.Kind
KHAN = "9990000018"
PEERS = [("orthanc", "dicomweb"), ("qrscp", "dimse"), ("dcmqrscp", "dimse")]  # two never count


@pytest.fixture
def at(request, team, meeting, coordinator):
    """A case listed for a study of three images at a real archive, all of them here."""

    def at(peer, kind):
        team.asked_of.add(team.site.trust)
        peer = request.getfixturevalue(peer)
        name = f"grown {uuid4()}"
        fields = peer.as_archive(kind) | {"trust_ods_code": team.site.trust.ods_code}
        ArchiveFactory(name=f"grown-{peer.name}".lower(), issuer_of_patient_id="", **fields)
        store(peer, name, 1, 2, 3)
        patient = PatientFactory()
        PatientNumberFactory(patient=patient, value=KHAN)
        referral = refer(patient=patient, question="?", laterality="not-known", by=coordinator)
        case = services.list_case(meeting=meeting, referral=referral, by=coordinator)
        work_off()
        study = Study.objects.get(study_instance_uid=study_uid(name))
        ReferralStudy = case.referral.found_studies
        ReferralStudy.exclude(study=study).update(is_chosen=False, chosen_by=coordinator)
        return peer, name, case, study

    return at


def store(peer, name, *numbers):
    peer.store([make_instance(name, 1, number, nhs_number=KHAN) for number in numbers])


def work_off(kinds=(Kind.SEARCH, Kind.PULL)):
    while work.run_next(kinds):
        pass


def stands(study):
    study.refresh_from_db()
    return study.state, study.code, study.stored_count, study.expected_count


def here(study):
    rows = Instance.objects.filter(series__study=study)
    return dict(rows.values_list("sop_instance_uid", "pk"))


@pytest.mark.parametrize(("peer", "kind"), PEERS)
def test_what_a_whole_study_has_gained_at_its_archive_comes_when_it_is_asked_again(
    peer, kind, at, coordinator
):
    peer, name, case, study = at(peer, kind)
    assert stands(study) == (State.COMPLETE, "", 3, 3)
    before, heard = here(study), case.meeting.room_events.count()
    store(peer, name, 4)
    services.search_again(case=case, by=coordinator)
    work_off((Kind.SEARCH,))
    assert stands(study) == (State.WANTED, "", 3, 4)
    assert here(study) == before  # what is shown stays
    work_off()
    assert stands(study) == (State.COMPLETE, "", 4, 4)
    assert before.items() < here(study).items()
    assert [e.type for e in log.since(case.meeting, heard)].count("case.refreshed") >= 3


@pytest.mark.parametrize(("peer", "kind"), PEERS)
def test_two_new_images_come_as_well_as_one(peer, kind, at, coordinator):
    """qrscp fails over a list of images: each is asked for alone."""
    peer, name, case, study = at(peer, kind)
    store(peer, name, 4, 5)
    services.search_again(case=case, by=coordinator)
    work_off()
    assert stands(study) == (State.COMPLETE, "", 5, 5)


@pytest.mark.parametrize(("peer", "kind"), PEERS)
def test_the_sweep_before_the_meeting_finds_what_is_new(peer, kind, at):
    peer, name, case, study = at(peer, kind)
    store(peer, name, 4)
    sweeps.sweep(now=case.meeting.starts_at - sweeps.BEFORE_A_MEETING)
    work_off()
    assert stands(study) == (State.COMPLETE, "", 4, 4)


def test_its_new_images_are_a_new_version_of_their_series(at, coordinator):
    peer, name, case, study = at("orthanc", "dicomweb")
    work_off((Kind.FRAMES,))
    series = study.series.get()
    version = series.version
    store(peer, name, 4)
    services.search_again(case=case, by=coordinator)
    work_off()
    work_off((Kind.FRAMES,))
    series.refresh_from_db()
    assert series.version > version
    assert SeriesVersion.objects.filter(series=series).count() >= 2


def test_what_has_not_grown_is_left_in_peace(at, coordinator):
    _, _, case, study = at("orthanc", "dicomweb")
    begun = study.pull_started_at
    services.search_again(case=case, by=coordinator)
    work_off()
    assert stands(study) == (State.COMPLETE, "", 3, 3)
    assert study.pull_started_at == begun


@pytest.mark.parametrize("why", ["left out", "objected to"])
def test_what_nobody_may_or_wants_to_see_is_not_fetched_though_it_grew(why, at, coordinator):
    peer, name, case, study = at("orthanc", "dicomweb")
    if why == "left out":
        services.unchoose_study(case=case, study=study, by=coordinator)
    else:
        patient = case.referral.patient
        Objection.objects.create(patient=patient, trust_ods_code=study.trust_ods_code)
    store(peer, name, 4)
    plan.search_again(case.referral.search, archives=[study.archive])
    work_off()
    assert stands(study)[::2] == (State.COMPLETE, 3)


def test_the_coordinator_has_a_whole_study_fetched_again(at, coordinator, client):
    peer, name, case, study = at("orthanc", "dicomweb")
    (shown,) = (one for one in row_of(case).studies if one.study == study)
    assert shown.may_retry
    store(peer, name, 4)
    services.retry_study(case=case, study=study, by=coordinator)
    work_off((Kind.PULL,))
    assert stands(study) == (State.COMPLETE, "", 4, 4)


def test_fetching_a_whole_study_again_is_refused_to_who_does_not_keep_the_list(at, team):
    _, _, case, study = at("orthanc", "dicomweb")
    reader = MembershipFactory(team=team, role=Role.EXTENDED, from_date=timezone.localdate())
    with pytest.raises(NotAllowed):
        services.retry_study(case=case, study=study, by=reader.person)
    assert stands(study)[0] == State.COMPLETE
