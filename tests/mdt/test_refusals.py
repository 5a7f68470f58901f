"""Every route there is, met by a stranger, by a member whose time is over, and by nobody.

The routes are those of the resolver: a new one fails here until it stands in one of the tables.
"""

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import get_resolver, reverse
from django.utils import timezone

from imaging.models import Segment, SeriesVersion
from imaging.uploads import receive
from mdt.audit.models import AuditEvent
from mdt.meetings.models import ListedCase, Meeting
from mdt.reports import services
from mdt.reports.models import Report, ReportVersion, UnmatchedReport
from mdt.room_log import log
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    PersonFactory,
    ReferralStudyFactory,
    SearchFactory,
    SeriesFactory,
)
from tests.mdt.report_kit import arrived, claimed, hl7_source

pytestmark = pytest.mark.django_db

#: For everybody, signed in or not. The demo's two are 404 outside the demo (test_sign_in.py).
OPEN = {"livez", "readyz", "sign-in", "sign-out", "sign-in-people", "sign-in-as"}
#: For everybody who is signed in: each sees only what is theirs.
OWN = {"home", "outcomes", "check-in"}
#: Refused to whoever holds no grant; without one there is nothing, signed in or not.
GRANTED = {"series-metadata", "series-metadata-version", "series-segment"}
#: For systems that hold a token of their own; no session helps (test_fhir.py).
TOKEN = {"fhir-diagnostic-report"}
OUTCOME = {
    "written_for": "x",
    "if_version": 0,
    "recommendation": "Surgery",
    "laterality": "left",
    "discussion_type": "1",
    "event_id": str(uuid4()),
}
GRANT = {"case": "{case_id}", "purpose": "display"}
#: About one meeting, case or series: 404 unless it is yours. What a member would send.
PAGES = {
    "meeting-new": ("get", {}),
    "plan-meeting": ("post", {}),
    "meeting": ("get", {}),
    "meeting-list": ("get", {}),
    "open-room": ("post", {}),
    "add-number": ("post", {"nhs_number": "9990000018"}),
    "add-without-number": ("post", {}),
    "add-local-number": ("post", {"trust": "RM3", "local_number": "S1"}),
    "add-question": ("post", {"nhs_number": "9990000018"}),
    "add-known": ("post", {"nhs_number": "9990000018"}),
    "add-new": ("post", {"nhs_number": "9990000018"}),
    "add-cancelled": ("post", {}),
    "find-people": ("post", {"find_referrer": "osei"}),
    "case-people": ("get", {}),
    "save-people": ("post", {"if_version": "x"}),
    "case-studies": ("get", {}),
    "move-case": ("post", {"to": 1, "if_position": 0}),
    "remove-case": ("post", {}),
    "search-again": ("post", {}),
    "choose-study": ("post", {}),
    "unchoose-study": ("post", {}),
    "retry-study": ("post", {}),
    "cancel-study": ("post", {}),
    "ask-for-images": ("get", {}),
    "ask-step": ("post", {"trust": "RM3", "to": "asked", "event_id": str(uuid4())}),
    "upload": ("get", {}),
    "upload-rows": ("get", {}),
    "reports": ("get", {}),
    "report-new": ("get", {}),
    "report-add": ("post", {"kind": "imaging", "text": "x"}),
    "report-document": ("get", {}),
    "attendance": ("get", {}),
    "attendance-rows": ("get", {}),
    "attendance-tick": ("post", {"person": "x", "is_here": "yes"}),
    "check-in-code": ("get", {}),
    "check-in-code-now": ("get", {}),
    "check-out": ("post", {}),
    "room": ("get", {}),
    "outcome": ("get", {}),
    "outcome-step": ("post", {"kind": "read-back", "event_id": str(uuid4())}),
    "unfinished": ("get", {}),
    "identity": ("get", {}),
    "identity-study": ("get", {}),
    "identity-decide": ("post", {"verdict": "same", "reason": "slip", "seen": "x"}),
    "identity-report": ("get", {}),
    "identity-decide-report": ("post", {"verdict": "same", "reason": "slip", "seen": "x"}),
    "case-patient": ("get", {}),
    "correct-patient": ("post", {"family_name": "Patel"}),
    "object-to-sharing": ("post", {"trust": "RM3", "is_sure": "on"}),
    "outcome-view": ("get", {}),
    "archives": ("get", {}),
    "archive-cards": ("get", {}),
    "archive-new": ("get", {}),
    "archive-add": ("post", {}),
    "archive": ("get", {}),
    "archive-card": ("get", {}),
    "archive-change": ("get", {}),
    "archive-save": ("post", {}),
    "archive-pause": ("post", {"reason": "upgrade"}),
    "archive-resume": ("post", {}),
    "archive-ask-again": ("post", {}),
    "archive-test": ("post", {}),
    "archive-test-step": ("post", {}),
}
API = {
    "room-api": ("get", {}),
    "open-meeting": ("post", {}),
    "close-meeting": ("post", {}),
    "case-api": ("get", {}),
    "case-outcome": ("get", {}),
    "outcome-steps": ("post", {"kind": "read-back", "event_id": str(uuid4())}),
    "uploads-api": ("post", {"trust": "RM3"}),
    "upload-part": ("post", {}),
    "upload-done": ("post", {"files": 1, "size": 1}),
    "series-grant": ("post", GRANT),
    "series-displayed": ("post", {}),
    "series-want": ("post", {"frames": [1]}),
}
#: The same addresses, used another way.
OTHER_WAYS = [
    ("case-outcome", "post", OUTCOME),
    ("series-grant", "post", GRANT | {"purpose": "prefetch"}),
]
GUARDED = [(name, *way) for name, way in (PAGES | API).items()] + OTHER_WAYS
BY_NAME = {"ids": lambda value: value if isinstance(value, str) else ""}


