"""A patient objects, or an agreement ends: nothing more is asked for, nothing more is shown."""

from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging import plan, queue
from imaging.models import ArchiveAnswer, Job, Revocation, Study, Upload
from mdt import access
from mdt.errors import NotAllowed
from mdt.identity import services
from mdt.meetings.queries import row_of
from mdt.meetings.services import list_case, search_again
from mdt.meetings.sweeps import Swept, sweep
from mdt.meetings.upload_queries import uploads_of
from mdt.meetings.withdrawn import stop_asking
from mdt.members import Role
from mdt.referrals.models import Objection
from mdt.room_log import log
from mdt.teams.models import SharingAgreement
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    PullJobFactory,
    ReferralFactory,
    ReferralStudyFactory,
    SeriesFactory,
    StudyFactory,
    TrustFactory,
)
from tests.mdt.archive_kit import audited

pytestmark = pytest.mark.django_db
ON_ITS_WAY = (Job.State.WAITING, Job.State.RUNNING)
NOON = datetime(2026, 11, 24, 12, tzinfo=ZoneInfo("Europe/London"))
DAY = timedelta(days=1)


@pytest.fixture
def coordinator(team):
    return MembershipFactory(team=team, role=Role.COORDINATOR).person


@pytest.fixture
def christie(team):
    """Another trust, which shares with the team's and is asked."""
    trust = TrustFactory(ods_code="RBV", name="The Christie NHS Foundation Trust")
    begun = {"reference": "made up", "from_date": timezone.localdate() - 900 * DAY}
    SharingAgreement.objects.create(holder=trust, receiver=team.site.trust, **begun)
    team.asked_of.add(trust)
    return trust


@pytest.fixture
def theirs(christie):
    return ArchiveFactory(name="rbv", trust_ods_code="RBV")


@pytest.fixture
def case(meeting, archive, theirs, coordinator):
    """Just listed: both archives are yet to be asked."""
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    return list_case(meeting=meeting, referral=referral, by=coordinator)


@pytest.fixture
def fetched(case, theirs):
    """A study of the other trust, chosen, of which something is here and more is waited for."""
    return being_fetched(case, theirs, trust_ods_code="RBV")


def being_fetched(case, archive, **fields):
    state = {"state": Study.State.PULLING, "search": case.referral.search}
    study = StudyFactory(archive=archive, **state | fields)
    SeriesFactory(study=study)
    ReferralStudyFactory(referral=case.referral, study=study)
    PullJobFactory(study=study, state=Job.State.WAITING)
    return study


def objects(case, by, trust="RBV"):
    return services.record_objection(case=case, trust_ods_code=trust, by=by)


def answers(case):
    rows = case.referral.search.answers.values_list("archive__trust_ods_code", "state")
    return dict(rows)


def asked(case):
    """Trusts that are yet to be asked."""
    jobs = Job.objects.filter(answer__search=case.referral.search, state__in=ON_ITS_WAY)
    return set(jobs.values_list("archive__trust_ods_code", flat=True))


# ---- an objection -----------------------------------------------------------------------


def test_what_waits_to_be_asked_is_not_asked_any_more(case, coordinator):
    assert asked(case) == {"RM3", "RBV"}
    assert objects(case, coordinator) is True
    assert asked(case) == {"RM3"}
    assert answers(case) == {"RM3": "waiting", "RBV": "not-asked"}


def test_an_archive_of_several_trusts_is_asked_by_the_number_of_none_that_is_objected_to(
    case, coordinator, archive
):
    """It is asked on, for the others; so it is when it is asked again."""
    archive.trusts_by_issuer = {"CHR": "RBV"}
    archive.save()
    answer = case.referral.search.answers.get(archive=archive)
    assert {*answer.trusts} == {"RM3", "RBV"}
    objects(case, coordinator)
    answer.refresh_from_db()
    assert (answer.trusts, answer.state) == (["RM3"], "waiting")
    search_again(case=case, by=coordinator)
    answer.refresh_from_db()
    assert answer.trusts == ["RM3"]


