"""Who read which version of a report on which day; and a form that presumes nothing."""

import pytest
from django.urls import reverse

from mdt.audit.models import AuditEvent
from mdt.members import Role
from mdt.reports import services
from mdt.reports.models import Report, ReportVersion
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
)
from tests.mdt.report_kit import arrived, hl7_source

pytestmark = pytest.mark.django_db
AT = "2026-11-{}T10:00".format


@pytest.fixture
def case(live_meeting):
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    return ListedCaseFactory(meeting=live_meeting, referral=referral)


@pytest.fixture
def reader(coordinator, client):
    client.force_login(coordinator)
    return coordinator


@pytest.fixture
def receive():
    source = hl7_source()

    def receive(message_id, **values):
        services.receive(arrived=arrived(**values), source=source, message_id=message_id)
        return ReportVersion.objects.latest("pk")

    return receive


def read(client, case):
    return client.get(reverse("reports", args=[case.public_id])).content.decode()


def on_record(target):
    named = f"{target._meta.label}:{target.public_id}"
    return AuditEvent.objects.filter(action="reports.viewed", target=named)


def test_each_version_that_was_read_is_on_record_once_a_person_and_day(
    case, reader, receive, client, team
):
    first = receive("M1")
    for _ in "ab":
        read(client, case)
    assert on_record(first).get().by == reader.public_id
    assert on_record(first).get().detail == {"case": case.public_id}
    assert on_record(case).count() == 1

    later = receive("M2", status="amended", text="A lesion.", at=AT(21))
    assert not on_record(later).exists()
    assert "A lesion." in read(client, case)
    assert on_record(later).count() == 1
    assert (on_record(first).count(), on_record(case).count()) == (1, 1)

    client.force_login(MembershipFactory(team=team, role=Role.CORE).person)
    read(client, case)
    assert on_record(later).count() == 2


def test_what_is_not_shown_was_not_read(case, reader, receive, client):
    """Its sender has taken it back: its words are on no page, and nobody read them."""
    receive("M1", text="Of another patient.")
    gone = receive("M2", status="withdrawn", text="", at=AT(21))
    assert "Of another patient." not in read(client, case)
    assert on_record(case).count() == 1
    assert not on_record(gone).exists()


def test_nothing_is_chosen_before_somebody_chooses(case, reader, client):
    url = reverse("report-new", args=[case.public_id])
    for page in (url, f"{url}?kind=imaging"):
        assert "checked" not in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        ("kind", "Say of which kind it is."),
        ("status", "Say how far it is, as the report itself does."),
    ],
)
def test_a_hurried_paste_is_no_final_imaging_report(left_out, why, case, reader, client):
    typed = {
        "kind": "imaging",
        "status": "final",
        "trust": "RM3",
        "issued_on": "2026-11-20",
        "issued_time": "10:05",
        "text": "No lesion.",
    }
    del typed[left_out]
    answer = client.post(reverse("report-add", args=[case.public_id]), typed)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert "No lesion." in answer.content.decode()
    assert not Report.objects.exists()
