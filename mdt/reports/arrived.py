"""One report as it came, whichever way: what HL7, FHIR and people's hands are all turned into."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, time
from hashlib import sha256
from typing import Any

from mdt.reports.models import Kind, Status

LONGEST_NUMBER = 64
FIRST_YEAR, LAST_YEAR = 1900, 9000
PDF = b"%PDF-"
NO_KIND = ("report.no_kind", "It takes back a report and does not say of which kind.")
#: Nobody sees them: "5\x9610 mm" reads as 510 mm. What lays out a text is not among them.
UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class NotTaken(Exception):
    """A report that cannot be kept. `code` is stable; neither it nor `message` names anybody."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Claimed:
    """Who a message says it is about, in the form of imaging.identity_numbers.Claim."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    other_patient_ids: Sequence[tuple[str, str]] = ()
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Claimed":
        others = [(value, issuer) for value, issuer in stored["other_patient_ids"]]
        return cls(**stored | {"other_patient_ids": others})


@dataclass(frozen=True)
class Arrived:
    """A report and who it is about. `document` is a PDF's bytes, which are not part of the JSON.

    `is_incomplete`: there was more, in a form that is not kept here. `is_timed`: its sender said an
    hour too, not only the day. `is_sent_before`: what came as preliminary is final now, and is not
    here again.
    """

    kind: Kind
    status: Status
    number: str
    issued_at: datetime
    claim: Claimed
    text: str = ""
    service: str = ""
    title: str = ""
    accession_number: str = ""
    laboratory: str = ""
    document: bytes = field(default=b"", repr=False)
    document_sha256: str = ""
    document_size: int = 0
    is_incomplete: bool = False
    is_timed: bool = True
    is_sent_before: bool = False

    @property
    def content_sha256(self) -> str:
        return _hashed([self.text, self.document_sha256])

    @property
    def digest(self) -> str:
        """Equal for what says the same: a repeat, under whatever message id it comes."""
        return _hashed({**self.as_json(), "text": self.content_sha256})

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self)
        del plain["document"]
        return plain | {"issued_at": self.issued_at.isoformat()}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Arrived":
        values = stored | {
            "kind": Kind(stored["kind"]),
            "status": Status(stored["status"]),
            "issued_at": datetime.fromisoformat(stored["issued_at"]),
            "claim": Claimed.of(stored["claim"]),
        }
        return cls(**values)


def check(arrived: Arrived, most_bytes: int) -> Arrived:
    """The same with its PDF's sha256. Raises NotTaken where it cannot be kept as it is."""
    needs_none = arrived.status == Status.WITHDRAWN or arrived.is_sent_before
    if not (arrived.text.strip() or arrived.document or needs_none):
        raise NotTaken("report.empty", "The report holds neither text nor a PDF that is kept here.")
    if any(UNSEEN.search(text) for text in _texts(arrived.as_json())):
        raise NotTaken("report.not_text", "The report holds a character that is no text.")
    if (
        max(len(arrived.number), len(arrived.service), len(arrived.accession_number))
        > LONGEST_NUMBER
    ):
        raise NotTaken("report.long_number", "A number of the report has more than 64 letters.")
    if not FIRST_YEAR <= arrived.issued_at.year <= LAST_YEAR:
        raise NotTaken("report.no_such_time", "The time of issue is none.")
    if not arrived.document:
        return arrived
    check_pdf(arrived.document, most_bytes)
    sized = {"document_size": len(arrived.document)}
    hashed = sha256(arrived.document).hexdigest()
    return Arrived(**{**arrived.__dict__, **sized, "document_sha256": hashed})


def states_a_time(at: datetime) -> bool:
    """Midnight is how systems write a day alone in a field that must have an hour."""
    return at.time() != time()


def check_pdf(document: bytes, most_bytes: int) -> None:
    """A PDF by its first bytes, and of a size one can open. It is never opened here."""
    if not document.startswith(PDF):
        raise NotTaken("report.not_pdf", "What came with the report is no PDF.")
    if len(document) > most_bytes:
        raise NotTaken("report.too_large", f"A PDF has at most {most_bytes >> 20} MB.")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _hashed(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
