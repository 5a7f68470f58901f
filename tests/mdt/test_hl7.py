"""ORU^R01 read: delimiters, escapes, letters, status, and what is refused. No database."""

import base64

import hl7 as peer  # python-hl7: what others make of our acknowledgements
import pytest

from mdt.reports import hl7
from mdt.reports.arrived import NotTaken
from mdt.reports.kinds import Kinds
from mdt.reports.models import Kind, Status
from tests.mdt.report_kit import BIRTH_DATE, CLINICAL, NHS_NUMBER, PDF, escaped, oru


def read(text, default_kind="", encoding="utf-8"):
    return hl7.reports_in(hl7.parse(text.encode(encoding)), Kinds(default_kind))


def text_of(field):
    return read(oru(field))[0].text


@pytest.mark.parametrize("text", CLINICAL)
def test_clinical_text_comes_in_byte_for_byte(text):
    assert text_of(escaped(text)) == text


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two", "one\ntwo"),
        (r"one\.sp2\two\.ti+3\three", "one\n\ntwo   three"),
        (r"\H\bold\N\ word", "bold word"),
        (r"\X0D0A\next", "\nnext"),
        (r"3 \XC2B5\m and \XC2\\XB5\m", "3 µm and µm"),
        (r"\XC2\ alone", r"\XC2\ alone"),
        (r"\X00\ no nul", r"\X00\ no nul"),
        (r"C:\temp\F\x", r"C:\temp|x"),
        (r"a lone \ stays", r"a lone \ stays"),
        (r"\Zlocal\ stays", r"\Zlocal\ stays"),
        ("first~second", "first\nsecond"),
        ("T2^N1 & co", "T2^N1 & co"),
    ],
)
def test_an_escape_means_what_the_standard_says_and_nothing_else_is_one(sent, meant):
    assert text_of(sent) == meant


def test_results_and_notes_are_lines_of_one_text():
    extra = ["NTE|1||a note", "OBX|3|CE|D^Site||C71.1^Frontal lobe||||||F"]
    report = read(oru("one", "", "three", extra=extra))[0]
    assert report.text == "one\n\nthree\na note\nSite: Frontal lobe"


def test_the_note_of_a_deleted_result_is_deleted_with_it():
    extra = [
        "OBX|2|TX|RPT||wrong||||||D",
        "NTE|1||of the wrong",
        "NTE|2||of the wrong too",
        "OBX|3|TX|RPT||three||||||F",
        "NTE|1||of three",
        "OBX|4|TX|RPT||last||||||D",
        "OBR|2||A1|CTHEA^CT head||||||||||||||||||20261120100000||RAD|F",
        "NTE|1||of the whole",
    ]
    assert read(oru("one", extra=extra))[0].text == "one\nthree\nof three\nof the whole"


def test_a_value_stands_with_the_name_of_what_was_measured():
    extra = [
        "OBX|2|CWE|ER^Oestrogen receptor||POS^Positive||||||F",
        "OBX|3|CWE|HER2^HER2||NEG^Negative~0^Score 0||||||F",
        "OBX|4|NM|SIZE^Tumour size||27|mm|||||F",
        "OBX|5|SN|MRG^Margin||<^5|mm|||||F",
        "OBX|6|ST|GRADE^Grade||3||||||F",
        "OBX|7|IS|NODES^Nodes||none seen||||||F",
    ]
    assert read(oru("Core biopsy.", section="SP", extra=extra))[0].text.split("\n") == [
        "Core biopsy.",
        "Oestrogen receptor: Positive",
        "HER2: Negative, Score 0",
        "Tumour size: 27 mm",
        "Margin: <5 mm",
        "Grade: 3",
        "Nodes: none seen",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("260385009^^SCT", "260385009"),
        ("260385009^Negative^SCT", "Negative"),
        ("260385009^^SCT^NEG^Negative^L", "Negative"),
        ("260385009^^SCT^NEG^^L^20260901^1^No staining", "No staining"),
        ("^^^NEG^^L", "NEG"),
        ("260385009^ ^SCT", "260385009"),
        ("260385009", "260385009"),
    ],
)
def test_a_coded_value_without_words_is_its_code_and_never_the_name_of_its_system(value, said):
    extra = [f"OBX|2|CWE|ER^Oestrogen receptor||{value}||||||F"]
    assert read(oru("x", extra=extra))[0].text == f"x\nOestrogen receptor: {said}"


def test_lines_of_one_result_are_not_named_each():
    lines = [f"OBX|{at}|ST|RPT^Report||{text}||||||F" for at, text in ((2, "two"), (3, "three"))]
    assert read(oru("one", extra=lines))[0].text == "one\ntwo\nthree"


def test_who_and_what_it_is_about():
    report = read(oru("x"))[0]
    assert report.claim.other_patient_ids == [(NHS_NUMBER, "NHS")]
    assert (report.claim.patient_id, report.claim.issuer_of_patient_id) == ("S0451127", "RM3")
    assert (report.claim.birth_date, report.claim.sex) == (BIRTH_DATE, "F")
    assert (report.kind, report.number, report.title) == (Kind.IMAGING, "A1", "CT head")
    assert report.issued_at.isoformat() == "2026-11-20T10:00:00+00:00"


@pytest.mark.parametrize(
    ("status", "obx", "expected"),
    [
        ("P", "P", Status.PRELIMINARY),
        ("F", "F", Status.FINAL),
        ("", "F", Status.FINAL),
        ("", "", Status.PRELIMINARY),
        ("F", "P", Status.PRELIMINARY),
        ("A", "F", Status.PRELIMINARY),
        ("R", "F", Status.PRELIMINARY),
        ("C", "F", Status.AMENDED),
        ("F", "C", Status.AMENDED),
        ("F", "A", Status.AMENDED),
        ("P", "C", Status.PRELIMINARY),
        ("C", "P", Status.PRELIMINARY),
        ("A", "C", Status.PRELIMINARY),
        ("F", "W", Status.WITHDRAWN),
        ("F", "D", Status.WITHDRAWN),
        ("X", "X", Status.WITHDRAWN),
    ],
)
def test_how_far_a_report_is(status, obx, expected):
    assert read(oru("x", status=status, obx=obx))[0].status == expected


