"""The demo: what it draws is what it says, its archives answer, and twice is the same as once."""

import shutil
import subprocess
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone
from pydicom import dcmread
from pydicom.uid import UID

from imaging import store
from imaging.frames.metadata import packed
from imaging.identity_numbers import is_nhs_number
from imaging.models import Archive, SeriesVersion, Study, frame_key
from mdt.annotations.models import Mark
from mdt.demo import drawn, make, objects, people, phantom, places, ports, servers
from mdt.demo.archives import DemoArchiveServer
from mdt.demo.story import PATIENTS, STUDIES, uid
from mdt.embedded import free_port
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.models import OutcomeVersion, PatientNumber, SharingAgreement
from mdt.outcomes.models import OutcomeStep
from mdt.referrals.models import Patient
from tests.factories import InstanceFactory, SeriesFactory
from tests.peers import ENVIRONMENT

needs_dcmtk = pytest.mark.skipif(not shutil.which("getscu"), reason="DCMTK is not installed")
needs_dicom3tools = pytest.mark.skipif(
    not shutil.which("dciodvfy"), reason="dicom3tools is not installed"
)
BY_KEY = {study.key: study for study in STUDIES}


@pytest.fixture(autouse=True)
def demo(settings, tmp_path):
    settings.DEMO, settings.VAR_DIR = True, tmp_path
    return settings


@pytest.fixture
def made(tmp_path):
    """The files of some studies of the story, as `seed_demo` makes them."""

    def made(*keys):
        make.make_files([BY_KEY[key] for key in keys])
        return sorted((tmp_path / "demo").rglob("*.dcm"))

    return made


@pytest.fixture
def archive(made):
    """One running archive over one study: returns its port."""
    running = []

    def archive(key):
        made(key)
        place = places.BY_TRUST[BY_KEY[key].trust]
        server = DemoArchiveServer(make.folder() / place.name, "DEMO", free_port())
        server.start()
        running.append(server)
        return server.port

    yield archive
    for server in running:
        server.stop()


def dcmtk(*command):
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=ENVIRONMENT)
    return (done.stdout + done.stderr).decode("latin-1")


def ask(port, *keys):
    return dcmtk("findscu", "-S", "-aec", "DEMO", "127.0.0.1", str(port), *(
        part for key in ("QueryRetrieveLevel=STUDY", *keys) for part in ("-k", key)
    ))  # fmt: skip


def get(port, target, level, *keys):
    target.mkdir()
    parts = [part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)]
    dcmtk("getscu", "-S", "-aec", "DEMO", "127.0.0.1", str(port), "-od", str(target), *parts)
    return sorted(target.iterdir())


def border_to_border(line, spacing, inside, outside):
    """Millimetres between the two places where `line` crosses half way from outside to inside."""
    half = (inside + outside) / 2
    above = line > half
    first, last = np.flatnonzero(above)[[0, -1]]
    left = first - (line[first] - half) / (line[first] - line[first - 1])
    right = last + (line[last] - half) / (line[last] - line[last + 1])
    return (right - left) * spacing


@pytest.mark.parametrize(("grid", "lesion_mm"), [(objects.THIN, 27), (objects.THICK, 18)])
def test_the_lesion_measures_what_it_says_within_half_a_pixel(grid, lesion_mm):
    still = phantom.Tissues(**phantom.CT.__dict__ | {"noise": 0})
    x, y, z = phantom.LESION_CENTRE
    index = round(z / grid.thickness + (grid.slices - 1) / 2)
    plane = phantom.draw_slice(phantom.head(still, lesion_mm), still, grid, index)
    column = round((x - grid.first_pixel) / grid.spacing)
    row = round((y - grid.first_pixel) / grid.spacing)
    reach = round((lesion_mm / 2 + 5) / grid.spacing)
    off_centre = grid.slice_z(index) - z
    true_mm = 2 * ((lesion_mm / 2) ** 2 - off_centre**2) ** 0.5
    for line in (plane[row, column - reach : column + reach],
                 plane[row - reach : row + reach, column]):  # fmt: skip
        found = border_to_border(line, grid.spacing, still.lesion, still.oedema)
        assert abs(found - true_mm) < grid.spacing / 2


def test_the_lesion_lies_in_the_left_half_and_at_the_front():
    x, y, _ = phantom.LESION_CENTRE
    assert x > 0, "LPS: x grows to the patient's left"
    assert y < 0, "LPS: y grows to the back"


