"""What is known here of an archive's studies before it is asked for one person."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Self, cast

from django.db.models import Q, QuerySet

from imaging import identity
from imaging.claims import Judge, KeptClaim, claims_of, judge_for, source_of
from imaging.identity import Finding, Sought
from imaging.identity_numbers import Source
from imaging.models import Archive, ArchiveAnswer, Study
from imaging.pull.asking import Asked

MAX_HEADERS_READ = 25  # of candidates whose own header must say who they are, per search
UIDS = 500  # looked up at one time
Verdict = Study.Verdict

COUNTED = (Study.State.FOUND, Study.State.COMPLETE)


@dataclass
class Known:
    """The rows of an archive's studies, by Study Instance UID.

    `linked` are those that serve this search already, `held` those of them that are believed to be
    of the person sought: when the archive says otherwise now, that is not passed over. `here` are
    those that were fetched in part, or are being fetched: their own headers have described them.
    One that is here in whole is counted again, for it may have grown.
    """

    archive: Archive
    sought: Sought
    source: Source
    asked: Asked
    rows: dict[str, Study] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()
    here: set[str] = field(default_factory=set)
    headers_left: int = MAX_HEADERS_READ
    not_listed: int = 0  # listings in vain, of an archive that does not answer

    @classmethod
    def to(cls, answer: ArchiveAnswer) -> Self:
        """Three queries, before the archive is asked."""
        mine = {row.study_instance_uid: row for row in _rows_for(answer)}
        source = source_of(answer.archive)
        return cls(
            archive=answer.archive,
            sought=Sought(**answer.search.sought),
            source=source,
            asked=Asked.by(answer, source),
            rows=mine,
            held=frozenset(uid for uid, row in mine.items() if _is_believed(row)),
            linked=frozenset(mine),
        )

    def look_up(self, uids: Iterable[str]) -> None:
        """What is doubtful, withheld, decided or here of these: the archive of everybody's may be
        large.

        Of all that were answered with; three queries for every few hundred.
        """
        is_same = Q(verdict=Verdict.SAME)
        matters = ~is_same | Q(state=Study.State.WITHHELD) | Q(decisions__isnull=False)
        rest = sorted(set(uids) - self.rows.keys())
        for some in (rest[at : at + UIDS] for at in range(0, len(rest), UIDS)):
            among = _rows(self.archive).filter(study_instance_uid__in=some)
            self.rows |= {row.study_instance_uid: row for row in among.filter(matters)}
            here = among.exclude(state__in=COUNTED)
            self.here |= {*here.values_list("study_instance_uid", flat=True)}

    def judge(self, uid: str) -> Judge:
        row = self.rows.get(uid)
        return judge_for(row, self.sought) if row else Judge(self.sought, self.source, {})

    def claims(self, uid: str) -> list[KeptClaim]:
        return claims_of(self.rows[uid]) if uid in self.rows else []

    def is_withheld(self, uid: str) -> bool:
        return uid in self.rows and self.rows[uid].state == Study.State.WITHHELD

    def is_here(self, uid: str) -> bool:
        row = self.rows.get(uid)
        return uid in self.here or (row is not None and row.state not in COUNTED)

    def finding(self, uid: str) -> Finding:
        """What was found of a study that serves this search."""
        row = self.rows[uid]
        return Finding(cast("identity.Verdict", row.verdict), row.evidence)

    def unanswered(self, answered: Collection[str]) -> list[Study]:
        """What served this search before and did not come: first what people see, newest first."""
        rows = [self.rows[uid] for uid in self.linked.difference(answered)]
        rows.sort(key=lambda row: str(row.study_date or ""), reverse=True)
        return sorted(rows, key=_rank)


def _rows_for(answer: ArchiveAnswer) -> QuerySet[Study]:
    return _rows(answer.archive).filter(searches=answer.search)


def _rows(archive: Archive) -> QuerySet[Study]:
    rows = Study.objects.filter(archive=archive).select_related("archive")
    return rows.prefetch_related("decisions")


def _rank(study: Study) -> int:
    return 0 if _is_believed(study) else 2 if study.state == Study.State.WITHHELD else 1


def _is_believed(study: Study) -> bool:
    return study.verdict == Verdict.SAME and study.state != Study.State.WITHHELD
