"""Archives by kind. The only place that knows which kinds exist."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from imaging.archives.base import Archive, Patience
from imaging.archives.dicomweb import DicomWebArchive
from imaging.archives.dimse import DimseArchive

if TYPE_CHECKING:
    from imaging import models

PATIENCE = Patience()


def connect(profile: "models.Archive") -> Archive:
    """The archive a row describes. Nothing is sent yet. Use with `with`."""
    return _KINDS[profile.kind](profile)


def _dicomweb(profile: "models.Archive") -> Archive:
    return DicomWebArchive(
        profile.base_url,
        username=profile.username,
        password=profile.password,
        patience=PATIENCE,
    )


def _dimse(profile: "models.Archive") -> Archive:
    return DimseArchive(
        profile.host,
        profile.port or 0,
        called=profile.called_ae_title,
        calling=profile.calling_ae_title,
        patience=PATIENCE,
    )


_KINDS: dict[str, Callable[["models.Archive"], Archive]] = {
    "dicomweb": _dicomweb,
    "dimse": _dimse,
}
