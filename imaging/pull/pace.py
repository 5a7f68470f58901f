"""How fast an archive sends, and so how long the rest of a study takes.

Measured between the first and the last instance of a pull, with all that we do to each: that is
what the next one will take. A moving average, so that one bad evening is soon forgotten.
"""

from dataclasses import dataclass
from math import ceil
from time import monotonic

from imaging.models import Archive, Study

WEIGHT_OF_THE_LAST = 0.3
LEAST_BYTES, LEAST_S = 1 << 20, 0.1
"""Less says how long questions take, not how fast bytes come."""


@dataclass
class Pace:
    """Of one pull."""

    size: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def note(self, size: int) -> None:
        """An instance of so many bytes has come; the first only starts the clock."""
        self.last_at = monotonic()
        if self.first_at:
            self.size += size
        else:
            self.first_at = self.last_at

    @property
    def bytes_per_s(self) -> float | None:
        """None where too little came to tell."""
        seconds = self.last_at - self.first_at
        if self.size < LEAST_BYTES or seconds < LEAST_S:
            return None
        return self.size / seconds


def learn(archive_id: int, measured: float | None) -> None:
    """Let the archive's average follow what one pull has measured."""
    if measured is None:
        return
    archive = Archive.objects.filter(pk=archive_id)
    before = archive.values_list("bytes_per_s", flat=True).first()
    after = measured if before is None else before + WEIGHT_OF_THE_LAST * (measured - before)
    archive.update(bytes_per_s=after)


def seconds_left(study: Study) -> float | None:
    """How long what is missing will take. None: not on its way, or nothing is known yet.

    Archives count instances, not bytes: those missing are taken to be like those that came.
    Reads `study.archive`: join it for lists.
    """
    pace = study.archive.bytes_per_s
    is_on_its_way = study.state == Study.State.PULLING
    if not (is_on_its_way and pace and study.expected_count and study.stored_count):
        return None
    missing = max(study.expected_count - study.stored_count, 0)
    return missing * study.stored_bytes / study.stored_count / pace


def words_left(seconds: float) -> str:
    """'about 2 minutes left': people plan with it, so it is never finer than it is true."""
    if seconds < 45:
        return "less than a minute left"
    if seconds < 90 * 60:
        return f"about {_count(ceil(seconds / 60), 'minute')} left"
    return f"about {_count(round(seconds / 3600), 'hour')} left"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
