"""Whose the studies are that an archive answers with, before anything is written down.

Every answer is held against the person sought before it is believed: an archive that does not know
a filter ignores it and returns everybody (measured). Answers about others are counted, not kept.
What it answered with before and does not any more is looked at by its own header.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imaging import arrivals
from imaging.archives.base import (
    Archive,
    ArchiveError,
    FoundStudy,
    Level,
    Listed,
    Question,
    Wanted,
    fill_from_below,
)
from imaging.claims import WORST_FIRST, KeptClaim, kept
from imaging.frames.process import reader
from imaging.frames.refused import Refused
from imaging.identity import Finding
from imaging.models import Study
from imaging.pull.asking import by_name, by_number
from imaging.pull.health import OF_ONE_STUDY
from imaging.pull.known import Known

MAX_UNCHANGED = 25  # of studies that were not answered with, looked at for nothing, per search
MAX_FAILURES = 3  # of an archive that describes no more: the search fails; or lists: it goes on


@dataclass(frozen=True)
class Sifted:
    """One study, whose it is, and who the answer or its headers say it is about.

    `is_described` is False where the archive could not say what it holds.
    """

    found: FoundStudy
    finding: Finding
    claims: list[KeptClaim]
    is_described: bool = True


@dataclass
class Harvest:
    """What one archive knows of one person. `rejected` were about others; `gone` are UIDs of what
    served the search before and is not listed there any more.
    """

    studies: list[Sifted] = field(default_factory=list)
    rejected: int = 0
    gone: list[str] = field(default_factory=list)
    failures: int = 0


def gather(archive: Archive, known: Known) -> Harvest:
    """Ask by every number; by birth date and name only where no number can tell.

    Raises ArchiveError.
    """
    harvest, answered = Harvest(), _answered(archive, known)
    for study in answered.values():
        sifted = _sift(archive, study, known, harvest)
        if sifted.finding.verdict == "different":
            harvest.rejected += 1
        if sifted.finding.verdict != "different" or study.study_instance_uid in known.linked:
            harvest.studies.append(sifted)
    if not known.archive.takes_uploads:  # nobody corrects those at their source
        _look_for_the_rest(archive, known, known.unanswered(answered), harvest)
    return harvest


def _answered(archive: Archive, known: Known) -> dict[str, FoundStudy]:
    """What came of the questions this archive can be asked.

    Raises ArchiveError; also where it can be asked none of them.
    """
    answered: dict[str, FoundStudy] = {}
    asked = [_ask(archive, one, known, answered) for one in _numbers(known)]
    last = by_name(known.sought)
    is_recognised = any(_finding(one, known).verdict == "same" for one in answered.values())
    if last is not None and not known.asked.brought and not is_recognised:
        asked.append(_ask(archive, last, known, answered))
    if not any(asked):
        Question().as_keys()  # raises: it was asked nothing, which is no answer
    return answered


def _numbers(known: Known) -> list[Question]:
    return by_number(known.sought, known.source, known.asked)


def _ask(
    archive: Archive, question: Question, known: Known, answered: dict[str, FoundStudy]
) -> bool:
    """Add what came of one question. False: this archive cannot be asked it."""
    try:
        found = archive.search_for_studies(question)
    except ArchiveError as failure:
        if failure.code != "archive.cannot_ask":
            raise
        return False
    known.look_up(one.study_instance_uid for one in found)
    for one in found:
        before = answered.get(one.study_instance_uid)
        if before is None or _likely(one, known) > _likely(before, known):
            answered[one.study_instance_uid] = one
    return True


def _likely(study: FoundStudy, known: Known) -> int:
    """A study may be answered with several times, under the names of several people."""
    return WORST_FIRST.index(_finding(study, known).verdict)


def _finding(study: FoundStudy, known: Known) -> Finding:
    return known.judge(study.study_instance_uid).judge(study)


def _sift(archive: Archive, study: FoundStudy, known: Known, harvest: Harvest) -> Sifted:
    """Whose a study is: by the answer, or by its own headers where the answer cannot tell."""
    finding, claims = _finding(study, known), [kept(study)]
    uid = study.study_instance_uid
    if _must_read(finding, uid, known):
        read = _read_at_source(archive, uid, known)
        if read is not None:
            finding, claims = known.judge(uid).judge(*read), read
            _let_go(known, uid, finding, read)
        elif uid in known.linked and not known.is_withheld(uid):
            # nothing is concluded from an answer alone
            finding, claims = known.finding(uid), known.claims(uid)
    if finding.verdict == "different" or known.is_here(uid):
        return Sifted(study, finding, claims)
    return _described(archive, Sifted(study, finding, claims), harvest)


def _described(archive: Archive, sifted: Sifted, harvest: Harvest) -> Sifted:
    """With what its series say. One odd study does not hide the others; an archive that answers no
    more is asked no more. Raises ArchiveError.
    """
    try:
        found = fill_from_below(archive, sifted.found)
    except ArchiveError as failure:
        harvest.failures += failure.code not in OF_ONE_STUDY
        if harvest.failures >= MAX_FAILURES:
            raise
        return Sifted(sifted.found, sifted.finding, sifted.claims, is_described=False)
    return Sifted(found, sifted.finding, sifted.claims)


def _look_for_the_rest(
    archive: Archive, known: Known, rows: Iterable[Study], harvest: Harvest
) -> None:
    """Moved to another person at its source, or removed; or the archive only answers otherwise.

    What has changed is gone through to the end; of what has not, MAX_UNCHANGED are looked at.
    """
    unchanged = 0
    for row in rows:
        if unchanged >= MAX_UNCHANGED:
            return
        uid = row.study_instance_uid
        listed = _listed(archive, uid, known)
        if listed == []:
            harvest.gone.append(uid)
            continue
        read = _headers(archive, uid, listed or [], known)
        finding = known.judge(uid).judge(*read) if read else known.finding(uid)
        unchanged += finding.verdict == row.verdict
        if read:
            _let_go(known, uid, finding, read)
            harvest.studies.append(Sifted(as_known(row), finding, read))


def as_known(row: Study) -> FoundStudy:
    """A study that is there and was not answered with, as it was described before."""
    return FoundStudy(
        study_instance_uid=row.study_instance_uid,
        study_date=row.study_date,
        study_time=row.study_time,
        description=row.description,
        accession_number=row.accession_number,
        modalities=tuple(filter(None, row.modalities.split(","))),
        body_part=row.body_part,
        laterality=row.laterality,
        instance_count=row.expected_count,
    )


def _let_go(known: Known, uid: str, finding: Finding, read: list[KeptClaim]) -> None:
    """What came by C-MOVE to be read, and is another person's, waits for nobody; nor does what came
    before its archive put it right.
    """
    if finding.verdict == "same":
        arrivals.forget_set_aside(known.archive.pk, uid)
    if finding.verdict == "different":
        arrivals.forget_read(known.archive.pk, uid, [one.sop_instance_uid for one in read])


def _must_read(finding: Finding, uid: str, known: Known) -> bool:
    """Archives answer with few of a person's numbers; what was withheld must be read anew."""
    if uid in known.held:
        return finding.verdict != "same"
    if uid in known.linked:
        return known.is_withheld(uid) or finding.verdict != "same"
    if known.is_withheld(uid):
        return finding.verdict != "different"
    return finding.verdict == "needs-a-person"


