"""HL7 v2 ORU^R01 read: what it says of whom, how far it is. Pure, and nothing of it is logged.

Read here and not by a package: python-hl7 drops escapes it does not know, turns a line break into
a carriage return and writes the field it could not read to the log. HL7 v2.5.1 chapters 2 and 7;
fields count from 1 as there.
"""

import base64
import binascii
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from mdt.reports.arrived import NO_KIND, Arrived, Claimed, NotTaken, states_a_time
from mdt.reports.kinds import Kinds, as_counted
from mdt.reports.models import Status

#: Who says 8859/1 writes Windows-1252: what it has beyond that are control characters in 8859/1.
LATIN = "cp1252"
CHARSETS = {"": "", "ASCII": "", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "8859/1": LATIN}
TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.\d{1,4})?([+-]\d{4})?")
#: HL7 table 0123 and 0085: what is no result, or none yet.
NOTHING_YET = frozenset({"O", "I", "S", "N", "Y", "Z"})
CHANGED = frozenset({"A", "C"})
CODED = frozenset({"CE", "CWE", "CNE"})
#: Text, alternate and original text, else the code: the rest of a CWE names systems and versions.
WORDS_FIRST = (2, 5, 9, 1, 4)
#: Which mean nothing without the name of what was measured.
VALUES = CODED | {"NM", "SN", "DT", "TM", "TS", "DTM", "ID", "IS"}
TEXTS = VALUES | {"TX", "FT", "ST"}
CODES = r"[FSTREHN]|\.br|\.ce|\.fi|\.nf|\.(?:sp|sk|in|ti)\s*[+-]?\d{0,2}"
SEX = {"F": "F", "M": "M", "O": "O"}
ISSUERS = {"NH": "NHS", "NHS": "NHS", "CHI": "CHI", "HC": "HC"}
MOST_SEGMENTS, MOST_FIELDS = 20_000, 400_000
Segment = list[str]


@dataclass(frozen=True)
class Message:
    """A message in parts: its segments' fields as they came, and the characters between them."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    segments: list[Segment]
    charset: str

    def first(self, name: str) -> Segment:
        return next((one for one in self.segments if one[0] == name), [name])

    def part(self, segment: Segment, number: int, component: int = 1) -> str:
        """A component, from 1, of a field's first repetition, unescaped; empty if absent."""
        first = _at(segment, number).split(self.repetition)[0]
        return self.unescape(_at(["", *first.split(self.component)], component)).strip()

    @property
    def type(self) -> str:
        msh = self.first("MSH")
        return f"{self.part(msh, 9)}^{self.part(msh, 9, 2)}"

    @property
    def control_id(self) -> str:
        return self.part(self.first("MSH"), 10)

    @property
    def sender(self) -> tuple[str, str]:
        """Sending application and facility, each by its name."""
        msh = self.first("MSH")
        return self.part(msh, 3), self.part(msh, 4)

    def unescape(self, text: str) -> str:
        """Chapter 2.7. What is no escape stays as it is: a lone backslash is a backslash."""
        if self.escape not in text:
            return text
        e = re.escape(self.escape)
        hexes = rf"(?:{e}X(?:[0-9A-Fa-f]{{2}})+{e})+"
        return re.sub(rf"{hexes}|{e}(?:{CODES}){e}", self._meant, text)

    def _meant(self, match: re.Match[str]) -> str:
        whole, code = match[0], match[0].strip(self.escape)
        signs = {"F": self.field, "S": self.component, "R": self.repetition, "T": self.subcomponent}
        signs |= {"E": self.escape, ".br": "\n", ".ce": "\n"}
        if code.startswith("X"):
            return self._of_hex(re.sub(r"[^0-9A-Fa-f]", "", whole), whole)
        if blank := re.fullmatch(r"\.(sp|sk|in|ti)\s*[+-]?(\d*)", code):
            return ("\n" if blank[1] == "sp" else " ") * int(blank[2] or 1)
        return signs.get(code or "E", "")  # highlighting on and off is no text

    def _of_hex(self, digits: str, whole: str) -> str:
        try:
            text = bytes.fromhex(digits).decode(self.charset)
        except UnicodeDecodeError:
            return whole
        return whole if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")


