"""Versions issued on one day of which one states no time: the one that is further on is read."""

import json

import pytest
from django.urls import reverse

from mdt.meetings.report_queries import reports_of
from mdt.members import Role
from mdt.reports import fhir, hl7, services
from mdt.reports.forms import BringForm
from mdt.reports.kinds import Kinds
from mdt.reports.models import ReportVersion
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
)
from tests.mdt.report_kit import arrived, diagnostic_report, fhir_source, hl7_source, oru

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(live_meeting):
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    return ListedCaseFactory(meeting=live_meeting, referral=referral)


def by_hl7(text, status, issued, source, control="M1"):
    message = hl7.parse(oru(text, status=status, obx=status, issued=issued).encode())
    reports = hl7.reports_in(message, Kinds())
    services.receive_all(reports=reports, source=source, message_id=control)


def by_fhir(text, status, source, **time):
    values = {"issued": None, "conclusion": text, "status": status} | time
    body = json.dumps(diagnostic_report(**values)).encode()
    services.receive(
        arrived=fhir.report_in(fhir.parse(body), Kinds()), source=source, message_id=text
    )


def shown(case):
    """What is read first, and the tag it wears."""
    (report,) = reports_of(case).shown
    return report.current.text, report.status


def test_an_amendment_pasted_without_its_time_counts_over_the_final_of_that_day(case, team, client):
    by_hl7("27 mm", "F", "20261120100000", hl7_source())
    client.force_login(MembershipFactory(team=team, role=Role.COORDINATOR).person)
    report = ReportVersion.objects.get().report
    said = {"kind": "imaging", "status": "amended", "trust": "RM3", "of": report.public_id}
    said |= {"issued_on": "2026-11-20", "issued_time": "", "text": "17 mm"}
    answer = client.post(reverse("report-add", args=[case.public_id]), said)
    assert answer.status_code == 302
    assert shown(case) == ("17 mm", "amended")
    page = client.get(reverse("reports", args=[case.public_id])).content.decode()
    assert page.index("17 mm") < page.index("27 mm")


@pytest.mark.parametrize("day", ["20261120", "2026112000", "20261120000000", "2026112009"])
def test_an_amendment_by_hl7_that_states_a_day_counts_over_the_final_of_that_day(day, case):
    source = hl7_source()
    by_hl7("27 mm", "F", "20261120100000", source)
    by_hl7("17 mm", "C", day, source)
    assert shown(case) == ("17 mm", "amended")


def test_an_amendment_by_fhir_that_states_a_day_counts_over_the_final_of_that_day(case):
    source = fhir_source()
    by_fhir("27 mm", "final", source, issued="2026-11-20T10:00:00Z")
    by_fhir("17 mm", "amended", source, meta={}, effectiveDateTime="2026-11-20")
    assert shown(case) == ("17 mm", "amended")


def test_of_two_finals_of_a_day_the_one_that_came_last_counts_and_says_it_is_another(case):
    source = hl7_source()
    by_hl7("27 mm", "F", "20261120100000", source)
    by_hl7("17 mm", "F", "20261120", source)
    assert shown(case) == ("17 mm", "amended")


def test_times_still_decide_between_those_that_state_one(case):
    source = hl7_source()
    by_hl7("of two", "C", "20261120140000", source)
    by_hl7("of ten", "C", "20261120100000", source)
    by_hl7("of the day", "F", "20261120", source)
    assert shown(case) == ("of two", "amended")


def test_a_day_is_no_later_than_the_day_after(case):
    source = hl7_source()
    by_hl7("the day after", "F", "20261121080000", source)
    by_hl7("of the day", "C", "20261120", source)
    assert shown(case)[0] == "the day after"


def test_a_report_taken_back_on_a_day_is_not_brought_again_by_its_final(case):
    source = hl7_source()
    by_hl7("", "X", "20261120", source)
    by_hl7("27 mm", "F", "20261120100000", source)
    assert shown(case)[1] == "withdrawn"


def test_a_midnight_that_somebody_wrote_is_a_time_and_one_nobody_wrote_is_none(case):
    trusts, base = [("RM3", "RM3")], {"kind": "imaging", "status": "final", "trust": "RM3"}
    for time, is_timed in (("", False), ("00:00", True)):
        data = base | {"issued_on": "2026-11-20", "issued_time": time, "text": "x"}
        form = BringForm(data, trusts=trusts, reports=[])
        assert form.is_valid()
        assert form.arrived().is_timed is is_timed


def test_the_lamp_shows_the_time_only_where_one_was_said(case):
    source = hl7_source()
    services.receive(arrived=arrived(is_timed=False), source=source, message_id="M1")
    light = reports_of(case).lamps.imaging.light
    assert light.text.endswith(", 20 Nov")