def test_every_number_is_valid_and_of_the_range_nobody_has():
    for patient in PATIENTS.values():
        assert is_nhs_number(patient.nhs_number)
        assert patient.nhs_number.startswith("999")


def test_every_trust_knows_a_patient_by_another_number():
    for patient in PATIENTS.values():
        numbers = patient.local_numbers.values()
        assert len(set(numbers)) == len(numbers)


def test_a_name_has_one_uid_and_it_is_valid():
    assert uid("khan-ct") == uid("khan-ct") != uid("khan-mr")
    assert all(UID(uid(study.key)).is_valid for study in STUDIES)


def test_the_same_study_is_made_of_the_same_bytes(made):
    once = [path.read_bytes() for path in made("beaumont-ct")]
    assert [path.read_bytes() for path in made("beaumont-ct")] == once


def test_the_current_ct_is_thick_enough_to_scroll_through():
    assert objects.THIN.slices >= 120
    assert (objects.THIN.size, objects.THIN.thickness) == (512, 1.5)


@needs_dicom3tools
@pytest.mark.parametrize("key", ["beaumont-ct", "price-mr", "khan-not-hers"])
def test_what_we_drew_has_no_fault_that_dicom3tools_knows(key, made):
    for path in made(key)[::16]:
        report = dcmtk("dciodvfy", "-new", str(path))
        assert "Error" not in report, report


@pytest.mark.parametrize("key", ["khan-a-us", "khan-a-cr", "okonkwo-xa", "dean-mr"])
def test_a_real_image_carries_its_origin_and_no_name_but_ours(key, made):
    paths = made(key)
    if not paths:
        pytest.skip("decision 21: the package that ships it is not installed")
    study, image = BY_KEY[key], dcmread(paths[0])
    assert image.ImageComments.startswith("Real image")
    assert image.ImageComments[:20] in image.StudyDescription
    assert image.PatientName == PATIENTS[study.patient].dicom_name
    names = {element.keyword for element in image.iterall() if element.VR == "PN"}
    assert names == {"PatientName", "ReferringPhysicianName"}
    assert not any(element.tag.is_private for element in image.iterall())


@needs_dcmtk
def test_the_archive_finds_by_other_patient_ids_and_returns_every_key(archive):
    port = archive("khan-mr")
    keys = ("StudyInstanceUID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances", "PatientID")
    said = ask(port, "(0010,1002)[0].PatientID=9990000018", *keys)
    assert f"[{uid('khan-mr')}]" in said
    assert "[C228190 ]" in said or "[C228190]" in said
    assert "[MR]" in said
    assert "[36]" in said


@needs_dcmtk
@pytest.mark.parametrize(
    "key",
    [
        "(0010,1002)[0].PatientID=9990000026",
        "PatientName=SMITH*",
        "StudyDate=19000101-19010101",
        "StudyInstanceUID=1.2.3",
    ],
)
def test_the_archive_returns_nobody_who_was_not_asked_for(key, archive):
    said = ask(archive("khan-mr"), key, "StudyID")  # findscu may repeat what it asked
    assert "Find Response" not in said


@needs_dcmtk
def test_an_archive_loses_the_instance_the_story_wants_lost(archive, tmp_path):
    port, study = archive("price-mr"), f"StudyInstanceUID={uid('price-mr')}"
    assert len(get(port, tmp_path / "all", "STUDY", study)) == objects.MR.slices - 1
    assert f"[{objects.MR.slices}]" in ask(port, "NumberOfStudyRelatedInstances", study)


