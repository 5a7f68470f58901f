"""A report number that moves to another patient: both are in doubt until the trust has said."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import IdentityDecision
from mdt.identity import services as identity
from mdt.identity.report_queries import reports_waiting
from mdt.meetings.report_queries import reports_of
from mdt.members import Role
from mdt.referrals.models import PatientNumber
from mdt.reports import services
from mdt.reports.models import Kind, Report, UnmatchedReport
from mdt.room_log import log
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientFactory,
    PatientNumberFactory,
    ReferralFactory,
    TrustFactory,
)
from tests.mdt.identity_kit import OTHER, of_imaging_team
from tests.mdt.report_kit import arrived, claimed, fhir_source, hl7_source

pytestmark = pytest.mark.django_db
SAME, ANOTHER = IdentityDecision.Verdict
THEIRS = claimed(number=OTHER, birth_date="1961-07-30")
STRANGER = claimed(number="9990000034", birth_date="1949-01-02")


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(
        meeting=live_meeting, referral=ReferralFactory(patient=PatientNumberFactory().patient)
    )


@pytest.fixture
def other(live_meeting):
    """The case of somebody else on the same list."""
    patient = PatientFactory(birth_date="1961-07-30")
    PatientNumberFactory(patient=patient, value=OTHER)
    return ListedCaseFactory(
        meeting=live_meeting, referral=ReferralFactory(patient=patient), position=2
    )


@pytest.fixture
def source():
    return hl7_source()


@pytest.fixture
def imaging(source):
    return of_imaging_team("RM3")


def receive(source, claim=None, **values):
    about = arrived(**{"claim": claim or claimed()} | values)
    return services.receive(arrived=about, source=source, message_id="M1").became


def lamp(case):
    return reports_of(case).lamps.imaging.light


def texts(case):
    return [one.current.text for one in reports_of(case).shown]


def decide(waiting, by, verdict, reason):
    about = {"unmatched": waiting.unmatched, "patient": waiting.patient, "by": by, "note": ""}
    identity.decide_report(verdict=verdict, reason=reason, seen=waiting.seen, **about)


def test_a_number_that_comes_for_another_patient_puts_both_in_doubt(
    case, other, source, imaging, client, team
):
    receive(source, text="of the first")
    assert lamp(case).colour == "green"
    receive(source, THEIRS, text="of the second")
    for one in (case, other):
        assert (lamp(one).colour, texts(one)) == ("amber", [])
        assert "1 imaging report may be about this patient" in lamp(one).text
    assert [why for _, why in reports_of(case).withheld] == ["identity"]
    waiting = reports_waiting(imaging)
    assert {one.patient for one in waiting} == {case.referral.patient, other.referral.patient}
    client.force_login(imaging)
    said = "the same number came for another patient"
    assert client.get(reverse("identity")).content.decode().count(said) == 2
    page = reverse("identity-report", args=[waiting[0].unmatched.public_id])
    assert said in client.get(page).content.decode()
    client.force_login(MembershipFactory(team=team, role=Role.COORDINATOR).person)
    shown = client.get(reverse("reports", args=[case.public_id])).content.decode()
    assert "of the first" not in shown


def test_the_trusts_word_gives_each_to_whom_it_belongs(case, other, source, imaging):
    receive(source, text="of the first")
    receive(source, THEIRS, text="of the second")
    verdicts = {case.referral.patient: (ANOTHER, "other-record")}
    for waiting in reports_waiting(imaging):
        decide(waiting, imaging, *verdicts.get(waiting.patient, (SAME, "slip")))
    assert reports_waiting(imaging) == []
    assert (texts(case), texts(other)) == ([], ["of the second"])
    assert lamp(other).colour == "green"
    services.match_again(now=timezone.now())
    assert (texts(case), texts(other)) == ([], ["of the second"])
    receive(source, THEIRS, text="of the second, amended", status="amended", at="2026-11-21T10:00")
    assert texts(other) == ["of the second, amended"]
    assert reports_waiting(imaging) == []


def test_both_may_be_right(case, other, source, imaging):
    receive(source, text="of the first")
    receive(source, THEIRS, text="of the second")
    for waiting in reports_waiting(imaging):
        decide(waiting, imaging, SAME, "slip")
    assert (texts(case), texts(other)) == (["of the first"], ["of the second"])
    assert not UnmatchedReport.objects.exists()
    receive(source, STRANGER, text="of a third")
    assert texts(case) == ["of the first"]


def test_a_contested_report_is_not_given_back_to_whom_the_trust_said_it_is_not(
    case, live_meeting, source, imaging
):
    """Twins: the sender's message has the number of the one and the trust's number of the other."""
    twin = PatientFactory(given_names="Ayesha")
    local = {"issuer": PatientNumber.Issuer.LOCAL, "trust_ods_code": "RM3"}
    PatientNumberFactory(patient=twin, value="S0451127", **local)
    ListedCaseFactory(meeting=live_meeting, referral=ReferralFactory(patient=twin), position=2)
    receive(source, claimed(patient_id="S0451127", issuer_of_patient_id="RM3"), text="of one")
    assert texts(case) == ["of one"]
    receive(source, STRANGER)
    verdicts = {case.referral.patient: (ANOTHER, "other-record"), twin: (SAME, "slip")}
    waiting = {one.patient: one for one in reports_waiting(imaging)}
    for patient, verdict in verdicts.items():
        decide(waiting[patient], imaging, *verdict)
    services.match_again(now=timezone.now())
    assert texts(case) == []
    assert Report.objects.get(patient=case.referral.patient).is_contested


def test_sent_again_meanwhile_it_asks_no_more(case, other, source, imaging):
    receive(source, text="of the first")
    for _ in range(2):
        receive(source, THEIRS, text="of the second")
    receive(source, text="of the first")
    assert len(reports_waiting(imaging)) == 2
    services.match_again(now=timezone.now())
    assert len(reports_waiting(imaging)) == 2


def test_it_does_so_when_it_comes_for_somebody_unknown(case, source, imaging):
    receive(source, text="of the first")
    assert receive(source, STRANGER) == "unmatched"
    assert (lamp(case).colour, texts(case)) == ("amber", [])
    assert [one.patient for one in reports_waiting(imaging)] == [case.referral.patient]


def test_and_when_it_came_for_somebody_unknown_before(case, source, imaging):
    receive(source, STRANGER)
    receive(source, text="of the second")
    assert (lamp(case).colour, texts(case)) == ("amber", [])
    assert [one.patient for one in reports_waiting(imaging)] == [case.referral.patient]


def test_who_becomes_known_later_has_it_only_when_that_is_said(case, source, imaging):
    receive(source, text="of the first")
    receive(source, THEIRS)
    patient = PatientFactory(birth_date="1961-07-30")
    PatientNumberFactory(patient=patient, value=OTHER)
    assert services.match_again(now=timezone.now()) == 0
    assert not Report.objects.filter(patient=patient).exists()


@pytest.mark.django_db(transaction=True)
def test_the_room_hears_that_what_waited_is_contested_and_the_rest_is_matched(
    case, live_meeting, source
):
    receive(source, text="of the first")
    receive(source, THEIRS)
    receive(source, THEIRS, number="A2", text="of the second")
    patient = PatientFactory(birth_date="1961-07-30")
    PatientNumberFactory(patient=patient, value=OTHER)
    theirs = ListedCaseFactory(
        meeting=live_meeting, referral=ReferralFactory(patient=patient), position=2
    )
    heard = len(log.since(live_meeting, 0))
    assert services.match_again(now=timezone.now()) == 1
    assert texts(theirs) == ["of the second"]
    assert UnmatchedReport.objects.filter(is_contested=True, about=None).count() == 1
    assert [one.case_id for one in log.since(live_meeting, 0)[heard:]] == [theirs.public_id] * 2


@pytest.mark.parametrize(
    "values",
    [{"number": "A2"}, {"number": ""}, {"kind": Kind.PATHOLOGY}],
    ids=["another number", "no number", "another kind"],
)
def test_what_is_under_another_number_or_of_another_kind_harms_nobody(
    values, case, other, source, imaging
):
    receive(source, number=values.get("number", "A1") and "A1", text="of the first")
    receive(source, THEIRS, **values)
    assert texts(case) == ["of the first"]
    assert len(texts(other)) == 1
    assert reports_waiting(imaging) == []


def test_another_trusts_same_number_harms_nobody(case, other, source, imaging):
    TrustFactory(ods_code="RBV")
    receive(source, text="of the first")
    receive(fhir_source(trust_ods_code="RBV"), THEIRS)
    assert (lamp(case).colour, texts(case)) == ("green", ["of the first"])
    assert Report.objects.filter(patient=other.referral.patient, is_contested=False).exists()
    assert reports_waiting(imaging) == []


def test_what_was_taken_back_from_the_first_is_the_seconds_at_once(case, other, source, imaging):
    receive(source, text="of the first")
    receive(source, status="withdrawn", text="", at="2026-11-21T09:00")
    receive(source, THEIRS, text="of the second", at="2026-11-21T09:01")
    assert texts(other) == ["of the second"]
    assert reports_waiting(imaging) == []


TAKEN_BACK = {"status": "withdrawn", "text": "", "at": "2026-11-21T09:00"}


@pytest.mark.parametrize("how", [{}, {"at": "2026-11-20", "is_timed": False}], ids=["time", "day"])
def test_what_was_taken_back_from_a_stranger_is_the_patients_at_once(how, case, source, imaging):
    receive(source, STRANGER, text="of a stranger")
    receive(source, STRANGER, **TAKEN_BACK | how)
    receive(source, text="of the second", at="2026-11-21T09:01")
    assert (lamp(case).colour, texts(case)) == ("green", ["of the second"])
    assert reports_waiting(imaging) == []


@pytest.mark.parametrize(
    "then",
    [
        {"at": "2026-11-22T09:00", "status": "amended"},
        {"service": "CT"},
        {"claim": claimed(number="9990000042", birth_date="1949-01-02")},
    ],
    ids=["and given anew", "of another examination", "of another stranger"],
)
def test_what_still_stands_of_a_stranger_is_in_doubt(then, case, source, imaging):
    receive(source, STRANGER, **TAKEN_BACK)
    receive(source, **{"claim": STRANGER, "text": "stands"} | then)
    receive(source, text="of the second", at="2026-11-23T09:01")
    assert (lamp(case).colour, texts(case)) == ("amber", [])


def test_a_slip_in_a_later_version_is_of_the_same_person(case, source, imaging):
    """It waits by itself, as ever; the version before it stands."""
    receive(source, text="of the first")
    receive(source, claimed(birth_date="1975-03-12"), text="later")
    assert texts(case) == ["of the first"]
    assert len(reports_waiting(imaging)) == 1


def test_what_is_in_doubt_by_its_number_is_not_forgotten(case, other, source, imaging, settings):
    receive(source, text="of the first")
    receive(source, THEIRS)
    days = settings.REPORTS_UNMATCHED_KEPT_DAYS + 1
    services.match_again(now=timezone.now() + timedelta(days=days))
    assert len(reports_waiting(imaging)) == 2


def meanwhile(monkeypatch, happens):
    """Let something happen when the next report is about to be kept, and was not contested."""
    keep = services._keep

    def kept(*given, **more):
        monkeypatch.setattr(services, "_keep", keep)
        happens()
        return keep(*given, **more)

    monkeypatch.setattr(services, "_keep", kept)


def test_of_two_that_come_at_the_same_instant_both_are_in_doubt(case, other, source, monkeypatch):
    meanwhile(monkeypatch, lambda: receive(source, THEIRS, text="theirs"))
    receive(source, text="hers")
    assert [one.is_contested for one in Report.objects.order_by("pk")] == [True, True]
    assert texts(case) == texts(other) == []
    assert UnmatchedReport.objects.filter(is_contested=True).count() == 2


def test_one_that_waited_and_one_that_comes_as_it_is_given_are_both_in_doubt(
    case, other, source, monkeypatch
):
    late = claimed(number="9990000050", birth_date="1966-09-14")
    receive(source, late, text="waits")
    patient = PatientFactory(birth_date="1966-09-14")
    PatientNumberFactory(patient=patient, value="9990000050")
    meanwhile(monkeypatch, lambda: receive(source, text="hers"))
    services.match_again(now=timezone.now())
    assert texts(case) == []
    assert {one.is_contested for one in Report.objects.all()} == {True}


def test_what_is_said_again_of_a_number_nobody_else_has_contests_nothing(case, source):
    receive(source, text="hers")
    receive(source, text="hers, amended", status="amended")
    assert texts(case) == ["hers, amended"]