def routes(resolver=None, prefix=""):
    """(name, the names of its parts) of every route."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, path)
        else:
            yield pattern.name, re.findall(r"<(?:\w+:)?(\w+)>", path)


PARTS = dict(routes())


@pytest.fixture
def here(live_meeting):
    """The ids of a meeting, its case, its study and its series, by the names URLs give them."""
    patient = PatientNumberFactory().patient
    report = doubtful_report()
    case = ListedCaseFactory(meeting=live_meeting, referral__patient=patient)
    series = SeriesFactory(study=ReferralStudyFactory(referral=case.referral).study)
    SeriesVersion.objects.create(series=series, number=1, store_key="k", is_complete=True)
    Segment.objects.create(series=series, number=1, store_key="k", size=1)
    return {
        "meeting_id": live_meeting.public_id,
        "case_id": case.public_id,
        "study_id": series.study.public_id,
        "report_id": report.public_id,
        "series_id": series.public_id,
        "archive_id": series.study.archive.public_id,
        "kind": "dicomweb",
        "step": "network",
        "upload_id": upload_of(case).public_id,
        "number": 1,
        "version": 1,
        "version_id": document_of(case).public_id,
        "at": 0,
    }


def upload_of(case):
    """An upload that somebody of the team has begun."""
    case.referral.search = SearchFactory()
    case.referral.save()
    return receive.begin(search=case.referral.search, trust_ods_code="RM3", by="somebody")


def doubtful_report():
    """A report that may be about the patient: the birth date has a slip."""
    about = claimed(birth_date="1975-03-12")
    services.receive(arrived=arrived(claim=about), source=hl7_source(), message_id="M1")
    return UnmatchedReport.objects.get()


def document_of(case):
    """A PDF of a report of the case's patient."""
    report = Report.objects.create(
        patient=case.referral.patient, kind="imaging", trust_ods_code="RM3"
    )
    return ReportVersion.objects.create(
        report=report,
        number=1,
        status="final",
        issued_at=timezone.now(),
        way="pdf",
        received_from=PersonFactory(),
        store_key="k",
    )


