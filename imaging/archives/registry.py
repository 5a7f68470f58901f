"""Archives by kind. The only place that knows which kinds exist."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from imaging import arrivals
from imaging.archives import http_auth, http_tls
from imaging.archives.base import Archive, Patience
from imaging.archives.dicomweb import DicomWebArchive, Habits
from imaging.archives.dimse_get import GetArchive
from imaging.archives.dimse_link import Link
from imaging.archives.dimse_move import Inbox, MoveArchive
from imaging.archives.folder import FolderArchive
from imaging.archives.http_peer import Certificates, HttpPeer

if TYPE_CHECKING:
    from imaging import models

PATIENCE = Patience()


def connect(profile: "models.Archive", patience: Patience | None = None) -> Archive:
    """The archive a row describes. Nothing is sent yet. Use with `with`."""
    return _KINDS[profile.kind](profile, patience or PATIENCE)


def _dicomweb(profile: "models.Archive", patience: Patience) -> Archive:
    peer = HttpPeer(
        profile.base_url,
        credentials=_credentials(profile, patience),
        certificates=Certificates(
            ca=profile.ca_certificate,
            certificate=profile.client_certificate,
            key=profile.client_key,
        ),
        patience=patience,
    )
    habits = Habits(
        page_size=profile.page_size,
        takes_wildcards_raw=profile.takes_wildcards_raw,
        unsupported=frozenset(profile.unsupported_filters),
    )
    return DicomWebArchive(peer, habits)


def _credentials(profile: "models.Archive", patience: Patience) -> http_auth.Credentials:
    match profile.auth:
        case "basic":
            return http_auth.Basic(profile.username, profile.password)
        case "bearer":
            return http_auth.Bearer(profile.token)
        case "oauth2":
            client = http_auth.Client(
                token_url=profile.token_url,
                client_id=profile.client_id,
                client_secret=profile.client_secret,
                scope=profile.scope,
                ca=profile.ca_certificate,
            )
            return http_auth.OAuth2(client, patience)
        case _:
            return http_auth.Nobody()


def _dimse(profile: "models.Archive", patience: Patience) -> Archive:
    link = Link(
        profile.host,
        profile.port or 0,
        called=profile.called_ae_title,
        calling=profile.calling_ae_title,
        patience=patience,
        tls=_tls(profile) if profile.is_tls else None,
    )
    unsupported = profile.unsupported_filters
    if profile.retrieve_by == "get":
        return GetArchive(link, unsupported=unsupported)
    destination = profile.move_destination or settings.SCP_AE_TITLE
    return MoveArchive(
        link, destination=destination, inbox=inbox_of(profile), unsupported=unsupported
    )


def _tls(profile: "models.Archive") -> ssl.SSLContext:
    return http_tls.context(
        ca=profile.ca_certificate,
        certificate=profile.client_certificate,
        key=profile.client_key,
    )


def inbox_of(profile: "models.Archive") -> Inbox:
    """Where our Storage SCP puts what this archive sends."""
    return arrivals.Inbox(profile.pk)


def _folder(profile: "models.Archive", patience: Patience) -> Archive:
    return FolderArchive(Path(profile.folder), Path(settings.UPLOADS_DIR) / "index")


_KINDS: dict[str, Callable[["models.Archive", Patience], Archive]] = {
    "dicomweb": _dicomweb,
    "dimse": _dimse,
    "folder": _folder,
}
