"""Studies that were sent to us unasked, and KOS "For Conference": they join their case."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context

from imaging import settle, store, work
from imaging.archives.dimse_reactor import keep_answers
from imaging.identity import Sought
from imaging.models import Archive, ArchiveAnswer, Arrival, Instance, Job, Search, Study
from imaging.queue import MEETING_LASTS
from imaging.scp.guests import admit, senders
from mdt.meetings import changes
from mdt.meetings.queries import row_of
from mdt.referrals.models import Objection
from tests.dicoms import OTHER_PATIENT, as_file, make_instance, make_study, study_uid
from tests.factories import (
    ArchiveFactory,
    StudyFactory,
)
from tests.mdt import push_kit
from tests.mdt.push_kit import KHAN, look, push, the_study
from tests.storage_scps import listening

pytestmark = pytest.mark.django_db
archive, list_khan = push_kit.archive, push_kit.list_khan  # fixtures
State = Study.State
CT = "1.2.840.10008.5.1.4.1.1.2"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
DAY = timedelta(days=1)


def key_objects(name, *, of, title=("DCM", "113005"), nhs_number=KHAN):
    """A Key Object Selection that names these studies."""
    dataset = dcmread(BytesIO(make_instance(name, nhs_number=nhs_number)))
    del dataset.PixelData, dataset.Rows, dataset.Columns
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = KEY_OBJECTS
    dataset.Modality = "KO"
    code = Dataset()
    code.CodingSchemeDesignator, code.CodeValue = title
    code.CodeMeaning = "For Conference"
    dataset.ConceptNameCodeSequence = [code]
    dataset.CurrentRequestedProcedureEvidenceSequence = [Dataset() for _ in of]
    items = zip(dataset.CurrentRequestedProcedureEvidenceSequence, of, strict=True)
    for item, one in items:
        item.StudyInstanceUID = study_uid(one)
    return as_file(dataset)


def test_a_pushed_study_joins_the_case_of_its_patient_and_is_wanted(archive, list_khan):
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    study = the_study("pushed")
    assert (study.verdict, study.state, study.archive) == ("same", State.WANTED, archive)
    assert study.sent_at is not None
    row = case.referral.found_studies.get()
    assert (row.study, row.is_chosen) == (study, True)


def test_what_was_pushed_is_taken_before_the_archive_is_asked(archive, list_khan):
    """It cannot be asked at all: what came is here, and that this may not be all is said."""
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    work.run_next((Job.Kind.PULL,))
    study = the_study("pushed")
    assert (study.state, study.stored_count) == (State.PARTIAL, 3)
    assert study.code == "pull.sent_unconfirmed"
    sent = "3 images sent by the archive. Whether that is all is not known."
    assert study.message.startswith(sent)
    assert any("3 of an unknown number of images" in note for note in row_of(case).light.notes)
    assert Instance.objects.count() == 3
    look()
    assert not Arrival.objects.exists()


def test_while_something_still_comes_nothing_is_decided(archive, list_khan):
    list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    Arrival.objects.update(at=timezone.now())
    look()
    assert the_study("pushed") is None


def test_a_study_of_nobody_waits_until_somebody_is_sought(archive, list_khan):
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    assert the_study("pushed") is None
    assert Arrival.objects.exclude(looked_at=None).count() == 3
    list_khan()
    look()
    assert the_study("pushed").state == State.WANTED


def test_what_comes_after_the_meeting_joins_no_case(archive, list_khan):
    list_khan()
    Search.objects.update(meeting_at=timezone.now() - MEETING_LASTS)
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    assert the_study("pushed") is None
    assert Arrival.objects.count() == 3


def test_what_is_somebody_elses_joins_no_case(archive, list_khan):
    case = list_khan()
    push(archive, make_study("pushed", **OTHER_PATIENT))
    look()
    assert the_study("pushed") is None
    assert not case.referral.found_studies.exists()
    assert Arrival.objects.count() == 3


def test_a_search_that_was_corrected_is_no_open_one(archive, list_khan):
    """Who was meant then is somebody else; a case that was put right is joined by its own."""
    case = list_khan()
    old = case.referral.search
    new = settle.search_corrected(old, Sought(**old.sought | {"nhs_number": "9990000026"}))
    case.referral.search = new
    case.referral.save()
    push(archive, make_study("theirs", nhs_number=KHAN))
    push(archive, make_study("hers", nhs_number="9990000026"))
    look()
    assert the_study("theirs") is None
    assert [*the_study("hers").searches.all()] == [new]


def test_a_doubtful_one_is_kept_for_a_person_and_not_shown(archive, list_khan):
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN, PatientBirthDate=""))
    look()
    study = the_study("pushed")
    assert (study.verdict, study.state) == ("needs-a-person", State.FOUND)
    assert not case.referral.found_studies.get().is_chosen


def test_a_study_of_a_trust_that_was_not_asked_joins_nobody(archive, list_khan, team):
    list_khan()
    other = ArchiveFactory(
        name="other", trust_ods_code="RW3", pushes_from="127.0.0.1", pushes_as="X"
    )
    push(other, make_study("pushed", nhs_number=KHAN))
    look()
    assert the_study("pushed") is None


def test_a_patient_who_objects_has_nothing_fetched(archive, list_khan):
    case = list_khan()
    Objection.objects.create(patient=case.referral.patient, trust_ods_code=archive.trust_ods_code)
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    assert the_study("pushed").state == State.FOUND
    assert not case.referral.found_studies.get().is_chosen


def test_one_image_of_another_person_in_a_pushed_study_takes_it_off(archive, list_khan):
    list_khan()
    files = [make_instance("pushed", 1, 1, nhs_number=KHAN)]
    files += [make_instance("pushed", 1, 2, **OTHER_PATIENT)]
    push(archive, files)
    look()
    work.run_next((Job.Kind.PULL,))
    assert the_study("pushed").state == State.WITHHELD


def test_what_is_pushed_again_after_its_copies_were_removed_is_taken(archive, list_khan):
    list_khan()
    files = make_study("pushed", nhs_number=KHAN)
    push(archive, files)
    look()
    work.run_next((Job.Kind.PULL,))
    look()
    Instance.objects.update(store_key="")
    gone = {"state": State.FOUND, "code": Study.EVICTED, "stored_count": 0}
    Study.objects.update(**gone, completed_at=None)
    push(archive, files)
    look()
    assert (Arrival.objects.count(), the_study("pushed").state) == (3, State.WANTED)
    work.run_next((Job.Kind.PULL,))
    assert Instance.objects.exclude(store_key="").count() == 3


def test_what_came_for_a_question_of_ours_is_no_push(archive, list_khan):
    """A header that was read to see whose a study is brings no study to a case."""
    list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN), is_asked=True)
    look()
    assert the_study("pushed") is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize(
    "asked_by_us", [{}, {"kind": "dimse", "port": 104, "retrieve_by": "move"}], ids=["never", "too"]
)
def test_what_another_asked_the_archive_to_send_us_is_a_push_and_joins_the_case(
    asked_by_us, archive, list_khan
):
    """Such as a radiologist at a workstation, who moves a study to us."""
    there = {"host": "127.0.0.1", "called_ae_title": "PACS"}
    Archive.objects.filter(pk=archive.pk).update(**there | asked_by_us)
    list_khan()
    files, asked = moved_by("WS7", make_study("moved", nhs_number=KHAN))
    push(archive, files, is_asked=asked.pop())
    look()
    assert the_study("moved").state == State.WANTED


def moved_by(originator, files):
    """What our Storage SCP takes of a C-MOVE of somebody's, and whether we asked for it."""
    archives = list(senders())
    with listening(admit=lambda *who: admit(archives, *who)) as inbox:
        ae = AE(ae_title="PACS")
        association = ae.associate(
            "127.0.0.1", inbox.port, [build_context(CT)], ae_title="LIGHTBOX"
        )
        keep_answers(association)
        for file in files:
            dataset = dcmread(BytesIO(file))
            association.send_c_store(dataset, originator_aet=originator, originator_id=1)
        association.release()
    return inbox.files, {*inbox.asked}


