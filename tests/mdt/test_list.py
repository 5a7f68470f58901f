"""The list of a meeting: listed, moved, taken off; studies found, chosen, fetched again."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from threading import Barrier, BrokenBarrierError
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from imaging.models import ArchiveAnswer, Job, Revocation
from mdt.audit.models import AuditEvent
from mdt.errors import (
    AlreadyListed,
    Conflict,
    NotAllowed,
    OtherBirthDate,
    WrongState,
)
from mdt.meetings import services
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.queries import row_of
from mdt.members import Role
from mdt.referrals import services as referrals
from mdt.referrals.models import Objection, Patient, Referral
from mdt.room_log import log
from mdt.teams.models import SharingAgreement
from tests.factories import (
    ArchiveFactory,
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
    TrustFactory,
)

pytestmark = pytest.mark.django_db
KEEPERS = {Role.CHAIR, Role.DEPUTY, Role.COORDINATOR, Role.CORE}
DAY = timedelta(days=1)


def form(**changes):
    given = {
        "nhs_number": "9990000018",
        "birth_date": date(1957, 3, 12),
        "family_name": "KHAN",
        "given_names": "Amina",
        "sex": "F",
        "question": "Is this resectable?",
        "laterality": "left",
        "event_id": uuid4(),
    }
    return given | changes


def listed(meeting, count):
    return [ListedCaseFactory(meeting=meeting, position=n) for n in range(1, count + 1)]


def order(meeting):
    return list(meeting.cases.values_list("pk", "position"))


def happened(meeting):
    return [event.type for event in log.since(meeting, 0)]


def audited():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


# ---- adding ------------------------------------------------------------------------


def test_a_new_patient_is_made_known_referred_and_listed_last(meeting, coordinator):
    listed(meeting, 2)
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    patient = case.referral.patient
    assert (patient.shown_name, patient.shown_nhs_number) == ("KHAN, Amina", "999 000 0018")
    assert (case.referral.question, case.referral.laterality) == ("Is this resectable?", "left")
    assert (case.position, case.listed_by) == (3, coordinator)
    assert happened(meeting) == ["list.changed"]
    assert audited() == ["patient.registered", "referral.received", "case.listed"]


def test_a_known_patient_is_listed_as_they_are_on_record(meeting, coordinator):
    known = PatientNumberFactory().patient
    wrong_names = {"family_name": "KAHN", "given_names": "A", "sex": "M"}
    case = services.add_case(meeting=meeting, by=coordinator, **form(**wrong_names))
    assert case.referral.patient == known
    assert (known.family_name, Patient.objects.count()) == ("KHAN", 1)


def test_a_number_of_somebody_born_on_another_day_lists_nobody(meeting, coordinator):
    PatientNumberFactory()
    with pytest.raises(OtherBirthDate):
        services.add_case(meeting=meeting, by=coordinator, **form(birth_date=date(1958, 3, 12)))
    assert not meeting.cases.exists()
    assert not Referral.objects.exists()


def test_a_patient_who_is_not_known_needs_a_name(meeting, coordinator):
    with pytest.raises(WrongState):
        services.add_case(meeting=meeting, by=coordinator, **form(family_name="", sex=""))
    assert not Patient.objects.exists()


def test_a_second_enter_lists_nobody_twice(meeting, coordinator):
    sent = form()
    first = services.add_case(meeting=meeting, by=coordinator, **sent)
    assert services.add_case(meeting=meeting, by=coordinator, **sent) == first
    assert (meeting.cases.count(), Referral.objects.count()) == (1, 1)
    assert happened(meeting) == ["list.changed"]


def test_a_patient_is_on_a_list_once(meeting, coordinator):
    services.add_case(meeting=meeting, by=coordinator, **form())
    with pytest.raises(AlreadyListed, match="number 1"):
        services.add_case(meeting=meeting, by=coordinator, **form(question="Again?"))
    assert meeting.cases.count() == 1


def test_a_patient_may_be_listed_in_two_meetings(meeting, coordinator, team):
    services.add_case(meeting=meeting, by=coordinator, **form())
    other = MeetingFactory(team=team)
    assert services.add_case(meeting=other, by=coordinator, **form()).position == 1


@pytest.fixture
def both_look_first(monkeypatch):
    """Neither makes a patient known before both have seen that nobody is; alone one goes on."""
    seen, look = Barrier(2), referrals.patient_known_as

    def looking(*about):
        known = look(*about)
        with suppress(BrokenBarrierError):
            seen.wait(0.5)
        return known

    monkeypatch.setattr(referrals, "patient_known_as", looking)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_a_patient_known_at_once_both_list_them(
    meeting, coordinator, team, both_look_first
):
    def listed_in(one):
        try:
            return services.add_case(meeting=one, by=coordinator, **form())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        cases = list(pool.map(listed_in, (meeting, MeetingFactory(team=team))))
    patient = Patient.objects.get()
    assert [case.referral.patient for case in cases] == [patient, patient]
    assert [case.position for case in cases] == [1, 1]
    assert patient.numbers.count() == 1
    assert sorted(audited()) == [
        *("case.listed", "case.listed", "patient.registered"),
        *("referral.received", "referral.received"),
    ]


@pytest.mark.parametrize("role", sorted(KEEPERS))
def test_a_case_is_listed_by(role, meeting, team):
    person = MembershipFactory(team=team, role=role).person
    assert services.add_case(meeting=meeting, by=person, **form()).position == 1


@pytest.mark.parametrize("role", sorted(set(Role) - KEEPERS))
def test_listing_is_refused_to(role, meeting, team):
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        services.add_case(meeting=meeting, by=person, **form())
    with pytest.raises(NotAllowed):
        services.list_case(meeting=meeting, referral=ReferralFactory(), by=person)
    assert not meeting.cases.exists()
    assert happened(meeting) == []


def test_a_closed_meeting_takes_no_case(meeting, coordinator):
    meeting.state = Meeting.State.CLOSED
    meeting.save()
    with pytest.raises(WrongState):
        services.add_case(meeting=meeting, by=coordinator, **form())
    assert not Patient.objects.exists()


# ---- asking the archives ------------------------------------------------------------


def test_listing_asks_the_archives_of_the_teams_trusts_for_the_patient(
    meeting, coordinator, archive
):
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    search = case.referral.search
    assert search.sought["nhs_number"] == "9990000018"
    assert search.sought["birth_date"] == "1957-03-12"
    assert [answer.archive for answer in search.answers.all()] == [archive]
    assert Job.objects.get().meeting_at == meeting.starts_at


@pytest.mark.parametrize(
    ("agreed", "objects", "is_asked"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_only_a_trust_whose_studies_may_be_shown_is_asked(
    agreed, objects, is_asked, meeting, coordinator, team
):
    other = TrustFactory(ods_code="RBV", name="The Christie NHS Foundation Trust")
    team.asked_of.add(other)
    ArchiveFactory(name="rbv", trust_ods_code="RBV")
    patient = PatientNumberFactory().patient
    if agreed:
        agree(other, team)
    if objects:
        Objection.objects.create(patient=patient, trust_ods_code="RBV")
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    assert ArchiveAnswer.objects.filter(search=case.referral.search).exists() == is_asked


def test_the_archives_are_asked_again(meeting, coordinator, archive):
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    ArchiveAnswer.objects.update(state=ArchiveAnswer.State.FAILED, code="archive.unreachable")
    services.search_again(case=case, by=coordinator)
    assert ArchiveAnswer.objects.get().state == ArchiveAnswer.State.WAITING
    assert audited()[-1] == "archives.searched-again"


def test_an_archive_that_may_be_asked_no_more_is_not_asked_again(meeting, coordinator, archive):
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    answered = ArchiveAnswer.State.ANSWERED
    ArchiveAnswer.objects.update(state=answered, answered_at=timezone.now(), studies_found=3)
    Objection.objects.create(patient=case.referral.patient, trust_ods_code=archive.trust_ods_code)
    services.search_again(case=case, by=coordinator)
    assert ArchiveAnswer.objects.get().state == answered
    assert row_of(case).answers == []


def test_an_archive_that_may_be_asked_no_more_colours_no_light(meeting, coordinator, archive):
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    ArchiveAnswer.objects.update(state=ArchiveAnswer.State.FAILED)
    patient, trust = case.referral.patient, archive.trust_ods_code
    PatientNumberFactory(patient=patient, issuer="local", trust_ods_code=trust, value="S1")
    assert row_of(case).light.colour == "red"
    Objection.objects.create(patient=patient, trust_ods_code=trust)
    light = row_of(case).light
    assert (light.colour, len(light.notes)) == ("grey", 1)


def test_two_who_ask_at_once_share_one_search(meeting, coordinator, archive):
    case = ListedCaseFactory(meeting=meeting)
    stale = ListedCase.objects.select_related("referral").get(pk=case.pk)
    services.search_again(case=case, by=coordinator)
    services.search_again(case=stale, by=coordinator)
    assert ArchiveAnswer.objects.count() == 1


def test_who_was_never_asked_for_is_asked_for_by_asking_again(meeting, coordinator, archive):
    case = ListedCaseFactory(meeting=meeting)
    services.search_again(case=case, by=coordinator)
    assert Job.objects.get().kind == Job.Kind.SEARCH


def agree(holder, team, **dates):
    dates = {"from_date": timezone.localdate() - DAY} | dates
    return SharingAgreement.objects.create(holder=holder, receiver=team.site.trust, **dates)


# ---- order ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moved", "to", "expected"),
    [
        (1, 3, [2, 3, 1, 4]),
        (4, 1, [4, 1, 2, 3]),
        (2, 3, [1, 3, 2, 4]),
        (2, 1, [2, 1, 3, 4]),
        (3, 99, [1, 2, 4, 3]),
        (3, 0, [3, 1, 2, 4]),
        (2, 2, [1, 2, 3, 4]),
    ],
)
def test_moving_a_case_leaves_no_gap(moved, to, expected, meeting, coordinator):
    cases = listed(meeting, 4)
    case = cases[moved - 1]
    services.move_case(case=case, to=to, if_position=moved, by=coordinator)
    names = {case.pk: n for n, case in enumerate(cases, 1)}
    assert [(names[pk], position) for pk, position in order(meeting)] == list(
        zip(expected, range(1, 5), strict=True)
    )


def test_a_case_that_somebody_else_moved_stays_where_they_put_it(meeting, coordinator):
    first, second = listed(meeting, 2)
    services.move_case(case=first, to=2, if_position=1, by=coordinator)
    with pytest.raises(Conflict):
        services.move_case(case=first, to=2, if_position=1, by=coordinator)
    assert order(meeting) == [(second.pk, 1), (first.pk, 2)]
    assert happened(meeting) == ["list.changed"]


@pytest.mark.parametrize("role", sorted(set(Role) - KEEPERS))
def test_moving_and_removing_is_refused_to(role, meeting, team):
    case = listed(meeting, 2)[0]
    person = MembershipFactory(team=team, role=role).person
    with pytest.raises(NotAllowed):
        services.move_case(case=case, to=2, if_position=1, by=person)
    with pytest.raises(NotAllowed):
        services.remove_case(case=case, by=person)
    assert order(meeting)[0] == (case.pk, 1)


def test_a_case_taken_off_before_the_meeting_closes_the_gap(meeting, coordinator):
    first, second, third = listed(meeting, 3)
    services.remove_case(case=second, by=coordinator)
    assert order(meeting) == [(first.pk, 1), (third.pk, 2)]
    assert Referral.objects.filter(pk=second.referral.pk).exists()
    assert audited() == ["case.removed"]
    assert Revocation.objects.get().case == second.public_id


def test_a_case_taken_off_by_two_at_once_closes_one_gap(meeting, coordinator):
    first, second, third, fourth = listed(meeting, 4)
    as_the_other_saw_it = ListedCase.objects.get(pk=second.pk)
    services.remove_case(case=second, by=coordinator)
    with pytest.raises(Conflict):
        services.remove_case(case=as_the_other_saw_it, by=coordinator)
    assert order(meeting) == [(first.pk, 1), (third.pk, 2), (fourth.pk, 3)]
    assert audited() == ["case.removed"]


def test_a_case_moved_while_its_removal_waits_leaves_no_gap(meeting, coordinator):
    first, second, third, fourth = listed(meeting, 4)
    as_the_other_saw_it = ListedCase.objects.get(pk=second.pk)
    services.move_case(case=second, to=4, if_position=2, by=coordinator)
    services.remove_case(case=as_the_other_saw_it, by=coordinator)
    assert order(meeting) == [(first.pk, 1), (third.pk, 2), (fourth.pk, 3)]


def test_a_case_that_somebody_else_took_off_moves_nowhere(meeting, coordinator):
    first, second, third = listed(meeting, 3)
    as_the_other_saw_it = ListedCase.objects.get(pk=second.pk)
    services.remove_case(case=second, by=coordinator)
    with pytest.raises(Conflict):
        services.move_case(case=as_the_other_saw_it, to=1, if_position=2, by=coordinator)
    assert order(meeting) == [(first.pk, 1), (third.pk, 2)]


def test_a_case_is_not_taken_off_once_the_meeting_has_begun(live_meeting, coordinator):
    case = ListedCaseFactory(meeting=live_meeting)
    with pytest.raises(WrongState):
        services.remove_case(case=case, by=coordinator)
    assert ListedCase.objects.filter(pk=case.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_the_list_was_changed_undoes_and_refuses_nothing(
    meeting, coordinator, monkeypatch
):
    monkeypatch.setattr(services, "place_searches", lambda _: 1 / 0)
    case = services.add_case(meeting=meeting, by=coordinator, **form())
    assert order(meeting) == [(case.pk, 1)]
