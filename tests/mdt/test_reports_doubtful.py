"""Reports that may be a patient's here: seen in words, decided by their trust's imaging team."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from imaging.models import IdentityDecision
from mdt.errors import Conflict, MdtError, NotAllowed, WrongState
from mdt.identity import services as identity
from mdt.identity.report_queries import reports_waiting, waiting_report_or_404
from mdt.live.case_data import case_json
from mdt.meetings.models import Meeting
from mdt.meetings.queries import rows_for
from mdt.meetings.report_queries import reports_of
from mdt.members import Role
from mdt.referrals.models import Objection, Patient
from mdt.reports import services
from mdt.reports.models import ReportVersion, UnmatchedReport
from mdt.room_log import log
from tests.factories import ListedCaseFactory, MembershipFactory, TrustFactory
from tests.mdt.archive_kit import audited
from tests.mdt.identity_kit import NHS, OTHER, listed_with_search, of_imaging_team
from tests.mdt.report_kit import arrived, claimed, hl7_source

pytestmark = pytest.mark.django_db
SAME, ANOTHER = IdentityDecision.Verdict
SLIP = claimed(birth_date="1975-03-12")
DAY = timedelta(days=1)
WORDS = "1 imaging report may be about this patient: with Northern Care Alliance's imaging team"


@pytest.fixture
def coordinator(team):
    return MembershipFactory(team=team, role=Role.COORDINATOR).person


@pytest.fixture
def case(meeting, coordinator):
    return listed_with_search(meeting, coordinator).listings.get()


@pytest.fixture
def source():
    return hl7_source()


@pytest.fixture
def doubtful(case, source):
    """A report whose number is hers and whose birth date has a slip."""
    return doubted(source)


@pytest.fixture
def imaging(doubtful):
    return of_imaging_team("RM3")


def doubted(source, **values):
    about = {"claim": SLIP} | values
    services.receive(arrived=arrived(**about), source=source, message_id="M1")
    return UnmatchedReport.objects.latest("pk")


def lamp_of(case):
    return reports_of(case).lamps.imaging.light


def url(report, decide=False):
    return reverse("identity-decide-report" if decide else "identity-report", args=[report])


def decide(report, by, verdict="same", reason="slip", **changes):
    seen = changes.get("seen") or waiting_report_or_404(by, report.public_id).seen
    said = {"verdict": verdict, "reason": reason, "note": "", "seen": seen} | changes
    return identity.decide_report(unmatched=report, patient=Patient.objects.get(), by=by, **said)


# ---- the case's team --------------------------------------------------------------------


def test_a_report_that_may_be_theirs_is_said_on_list_page_and_room(
    case, doubtful, client, coordinator
):
    client.force_login(coordinator)
    for page in (
        reverse("meeting-list", args=[case.meeting.public_id]),
        reverse("reports", args=[case.public_id]),
    ):
        assert WORDS in client.get(page).content.decode().replace("&#x27;", "'")
    assert (lamp_of(case).colour, lamp_of(case).text) == ("amber", WORDS)
    assert WORDS in str(case_json(case)["reports"])
    assert "No lesion." not in client.get(page).content.decode()


def test_the_rooms_hear_of_it_when_it_comes(case, source):
    doubted(source)
    assert [event.case_id for event in log.since(case.meeting, 0)] == [case.public_id]


def test_it_stands_before_a_report_that_is_surely_theirs(case, source):
    services.receive(arrived=arrived(), source=source, message_id="M0")
    assert lamp_of(case).colour == "green"
    doubted(source, number="A2")
    doubted(source, number="A3")
    assert lamp_of(case).colour == "amber"
    assert lamp_of(case).text.startswith("2 imaging reports may be about this patient")
    assert "imaging report final" in lamp_of(case).notes[0]


def test_a_report_of_somebody_else_is_no_ones_to_look_at(case, source):
    """Another number, whatever else agrees: nobody here is named, and nobody is asked."""
    services.receive(arrived=arrived(claim=claimed(number=OTHER)), source=source, message_id="M1")
    assert lamp_of(case).text == "no imaging report"
    assert reports_waiting(of_imaging_team("RM3")) == []


def test_the_list_asks_once_for_all_of_them(case, source, chair, meeting):
    def cost():
        with CaptureQueriesContext(connection) as asked:
            rows_for(meeting, chair)
        return len(asked)

    doubted(source)
    before = cost()
    for number in ("A2", "A3", "A4"):
        doubted(source, number=number)
    assert cost() == before


# ---- the imaging team -------------------------------------------------------------------


def test_the_queue_says_why_and_for_whom_and_no_name(case, imaging, client):
    client.force_login(imaging)
    page = " ".join(client.get(reverse("identity")).content.decode().split())
    assert "1 report that needs a person" in page
    assert "birth date: another day" in page
    assert case.meeting.team.name in page
    for hidden in ("KHAN", NHS, "No lesion."):
        assert hidden not in page


def test_another_trusts_team_sees_none_and_finds_none(doubtful, client):
    client.force_login(of_imaging_team("RWJ"))
    assert "no report waits for you" in client.get(reverse("identity")).content.decode()
    assert client.get(url(doubtful.public_id)).status_code == 404
    answer = client.post(url(doubtful.public_id, decide=True), {"verdict": "same"})
    assert answer.status_code == 404
    assert not ReportVersion.objects.exists()


def test_who_coordinates_the_meeting_does_not_decide(doubtful, coordinator, client):
    client.force_login(coordinator)
    assert client.get(url(doubtful.public_id)).status_code == 404
    with pytest.raises(NotAllowed):
        decide(doubtful, coordinator, seen="x")


def test_it_is_shown_side_by_side_without_its_text_and_that_is_on_record(doubtful, imaging, client):
    client.force_login(imaging)
    page = client.get(url(doubtful.public_id)).content.decode()
    for said in ("12 Mar 1957", "12 Mar 1975", "999 000 0018", "another day", "KHAN, Amina"):
        assert said in page
    assert "No lesion." not in page
    assert audited()[-1] == "identity.viewed"


@pytest.mark.parametrize("report_id", ["none", "a-b", "é"])
def test_what_does_not_wait_is_not_there(report_id, imaging, client):
    client.force_login(imaging)
    assert client.get(url(report_id)).status_code == 404


@pytest.mark.parametrize("state", ["objected", "closed"])
def test_what_no_open_case_may_show_does_not_wait(state, case, doubtful, imaging):
    if state == "closed":
        Meeting.objects.update(state=Meeting.State.CLOSED)
    else:
        Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    assert reports_waiting(imaging) == []
    assert state == "closed" or lamp_of(case).text == "no imaging report"


# ---- what is decided --------------------------------------------------------------------


def test_the_same_person_makes_it_theirs_at_once(case, doubtful, imaging, client, coordinator):
    client.force_login(imaging)
    form = client.get(url(doubtful.public_id)).context["form"]
    said = {"seen": form.initial["seen"], "verdict": "same", "reason": "slip", "note": "1975"}
    answer = client.post(url(doubtful.public_id, decide=True), said, follow=True)
    assert "Your decision is kept" in answer.content.decode()
    assert reports_waiting(imaging) == []
    assert lamp_of(case).text.startswith("imaging report final: Northern Care Alliance")
    client.force_login(coordinator)
    page = client.get(reverse("reports", args=[case.public_id])).content.decode()
    assert "No lesion." in page
    assert {"identity.decided", "report.kept"} <= set(audited())


def test_a_later_version_under_the_same_slip_finds_its_patient_by_itself(
    case, doubtful, imaging, source
):
    decide(doubtful, imaging)
    later = arrived("amended", "A lesion.", "2026-11-21T10:00", claim=SLIP)
    services.receive(arrived=later, source=source, message_id="M2")
    assert not UnmatchedReport.objects.exists()
    (shown,) = reports_of(case).shown
    assert (shown.current.text, len(shown.versions)) == ("A lesion.", 2)


def test_all_under_the_same_slip_are_decided_together(case, doubtful, imaging, source):
    doubted(source, number="A2")
    decide(doubtful, imaging)
    assert len(reports_of(case).shown) == 2
    assert reports_waiting(imaging) == []


def test_another_slip_is_another_question(case, doubtful, imaging, source):
    decide(doubtful, imaging)
    other = doubted(source, number="A2", claim=claimed(birth_date="1958-03-12"))
    assert [one.unmatched for one in reports_waiting(imaging)] == [other]


def test_another_person_takes_it_from_the_case_for_good(case, doubtful, imaging, source):
    decide(doubtful, imaging, ANOTHER, "other-record")
    assert lamp_of(case).text == "no imaging report"
    assert reports_waiting(imaging) == []
    services.match_again(now=timezone.now())
    assert not ReportVersion.objects.exists()
    with pytest.raises(WrongState):
        decide(doubtful, imaging, seen="x")


def test_what_waits_for_a_person_is_not_forgotten_meanwhile(doubtful, imaging, settings):
    late = timezone.now() + (settings.REPORTS_UNMATCHED_KEPT_DAYS + 1) * DAY
    services.match_again(now=late)
    assert len(reports_waiting(imaging)) == 1
    decide(doubtful, imaging, ANOTHER, "other-record")
    services.match_again(now=late)
    assert not UnmatchedReport.objects.exists()


def test_a_correction_makes_it_theirs_without_a_decision(case, doubtful, imaging):
    Patient.objects.update(birth_date="1975-03-12")
    assert services.match_again(now=timezone.now()) == 1
    assert reports_waiting(imaging) == []
    assert lamp_of(case).colour == "green"


def test_a_decision_holds_no_more_once_the_patient_is_put_right(case, doubtful, imaging):
    """It was made of who they were: what it gave them is withheld until it is asked again."""
    decide(doubtful, imaging)
    Patient.objects.update(birth_date="1957-03-21")
    assert reports_of(case).shown == []
    assert [why for _, why in reports_of(case).withheld] == ["identity"]


def test_what_changed_since_it_was_shown_is_not_decided(doubtful, imaging):
    seen = waiting_report_or_404(imaging, doubtful.public_id).seen
    Patient.objects.update(birth_date="1957-03-21")
    with pytest.raises(Conflict):
        decide(doubtful, imaging, seen=seen)
    assert not ReportVersion.objects.exists()


def test_a_reason_belongs_to_its_verdict(doubtful, imaging, client):
    with pytest.raises(MdtError):
        decide(doubtful, imaging, SAME, "other-record")
    client.force_login(imaging)
    said = {"seen": "x", "verdict": "same", "reason": "other-record", "note": "typed"}
    answer = client.post(url(doubtful.public_id, decide=True), said)
    assert answer.status_code == 422
    assert "identity.other_reason" in answer.content.decode()
    assert "typed" in answer.content.decode()
    assert not ReportVersion.objects.exists()


def test_a_report_for_two_meetings_waits_once_the_soonest_first(case, doubtful, imaging, team):
    TrustFactory(ods_code="RBV")
    earlier = ListedCaseFactory(
        meeting__team=team, meeting__starts_at=timezone.now(), referral=case.referral
    )
    (waiting,) = reports_waiting(imaging)
    assert list(waiting.cases) == [earlier, case]
