"""Taking grants back: within two seconds, and though the database may be down meanwhile.

A grant lives for a minute, so only the revocations of the last minutes matter. Each process
keeps them and asks again once a second at most; while the database does not answer it goes on with
what it knows, so that a meeting keeps its pictures.
"""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import Error, transaction
from django.utils import timezone

from imaging.grants import LIFETIME_S, Grant
from imaging.models import Revocation

ASK_EVERY_S = 1.0
MATTERS_FOR = timedelta(seconds=2 * LIFETIME_S)


def revoke(*, person: str = "", case: str = "", series: str = "") -> None:
    """End the grants given until now to a person, in a case, of a series; public ids, "": any."""
    _revoke(Revocation(person=person, case=case, series=series))


def revoke_each(*, series: Iterable[str], case: str = "") -> None:
    """The same of several series at once."""
    _revoke(*(Revocation(case=case, series=one) for one in series))


def _revoke(*rows: Revocation) -> None:
    """They count until the caller commits: until then whoever asks still sees all as it was, and
    is given what they ask for. Dated now as well, should that hook never run.
    """
    now = timezone.now()
    for row in rows:
        row.at = now
    Revocation.objects.filter(at__lt=now - MATTERS_FOR).delete()
    keys = [row.pk for row in Revocation.objects.bulk_create(rows)]

    def count_until_now() -> None:
        Revocation.objects.filter(pk__in=keys).update(at=timezone.now())

    transaction.on_commit(count_until_now, robust=True)


def is_revoked(grant: Grant) -> bool:
    return _known.cover(grant)


class Known:
    """The revocations this process knows of."""

    def __init__(self) -> None:
        self._rows: list[Revocation] = []
        self._asked_at = float("-inf")
        self._asking = threading.Lock()

    def cover(self, grant: Grant) -> bool:
        if monotonic() - self._asked_at >= ASK_EVERY_S:
            self._ask()
        given_at = datetime.fromtimestamp(grant.given_at, UTC)
        return any(_covers(row, grant) and given_at <= row.at for row in self._rows)

    def _ask(self) -> None:
        """One thread asks; the others go on with what is known."""
        if not self._asking.acquire(blocking=False):
            return
        try:
            self._rows = list(Revocation.objects.filter(at__gte=timezone.now() - MATTERS_FOR))
        except Error:
            pass
        finally:
            self._asked_at = monotonic()
            self._asking.release()


def _covers(row: Revocation, grant: Grant) -> bool:
    pairs = ((row.person, grant.person), (row.case, grant.case), (row.series, grant.series))
    return all(wanted in ("", given) for wanted, given in pairs)


_known = Known()