def parse(data: bytes) -> Message:
    """A message from its bytes. Raises NotTaken where it is none, or in letters we cannot read."""
    if not data.startswith(b"MSH") or len(data) < 9:
        raise NotTaken("hl7.not_hl7", "A message begins with MSH.")
    text, charset = _decoded(data)
    field, end = text[3], text.find(text[3], 4)
    signs = text[4 : max(end, 4)]
    if len(signs) < 3 or len({field, *signs}) != 1 + len(signs):
        raise NotTaken("hl7.no_delimiters", "MSH-1 and MSH-2 do not say how the message is parted.")
    if len(re.findall(r"[\r\n]", text)) > MOST_SEGMENTS or text.count(field) > MOST_FIELDS:
        raise NotTaken("hl7.too_much", "It has more segments or fields than a report has.")
    segments = [line.split(field) for line in _lines(text, field)]
    segments[0].insert(1, field)  # MSH-1 is the separator itself
    subcomponent = signs[3:4] or "&"
    return Message(field, signs[0], signs[1], signs[2], subcomponent, segments, charset)


def _lines(text: str, field: str) -> list[str]:
    """Its segments. A line feed ends one only where no carriage return does; else it is text.

    Raises NotTaken where a line is none: it is the rest of one that a line break has cut.
    """
    text = text.strip("\r\n")
    end = "\r" if "\r" in text else "\n"
    lines = [line.strip("\n") for line in text.split(end) if line.strip()]
    name = rf"[A-Z][A-Z0-9]{{2}}{re.escape(field)}"
    if not all(re.match(name, line) and not re.search(rf"\n{name}", line) for line in lines):
        raise NotTaken("hl7.line_break", "A line of it is no segment: a field holds a line break.")
    return lines


def reports_in(message: Message, kinds: Kinds) -> list[Arrived]:
    """Every report of a message; none where nothing of it is a result, or of a kind we keep.

    `kinds` is what its sender's codes mean. Raises NotTaken.
    """
    if sum(one[0] == "PID" for one in message.segments) > 1:
        raise NotTaken("hl7.several_patients", "One message is about one patient.")
    claim = _claim(message)
    groups = _groups(message)
    if not groups:
        raise NotTaken("hl7.no_report", "There is no OBR segment in it.")
    found = [_report(message, claim, obr, obx, kinds) for obr, obx in groups]
    return [one for one in found if one is not None]


def sections_not_kept(message: Message, kinds: Kinds) -> list[str]:
    """OBR-24 of each of its reports that is of no kind we keep."""
    sections = [message.part(obr, 24) for obr, _ in _groups(message)]
    return [as_counted([one]) for one in sections if kinds.of([one]) is None]


def acknowledge(message: Message | None, code: str, why: str = "", error: str = "") -> bytes:
    """ACK in original mode: AA, AE or AR; `why` and `error` (table 0357) name nobody."""
    app, facility, control, version = "", "", "", "2.5.1"
    if message:
        msh = message.first("MSH")
        app, facility = (_plain(message, part) for part in message.sender)
        control, version = _plain(message, message.control_id), message.part(msh, 12) or version
    now = timezone.now().strftime("%Y%m%d%H%M%S+0000")
    lines = [
        f"MSH|^~\\&|LIGHTBOX||{app}|{facility}|{now}||ACK^R01^ACK|{now}|P|{version[:8]}",
        f"MSA|{code}|{control}|{why}",
        *([f"ERR|||{error}|E||||{why}"] if error else []),
    ]
    return "".join(f"{line}\r" for line in lines).encode()


def _plain(message: Message, text: str) -> str:
    """Given back in our own delimiters, and never more than a field may hold."""
    signs = {"\\": "E", "|": "F", "^": "S", "&": "T", "~": "R"}
    return "".join(f"\\{signs[s]}\\" if s in signs else s for s in text[:199] if s >= " ")


def _decoded(data: bytes) -> tuple[str, str]:
    """Text and the name of its letters. Without MSH-18: UTF-8 if it can be, else LATIN."""
    fields = re.split(rb"[\r\n]", data, maxsplit=1)[0].split(data[3:4])
    said = fields[17].split(b"~")[0].decode("ascii", "replace").strip() if len(fields) > 17 else ""
    if said not in CHARSETS:
        raise NotTaken("hl7.charset", "MSH-18 names letters that are not read here.")
    try:
        return data.decode(CHARSETS[said] or "utf-8"), CHARSETS[said] or "utf-8"
    except UnicodeDecodeError:
        if CHARSETS[said]:
            raise NotTaken("hl7.charset", "The letters are not those that MSH-18 names.") from None
    try:
        return data.decode(LATIN), LATIN
    except UnicodeDecodeError:
        raise NotTaken("hl7.charset", "It holds bytes that are no letters.") from None