def test_more_of_a_study_that_is_here_is_fetched_once(archive, list_khan):
    case = list_khan()
    search = case.referral.search
    study = StudyFactory(
        archive=archive,
        search=search,
        study_instance_uid=study_uid("pushed"),
        state=State.COMPLETE,
    )
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    study.refresh_from_db()
    assert study.state == State.WANTED
    Study.objects.update(state=State.FAILED)
    look()
    study.refresh_from_db()
    assert study.state == State.FAILED  # a push asks once, not again and again


def test_what_comes_too_late_for_the_pull_that_goes_on_is_fetched_after_it(archive, list_khan):
    list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    Study.objects.update(state=State.PULLING)
    push(archive, [make_instance("pushed", 2, 1, nhs_number=KHAN)])
    look()
    assert the_study("pushed").state == State.PULLING
    Study.objects.update(state=State.COMPLETE)
    look()
    assert the_study("pushed").state == State.WANTED


def test_an_object_the_store_has_lost_keeps_nobody_elses_from_its_case(archive, list_khan, caplog):
    list_khan()
    push(archive, make_study("lost", nhs_number=KHAN))
    for key in Arrival.objects.values_list("store_key", flat=True):
        store.get().delete(key)
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    assert the_study("lost") is None
    assert the_study("pushed").state == State.WANTED
    assert "not in the store" in caplog.text


