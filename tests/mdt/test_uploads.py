"""Images brought from a CD for one case: who may, what is said, and nothing of anybody else."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from imaging import work
from imaging.models import Archive, Job, Study, Upload
from imaging.uploads import places, unpack
from mdt import access
from mdt.audit.models import AuditEvent
from mdt.errors import NotAllowed, StudyNotOffered, UploadNotTaken, WrongState
from mdt.identity import services as identity
from mdt.meetings import services, uploads
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.queries import row_of
from mdt.members import Role
from mdt.referrals.models import Objection, Patient, ReferralStudy
from mdt.referrals.queries import facts_of, version_of
from mdt.room_log import log
from tests.dicoms import OTHER_PATIENT, make_instance, make_study
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    TrustFactory,
)
from tests.imaging.zips import encrypted, zipped

pytestmark = pytest.mark.django_db
HERS = {f"IM{n}": file for n, file in enumerate(make_study("brought", nhs_number="9990000018"))}
OTHERS = {"other": make_instance("not hers", **OTHER_PATIENT)}
BYTES = "application/octet-stream"


@pytest.fixture(autouse=True)
def uploads_dir(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def coordinator(team, client):
    person = MembershipFactory(team=team, role=Role.COORDINATOR).person
    client.force_login(person)
    return person


@pytest.fixture
def case(team):
    meeting = MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))
    case = ListedCaseFactory(meeting=meeting, position=1)
    PatientNumberFactory(patient=case.referral.patient)
    return case


@pytest.fixture
def trust(team):
    return team.site.trust


def begin(client, case, code="RM3"):
    url = reverse("uploads-api", args=[case.public_id])
    return client.post(url, json.dumps({"trust": code}), content_type="application/json")


def send(client, case, upload_id, data, *, number=1, at=0, content_type=BYTES, **headers):
    url = reverse("upload-part", args=[case.public_id, upload_id, number, at])
    return client.post(url, data, content_type=content_type, **headers)


def done(client, case, upload_id, files, size):
    url = reverse("upload-done", args=[case.public_id, upload_id])
    said = json.dumps({"files": files, "size": size})
    return client.post(url, said, content_type="application/json")


def bring(client, case, *files):
    """A whole upload, as the page sends it, and everything the worker makes of it."""
    upload_id = begin(client, case).json()["id"]
    for number, file in enumerate(files, start=1):
        middle = len(file) // 2
        send(client, case, upload_id, file[:middle], number=number)
        send(client, case, upload_id, file[middle:], number=number, at=middle)
    answer = done(client, case, upload_id, len(files), sum(map(len, files)))
    assert answer.status_code == 202, answer.content
    while work.run_next((Job.Kind.UNPACK, Job.Kind.SEARCH, Job.Kind.PULL)):
        pass
    return Upload.objects.get(public_id=upload_id)


def correct(case, by, **changes):
    patient = Patient.objects.get(pk=case.referral.patient_id)
    facts = facts_of(patient) | {"birth_date": patient.birth_date, "is_superseded": False}
    facts["if_version"] = version_of(patient)
    identity.correct_patient(case=case, by=by, **facts | changes)


def rows(client, case):
    return client.get(reverse("upload-rows", args=[case.public_id])).content.decode()


def left_on_disk():
    return [path for path in places.root().rglob("*") if path.is_file()]


# ---- from the desk to the case ----------------------------------------------------------


def test_what_is_brought_is_found_chosen_and_fetched_for_the_case(client, coordinator, case):
    bring(client, case, zipped(HERS))
    (shown,) = row_of(case).chosen
    assert (shown.study.state, shown.study.stored_count) == (Study.State.COMPLETE, 3)
    assert shown.study.archive.takes_uploads
    text = " ".join(rows(client, case).split())
    assert "3 DICOM files taken. 1 study found from RM3" in text


def test_loose_files_are_taken_as_a_zip_is(client, coordinator, case):
    assert bring(client, case, *HERS.values()).taken == 3
    assert len(row_of(case).chosen) == 1


def test_files_about_somebody_else_never_join_the_case_and_nobody_is_named(
    client, coordinator, case
):
    upload = bring(client, case, zipped(HERS | OTHERS))
    assert (upload.taken, upload.of_others) == (3, 1)
    assert ReferralStudy.objects.count() == Study.objects.count() == 1
    text = rows(client, case)
    assert "1 file is about somebody else and was not taken." in text
    assert "OTHER" not in text


def test_an_upload_that_cannot_be_taken_says_why_where_the_person_looks(client, coordinator, case):
    bring(client, case, encrypted(HERS))
    text = rows(client, case)
    assert "locked with a password" in text
    assert "upload.encrypted" in text
    assert left_on_disk() == []


def test_an_upload_is_on_record_and_in_the_room_log(client, coordinator, case):
    upload = bring(client, case, zipped(HERS))
    event = AuditEvent.objects.get(action=AuditEvent.Action.IMAGES_UPLOADED)
    assert (event.by, event.target) == (coordinator.public_id, f"mdt.ListedCase:{case.public_id}")
    assert event.detail == {"upload": upload.public_id, "trust": "RM3"}
    assert log.since(case.meeting, 0)[0].case_id == case.public_id


def test_only_uploads_are_asked_for_whom_something_was_brought(client, coordinator, case, team):
    """Another patient's search does not go through them."""
    team.asked_of.add(team.site.trust)
    ArchiveFactory(trust_ods_code="RM3")
    bring(client, case, zipped(HERS))
    other = ListedCaseFactory(meeting=case.meeting, position=2)
    services.search_again(case=other, by=coordinator)
    other.referral.refresh_from_db()
    asked = other.referral.search.answers.values_list("archive__takes_uploads", flat=True)
    assert list(asked) == [False]


