"""Studies that were sent to us unasked: whose are they, and which case do they join?

A pushed study, or one that a KOS "For Conference" names, becomes a study of its archive when its
header agrees with somebody whom that archive was asked for; those above are told and want it, and
fetching it takes what is here first. What is nobody's, and what is in doubt, stays and is looked at
again whenever somebody new is sought, until it is too old.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Max

from imaging import arrivals, doors, plan
from imaging.archives.base import FoundStudy
from imaging.claims import Judge, KeptClaim, claims_of, judge_for, kept, source_of
from imaging.frames.header import Header
from imaging.frames.key_objects import SOP_CLASS as KEY_OBJECTS
from imaging.frames.process import reader
from imaging.frames.refused import Refused
from imaging.identity import Finding, Sought
from imaging.models import Archive, ArchiveAnswer, Arrival, Study
from imaging.pull.keeping import keep
from imaging.pull.sifting import Sifted, as_known
from imaging.pull.states import move
from imaging.queue import MEETING_LASTS

log = logging.getLogger(__name__)
QUIET = timedelta(seconds=3)  # a study is looked at once nothing more has come of it for so long
COMMITTED = timedelta(seconds=10)  # a search that was begun before we looked may show up after
State = Study.State


def look_through(now: datetime) -> None:
    """Everything that has come and was not looked at, or for which somebody new is sought."""
    arrivals.forget_recorded()
    if dropped := arrivals.drop_old(now):
        log.warning("%s objects that were pushed and belong to no case are forgotten", dropped)
    newest = _newest_searches()
    for waiting in arrivals.unasked(now - QUIET):
        sought_at = newest.get(waiting.archive_id)
        looked_at = waiting.looked_at
        if looked_at is None or (sought_at and looked_at < sought_at + COMMITTED):
            _look_at(waiting, now)


def _newest_searches() -> dict[int, datetime]:
    """When each archive was last asked for somebody new."""
    newest = (
        ArchiveAnswer.objects.order_by().values("archive").annotate(at=Max("search__created_at"))
    )
    return {row["archive"]: row["at"] for row in newest}


def _look_at(waiting: arrivals.Waiting, now: datetime) -> None:
    archive = Archive.objects.get(pk=waiting.archive_id)
    uid = waiting.study_instance_uid
    study = Study.objects.filter(archive=archive, study_instance_uid=uid).first()
    if study is not None and study.state == State.PULLING:
        return  # it may have come too late for whoever fetches it now
    rows = list(arrivals.of_study(archive.pk, uid))
    for row in rows:
        if row.sop_class_uid == KEY_OBJECTS:
            _follow(archive, row, now)
    images = [row for row in rows if row.sop_class_uid != KEY_OBJECTS]
    if study is not None and any(row.looked_at is None for row in rows):
        _want_again(study, now)
    if study is not None and images and _is_doubted(study):
        _look_again(study, images, now)
    elif study is None and images and (header := _header_of(images[0])):
        _join(archive, [kept(header)], _found(header), now)
    Arrival.objects.filter(pk__in=[row.pk for row in rows]).update(looked_at=now)


def _follow(archive: Archive, row: Arrival, now: datetime) -> None:
    """Add what a Key Object Selection names to the case, where it was made for a meeting."""
    data = arrivals.bytes_of(row.store_key)
    try:
        header, named = reader().read_header(data), reader().read_key_objects(data)
    except Refused:
        return
    if not named.is_for_a_meeting:
        return
    for uid in named.studies:
        study = Study.objects.filter(archive=archive, study_instance_uid=uid).first()
        if study is None:
            _join(archive, [kept(header)], FoundStudy(uid), now)
        elif row.looked_at is None:
            _want_again(study, now)


def _is_doubted(study: Study) -> bool:
    return study.verdict == Study.Verdict.NEEDS_A_PERSON or study.state == State.WITHHELD


def _look_again(study: Study, images: Sequence[Arrival], now: datetime) -> None:
    """Hold a doubted study against who is sought now, by what its archive sent of it: one that only
    pushes has no other word on it.
    """
    newest = {row.sop_instance_uid: row for row in images}  # of each what came last
    if claims := _claims(study, newest):
        but = [row.pk for row in newest.values()]
        _join(study.archive, claims, as_known(study), now, study, but)


def _claims(study: Study, images: Mapping[str, Arrival]) -> list[KeptClaim]:
    """Who its headers say it is: as they were kept, save those of which a newer one has come.

    What came before says nothing against what its archive may have said since.
    """
    known = [claim for claim in claims_of(study) if claim.sop_instance_uid]
    sops = {claim.sop_instance_uid for claim in known}
    new = [row for uid, row in images.items() if uid in sops and row.looked_at is None]
    rows = new if known else [*images.values()][:1]
    read = [header for row in rows if (header := _header_of(row))]
    anew = {header.sop_instance_uid for header in read}
    settled = [claim for claim in known if claim.sop_instance_uid not in anew]
    return [*settled, *map(kept, read)]


def _join(
    archive: Archive,
    claims: list[KeptClaim],
    found: FoundStudy,
    now: datetime,
    known: Study | None = None,
    newest: Collection[int] = (),
) -> None:
    """Make it a study of everybody's whose it surely is, else of those whose it may be.

    A study that is `known` already is looked at anew, with the `newest` arrivals of it: who doubts
    it is not told again.
    """
    matches = list(_matches(archive, claims, now, known))
    sure = [match for match in matches if match.finding.verdict == "same"]
    linked = {*known.searches.values_list("pk", flat=True)} if known else frozenset()
    with transaction.atomic():
        study = None
        for match in sure or [one for one in matches if one.answer.search_id not in linked]:
            study = keep(match.answer, Sifted(found, match.finding, claims)) or study
        if sure and known:
            arrivals.forget_set_aside(archive.pk, known.study_instance_uid, but=newest)
        if study is None:
            return
        Study.objects.filter(pk=study.pk).update(sent_at=now)
        study.refresh_from_db()
        doors.on_change(study)  # those above want it, or may not share it
    log.info("A study that was sent by %s is somebody's", archive.name)


@dataclass(frozen=True)
class _Match:
    answer: ArchiveAnswer
    finding: Finding


def _matches(
    archive: Archive, claims: Iterable[KeptClaim], now: datetime, known: Study | None
) -> Iterator[_Match]:
    """The open searches that asked this archive, for whom it could be."""
    source = source_of(archive)
    answers = ArchiveAnswer.objects.filter(
        archive=archive,
        search__meeting_at__gte=now - MEETING_LASTS,
        search__replaced_by=None,  # that person is sought as they are known now
    )
    for answer in answers.select_related("search", "archive"):
        sought = Sought(**answer.search.sought)
        judge = judge_for(known, sought) if known else Judge(sought, source, {})
        finding = judge.judge(*claims)
        if finding.verdict != "different":
            yield _Match(answer, finding)


@transaction.atomic
def _want_again(study: Study, now: datetime) -> None:
    """Something new has come of a study that we know: fetch it, or what is new of it."""
    study.refresh_from_db()
    Study.objects.filter(pk=study.pk).update(sent_at=now)
    study.refresh_from_db()
    if study.state == State.FOUND:
        doors.on_change(study)
    elif study.state in (State.COMPLETE, State.PARTIAL, State.FAILED):
        if study.state == State.COMPLETE:
            move(study, State.WANTED)
        plan.want_study(study)


def _header_of(row: Arrival) -> Header | None:
    try:
        return reader().read_header(arrivals.bytes_of(row.store_key))
    except Refused:
        return None


def _found(header: Header) -> FoundStudy:
    return FoundStudy(
        study_instance_uid=header.study_instance_uid,
        study_date=date.fromisoformat(header.study_date) if header.study_date else None,
        study_time=time.fromisoformat(header.study_time) if header.study_time else None,
        description=header.study_description,
        accession_number=header.accession_number,
        modalities=(header.modality,) if header.modality else (),
        body_part=header.body_part,
    )  # of which side it is, no single image can say