def send(client, name, method, data, ids):
    url = reverse(name, kwargs={part: ids[part] for part in PARTS[name]})
    data = {key: ids["case_id"] if value == "{case_id}" else value for key, value in data.items()}
    if method == "post" and name in API:
        return client.post(url, json.dumps(data), content_type="application/json")
    return getattr(client, method)(url, data)


def body(response):
    """What is said, without the token that differs in every page."""
    return re.sub(
        r'(csrf-token" content|csrfmiddlewaretoken" value)="\w+"', "", response.content.decode()
    )


def test_every_route_stands_in_a_table():
    assert None not in PARTS
    listed = [*OPEN, *OWN, *GRANTED, *TOKEN, *PAGES, *API]
    assert sorted(listed) == sorted(name for name, _ in routes())


@pytest.mark.parametrize(("name", "method", "data"), GUARDED, **BY_NAME)
def test_a_stranger_finds_nothing_and_leaves_nothing(name, method, data, client, here, stranger):
    client.force_login(stranger)
    response = send(client, name, method, data, here)
    assert response.status_code == 404
    assert not AuditEvent.objects.exists()
    meeting = Meeting.objects.get(public_id=here["meeting_id"])
    assert (meeting.is_live, log.since(meeting, 0), ListedCase.objects.count()) == (True, [], 1)


@pytest.mark.parametrize(("name", "method", "data"), GUARDED, **BY_NAME)
def test_what_is_not_yours_looks_like_what_does_not_exist(
    name, method, data, client, here, stranger
):
    client.force_login(stranger)
    nowhere = {part: "x" * 16 if isinstance(value, str) else value for part, value in here.items()}
    missing = send(client, name, method, data, nowhere)
    assert missing.status_code == 404
    assert body(send(client, name, method, data, here)) == body(missing)


@pytest.mark.parametrize(("name", "method", "data"), GUARDED, **BY_NAME)
def test_who_was_a_member_until_yesterday_finds_nothing(name, method, data, client, here, team):
    yesterday = timezone.localdate() - timedelta(days=1)
    client.force_login(MembershipFactory(team=team, from_date=yesterday, to_date=yesterday).person)
    assert send(client, name, method, data, here).status_code == 404


@pytest.mark.parametrize("name", sorted(PAGES | dict.fromkeys(OWN)))
def test_who_is_not_signed_in_is_sent_to_sign_in(name, client, here):
    method, data = PAGES.get(name, ("get", {}))
    response = send(client, name, method, data, here)
    assert response.status_code == 302
    assert response.url.startswith("/sign-in?next=/")
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", sorted(API))
def test_who_is_not_signed_in_is_told_so_by_the_api(name, client, here):
    response = send(client, name, *API[name], here)
    assert response.status_code in (401, 403)
    assert response.json()["code"] == "mdt.sign_in"
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", sorted(GRANTED))
@pytest.mark.parametrize("who", ["nobody", "stranger", "chair"])
def test_without_a_grant_there_is_no_picture(name, who, client, here, request):
    if who != "nobody":
        client.force_login(request.getfixturevalue(who))
    response = send(client, name, "get", {}, here)
    assert response.status_code == 404
    assert response.json()["code"] == "mdt.not_found"


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_strangers_own_pages_hold_nothing_of_the_team(name, client, here, stranger):
    client.force_login(stranger)
    page = send(client, name, "get", {}, here).content.decode()
    assert not [value for value in here.values() if isinstance(value, str) and value in page]
    assert "KHAN" not in page


@pytest.mark.parametrize(
    ("name", "method"),
    [(name, "post" if method == "get" else "get") for name, (method, _) in PAGES.items()],
)
def test_a_page_used_the_other_way_does_nothing(name, method, client, here, chair):
    client.force_login(chair)
    assert send(client, name, method, {}, here).status_code == 405


@pytest.mark.parametrize("name", ["meeting", "case-studies", "room", "room-api", "case-api"])
def test_what_a_stranger_is_refused_a_member_sees(name, client, here, chair):
    client.force_login(chair)
    assert send(client, name, "get", {}, here).status_code == 200
