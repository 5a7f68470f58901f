"""Studies that were sent to us unasked and whose they are is in doubt, until it is settled."""

from datetime import date

import pytest

from imaging import plan, settle, work
from imaging.archives import registry
from imaging.archives.base import FoundStudy
from imaging.claims import kept
from imaging.frames.process import reader
from imaging.identity import Sought
from imaging.models import Archive, Arrival, IdentityDecision, Instance, Job, Study
from mdt.identity import services as identity
from mdt.referrals.models import Patient
from mdt.referrals.queries import facts_of, version_of
from mdt.room_log import log
from tests.dicoms import OTHER_PATIENT, make_instance, make_study
from tests.imaging.fakes import FakeArchive
from tests.mdt import push_kit
from tests.mdt.push_kit import KHAN, look, push, the_study

pytestmark = pytest.mark.django_db
archive, list_khan = push_kit.archive, push_kit.list_khan  # fixtures
State, Verdict = Study.State, Study.Verdict
SAME, ANOTHER = IdentityDecision.Verdict.SAME, IdentityDecision.Verdict.DIFFERENT


def decide(study, verdict, reason):
    study = Study.objects.select_related("archive", "search").get(pk=study.pk)
    said = {"verdict": verdict, "reason": reason, "note": "", "by": "person"}
    settle.decide(study=study, seen=settle.fingerprint(study), **said)


@pytest.fixture
def set_aside(archive, list_khan):
    """A study that was pushed, one of whose three images nobody can say whose it is."""
    list_khan()
    files = make_study("pushed", nhs_number=KHAN)
    files[1] = make_instance("pushed", 1, 2, nhs_number=KHAN, PatientBirthDate="")
    push(archive, files)
    look()
    work.run_next((Job.Kind.PULL,))
    look()
    return the_study("pushed")


def test_what_was_set_aside_as_anothers_and_is_settled_as_hers_is_there_after_the_pull(set_aside):
    assert (set_aside.state, set_aside.verdict) == (State.WITHHELD, "needs-a-person")
    decide(set_aside, SAME, IdentityDecision.Reason.SLIP)
    work.run_next((Job.Kind.PULL,))
    assert Instance.objects.exclude(store_key="").count() == 3
    look()
    assert not Arrival.objects.exists()


def test_what_was_set_aside_does_not_come_back_once_its_header_is_corrected_at_source(
    set_aside, monkeypatch
):
    files = make_study("pushed", nhs_number=KHAN)
    fake = FakeArchive(files, studies=[FoundStudy(set_aside.study_instance_uid)])
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    plan.search_again(set_aside.search, archives=Archive.objects.all())
    work.run_next((Job.Kind.SEARCH,))
    work.run_next((Job.Kind.PULL,))
    assert the_study("pushed").state == State.COMPLETE
    assert Instance.objects.count() == 3


def test_what_is_pushed_anew_with_its_header_corrected_takes_the_place_of_what_was_set_aside(
    set_aside, archive
):
    push(archive, make_study("pushed", nhs_number=KHAN)[1:2])
    look()
    assert the_study("pushed").verdict == Verdict.SAME
    work.run_next((Job.Kind.PULL,))
    assert the_study("pushed").verdict == Verdict.SAME
    assert Instance.objects.count() == 3


def correct(case, by, birth_date):
    patient = Patient.objects.get(pk=case.referral.patient_id)
    facts = facts_of(patient) | {"birth_date": birth_date, "if_version": version_of(patient)}
    facts |= {"is_superseded": False}
    identity.correct_patient(case=case, by=by, **facts)
    case.referral.refresh_from_db()


RIGHT, SLIP = date(1957, 3, 12), date(1975, 3, 12)


def test_a_doubted_study_joins_its_case_once_the_patient_is_put_right(
    archive, list_khan, coordinator
):
    case = list_khan()
    correct(case, coordinator, SLIP)
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    assert the_study("pushed").verdict == Verdict.NEEDS_A_PERSON
    correct(case, coordinator, RIGHT)
    look()
    assert (the_study("pushed").verdict, the_study("pushed").state) == ("same", State.WANTED)
    work.run_next((Job.Kind.PULL,))
    assert Instance.objects.count() == 3


def test_a_withheld_study_comes_back_once_the_patient_is_put_right(archive, list_khan, coordinator):
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    correct(case, coordinator, SLIP)
    assert the_study("pushed").state == State.WITHHELD
    look()
    assert the_study("pushed").state == State.WITHHELD
    correct(case, coordinator, RIGHT)
    look()
    assert (the_study("pushed").verdict, the_study("pushed").state) == ("same", State.WANTED)


def test_a_study_that_was_whole_comes_back_by_being_pushed_again(archive, list_khan, coordinator):
    """Nothing of it was waiting any more when the patient was put right."""
    case, files = list_khan(), make_study("pushed", nhs_number=KHAN)
    push(archive, files)
    look()
    work.run_next((Job.Kind.PULL,))
    look()
    assert not Arrival.objects.exists()
    correct(case, coordinator, SLIP)
    correct(case, coordinator, RIGHT)
    look()
    assert the_study("pushed").state == State.WITHHELD
    push(archive, files)
    look()
    assert (the_study("pushed").verdict, the_study("pushed").state) == ("same", State.WANTED)
    work.run_next((Job.Kind.PULL,))
    look()
    assert (the_study("pushed").verdict, Arrival.objects.count()) == ("same", 0)
    assert the_study("pushed").stored_count == 3


def test_one_good_image_gives_back_no_study_with_another_persons_in_it(
    archive, list_khan, coordinator
):
    case = list_khan()
    files = make_study("pushed", nhs_number=KHAN)
    files[2] = make_instance("pushed", 1, 3, **OTHER_PATIENT)
    push(archive, files)
    look()
    work.run_next((Job.Kind.PULL,))
    correct(case, coordinator, SLIP)
    correct(case, coordinator, RIGHT)
    look()
    assert the_study("pushed").state == State.WITHHELD


def test_what_was_sent_before_takes_nothing_back_that_its_archive_has_said_since(
    archive, list_khan, coordinator
):
    """It was read there to be somebody else's, while what it pushed was waiting."""
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    now = reader().read_header(make_instance("pushed", 1, 1, **OTHER_PATIENT))
    said = {"verdict": Verdict.DIFFERENT, "claims": [kept(now).as_json()]}
    Study.objects.update(state=State.WITHHELD, **said)
    correct(case, coordinator, SLIP)
    correct(case, coordinator, RIGHT)
    look()
    assert the_study("pushed").state == State.WITHHELD


def test_what_was_called_anothers_is_not_asked_about_again(archive, list_khan):
    """As long as the patient is who they were, whoever asks for them next."""
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN, PatientBirthDate=""))
    look()
    decide(the_study("pushed"), ANOTHER, IdentityDecision.Reason.OTHER_RECORD)
    plan.search_archives(
        sought=Sought(**case.referral.search.sought),
        archives=Archive.objects.all(),
        meeting_at=case.meeting.starts_at,
        list_position=1,
    )
    look()
    assert (the_study("pushed").verdict, the_study("pushed").state) == (
        Verdict.DIFFERENT,
        State.WITHHELD,
    )


def test_a_study_that_is_still_doubted_is_told_of_once(archive, list_khan):
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN, PatientBirthDate=""))
    look()
    told = len(log.since(case.meeting, 0))
    look()
    assert len(log.since(case.meeting, 0)) == told