def test_what_a_worker_is_asking_right_now_writes_no_more(case, coordinator, theirs):
    job = Job.objects.get(archive=theirs)
    held = {"claim": uuid4(), "lease_until": timezone.now() + DAY}
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, **held)
    job.refresh_from_db()
    objects(case, coordinator)
    assert queue.let_go(job, Job.State.DONE) is False


def test_what_is_being_fetched_stops_and_leaves_the_screens(case, fetched, coordinator):
    before = log.since(case.meeting, 0)
    objects(case, coordinator)
    fetched.refresh_from_db()
    assert fetched.state == Study.State.CANCELLED
    assert not Job.objects.filter(study=fetched, state__in=ON_ITS_WAY).exists()
    assert [one.series for one in Revocation.objects.all()] == [fetched.series.get().public_id]
    assert row_of(case).studies == []
    heard = log.since(case.meeting, 0)[len(before) :]
    assert {event.case_id for event in heard} == {case.public_id}


def test_what_another_trust_holds_goes_on(case, archive, fetched, coordinator):
    own = being_fetched(case, archive, trust_ods_code="RM3")
    objects(case, coordinator)
    own.refresh_from_db()
    assert own.state == Study.State.PULLING
    assert Job.objects.get(study=own).state == Job.State.WAITING
    assert own.series.get().public_id not in {one.series for one in Revocation.objects.all()}


def test_what_another_patient_needs_goes_on(case, meeting, theirs, coordinator):
    hers = ReferralFactory(patient=PatientNumberFactory(value="9990000026").patient)
    other = list_case(meeting=meeting, referral=hers, by=coordinator)
    objects(case, coordinator)
    assert asked(other) == {"RM3", "RBV"}


def test_an_archive_that_holds_more_than_one_trust_is_asked_for_the_others(case, coordinator):
    shared = ArchiveFactory(name="both", trust_ods_code="RBV", trusts_by_issuer={"SRFT": "RM3"})
    plan.search_again(case.referral.search, archives=[shared])
    objects(case, coordinator)
    waiting = case.referral.search.answers.filter(state=ArchiveAnswer.State.WAITING)
    assert shared in [one.archive for one in waiting]


def test_it_is_kept_once_and_on_record(case, coordinator):
    assert [objects(case, coordinator), objects(case, coordinator)] == [True, False]
    assert Objection.objects.get().trust_ods_code == "RBV"
    assert audited().count("objection.recorded") == 1


@pytest.mark.parametrize("role", sorted(Role))
def test_who_keeps_the_list_writes_it_down_and_no_other_role(role, team, case):
    person = MembershipFactory(team=team, role=role).person
    if role in access.MAY_KEEP_LIST:
        objects(case, person)
    else:
        with pytest.raises(NotAllowed):
            objects(case, person)
    assert Objection.objects.exists() is (role in access.MAY_KEEP_LIST)
    assert asked(case) == ({"RM3"} if role in access.MAY_KEEP_LIST else {"RM3", "RBV"})


# ---- the page ---------------------------------------------------------------------------


def page_of(case, *more):
    return reverse(*(more or ("case-patient",)), args=[case.public_id])


def test_the_page_keeps_it_and_says_so_from_then_on(case, coordinator, client):
    client.force_login(coordinator)
    said = {"trust": "RBV", "is_sure": "on"}
    answer = client.post(page_of(case, "object-to-sharing"), said, follow=True)
    assert "studies and reports are withheld from now on" in answer.content.decode()
    page = client.get(page_of(case)).content.decode()
    assert "The Christie NHS Foundation Trust (RBV)</strong>: the patient objects" in page
    offered = page.partition(f'action="{page_of(case, "object-to-sharing")}"')[2].partition(
        "</form>"
    )[0]
    assert 'value="RM3"' in offered
    assert 'value="RBV"' not in offered
    assert asked(case) == {"RM3"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"trust": "RBV"}, "Tick that the patient has said so."),
        ({"is_sure": "on"}, "Choose the trust."),
        ({"trust": "ZZ999", "is_sure": "on"}, "ZZ999 is not one of the available choices"),
    ],
)
def test_half_of_it_is_refused_where_it_was_typed(said, why, case, coordinator, client):
    client.force_login(coordinator)
    answer = client.post(page_of(case, "object-to-sharing"), said)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Objection.objects.exists()