def _claim(message: Message) -> Claimed:
    pid = message.first("PID")
    numbers = [_number(message, one) for one in _at(pid, 3).split(message.repetition) if one]
    local = next((pair for pair in numbers if pair[1] != "NHS"), ("", ""))
    born = message.part(pid, 7)[:8]
    name = [message.part(pid, 5, component) for component in (1, 2, 3)]
    return Claimed(
        patient_id=local[0],
        issuer_of_patient_id=local[1],
        other_patient_ids=[pair for pair in numbers if pair is not local],
        patient_name="^".join(name).rstrip("^"),
        birth_date=f"{born[:4]}-{born[4:6]}-{born[6:]}" if re.fullmatch(r"\d{8}", born) else "",
        sex=SEX.get(message.part(pid, 8), ""),
    )


def _number(message: Message, repetition: str) -> tuple[str, str]:
    """(number, issuer) of a CX: the type of a national number says whose it is."""
    parts = [message.unescape(part) for part in [*repetition.split(message.component), *[""] * 5]]
    authority = parts[3].split(message.subcomponent)[0]
    return parts[0].strip(), ISSUERS.get(parts[4].strip().upper(), authority.strip())


def _groups(message: Message) -> list[tuple[Segment, list[Segment]]]:
    """Each OBR with its OBX, notes among them; what stands under one number and code is one.

    A note is deleted with the result it follows.
    """
    groups: dict[tuple[str, ...], tuple[Segment, list[Segment]]] = {}
    results: list[Segment] | None = None
    deleted = ""
    for segment in message.segments:
        if segment[0] == "OBR":
            key = tuple(message.part(segment, number) for number in (2, 3, 4, 24))
            obr, results = groups.setdefault(key, (segment, []))
            deleted = ""
            if message.part(obr, 25) != message.part(segment, 25):
                obr[25:26] = ["P"]  # as far as the part that is least far
        elif segment[0] == "OBX" and results is not None:
            results.append(segment)
            deleted = "D" if message.part(segment, 11) == "D" else ""
        elif segment[0] == "NTE" and results is not None:
            results.append(["OBX", "", "TX", "", "", _at(segment, 3), *[""] * 5, deleted])
    return list(groups.values())


def _report(
    message: Message, claim: Claimed, obr: Segment, results: list[Segment], kinds: Kinds
) -> Arrived | None:
    section = message.part(obr, 24)
    kind = kinds.of([section])
    said = {message.part(one, 11) for one in results} - {""}
    status = _status(message.part(obr, 25), said, bool(results))
    if kind is None and status == Status.WITHDRAWN and not section:
        raise NotTaken(*NO_KIND)
    if kind is None or status is None:
        return None
    number = message.part(obr, 3) or message.part(obr, 2)
    issued_at, is_timed = _issued(message, obr)
    standing = [one for one in results if message.part(one, 11) != "D"]
    not_sent = [one for one in standing if message.part(one, 11) == "U" and not _at(one, 5)]
    sent = [one for one in standing if one not in not_sent]
    is_sent_before = status == Status.FINAL and bool(not_sent) and not sent
    return Arrived(
        kind=kind,
        status=status,
        number=number,
        issued_at=issued_at,
        is_timed=is_timed,
        claim=claim,
        text=_text(message, sent),
        service=message.part(obr, 4),
        title=message.part(obr, 4, 2),
        accession_number=message.part(obr, 18) or number,
        laboratory=message.part(message.first("MSH"), 4),
        document=_document(message, sent),
        is_incomplete=_is_incomplete(message, standing) or (bool(not_sent) and not is_sent_before),
        is_sent_before=is_sent_before,
    )


def _status(of_report: str, of_results: set[str], has_results: bool) -> Status | None:
    """OBR-25 with what its OBX-11 say beside it; None where there is no result to keep.

    A part that is not final keeps the whole preliminary; a part that was wrong takes it back.
    """
    if of_report == "X" or "W" in of_results or (of_results and of_results <= {"D", "X"}):
        return Status.WITHDRAWN
    is_open = bool(of_results) and of_results <= NOTHING_YET
    if not has_results or of_report in NOTHING_YET or is_open:
        return None
    said = {"F" if one == "U" else one for one in (of_report, *of_results)} - {"", "D"}
    if of_report == "A" or not said or not said <= {"F"} | CHANGED:  # "A" of OBR-25: only a part
        return Status.PRELIMINARY
    return Status.AMENDED if said & CHANGED else Status.FINAL


