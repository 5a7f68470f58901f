"""How an archive has been answering: for whoever looks after it, and for the breaker.

Five failures in a row and it rests, longer each time; then one job at a time asks it
(imaging/budget.py) until one is answered. Refused once, it rests at once: asking on would lock the
account. It rests too for as long as it asks to. Each archive has its own; another is never touched.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from imaging.budget import FAILURES_TO_REST
from imaging.models import Archive, Asking
from imaging.queue import LONGEST_ASKED

FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(minutes=30)
#: Nothing will change until somebody changes something.
REFUSALS = frozenset(
    f"archive.{why}"
    for why in (
        *("refused", "token_refused", "token_not_understood", "our_certificate", "certificate"),
        *("tls", "moved", "address", "bad_address"),
    )
)
FORBIDDEN = "archive.forbidden"
#: About one question or study; the archive itself answers.
OF_ONE_QUESTION = frozenset(
    f"archive.{why}"
    for why in ("bad_request", "too_many", "not_offered", "not_acceptable", "forbidden")
)
#: About one study among others, which are not held up by it.
OF_ONE_STUDY = OF_ONE_QUESTION | {"archive.not_understood", "archive.not_there"}
#: Our own giving up says nothing of the archive; nor does what it was never asked.
OURS = frozenset({"pull.gave_up", "search.gave_up", "archive.cannot_ask"})


def note(
    archive_id: int,
    code: str,
    message: str = "",
    claim: UUID | None = None,
    rest_s: float | None = None,
) -> None:
    """Write down how asking an archive ended: `code` is "archive..." when it failed.

    `claim` is that of the job which asked, `rest_s` for how long the archive wants to be left
    alone. Called in the transaction that settles the job.
    """
    now = timezone.now()
    if claim:
        Asking.objects.filter(claim=claim).update(answered_at=now, code=code, message=message)
    archive = Archive.objects.filter(pk=archive_id)
    if code in OURS:
        return
    if code.startswith("archive.") and code != "archive.not_there":
        if code != FORBIDDEN or _was_forbidden_before(archive_id, claim):
            archive.update(failing_since=Coalesce(F("failing_since"), now))
        _count_failure(archive, code, now)
        _rest_as_asked(archive, now, rest_s or 0)
    else:
        by_breaker = Q(failures_in_a_row__gte=FAILURES_TO_REST)  # it answers: the rest is over
        archive.filter(by_breaker | Q(rests_until__lte=now)).update(rests_until=None)
        archive.update(last_answer_at=now, failing_since=None, failures_in_a_row=0)


def rest_after(failures: int) -> timedelta:
    """How long to leave it alone after so many failures in a row: 1, 2, 4 ... 30 minutes."""
    if failures < FAILURES_TO_REST:
        return timedelta(0)
    doublings = min(failures - FAILURES_TO_REST, 10)
    return min(FIRST_REST * (1 << doublings), LONGEST_REST)


def _was_forbidden_before(archive_id: int, claim: UUID | None) -> bool:
    """One study that is closed to us says nothing of the others; two in a row do."""
    ended = Asking.objects.filter(archive=archive_id, answered_at__isnull=False)
    others = ended.exclude(claim=claim) if claim else ended
    return others.order_by("-answered_at").values_list("code", flat=True).first() == FORBIDDEN


def _rest_as_asked(archive: QuerySet[Archive], now: datetime, rest_s: float) -> None:
    """By every job, not by the one that was told so alone."""
    until = now + min(timedelta(seconds=rest_s), LONGEST_ASKED)
    if until > now:
        archive.exclude(rests_until__gt=until).update(rests_until=until)


def _count_failure(archive: QuerySet[Archive], code: str, now: datetime) -> None:
    """Those that were asked before it came to rest end meanwhile: they count no more."""
    asked = archive.exclude(rests_until__gt=now)
    if code in OF_ONE_QUESTION or not asked.update(failures_in_a_row=F("failures_in_a_row") + 1):
        return
    (failures,) = archive.values_list("failures_in_a_row", flat=True)
    rest = LONGEST_REST if code in REFUSALS else rest_after(failures)
    if rest:
        archive.update(rests_until=now + rest)