@pytest.mark.parametrize("status", ["O", "I", "S", "Y", "Z"])
def test_what_is_no_result_yet_is_no_report(status):
    assert read(oru("x", status=status)) == []


@pytest.mark.parametrize(
    ("section", "default", "kind"),
    [
        ("RAD", "", Kind.IMAGING),
        ("SP", "imaging", Kind.PATHOLOGY),
        ("", "pathology", Kind.PATHOLOGY),
        ("", "", None),
        ("HM", "pathology", None),
        ("HISTO", "pathology", Kind.PATHOLOGY),
        ("HISTO", "", None),
        ("HAEM", "pathology", None),
        ("LAB", "pathology", None),
        ("OUS", "", Kind.IMAGING),
    ],
)
def test_which_kind_it_is_and_a_blood_count_is_none(section, default, kind):
    reports = read(oru("x", section=section), default)
    assert [one.kind for one in reports] == ([kind] if kind else [])


@pytest.mark.parametrize(("status", "obx"), [("X", "F"), ("F", "W"), ("F", "D")])
def test_a_report_taken_back_without_its_section_is_never_silently_kept(status, obx):
    """Of which kind it is decides what it takes back: the sender must not believe that it did."""
    taken_back = oru("x", section="", status=status, obx=obx)
    with pytest.raises(NotTaken) as refused:
        read(taken_back)
    assert refused.value.code == "report.no_kind"
    assert [one.status for one in read(taken_back, "imaging")] == [Status.WITHDRAWN]
    assert read(oru("x", section="HM", status=status, obx=obx)) == []


def test_what_stands_under_one_number_and_code_is_one_report_and_as_far_as_its_least():
    second = [
        "OBR|2||A1|CTHEA^CT head||||||||||||||||||20261120100000||RAD|P",
        "OBX|1|TX|RPT||second||||||P",
    ]
    reports = read(oru("first", extra=second))
    assert [(one.text, one.status) for one in reports] == [("first\nsecond", Status.PRELIMINARY)]
    other = ["OBR|2||A2|X^Other||||||||||||||||||20261120100000||RAD|F", "OBX|1|TX|R||o||||||F"]
    assert [one.text for one in read(oru("first", extra=other))] == ["first", "o"]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("UNICODE UTF-8", "utf-8"), ("8859/1", "latin-1"), ("", "utf-8"), ("", "latin-1")],
)
def test_letters_are_those_of_msh_18_or_what_they_can_be(charset, encoding):
    assert read(oru("3 µm é", charset=charset), encoding=encoding)[0].text == "3 µm é"


def test_other_delimiters_and_line_ends_are_followed():
    text = oru("a").replace("|", "#").replace("\r", "\r\n")
    assert read(text)[0].text == "a"


def test_a_pdf_comes_in_base64():
    data = base64.b64encode(PDF).decode()
    extra = [f"OBX|2|ED|PDF||RIS^application^pdf^Base64^{data}||||||F"]
    report = read(oru("x", extra=extra))[0]
    assert (report.document, report.text) == (PDF, "x")


SECOND_PATIENT = ["PID|2||9990000026^^^NHS^NH||KHAN^Ayesha||19610730|F"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "hl7.not_hl7"),
        (b"PID|1", "hl7.not_hl7"),
        (b"MSH||||||", "hl7.no_delimiters"),
        (b"MSH|^^^^|A", "hl7.no_delimiters"),
        (b"MSHHHHHHHHH", "hl7.no_delimiters"),
        (oru("x", charset="GB 18030-2000").encode(), "hl7.charset"),
        (oru("µ").encode("latin-1"), "hl7.charset"),
        (oru("x", extra=SECOND_PATIENT).encode(), "hl7.several_patients"),
        (b"MSH|^~\\&|RIS|RM3|||20261120||ORU^R01|1|P|2.4\rPID|1\r", "hl7.no_report"),
        (oru("x", extra=["NTE|1||x"] * 20_000).encode(), "hl7.too_much"),
        (oru("|" * 400_000).encode(), "hl7.too_much"),
        (oru("x", issued="").replace("20261120101500", "").encode(), "hl7.no_time"),
        (oru("x", extra=["OBX|2|ED|P||R^a^pdf^Base64^@@||||||F"]).encode(), "hl7.not_base64"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_says_why_and_quotes_nothing(data, code):
    with pytest.raises(NotTaken) as refused:
        hl7.reports_in(hl7.parse(data), Kinds())
    assert refused.value.code == code
    assert "KHAN" not in refused.value.message


@pytest.mark.parametrize("born", ["", "1957", "195703", "not-a-day"])
def test_a_birth_date_in_part_is_none(born):
    assert read(oru("x", born=born))[0].claim.birth_date == ""


def test_an_acknowledgement_is_read_by_others():
    message = hl7.parse(oru("x", control="M|1".replace("|", r"\F\ "), sender="RIS|RM3").encode())
    ack = peer.parse(hl7.acknowledge(message, "AE", "It is wrong.", "102^x^HL70357").decode())
    assert str(ack.segment("MSA")[1]) == "AE"
    assert str(ack.segment("MSH")[5]) == "RIS"
    assert ack.unescape(str(ack.segment("MSA")[2])) == "M| 1"
    assert "KHAN" not in str(ack)
