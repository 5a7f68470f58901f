"""After the meeting: pictures that were removed, are fetched again, and may have changed."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import Job, Quarantined, SeriesVersion, Study
from mdt.audit.models import AuditEvent
from mdt.errors import NotAllowed, StudyNotOffered
from mdt.meetings import services
from mdt.meetings.models import Meeting
from mdt.meetings.queries import row_of
from mdt.members import Role
from mdt.outcomes.models import OutcomeStep
from mdt.outcomes.reading import reading_for
from mdt.outcomes.services import record_outcome, step
from mdt.referrals.models import Objection
from tests.factories import (
    InstanceFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralFactory,
    ReferralStudyFactory,
    SeriesFactory,
    StudyFactory,
)
from tests.mdt.test_outcome_pages import mark_in

pytestmark = pytest.mark.django_db
State = Study.State
MARCH_3, MARCH_10, APRIL_1 = (
    datetime(2026, month, day, 13, tzinfo=UTC) for month, day in [(3, 3), (3, 10), (4, 1)]
)
ON_3_MARCH = "images differ from those shown on 3 March 2026."
KEEPERS = {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR, Role.CORE}


@pytest.fixture
def study():
    study = StudyFactory(
        state=State.COMPLETE, stored_count=2, expected_count=2, study_date=MARCH_3.date()
    )
    series = SeriesFactory(study=study, version=4)
    InstanceFactory.create_batch(2, series=series)
    return study


@pytest.fixture
def case(live_meeting, study):
    """Discussed, its outcome to be recorded and signed; `close` ends the meeting."""
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    ReferralStudyFactory(referral=referral, study=study)
    return ListedCaseFactory(meeting=live_meeting, referral=referral, position=1)


def close(case, **values):
    Meeting.objects.filter(pk=case.meeting_id).update(state=Meeting.State.CLOSED, **values)
    case.meeting.refresh_from_db()


def evict(study):
    told = {"code": Study.EVICTED, "message": "Removed.", "stored_count": 0}
    Study.objects.filter(pk=study.pk).update(state=State.FOUND, **told)
    study.refresh_from_db()


def sign(case, chair):
    fields = {"recommendation": "Resect", "laterality": "left", "discussion_type": "1"}
    outcome = record_outcome(
        case=case, written_for=case.public_id, if_version=0, by=chair, event_id=uuid4(), **fields
    )
    for kind in OutcomeStep.Kind:
        step(outcome=outcome, kind=kind, by=chair, event_id=uuid4())


def change(study, *, at=APRIL_1, instances=None):
    """As imaging.pull.receive sets it down: what was shown had other bytes."""
    for number, instance in enumerate(instances or study.series.get().instances.all()):
        flag = Quarantined.objects.create(
            study=study,
            sop_instance_uid=instance.sop_instance_uid,
            code="instance.changed_since_shown",
            sha256=f"{number:064x}".replace("0", "e"),
        )
        Quarantined.objects.filter(pk=flag.pk).update(at=at)


def again(client, person, case, study):
    client.force_login(person)
    return client.post(reverse("retry-study", args=[case.public_id, study.public_id]))


# Removed


def test_the_list_says_that_pictures_were_removed_and_can_be_fetched_again(
    client, coordinator, case, study
):
    close(case)
    evict(study)
    row = row_of(case)
    words = "Salford: pictures removed after the meeting, can be fetched again"
    assert (row.light.colour, row.light.text.split(": ")[1]) == ("amber", words.split(": ")[1])
    client.force_login(coordinator)
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert "removed after the meeting" in page
    assert reverse("retry-study", args=[case.public_id, study.public_id]) in page
    assert reverse("unchoose-study", args=[case.public_id, study.public_id]) not in page


def test_one_click_fetches_it_again_though_the_meeting_is_closed(client, coordinator, case, study):
    close(case)
    evict(study)
    assert again(client, coordinator, case, study).status_code == 200
    study.refresh_from_db()
    assert (study.state, study.code) == (State.WANTED, "")
    assert Job.objects.get(study=study).state == Job.State.WAITING
    assert AuditEvent.objects.filter(action=AuditEvent.Action.STUDY_RETRIED).count() == 1
    assert row_of(case).light.colour == "blue"


def test_what_was_left_out_is_not_fetched_again(coordinator, case, study):
    close(case)
    evict(study)
    case.referral.found_studies.update(is_chosen=False)
    with pytest.raises(StudyNotOffered):
        services.retry_study(case=case, study=study, by=coordinator)
    study.refresh_from_db()
    assert study.state == State.FOUND


def test_what_the_patient_objects_to_is_not_fetched_again(coordinator, case, study):
    close(case)
    evict(study)
    patient = case.referral.patient
    Objection.objects.create(patient=patient, trust_ods_code=study.trust_ods_code)
    with pytest.raises(StudyNotOffered):
        services.retry_study(case=case, study=study, by=coordinator)
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", sorted(set(Role) - KEEPERS))
def test_fetching_again_is_refused_to(role, team, case, study):
    close(case)
    evict(study)
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        services.retry_study(case=case, study=study, by=person)
    study.refresh_from_db()
    assert study.state == State.FOUND


def test_it_is_not_offered_to_who_may_not(client, case, study, team):
    close(case)
    evict(study)
    reader = MembershipFactory(team=team, role=Role.EXTENDED).person
    client.force_login(reader)
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert "removed after the meeting" in page
    assert reverse("retry-study", args=[case.public_id, study.public_id]) not in page


def test_a_stranger_is_told_that_there_is_nothing(client, case, study):
    evict(study)
    assert again(client, PersonFactory(), case, study).status_code == 404


def test_the_outcome_says_why_a_picture_is_not_there_and_what_to_do(client, chair, case, study):
    mark_in(case, chair, study.series.get())
    sign(case, chair)
    close(case)
    evict(study)
    client.force_login(chair)
    page = client.get(reverse("outcome", args=[case.public_id])).content.decode()
    assert "removed from here after the meeting. Ask the coordinator of" in page
    assert "data-picture" not in page
    Study.objects.filter(pk=study.pk).update(state=State.WANTED, code="")
    (picture,) = reading_for(case, chair).pictures
    assert picture.gone.startswith("This picture is being fetched again.")


def test_a_picture_that_was_fetched_again_is_shown_in_its_newest_version(chair, case, study):
    """What was drawn on is version 1, which went with the pixel copies."""
    series = study.series.get()
    mark_in(case, chair, series)
    sign(case, chair)
    SeriesVersion.objects.create(series=series, number=4, is_complete=True, store_key="k")
    (picture,) = reading_for(case, chair).pictures
    assert (picture.version, picture.gone) == (0, "")
    SeriesVersion.objects.create(series=series, number=1, is_complete=True, store_key="l")
    (picture,) = reading_for(case, chair).pictures
    assert picture.version == 1


# Changed


def test_what_differs_from_what_was_shown_is_said_on_the_list_in_the_room_and_with_the_outcome(
    client, chair, case, study
):
    sign(case, chair)
    Meeting.objects.filter(pk=case.meeting_id).update(starts_at=MARCH_3, opened_at=MARCH_3)
    case.refresh_from_db()
    change(study)
    (shown,) = row_of(case).studies
    assert ON_3_MARCH in shown.changed
    said = f"CT of 3 Mar 2026: {shown.changed}"
    client.force_login(chair)
    room = client.get(reverse("case-api", args=[case.public_id])).json()["warnings"]
    assert {"code": "instance.changed_since_shown", "message": said} in room
    assert said in reading_for(case, chair).warnings
    for page in ("case-studies", "outcome"):
        assert ON_3_MARCH in client.get(reverse(page, args=[case.public_id])).content.decode()
    listed = client.get(reverse("meeting", args=[case.meeting.public_id])).content.decode()
    assert ON_3_MARCH in listed


def test_nothing_is_said_where_nothing_differs(client, chair, case, study):
    sign(case, chair)
    shown = study.series.get().instances.first()
    Quarantined.objects.create(
        study=study,
        sop_instance_uid=shown.sop_instance_uid,
        code="instance.changed_since_shown",
        sha256=shown.sha256,  # changed, and changed back
    )
    change(StudyFactory(stored_count=1), instances=[shown])
    assert row_of(case).studies[0].changed == ""
    assert reading_for(case, chair).warnings == []


def test_a_later_meeting_is_told_when_the_others_were_shown(team, case, study):
    Meeting.objects.filter(pk=case.meeting_id).update(starts_at=MARCH_3, opened_at=MARCH_3)
    never_held = MeetingFactory(team=team, starts_at=MARCH_10)
    ListedCaseFactory(meeting=never_held, referral=case.referral, position=1)
    later = MeetingFactory(team=team, starts_at=timezone.now())
    listed = ListedCaseFactory(meeting=later, referral=case.referral, position=1)
    change(study)
    assert ON_3_MARCH in row_of(listed).studies[0].changed


def test_what_no_meeting_saw_was_here_before(case, study):
    change(study, at=APRIL_1, instances=study.series.get().instances.all()[:1])
    assert "1 image differs from those here before." in row_of(case).studies[0].changed


def test_of_a_withheld_study_nothing_is_said(chair, case, study):
    sign(case, chair)
    change(study)
    Study.objects.filter(pk=study.pk).update(verdict=Study.Verdict.DIFFERENT)
    assert row_of(case).studies == []
    assert reading_for(case, chair).warnings == []


# Two versions


def come_otherwise(study, *, sha256="f" * 64):
    """As imaging.pull.receive sets other bytes of an image aside."""
    one = study.series.get().instances.first()
    return Quarantined.objects.create(
        study=study,
        sop_instance_uid=one.sop_instance_uid,
        code="instance.other_bytes",
        sha256=sha256 or one.sha256,
        store_key="f" * 64,
    )


TWO = "TWO VERSIONS: 1 image came again with other content. The first is shown."


@pytest.mark.parametrize("state", [State.COMPLETE, State.PARTIAL, State.PULLING])
def test_an_image_that_came_in_two_versions_is_said_on_the_list_in_the_room_and_with_the_outcome(
    client, chair, case, study, state
):
    """Whatever a later pull came to, and though it says nothing of it."""
    sign(case, chair)
    come_otherwise(study)
    Study.objects.filter(pk=study.pk).update(state=state, code="", message="")
    (shown,) = row_of(case).studies
    assert TWO in shown.beware
    said = f"CT of 3 Mar 2026: {TWO}"
    client.force_login(chair)
    room = client.get(reverse("case-api", args=[case.public_id])).json()["warnings"]
    assert {"code": "instance.other_bytes", "message": said} in room
    assert said in reading_for(case, chair).warnings
    for page, key in (("case-studies", case), ("outcome", case), ("meeting", case.meeting)):
        assert TWO in client.get(reverse(page, args=[key.public_id])).content.decode()


def test_of_what_is_the_same_as_is_shown_or_not_here_nothing_is_said(client, chair, case, study):
    sign(case, chair)
    come_otherwise(study, sha256="")
    assert row_of(case).studies[0].beware == ()
    come_otherwise(study)
    evict(study)
    assert row_of(case).studies[0].beware == ()
    assert reading_for(case, chair).warnings == []


# Pictures that could not be made


def fail_to_make(study):
    now = timezone.now()
    return Job.objects.create(
        kind=Job.Kind.FRAMES,
        series=study.series.get(),
        meeting_at=now,
        due_at=now,
        state=Job.State.FAILED,
    )


def test_pictures_that_could_not_be_made_are_red_and_one_click_makes_them_again(
    client, coordinator, case, study
):
    job = fail_to_make(study)
    row = row_of(case)
    words = "pictures of 1 series could not be made here"
    assert (row.light.colour, row.light.text.partition(": ")[2]) == ("red", words)
    client.force_login(coordinator)
    room = client.get(reverse("case-api", args=[case.public_id])).json()["warnings"]
    said = f"CT of 3 Mar 2026: NOT MADE: {words}."
    assert {"code": "series.not_made", "message": said} in room
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert f"NOT MADE: {words}." in page
    assert "Make again" in page
    assert again(client, coordinator, case, study).status_code == 200
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.WAITING, 0)
    row = row_of(case)
    assert (row.light.colour, row.light.text) == ("green", "images ready")
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert "NOT MADE" not in page
    assert "Make again" not in page


def test_who_may_not_keep_the_list_may_not_make_them_again(client, team, case, study):
    job = fail_to_make(study)
    reader = MembershipFactory(team=team, role=Role.EXTENDED).person
    client.force_login(reader)
    page = client.get(reverse("case-studies", args=[case.public_id])).content.decode()
    assert "NOT MADE" in page
    assert "Make again" not in page
    with pytest.raises(NotAllowed):
        services.retry_study(case=case, study=study, by=reader)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