@needs_dcmtk
@pytest.mark.parametrize(("number", "count"), [(1, 1), (objects.MR.slices // 2 + 1, 0)])
def test_the_lost_instance_is_not_sent_alone_either(number, count, archive, tmp_path):
    port, series = archive("price-mr"), uid("price-mr/1")
    keys = [f"StudyInstanceUID={uid('price-mr')}", f"SeriesInstanceUID={series}"]
    wanted = f"SOPInstanceUID={uid(f'price-mr/1/{number}')}"
    assert len(get(port, tmp_path / "one", "IMAGE", *keys, wanted)) == count


@needs_dcmtk
def test_an_archive_swears_that_anothers_study_is_the_patients(archive):
    port = archive("khan-not-hers")
    said = ask(port, "(0010,1002)[0].PatientID=9990000018", "PatientName", "StudyInstanceUID")
    assert "KHAN^Amina" in said
    path = next((make.folder() / "rwj-stockport").glob("*.dcm"))
    assert dcmread(path).PatientName == "KHALIL^Amal"


def rows():
    """The keys of every row of the product, whatever its table."""
    models = [
        *apps.get_app_config("mdt").get_models(),
        *apps.get_app_config("imaging").get_models(),
    ]
    return {model.__name__: sorted(model.objects.values_list("pk")) for model in models}


@pytest.fixture
def seeded(db, made):
    made("khan-not-hers", "hussain-mr")
    call_command("seed_demo", stdout=StringIO())


@pytest.mark.django_db
def test_seeding_twice_is_the_same_as_once(seeded):
    once = rows()
    call_command("seed_demo", stdout=StringIO())
    assert rows() == once


@pytest.mark.django_db
def test_who_was_put_right_is_left_so_when_the_demo_starts_again(seeded):
    patient = Patient.objects.get(family_name="WALSH")
    patient.birth_date += timedelta(days=31)
    patient.save()
    call_command("seed_demo", stdout=StringIO())
    assert Patient.objects.get(family_name="WALSH") == patient


@pytest.mark.django_db
def test_the_seed_has_what_the_first_sitting_needs(seeded):
    assert Person.objects.count() == len(people.PEOPLE) == 14
    assert set(Archive.objects.values_list("trust_ods_code", flat=True)) == set(places.TRUSTS)
    assert SharingAgreement.objects.count() == len(places.TRUSTS) - 1
    assert sorted(Meeting.objects.values_list("state", flat=True)) == [
        "closed",
        "planned",
        "planned",
    ]
    assert not PatientNumber.objects.filter(value=PATIENTS["beaumont"].nhs_number).exists()


@pytest.mark.django_db
def test_the_past_meetings_outcome_is_signed_by_its_chair(seeded):
    outcome = OutcomeVersion.objects.get()
    signed = outcome.steps.get(kind=OutcomeStep.Kind.SIGNED)
    assert signed.by.username == "chair"
    assert signed.present.count() == 6
    assert outcome.case.released_at == signed.at < outcome.case.meeting.closed_at


@pytest.fixture
def everything_new(db, made):
    made("walsh-ct", "walsh-prior", "price-doubted")
    call_command("seed_demo", stdout=StringIO())


@pytest.mark.django_db
def test_a_case_was_listed_yesterday_and_only_its_disc_is_still_to_be_found(everything_new):
    case = ListedCase.objects.get(
        listed_at__lt=timezone.now() - timedelta(hours=23), released_at=None
    )
    study = Study.objects.get(search=case.referral.search)
    assert study.study_instance_uid == uid("walsh-ct")
    assert study.found_at < timezone.now() - timedelta(hours=23)
    folder = Path(Archive.objects.get(kind="folder").folder)
    held = {str(dcmread(path).StudyInstanceUID) for path in folder.glob("*.dcm")}
    assert held == {uid("walsh-prior")}


def test_a_doubtful_study_has_the_numbers_of_its_patient_and_no_birth_date(made):
    header = dcmread(made("price-doubted")[0])
    assert header.OtherPatientIDsSequence[0].PatientID == PATIENTS["price"].nhs_number
    assert header.PatientBirthDate == "19000101"


def test_a_study_in_two_archives_is_the_same_images_under_each_trusts_numbers(made):
    copies = {}
    for path in made("khan-mr"):
        copies.setdefault(path.parent.name, []).append(dcmread(path))
    christie, salford = copies["rbv-christie"], copies["rm3-salford"]
    assert [one.SOPInstanceUID for one in christie] == [one.SOPInstanceUID for one in salford]
    assert christie[9].PixelData == salford[9].PixelData
    assert (christie[0].PatientID, salford[0].PatientID) == ("C228190", "9990000018")


@pytest.mark.django_db
def test_what_the_past_meeting_looked_at_is_fetched_and_nothing_else_is_known(seeded):
    study = Study.objects.get()
    assert study.study_instance_uid == uid("hussain-mr")
    assert study.state == Study.State.WANTED
    case = OutcomeVersion.objects.get().case
    assert case.referral.found_studies.get().is_chosen


def picture_comes(*, is_complete=True, state=Study.State.COMPLETE, described=None):
    """The past meeting's MR, as imaging would have described it."""
    grid = objects.MR
    study = Study.objects.get(study_instance_uid=uid("hussain-mr"))
    Study.objects.filter(pk=study.pk).update(state=state, stored_count=grid.slices)
    series = SeriesFactory(study=study, modality="MR", version=1)
    instances = InstanceFactory.create_batch(grid.slices, series=series)
    spacing = {"row": grid.spacing, "column": grid.spacing, "kind": "calibrated", "note": ""}
    axes = {"row_cosines": [1.0, 0.0, 0.0], "column_cosines": [0.0, 1.0, 0.0]}
    image = {"rows": grid.size, "columns": grid.size, "spacing": spacing, **axes}
    frames = [
        {
            "image": 0,
            "key": frame_key(instance, 1),
            "position": [grid.first_pixel, grid.first_pixel, grid.slice_z(index)],
        }
        for index, instance in enumerate(instances)
    ]
    content = {
        "geometry": {"spacing": grid.thickness},
        "images": [image],
        "frames": frames[:described],
    }
    key = store.get().put(packed(content)).key
    SeriesVersion.objects.create(series=series, number=1, store_key=key, is_complete=is_complete)


@pytest.mark.django_db
def test_what_the_past_meeting_drew_is_drawn_once_its_picture_has_come(seeded):
    assert drawn.draw() is False
    picture_comes()
    assert [drawn.draw(), drawn.draw()] == [True, True]
    length, arrow = Mark.objects.all()
    said, pointed = length.versions.get(), arrow.versions.get()
    assert abs(said.measured["value"] - BY_KEY["hussain-mr"].lesion_mm) < objects.MR.spacing
    assert (said.measured["unit"], pointed.text) == ("mm", "Enhancing lesion")
    assert length.case.meeting.opened_at < said.at < length.case.meeting.closed_at


@pytest.mark.django_db
def test_the_consultant_of_the_demo_sees_the_picture_that_was_discussed(seeded, client):
    picture_comes()
    drawn.draw()
    case = Mark.objects.first().case
    client.force_login(Person.objects.get(username="consultant"))
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    assert "Length 21.8 mm, " in page
    assert "There is none to be shown" not in page
    assert page.count("data-picture") == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "coming", [{"is_complete": False}, {"state": Study.State.PARTIAL}, {"described": 9}]
)
def test_on_a_picture_that_is_still_coming_nothing_is_drawn(coming, seeded):
    picture_comes(**coming)
    assert drawn.draw() is False
    assert not Mark.objects.exists()


@pytest.mark.django_db
def test_everybody_signs_in_with_the_demos_password(seeded, client):
    assert client.login(username="radiologist", password=people.PASSWORD)


@pytest.mark.parametrize("command", ["seed_demo", "demo_archives"])
def test_no_demo_without_its_switch(command, demo):
    demo.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1"):
        call_command(command)


def test_ports_are_kept_until_somebody_takes_them():
    once = ports.assign()
    assert ports.assign() == once == ports.load()
    assert once["rmc-bolton"] == ports.Ports(ports.NOBODY, ports.NOBODY)
    place = places.BY_TRUST["RBV"]
    make.folder().joinpath(place.name).mkdir(parents=True)
    taken = DemoArchiveServer(make.folder() / place.name, "DEMO", once[place.name].dimse)
    taken.start()
    try:
        assert ports.assign()[place.name] != once[place.name]
    finally:
        taken.stop()


@pytest.mark.skipif(not places.find_orthanc(), reason="decision 21: no Orthanc")
def test_without_orthanc_our_own_server_stands_in(monkeypatch):
    assert places.BY_TRUST["RM3"].server == "orthanc-auth"
    monkeypatch.setattr(places, "find_orthanc", lambda: "")
    assert places.BY_TRUST["RM3"].server == "full"


def test_every_archive_starts_holds_its_studies_and_is_gone_afterwards(made):
    made("khan-not-hers", "walsh-ct", "khan-a-us")
    at = ports.assign()
    with servers.running():
        assert not ports.is_free(at["rrf-wigan"].dimse)
        assert len(list((make.folder() / "qrscp/instances").glob("*"))) == objects.SMALL.slices
    assert ports.is_free(at["rrf-wigan"].dimse)
    assert ports.is_free(at["rwj-stockport"].dimse)
