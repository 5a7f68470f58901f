"""The systems that may send reports: let in, stopped, changed, and counted. Writes only.

Who administers the server does so there (manage.py report_sources).
"""

import logging
import secrets
from collections.abc import Iterable
from hashlib import sha256

from django.db.models import F
from django.utils import timezone

from mdt.reports.kinds import NOT_KEPT
from mdt.reports.models import Kind, ReportSource, UnkeptSection

logger = logging.getLogger(__name__)


def new_token() -> tuple[str, str]:
    """A bearer token, and what is kept of it."""
    token = secrets.token_urlsafe(32)
    return token, sha256(token.encode()).hexdigest()


def renew_token(*, source: ReportSource) -> str:
    """Another token; the one before is worth nothing from now on. Raises ValueError for HL7."""
    if source.way != ReportSource.Way.FHIR:
        raise ValueError("Only what sends by FHIR has a token")
    token, source.token_sha256 = new_token()
    source.save(update_fields=["token_sha256"])
    logger.info("the token of the report source %s was renewed", source.name)
    return token


def set_active(*, source: ReportSource, is_active: bool) -> None:
    """Stop hearing a source, or hear it again: from its next message on."""
    source.is_active = is_active
    source.save(update_fields=["is_active"])
    logger.info("the report source %s %s", source.name, "may send" if is_active else "is stopped")


def set_prefix(*, source: ReportSource, prefix: str) -> None:
    """What stands before each of the trust's own patient numbers there. Raises ValidationError."""
    source.patient_id_prefix = prefix
    source.full_clean(exclude=["address"])
    source.save(update_fields=["patient_id_prefix"])


def set_section(*, source: ReportSource, code: str, kind: str) -> None:
    """What one of its own section codes means; empty: what it meant before. Raises ValueError."""
    if kind not in ("", NOT_KEPT, *Kind.values):
        raise ValueError("A section is imaging, pathology or none")
    rest = {own: meant for own, meant in source.sections.items() if own != code}
    source.sections = rest | ({code: kind} if kind else {})
    source.save(update_fields=["sections"])


def count_not_kept(*, source: ReportSource, sections: Iterable[str]) -> None:
    """One more of each. The first of a section is a line of the log too."""
    for code in sections:
        count, is_new = UnkeptSection.objects.get_or_create(source=source, code=code)
        UnkeptSection.objects.filter(pk=count.pk).update(
            times=F("times") + 1, last_at=timezone.now()
        )
        if is_new:
            logger.warning("reports of %s under section %s are not kept", source.name, code)
