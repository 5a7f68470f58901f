"""Asking an archive over HTTP: who we are, how long we wait, and what every failure is called."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property

import httpx
from django.utils import timezone

from imaging.archives import http_tls
from imaging.archives.addresses import PinnedTransport
from imaging.archives.base import ArchiveError, Patience
from imaging.archives.http_auth import Credentials, Headers
from imaging.archives.http_body import BadEncoding, is_packed, lively, unpacked
from imaging.archives.multipart import BadMultipart, CutShort

MAX_EPILOGUE = 64 * 1024
MAX_RETRY_AFTER_S = 86_400.0
for _name in ("httpx", "httpcore"):  # they log addresses, and those name patients
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Certificates:
    """PEM texts: who signs the archive's, and ours where it wants one."""

    ca: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


class Answer:
    """One answer as it streams in; `chunks` may be read once."""

    def __init__(self, response: httpx.Response, idle_s: float) -> None:
        self.status = response.status_code
        self.content_type = response.headers.get("Content-Type", "")
        encoding = response.headers.get("Content-Encoding", "")
        self.is_packed = is_packed(encoding)
        stated = ("Content-Length", "Transfer-Encoding")
        self.has_end = any(name in response.headers for name in stated)
        self.chunks = unpacked(lively(response.iter_raw(), idle_s), encoding)

    def finish(self) -> None:
        """Read the little that may follow: only then can the connection be used again."""
        left = MAX_EPILOGUE if self.has_end else 0
        with suppress(httpx.HTTPError, BadEncoding, CutShort):
            while left > 0 and (chunk := next(self.chunks, b"")):
                left -= len(chunk)


class HttpPeer:
    """One archive's address. Nothing is sent, and no certificate read, before something is asked.

    Connections are kept and used again; close it when done.
    """

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Credentials,
        certificates: Certificates,
        patience: Patience,
    ) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._credentials = credentials
        self._certificates = certificates
        self._patience = patience

    def close(self) -> None:
        if client := self.__dict__.pop("_client", None):
            client.close()

    @contextmanager
    def get(self, url: str, headers: Headers) -> Iterator[Answer]:
        """An answer of 200, 204, 404 or 410, as a stream; everything else is an ArchiveError."""
        try:
            with self._sent(url, headers) as response:
                _check_status(response, self._credentials.refusal)
                yield Answer(response, self._patience.idle_s)
        except (*TROUBLE, ValueError) as error:
            raise _explain(error) from error

    @contextmanager
    def _sent(self, url: str, headers: Headers) -> Iterator[httpx.Response]:
        """Once more when the token had run out: one lasts less long than a large study."""
        who = self._credentials.header()
        with self._stream(url, headers | who) as response:
            if response.status_code != 401 or not self._credentials.renew(who):
                yield response
                return
        with self._stream(url, headers | self._credentials.header()) as response:
            yield response

    def _stream(self, url: str, headers: Headers) -> AbstractContextManager[httpx.Response]:
        return self._client.stream("GET", url, headers=headers)

    @cached_property
    def _client(self) -> httpx.Client:
        mine = self._certificates
        return httpx.Client(
            base_url=self._base_url,
            auth=httpx.Auth(),  # none of its own, whatever the address holds
            transport=PinnedTransport(
                verify=http_tls.context(ca=mine.ca, certificate=mine.certificate, key=mine.key)
            ),
            timeout=httpx.Timeout(self._patience.idle_s, connect=self._patience.connect_s),
            follow_redirects=False,  # a password must not travel to where the archive points
            trust_env=False,
        )


TROUBLE = (httpx.HTTPError, httpx.InvalidURL, BadEncoding, BadMultipart, CutShort)
FAILURES: list[tuple[tuple[type[Exception], ...], str, str]] = [
    (
        (httpx.ConnectError, httpx.ConnectTimeout),
        "archive.unreachable",
        "The archive cannot be reached.",
    ),
    ((httpx.TimeoutException,), "archive.silent", "The archive stopped answering."),
    (
        (CutShort, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError),
        "archive.cut_short",
        "The connection to the archive broke before everything had come.",
    ),
    (
        (BadMultipart, BadEncoding, ValueError),
        "archive.not_understood",
        "The archive answered with something that is not DICOMweb.",
    ),
    (
        (httpx.InvalidURL, httpx.UnsupportedProtocol),
        "archive.bad_address",
        "The archive's address here is none.",
    ),
]


def _explain(error: Exception) -> ArchiveError:
    connecting = isinstance(error, httpx.ConnectError)
    if fault := http_tls.fault(error, "the archive", is_connecting=connecting):
        return fault
    for kinds, code, message in FAILURES:
        if isinstance(error, kinds):
            return ArchiveError(code, message, may_retry=code != "archive.bad_address")
    return ArchiveError("archive.failed", "Talking to the archive failed.")


REFUSALS = {
    403: ("archive.forbidden", "The archive knows us, and does not let us see this (HTTP 403)."),
    406: ("archive.not_acceptable", "The archive cannot send it as it is stored (HTTP 406)."),
}


def _check_status(response: httpx.Response, refusal: str) -> None:
    status = response.status_code
    if status in (200, 204, 404, 410):
        return
    if status == 401:
        raise ArchiveError("archive.refused", refusal, may_retry=False)
    if status in REFUSALS:
        raise ArchiveError(*REFUSALS[status], may_retry=False)
    if 300 <= status < 400:
        text = "The archive points to another address. Its address here must be corrected."
        raise ArchiveError("archive.moved", text, may_retry=False)
    if status in (408, 429) or status >= 500:
        raise _in_trouble(response)
    raise bad_request(status)


def _in_trouble(response: httpx.Response) -> ArchiveError:
    after_s = _retry_after_s(response.headers.get("Retry-After", ""))
    if response.status_code == 429:
        text = "The archive says that we ask too much (HTTP 429)."
        return ArchiveError("archive.busy", text, retry_after_s=after_s)
    text = f"The archive is in trouble (HTTP {response.status_code})."
    return ArchiveError("archive.failed", text, retry_after_s=after_s)


def _retry_after_s(value: str) -> float | None:
    """Seconds, stated as such or as a moment (RFC 9110 10.2.3); None where it is neither."""
    try:
        if value.strip().isdecimal():
            seconds = float(value)
        else:
            seconds = (parsedate_to_datetime(value) - timezone.now()).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def bad_request(status: int) -> ArchiveError:
    text = f"The archive did not accept the question (HTTP {status}). Is its address right?"
    return ArchiveError("archive.bad_request", text, may_retry=False)