def _read_at_source(archive: Archive, uid: str, known: Known) -> list[KeptClaim] | None:
    """Who the study's headers say it is now. None: nobody knows, or too many were read already."""
    if known.headers_left <= 0:
        return None
    return _headers(archive, uid, _listed(archive, uid, known) or [], known)


def _listed(archive: Archive, uid: str, known: Known) -> list[Listed] | None:
    """What the archive lists of a study. None: it does not say, or has said nothing so often that
    it is waited for no more.
    """
    if known.not_listed >= MAX_FAILURES:
        return None
    try:
        return archive.list_instances(uid)
    except ArchiveError as failure:
        known.not_listed += failure.code not in OF_ONE_STUDY
        return None


def _lists_again(archive: Archive, uid: str, listed: Sequence[Listed], known: Known) -> bool:
    """Whether the archive, asked once more, lists the same."""
    again = _listed(archive, uid, known)
    return {one.sop_instance_uid for one in again or []} == {one.sop_instance_uid for one in listed}


def _headers(
    archive: Archive, uid: str, listed: Sequence[Listed], known: Known
) -> list[KeptClaim] | None:
    """What was doubtful in a study, read anew, or its first instance. None: it does not come, or
    nothing is listed that could: without a header read anew, what was doubtful stays so. That it
    is there no more counts only where the archive says so twice: listings have lacked an instance.
    """
    judge, claims = known.judge(uid), [c for c in known.claims(uid) if c.sop_instance_uid]
    doubtful = {claim.sop_instance_uid for claim in judge.doubtful(claims)}
    there = [one for one in listed if one.sop_instance_uid in doubtful]
    wanted = there or listed[:1]
    if not wanted:
        return None
    if len(there) < len(doubtful) and not _lists_again(archive, uid, listed, known):
        return None
    known.headers_left -= len(wanted)
    try:
        files = archive.retrieve(Wanted(uid, Level.IMAGE, wanted))
        headers = [reader().read_header(file) for file in files]
    except (ArchiveError, Refused):
        return None
    if len(headers) < len(wanted) or any(one.study_instance_uid != uid for one in headers):
        return None
    settled = [claim for claim in claims if claim.sop_instance_uid not in doubtful]
    return [*settled, *map(kept, headers)]