# ---- the page ---------------------------------------------------------------------------


def test_the_page_offers_whose_studies_may_be_shown_and_no_others(client, coordinator, case):
    TrustFactory(ods_code="RBV", name="The Christie")
    page = client.get(reverse("upload", args=[case.public_id])).content.decode()
    assert 'value="RM3"' in page
    assert 'value="RBV"' not in page
    assert AuditEvent.objects.get().action == AuditEvent.Action.CASE_VIEWED


def test_rows_that_have_not_changed_are_not_sent_again(client, coordinator, case):
    url = reverse("upload-rows", args=[case.public_id])
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    begin(client, case)
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 200


# ---- who may ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(Role))
def test_who_keeps_the_list_may_upload_and_no_other_role(role, team, case, trust):
    person = MembershipFactory(team=team, role=role).person
    if role in access.MAY_KEEP_LIST:
        uploads.begin_upload(case=case, trust=trust, by=person)
    else:
        with pytest.raises(NotAllowed):
            uploads.begin_upload(case=case, trust=trust, by=person)
    assert Upload.objects.exists() is (role in access.MAY_KEEP_LIST)


def test_who_left_the_team_meanwhile_hands_nothing_over(client, coordinator, case):
    upload_id = begin(client, case).json()["id"]
    send(client, case, upload_id, b"abc")
    coordinator.memberships.all().delete()
    upload = Upload.objects.get()
    with pytest.raises(NotAllowed):
        uploads.finish_upload(case=case, upload=upload, files=1, size=3, by=coordinator)
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["upload", "upload-rows"])
def test_members_who_do_not_keep_the_list_are_refused_in_words(name, client, team, case):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    response = client.get(reverse(name, args=[case.public_id]))
    assert response.status_code == 403
    assert "mdt.not_allowed" in response.content.decode()


def test_nobody_adds_to_the_upload_of_another(client, coordinator, case, team):
    upload_id = begin(client, case).json()["id"]
    other = Client()
    other.force_login(MembershipFactory(team=team, role=Role.COORDINATOR).person)
    assert send(other, case, upload_id, b"abc").status_code == 404
    assert done(other, case, upload_id, 1, 3).status_code == 404
    assert left_on_disk() == []
    assert send(client, case, upload_id, b"abc").status_code == 200


def test_an_upload_of_one_case_is_not_there_in_another(client, coordinator, case):
    upload_id = begin(client, case).json()["id"]
    other = ListedCaseFactory(meeting=case.meeting, position=2)
    assert send(client, other, upload_id, b"abc").status_code == 404


def test_no_part_is_taken_without_the_token_of_the_page(coordinator, case, client):
    upload_id = begin(client, case).json()["id"]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(coordinator)
    assert send(strict, case, upload_id, b"abc").status_code == 403
    assert left_on_disk() == []
    token = "a" * 32
    strict.cookies["csrftoken"] = token
    allowed = send(strict, case, upload_id, b"abc", headers={"X-CSRFToken": token})
    assert allowed.status_code == 200


def test_a_trust_the_patient_objects_to_is_not_taken_from(client, coordinator, case):
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    response = begin(client, case)
    assert (response.status_code, response.json()["code"]) == (409, StudyNotOffered.code)
    assert not Upload.objects.exists()


