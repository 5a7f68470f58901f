"""A line break within a field, and letters of Windows-1252: nothing of a report goes unseen."""

import pytest
from django.urls import reverse

from mdt.members import Role
from mdt.reports import hl7
from mdt.reports.arrived import NotTaken, check
from mdt.reports.kinds import Kinds
from mdt.reports.mllp import answer_to
from mdt.reports.models import Report, ReportVersion
from tests.factories import (
    ListedCaseFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
)
from tests.mdt.report_kit import TOKEN, arrived, diagnostic_report, fhir_source, hl7_source, oru

MOST = 1 << 20
LF, CRLF = "\n", "\r\n"


def texts(message):
    data = message if isinstance(message, bytes) else message.encode()
    return [one.text for one in hl7.reports_in(hl7.parse(data), Kinds())]


def test_a_line_feed_in_a_field_is_a_line_of_its_text():
    assert texts(oru("No metastasis.\nBut a 27 mm lesion.")) == [
        "No metastasis.\nBut a 27 mm lesion."
    ]


@pytest.mark.parametrize("end", [LF, CRLF])
def test_a_message_whose_lines_end_otherwise_is_read(end):
    assert texts(oru("a", "b").replace("\r", end)) == ["a\nb"]
    assert texts(oru("a").replace("\r", LF) + "\r") == ["a"]
    assert texts(oru("a") + "\r\n \r") == ["a"]


@pytest.mark.parametrize(
    "message",
    [
        oru("No metastasis.\rBut a 27 mm lesion."),
        oru("No metastasis.\nBut a 27 mm lesion.").replace("\r", LF),
        oru("No metastasis.\r\nBut a 27 mm lesion.").replace("\r", CRLF).replace("\r\r", "\r"),
        oru("one", "two").replace("|F\rOBX|2", "|F\nOBX|2"),
        oru("one") + "zz|lower\r",
        oru("one") + "OBX\r",
    ],
    ids=["CR", "LF", "CRLF", "LF between two segments", "no name", "a name alone"],
)
@pytest.mark.django_db
def test_a_line_that_is_no_segment_is_refused_and_nothing_is_kept(message):
    PatientNumberFactory()
    hl7_source()
    answer = answer_to(message.encode(), "127.0.0.1").decode()
    assert "MSA|AE|" in answer
    assert "A line of it is no segment" in answer
    assert "hl7.line_break" in answer
    assert "metastasis" not in answer
    assert not Report.objects.exists()


# ---- letters ------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["8859/1", "", "ASCII"])
def test_bytes_of_windows_1252_are_read_as_what_they_show(charset):
    message = oru("5\u201310 mm \u2019\u20ac \u00b5", charset=charset).encode("cp1252")
    assert b"5\x9610" in message
    assert texts(message) == ["5\u201310 mm \u2019\u20ac \u00b5"]


def test_an_escaped_byte_of_windows_1252_is_read_too():
    assert texts(oru(r"5\X96\10 mm", charset="8859/1").encode("latin-1")) == ["5\u201310 mm"]


def test_a_byte_that_is_no_letter_there_either_is_refused():
    with pytest.raises(NotTaken) as refused:
        texts(oru("5\x8110 mm", charset="8859/1").encode("latin-1"))
    assert refused.value.code == "hl7.charset"


@pytest.mark.parametrize("sign", ["\x96", "\x80", "\x9f", "\x85", "\x00", "\x1b", "\x07", "\x7f"])
def test_a_character_that_nobody_sees_is_refused_by_every_way(sign):
    with pytest.raises(NotTaken) as refused:
        check(arrived(text=f"5{sign}10 mm"), MOST)
    assert refused.value.code == "report.not_text"


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\t", "\x0c", "\u2013", "\u00a0", "\u00e9"])
def test_what_lays_out_a_text_and_what_is_seen_is_kept(sign):
    assert check(arrived(text=f"5{sign}10 mm"), MOST).text == f"5{sign}10 mm"


@pytest.mark.django_db
def test_the_dash_of_a_range_is_on_the_page(live_meeting, team, client):
    referral = ReferralFactory(patient=PatientNumberFactory().patient)
    case = ListedCaseFactory(meeting=live_meeting, referral=referral)
    hl7_source()
    message = oru("5\u201310 mm", charset="8859/1").encode("cp1252")
    assert b"MSA|AA|" in answer_to(message, "127.0.0.1")
    client.force_login(MembershipFactory(team=team, role=Role.COORDINATOR).person)
    page = client.get(reverse("reports", args=[case.public_id])).content.decode()
    assert "5\u201310 mm" in page


@pytest.mark.django_db
def test_a_control_character_in_fhir_is_refused(client):
    PatientNumberFactory()
    fhir_source()
    body = diagnostic_report(conclusion="5\x9610 mm")
    url, headers = reverse("fhir-diagnostic-report"), {"Authorization": f"Bearer {TOKEN}"}
    answer = client.post(url, body, content_type="application/json", headers=headers)
    assert answer.status_code == 422
    assert not ReportVersion.objects.exists()
