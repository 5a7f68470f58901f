"""How the archives are that somebody looks after. Read only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Aggregate, Count, OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils import timezone

from imaging import budget
from imaging.clock import clock_time
from imaging.models import Archive, ArchiveAnswer, Asking, Job
from mdt.archives.forms import KIND_WORDS
from mdt.meetings.lights import Light
from mdt.members import Person
from mdt.teams.models import Duty, Trust
from mdt.teams.queries import trusts_by_code, trusts_looked_after

ENDS_SHOWN, SEARCHES_SHOWN = 10, 5


@dataclass(frozen=True)
class Card:
    """One archive on the dashboard: how it is, our load, what it said last."""

    archive: Archive
    trust: str
    light: Light
    in_use: int  # connections, of those it may use at one time
    waiting: int
    lately: int
    ends: list[Asking]
    searches: list[ArchiveAnswer]

    @property
    def is_resting(self) -> bool:
        rests_until = self.archive.rests_until
        return rests_until is not None and rests_until > timezone.now()

    @property
    def speed(self) -> str:
        """As measured on its last pulls: '12.3 MB/s'; empty before the first."""
        bytes_per_s = self.archive.bytes_per_s
        return f"{bytes_per_s / 1e6:,.1f} MB/s" if bytes_per_s else ""

    @property
    def kind(self) -> str:
        return KIND_WORDS[self.archive.kind]

    @property
    def last(self) -> Asking | None:
        return self.ends[0] if self.ends else None


def trusts_of_administrator_or_404(person: Person) -> list[tuple[str, str]]:
    """(ODS code, name) of the trusts whose archives a person looks after today."""
    codes = _codes(person)
    if not codes:
        raise Http404
    names = trusts_by_code()
    return [(code, str(names[code])) for code in sorted(codes)]


def archive_or_404(person: Person, archive_id: str) -> Archive:
    """One archive, for whoever looks after it; to others it does not exist."""
    if (found := _archives_of(person).filter(public_id=archive_id).first()) is None:
        raise Http404
    return found


def cards_of(person: Person) -> list[Card]:
    """Every archive of the trusts a person looks after. A fixed number of queries.

    One more for each archive with a limit an hour.
    """
    return _cards(_archives_of(person))


def card_of(archive: Archive) -> Card:
    return _cards(Archive.objects.filter(pk=archive.pk))[0]


def light_of(archive: Archive, why: tuple[str, str] | None) -> Light:
    """Colour and words: what keeps it from being asked first, then how it has been answering."""
    if why and why[0] == "archive.rests":
        return Light("red", why[1])
    if why:
        return Light("grey", why[1])
    if archive.failing_since:
        since = clock_time(archive.failing_since)
        return Light("amber", f"failing since {since}")
    if archive.last_answer_at:
        return Light("green", f"answering, last at {clock_time(archive.last_answer_at)}")
    return Light("grey", "not asked yet")


def _cards(archives: QuerySet[Archive]) -> list[Card]:
    now = timezone.now()
    ended = Asking.objects.exclude(answered_at=None).order_by("-answered_at")
    answered = ArchiveAnswer.objects.exclude(answered_at=None).order_by("-answered_at")
    loaded = _with_load(archives, now).prefetch_related(
        Prefetch("askings", ended[:ENDS_SHOWN], to_attr="last_ends"),
        Prefetch("answers", answered[:SEARCHES_SHOWN], to_attr="last_searches"),
    )
    names = trusts_by_code()
    return [_card(archive, names, now) for archive in loaded]


def _card(archive: Archive, names: dict[str, Trust], now: datetime) -> Card:
    loaded = vars(archive)  # with what _cards added to the row
    return Card(
        archive=archive,
        trust=names[archive.trust_ods_code].short_name,
        light=light_of(archive, budget.why_waiting(archive, now)),
        in_use=loaded["in_use"],
        waiting=loaded["waiting"],
        lately=loaded["lately"],
        ends=loaded["last_ends"],
        searches=loaded["last_searches"],
    )


def _with_load(archives: QuerySet[Archive], now: datetime) -> QuerySet[Archive]:
    jobs = Job.objects.filter(archive=OuterRef("pk"))
    lately = Asking.objects.filter(archive=OuterRef("pk"), at__gt=now - budget.HOUR)
    return archives.annotate(
        in_use=_of_each(jobs.filter(state=Job.State.RUNNING), Sum("places")),
        waiting=_of_each(jobs.filter(state=Job.State.WAITING), Count("pk")),
        lately=_of_each(lately, Count("pk")),
    )


def _of_each(rows: QuerySet[Any], amount: Aggregate) -> Coalesce:
    of_each = rows.order_by().values("archive").annotate(amount=amount).values("amount")
    return Coalesce(Subquery(of_each), 0)


def _archives_of(person: Person) -> QuerySet[Archive]:
    """But for what is brought on CDs and in zips: those places are the product's own."""
    return Archive.objects.filter(trust_ods_code__in=_codes(person), takes_uploads=False)


def _codes(person: Person) -> frozenset[str]:
    return trusts_looked_after(person, Duty.Kind.ARCHIVE_ADMINISTRATOR, timezone.localdate())