def test_a_trust_nobody_knows_is_not_there(client, coordinator, case):
    assert begin(client, case, "ZZ999").status_code == 404


def test_nothing_is_brought_to_a_meeting_that_is_over(client, coordinator, case):
    Meeting.objects.update(state=Meeting.State.CLOSED)
    assert begin(client, case).json()["code"] == WrongState.code


# ---- parts ------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x"])
def test_a_part_that_is_no_plain_bytes_is_refused(content_type, client, coordinator, case):
    upload_id = begin(client, case).json()["id"]
    assert send(client, case, upload_id, "abc", content_type=content_type).status_code == 400
    assert left_on_disk() == []


def test_a_part_that_is_too_long_is_refused_before_it_is_read(client, coordinator, case):
    upload_id = begin(client, case).json()["id"]
    response = send(client, case, upload_id, b"abc", CONTENT_LENGTH=str(17 << 20))
    assert response.status_code == 400
    assert left_on_disk() == []


def test_more_than_may_be_taken_ends_the_upload_and_leaves_nothing(
    client, coordinator, case, settings
):
    settings.UPLOAD_MOST_BYTES = 5
    upload_id = begin(client, case).json()["id"]
    assert send(client, case, upload_id, b"abc").status_code == 200
    response = send(client, case, upload_id, b"def", at=3)
    assert (response.status_code, response.json()["code"]) == (422, "upload.too_large")
    assert left_on_disk() == []
    assert send(client, case, upload_id, b"g", at=3).json()["code"] == WrongState.code
    assert done(client, case, upload_id, 1, 3).json()["code"] == "upload.too_large"


def test_what_does_not_come_in_whole_is_refused_and_removed(client, coordinator, case):
    upload_id = begin(client, case).json()["id"]
    send(client, case, upload_id, b"abc")
    response = done(client, case, upload_id, 2, 6)
    assert (response.status_code, response.json()["code"]) == (422, "upload.cut_off")
    assert left_on_disk() == []
    assert not Job.objects.exists()


def test_saying_twice_that_all_is_sent_is_saying_it_once(client, coordinator, case):
    upload_id = begin(client, case).json()["id"]
    send(client, case, upload_id, b"abc")
    for _ in range(2):
        assert done(client, case, upload_id, 1, 3).status_code == 202
    assert Job.objects.filter(kind=Job.Kind.UNPACK).count() == 1
    assert AuditEvent.objects.filter(action=AuditEvent.Action.IMAGES_UPLOADED).count() == 1


def test_two_uploads_begun_at_once_are_both_of_the_case(client, coordinator, case, trust):
    stale = ListedCase.objects.select_related("referral", "meeting").get(pk=case.pk)
    assert stale.referral.search is None
    begun = [uploads.begin_upload(case=one, trust=trust, by=coordinator) for one in (case, stale)]
    for upload in begun:
        assert send(client, case, upload.public_id, b"abc").status_code == 200


def test_an_upload_that_a_correction_overtakes_still_joins_the_case(
    client, coordinator, case, trust, monkeypatch
):
    """The patient is put right while it comes in, and again while it is looked through."""
    upload_id = begin(client, case).json()["id"]
    correct(case, coordinator, family_name="KHANN")
    file = zipped(HERS)
    assert send(client, case, upload_id, file).status_code == 200
    assert done(client, case, upload_id, 1, len(file)).status_code == 202

    def overtaken(upload):
        correct(case, coordinator, family_name="KHAN")
        return look_through(upload)

    look_through = unpack.look_through
    monkeypatch.setattr(unpack, "look_through", overtaken)
    while work.run_next((Job.Kind.UNPACK, Job.Kind.SEARCH, Job.Kind.PULL)):
        pass
    assert [shown.study.state for shown in row_of(case).chosen] == [Study.State.COMPLETE]


def test_the_folder_of_a_trust_is_made_once(client, coordinator, case, trust):
    first, second = (uploads.begin_upload(case=case, trust=trust, by=coordinator) for _ in "ab")
    assert first.archive == second.archive == Archive.objects.get(takes_uploads=True)
    assert str(places.root() / "RM3") == first.archive.folder


def test_an_upload_without_a_file_is_none(coordinator, case, trust):
    upload = uploads.begin_upload(case=case, trust=trust, by=coordinator)
    with pytest.raises(UploadNotTaken) as no:
        uploads.finish_upload(case=case, upload=upload, files=0, size=0, by=coordinator)
    assert no.value.code == "upload.empty"