@pytest.mark.parametrize("title", [("DCM", "113005"), ("DCM", "128203")])
def test_a_kos_for_a_meeting_adds_what_it_names(title, archive, list_khan):
    case = list_khan()
    push(archive, [key_objects("a KOS", of=["named", "named too"], title=title)])
    look()
    named = {row.study.study_instance_uid: row for row in case.referral.found_studies.all()}
    assert named.keys() == {study_uid("named"), study_uid("named too")}
    assert all(row.is_chosen and row.study.state == State.WANTED for row in named.values())
    assert the_study("a KOS") is None  # it is no study to look at


def test_a_kos_for_another_purpose_adds_nothing(archive, list_khan):
    list_khan()
    push(archive, [key_objects("a KOS", of=["named"], title=("DCM", "113004"))])  # For Teaching
    look()
    assert not Study.objects.exists()


def test_a_kos_of_another_person_adds_nothing(archive, list_khan):
    list_khan()
    push(archive, [key_objects("a KOS", of=["named"], nhs_number="9990000026")])
    look()
    assert not Study.objects.exists()


def test_a_kos_makes_a_study_that_was_found_and_left_out_a_chosen_one(archive, list_khan):
    case = list_khan()
    study = StudyFactory(
        archive=archive,
        search=case.referral.search,
        study_instance_uid=study_uid("named"),
        study_date="2001-01-01",
    )
    StudyFactory(archive=archive, search=case.referral.search, study_date=timezone.localdate())
    changes.study_changed(study)
    assert not case.referral.found_studies.get(study=study).is_chosen
    push(archive, [key_objects("a KOS", of=["named"])])
    look()
    assert case.referral.found_studies.get(study=study).is_chosen


def test_what_nobody_wanted_for_long_is_forgotten_and_said(archive, settings, caplog):
    push(archive, make_study("pushed", nhs_number=KHAN))
    Arrival.objects.update(at=timezone.now() - (settings.ARRIVALS_KEPT_DAYS + 1) * DAY)
    with caplog.at_level("WARNING"):
        look()
    assert not Arrival.objects.exists()
    assert "3 objects that were pushed" in caplog.text
    assert "999" not in caplog.text


def test_the_search_is_no_other_than_the_one_that_asked_the_archive(archive, list_khan):
    case = list_khan()
    push(archive, make_study("pushed", nhs_number=KHAN))
    look()
    asked = ArchiveAnswer.objects.get(archive=archive).search
    assert list(the_study("pushed").searches.all()) == [asked] == [case.referral.search]
