"""Which version of a report counts, and whose it is, where two answers lie close together."""

from itertools import permutations

import pytest
from django.utils import timezone

from mdt.meetings.access_queries import Sharing
from mdt.meetings.report_queries import reports_of, speaking_of
from mdt.referrals.models import PatientNumber
from mdt.reports import queries, services
from mdt.reports.models import Report, ReportDecision, ReportVersion
from mdt.teams.models import SharingAgreement
from tests.factories import (
    ListedCaseFactory,
    PatientFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralFactory,
    ReferralStudyFactory,
    StudyFactory,
    TrustFactory,
)
from tests.mdt.report_kit import arrived, claimed, hl7_source

pytestmark = pytest.mark.django_db
SLIP, STRANGER = claimed(birth_date="1975-03-12"), claimed(number="9990000026")
LOCAL = PatientNumber.Issuer.LOCAL


@pytest.fixture
def patient():
    return PatientNumberFactory().patient


@pytest.fixture
def source():
    return hl7_source()


def receive(source, **values):
    return services.receive(arrived=arrived(**values), source=source, message_id="M1")


# ---- which version counts ---------------------------------------------------------------


@pytest.mark.parametrize(
    "order", list(permutations(["preliminary", "final", "amended", "withdrawn"]))
)
def test_of_versions_issued_at_one_time_the_one_that_is_further_on_counts(order, patient, source):
    for status in order:
        receive(source, status=status, text="" if status == "withdrawn" else status)
    assert queries.in_force(list(ReportVersion.objects.all())).status == "withdrawn"
    others = list(ReportVersion.objects.exclude(status="withdrawn"))
    assert queries.in_force(others).status == "amended"


def test_two_services_that_number_alike_have_a_report_each(patient, source):
    receive(source, service="CTHEA")
    receive(source, service="MRHEA")
    assert Report.objects.count() == 2


# ---- whose it is ------------------------------------------------------------------------


def said(patient, claim, source, *verdicts):
    """What was decided of one pair, whoever let it be decided."""
    pair = queries.pair_in(patient, claim, source)
    about = {"patient": patient, "pair": pair, "reason": "slip", "by": PersonFactory()}
    for verdict in verdicts:
        ReportDecision.objects.create(verdict=verdict, at=timezone.now(), **about)
    return queries.whose(patient, claim, source)


def test_no_word_makes_a_report_theirs_that_is_surely_somebody_elses(patient, source):
    assert said(patient, STRANGER, source, "same") == queries.OTHER


def test_no_word_takes_a_report_from_them_that_is_surely_theirs(patient, source):
    assert said(patient, claimed(), source, "different") == queries.SAME


@pytest.mark.parametrize("verdicts", [("same", "different"), ("different", "same")])
def test_of_two_words_on_a_doubtful_report_the_last_counts(verdicts, patient, source):
    assert said(patient, SLIP, source, *verdicts) == verdicts[-1]


def test_a_report_that_is_surely_of_two_people_is_nobodys(patient, source):
    namesake = PatientFactory()
    PatientNumberFactory(patient=namesake, issuer=LOCAL, trust_ods_code="RM3", value="S04")
    both = claimed(patient_id="S04", issuer_of_patient_id="RM3")
    assert [queries.whose(one, both, source) for one in (patient, namesake)] == [queries.SAME] * 2
    assert receive(source, claim=both).became == "unmatched"
    assert not Report.objects.exists()


# ---- what it may be read beside ---------------------------------------------------------


def test_an_accession_number_of_another_trust_names_another_study(patient, source, live_meeting):
    today, own = timezone.localdate(), live_meeting.team.site.trust
    theirs = TrustFactory(ods_code="RBV")
    SharingAgreement.objects.create(
        holder=theirs, receiver=own, reference="made up", from_date=today
    )
    case = ListedCaseFactory(meeting=live_meeting, referral=ReferralFactory(patient=patient))
    facts = {"study__accession_number": "A1", "study__trust_ods_code": "RBV"}
    ReferralStudyFactory(referral=case.referral, **facts)
    receive(source)
    assert reports_of(case).shown[0].study is None
    own_study = ReferralStudyFactory(
        referral=case.referral, **facts | {"study__trust_ods_code": "RM3"}
    ).study
    assert reports_of(case).shown[0].study == own_study


@pytest.mark.parametrize(
    ("sharing", "is_read"),
    [
        (Sharing(frozenset({"RM3"}), frozenset()), True),
        (Sharing(frozenset(), frozenset()), False),
        (Sharing(frozenset({"RM3"}), frozenset({"RM3"})), False),
    ],
    ids=["shared", "no agreement", "objected"],
)
def test_a_report_that_is_withheld_says_nothing_of_what_a_study_is_of(
    sharing, is_read, patient, source
):
    study = StudyFactory(accession_number="A1", trust_ods_code="RM3")
    receive(source)
    speaking = speaking_of(patient.reports.all(), patient, [study], sharing)
    assert list(speaking) == ([study.pk] if is_read else [])