# ---- an agreement that ends -------------------------------------------------------------


def ends():
    SharingAgreement.objects.update(to_date=timezone.localdate() - DAY)


def test_once_an_agreement_has_ended_the_next_sweep_takes_back_what_waits(case, fetched):
    assert stop_asking() == 0
    ends()
    assert stop_asking() == 2
    fetched.refresh_from_db()
    assert (asked(case), fetched.state) == ({"RM3"}, Study.State.CANCELLED)
    assert "may not be asked any more" in fetched.message
    assert stop_asking() == 0


def test_the_sweep_does_so_itself(case, fetched):
    ends()
    sweep(now=timezone.now())
    fetched.refresh_from_db()
    assert fetched.state == Study.State.CANCELLED


def test_what_another_team_may_still_show_goes_on(case, fetched, christie):
    """The same patient is listed by a team of the trust that holds the study."""
    at_christie = MeetingFactory(team__site__ods_code="RBV01", team__site__trust=christie)
    ListedCaseFactory(meeting=at_christie, referral=case.referral)
    ends()
    assert stop_asking() == 0
    assert asked(case) == {"RM3", "RBV"}


# ---- sweeps: what may not be asked is not due -------------------------------------------


def answered_long_ago(case):
    found = ArchiveAnswer.objects.filter(search=case.referral.search)
    found.update(state=ArchiveAnswer.State.ANSWERED, answered_at=NOON - 2 * DAY)
    Job.objects.filter(answer__in=found).update(state=Job.State.DONE, due_at=NOON - 2 * DAY)


def test_a_case_of_which_nothing_may_be_asked_again_is_not_due(
    case, coordinator, meeting, monkeypatch
):
    """Only the answer of the trust objected to is old: nobody may ask it, at no sweep."""
    type(meeting).objects.update(starts_at=NOON + DAY)
    answered_long_ago(case)
    case.referral.search.answers.filter(archive__trust_ods_code="RM3").update(answered_at=NOON)
    objects(case, coordinator)
    looked_at = []
    monkeypatch.setattr("mdt.meetings.sweeps._look_again", lambda *about: looked_at.append(about))
    assert sweep(now=NOON) == Swept()
    assert looked_at == []


def test_one_of_which_something_may_be_asked_is(case, coordinator, meeting):
    type(meeting).objects.update(starts_at=NOON + DAY)
    answered_long_ago(case)
    objects(case, coordinator)
    assert sweep(now=NOON).archives == 1
    assert asked(case) == {"RM3"}


# ---- what was brought on a CD -----------------------------------------------------------


@pytest.fixture
def upload(case, theirs):
    """A CD of the other trust, taken and matched."""
    folder = ArchiveFactory(
        name="cds",
        trust_ods_code="RBV",
        kind="folder",
        takes_uploads=True,
        base_url="",
        folder="/x",
    )
    search = case.referral.search
    search.answers.create(archive=folder, state="answered", studies_found=2)
    return Upload.objects.create(archive=folder, search=search, by="x", state="taken", taken=9)


def test_what_was_brought_is_said_to_be_withheld(case, upload, coordinator, client):
    client.force_login(coordinator)
    page = reverse("upload-rows", args=[case.public_id])
    assert "2 studies found from RBV" in " ".join(client.get(page).content.decode().split())
    objects(case, coordinator)
    said = client.get(page).content.decode()
    assert "The patient objects to sharing: what was brought is withheld from this case." in said
    assert "withheld.objection" in said
    for hidden in ("9 DICOM", "2 stud"):
        assert hidden not in said
    (shown,) = uploads_of(case)
    assert (shown.withheld, shown.is_under_way) == ("objection", False)


def test_so_it_is_once_an_agreement_has_ended(case, upload, coordinator, client):
    client.force_login(coordinator)
    ends()
    said = client.get(reverse("upload-rows", args=[case.public_id])).content.decode()
    assert "No sharing agreement with this trust today: what was brought is withheld" in said
    assert "withheld.no-agreement" in said
