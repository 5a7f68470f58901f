"""How long the body of a request may be, held while it comes.

Daphne asks the application once the whole body has come, which Twisted has written to a file by
then; no middleware, of ASGI or of Django, sees it before. So this stands in Daphne's own request.
"""

import json
import re
from typing import Any

import daphne.http_protocol
from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.internet import reactor

from imaging.uploads.receive import MAX_PART_BYTES

CODE = "request.too_large"
READ_ANSWER_S = 2.0
ROOM_FOR_FIELDS = 1 << 20
PART = re.compile(r"/api/cases/[^/]+/uploads/[^/]+/files/")
FORM = re.compile(r"/cases/[^/]+/reports/add\Z")
FHIR = "/fhir/"


def most_bytes(path: str, *, shows_who: bool) -> int:
    """Of the body of a request. Who shows neither a session nor a token sends little anywhere."""
    least = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if not shows_who:
        return least
    if path.startswith(FHIR):
        return settings.REPORT_MOST_BYTES * 4 // 3 + ROOM_FOR_FIELDS
    if FORM.search(path):
        return settings.REPORT_MOST_BYTES + ROOM_FOR_FIELDS
    return MAX_PART_BYTES if PART.match(path) else least


def install() -> None:
    """From now on each connection to this Daphne is held to it."""
    daphne.http_protocol.WebRequest = LimitedRequest


class LimitedRequest(WebRequest):
    """Answers 413 as soon as a body says, or shows, that it is too long, and reads no further."""

    _most, _come, _is_refused = 0, 0, False

    def gotLength(self, length: int | None) -> None:
        self._path = self.channel._path.partition(b"?")[0].decode("latin-1")
        headers = self.requestHeaders
        shows_who = headers.hasHeader(b"authorization") or headers.hasHeader(b"cookie")
        self._most = most_bytes(self._path, shows_who=shows_who)
        is_too_long = length is not None and length > self._most
        super().gotLength(0 if is_too_long else length)
        if is_too_long:
            headers.removeHeader(b"expect")  # nothing is asked for
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._come += len(data)
        if self._come > self._most and not self._is_refused:
            self._refuse()
        if not self._is_refused:
            super().handleContentChunk(data)

    def _refuse(self) -> None:
        """The line is cut a little later: cut at once it would take the answer with it."""
        self._is_refused = True
        body = _answer(self._path, self._most)
        head = f"HTTP/1.1 413 Content Too Large\r\nContent-Length: {len(body)}\r\n"
        kind = "Content-Type: application/json\r\nConnection: close\r\n\r\n"
        transport = self.channel.transport
        transport.write(head.encode() + kind.encode() + body)
        transport.pauseProducing()
        clock: Any = reactor  # its interface has no self
        clock.callLater(READ_ANSWER_S, transport.abortConnection)


def _answer(path: str, most: int) -> bytes:
    words = f"It is longer than what is taken here: at most {most >> 10} kB."
    if path.startswith(FHIR):
        issue = {"severity": "error", "code": "too-long", "diagnostics": f"{words} [{CODE}]"}
        return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    return json.dumps({"code": CODE, "message": words}).encode()