def _text(message: Message, results: list[Segment]) -> str:
    """OBX-5 of every text result, line by line; repetitions are lines too.

    A value stands with its name: of two receptors "Positive" and "Negative" alone say nothing.
    """
    told = [one for one in results if _at(one, 2) in TEXTS]
    names = Counter(message.part(one, 3) for one in told if message.part(one, 3))
    lines = []
    for one in told:
        said = [_line(message, x, _at(one, 2)) for x in _at(one, 5).split(message.repetition)]
        is_short = _at(one, 2) == "ST" and len(names) > 1 and names[message.part(one, 3)] == 1
        is_value = is_short or _at(one, 2) in VALUES
        lines += [_named(message, one, said)] if is_value else said
    return "\n".join(lines)


def _line(message: Message, line: str, kind: str) -> str:
    """Of a code its words, of a structured number '<5'. Of text everything as it came."""
    if kind == "SN":
        return message.unescape("".join(line.split(message.component)))
    if kind not in CODED:
        return message.unescape(line)
    parts = ["", *line.split(message.component), *[""] * 9]
    return message.unescape(next((parts[at] for at in WORDS_FIRST if parts[at].strip()), ""))


def _named(message: Message, result: Segment, said: list[str]) -> str:
    """'Tumour size: 27 mm': OBX-3 in words, else its code; OBX-5; OBX-6."""
    name = message.part(result, 3, 2) or message.part(result, 3)
    value = " ".join(filter(None, [", ".join(filter(None, said)), message.part(result, 6)]))
    return f"{name}: {value}" if name else value


def _document(message: Message, results: list[Segment]) -> bytes:
    """The first PDF."""
    data = _documents(message, results)
    return _base64(message.unescape(data[0])) if data else b""


def _documents(message: Message, results: list[Segment]) -> list[str]:
    """Each PDF that can be read: OBX-5 of type ED, data in Base64 (table 0299)."""
    parts = [[*_at(one, 5).split(message.component), *[""] * 5] for one in _encapsulated(results)]
    return [
        data
        for _, kind, subtype, encoding, data, *_ in parts
        if "PDF" in {kind.upper(), subtype.upper()} and encoding.upper() == "BASE64"
    ]


def _encapsulated(results: list[Segment]) -> list[Segment]:
    return [one for one in results if _at(one, 2) == "ED" and _at(one, 5)]


def _is_incomplete(message: Message, results: list[Segment]) -> bool:
    """Whether a result is in no way kept: no text, and not the one PDF (RTF, an address, ...)."""
    others = [one for one in results if _at(one, 5) and _at(one, 2) not in {*TEXTS, "ED"}]
    documents = _documents(message, results)
    unread = len(_encapsulated(results)) - len(documents)
    return bool(others or unread or len(set(documents)) > 1)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise NotTaken("hl7.not_base64", "The PDF in OBX-5 is no Base64.") from None


def _issued(message: Message, obr: Segment) -> tuple[datetime, bool]:
    """When, and whether a time is stated beside the day: to the minute, or it is none."""
    for said in (message.part(obr, 22), message.part(message.first("MSH"), 7)):
        if at := _time(said):
            has_minutes = len(re.split(r"[.+-]", said)[0]) >= len("YYYYMMDDHHMM")
            return at, has_minutes and states_a_time(at)
    raise NotTaken("hl7.no_time", "Neither OBR-22 nor MSH-7 says when.")


def _time(text: str) -> datetime | None:
    """TS: to the day at least; without an offset it is local time, as everywhere in the NHS."""
    match = TIME.fullmatch(text)
    if not match or not match[3]:
        return None
    numbers = "".join(part or "00" for part in match.groups()[:6])
    try:
        if match[7]:
            return datetime.strptime(numbers + match[7], "%Y%m%d%H%M%S%z")
        local = datetime.strptime(f"{numbers}+0000", "%Y%m%d%H%M%S%z")
        return local.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
    except ValueError:
        return None


def _at(fields: Segment, number: int) -> str:
    return fields[number] if number < len(fields) else ""
