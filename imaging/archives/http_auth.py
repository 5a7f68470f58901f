"""How an archive knows us over HTTP: not at all, by name and password, a token, or OAuth2.

Nothing secret is ever part of an error or a log line.
"""

import base64
import json
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Protocol
from urllib.parse import quote_plus

import httpx

from imaging.archives import http_tls
from imaging.archives.addresses import PinnedTransport
from imaging.archives.base import ArchiveError, Patience
from imaging.archives.http_body import BadEncoding, read_all, within

TOKEN = re.compile(r"[\x21-\x7e]+")  # what may stand in a header (RFC 6750 2.1, widened)
MAX_ANSWER = 64 * 1024
BODY_S = 30.0  # of one that is as long as a line: all that ask this archive wait for it
LASTS_S = 300.0  # where the answer does not say
LONGEST_S = 86_400.0
#: What reading a token's answer fails with: a number may be longer than any clock.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
WHOSE = "the archive's sign-in service"

Headers = dict[str, str]


class Credentials(Protocol):
    """What goes with every request."""

    refusal: str  # for people: what it means that the archive refused it

    def header(self) -> Headers:
        """The header that says who we are. Raises ArchiveError when none can be had."""

    def renew(self, refused: Headers) -> bool:
        """Whether another header may do where this one was refused."""


class Nobody:
    refusal = "The archive wants to know who asks, and no name or token is given here."

    def header(self) -> Headers:
        return {}

    def renew(self, refused: Headers) -> bool:
        return False


class Basic(Nobody):
    """RFC 7617, in UTF-8."""

    refusal = "The archive refused our name or password."

    def __init__(self, username: str, password: str) -> None:
        self._header = {"Authorization": _basic(username, password)}

    def header(self) -> Headers:
        return self._header


class Bearer(Nobody):
    """A token that somebody gave us for good."""

    refusal = "The archive refused our token: it may have run out."

    def __init__(self, token: str) -> None:
        self._token = token

    def header(self) -> Headers:
        return _bearer(self._token.strip())


@dataclass(frozen=True)
class Client:
    """Whom a sign-in service knows us as (RFC 6749 4.4)."""

    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    scope: str = ""
    ca: str = field(default="", repr=False)


class OAuth2:
    """A token that is asked for, kept until it has nearly run out, and asked for again."""

    refusal = "The archive refused the token of its own sign-in service."

    def __init__(self, client: Client, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def header(self) -> Headers:
        return _bearer(_tokens_of(self._client).current(self._patience))

    def renew(self, refused: Headers) -> bool:
        _tokens_of(self._client).forget(refused)
        return True


class _Tokens:
    """The token of one client, shared by all that ask in this process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._token = ""
        self._good_until = 0.0

    def current(self, patience: Patience) -> str:
        with self._lock:
            if not self._token or time.monotonic() >= self._good_until:
                self._token, lasts_s = _sign_in(self._client, patience)
                self._good_until = time.monotonic() + lasts_s - min(60, lasts_s / 5)
            return self._token

    def forget(self, refused: Headers) -> None:
        """Unless somebody else has renewed it meanwhile."""
        with self._lock:
            if refused == {"Authorization": f"Bearer {self._token}"}:
                self._token = ""


@lru_cache(maxsize=64)
def _tokens_of(client: Client) -> _Tokens:
    return _Tokens(client)


def _sign_in(client: Client, patience: Patience) -> tuple[str, float]:
    """A new token and how many seconds it lasts. Raises ArchiveError."""
    try:
        status, body = _ask(client, patience)
    except BadEncoding as error:
        raise _not_understood() from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        connecting = isinstance(error, httpx.ConnectError)
        if fault := http_tls.fault(error, WHOSE, is_connecting=connecting):
            raise fault from error
        text = "The archive's sign-in service cannot be reached."
        raise ArchiveError("archive.token_unreachable", text) from error
    _check(status)
    return _read(body)


def _ask(client: Client, patience: Patience) -> tuple[int, bytes]:
    """First in the way every service must know (RFC 6749 2.3.1), then in the one some insist on."""
    form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
    named = _basic(quote_plus(client.client_id), quote_plus(client.client_secret))
    secret = {"client_id": client.client_id, "client_secret": client.client_secret}
    with httpx.Client(
        transport=PinnedTransport(verify=http_tls.context(ca=client.ca, and_public=True)),
        timeout=httpx.Timeout(patience.idle_s, connect=patience.connect_s),
        trust_env=False,
        auth=httpx.Auth(),  # none, whatever the address holds
    ) as http:
        answer = _post(http, client.token_url, form, {"Authorization": named})
        if answer[0] in (400, 401):
            answer = _post(http, client.token_url, form | secret, {})
    return answer


def _post(
    http: httpx.Client, url: str, form: dict[str, str], headers: Headers
) -> tuple[int, bytes]:
    headers = headers | {"Accept": "application/json", "Accept-Encoding": "identity"}
    with http.stream("POST", url, data=form, headers=headers) as answer:
        return answer.status_code, read_all(within(answer.iter_raw(), BODY_S), MAX_ANSWER)


def _check(status: int) -> None:
    if status == 200:
        return
    if status in (400, 401, 403):
        text = "The archive's sign-in service refused our client id, its secret or the scope."
        raise ArchiveError("archive.token_refused", text, may_retry=False)
    text = f"The archive's sign-in service gives no token (HTTP {status}). Is its address right?"
    may_retry = status in (408, 429) or status >= 500
    raise ArchiveError("archive.token_failed", text, may_retry=may_retry)


def _read(body: bytes) -> tuple[str, float]:
    """Of RFC 6749 5.1."""
    try:
        answer = json.loads(body)
        token = answer["access_token"]
        lasts_s = float(answer.get("expires_in") or LASTS_S)
    except UNREADABLE as error:
        raise _not_understood() from error
    _bearer(token)
    return token, min(max(lasts_s, 0.0), LONGEST_S)


def _bearer(token: object) -> Headers:
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise _not_understood()
    return {"Authorization": f"Bearer {token}"}


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _not_understood() -> ArchiveError:
    text = "The token for this archive, given here or by its sign-in service, is no token."
    return ArchiveError("archive.token_not_understood", text, may_retry=False)
