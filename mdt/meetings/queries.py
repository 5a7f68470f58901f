"""Questions about meetings and their lists. Read only: nothing here writes, sends or schedules."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from imaging import budget, relevance
from imaging.claims import source_of
from imaging.clock import clock_time
from imaging.frames.failing import series_not_made
from imaging.models import Archive, ArchiveAnswer, Study
from imaging.pull import pace
from mdt.meetings.access_queries import Sharing, objected_in, visible_cases
from mdt.meetings.changed_pictures import Changed, changed_in, other_bytes_in
from mdt.meetings.image_request_queries import RequestLine, request_lines
from mdt.meetings.lights import Asked, Doubt, Facts, Fetched, Light, case_light
from mdt.meetings.looked_for import question_of
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.report_lamps import Lamps
from mdt.meetings.report_queries import for_lists, reports_in, texts_in
from mdt.meetings.sides import side_warnings
from mdt.meetings.sources import (
    ShownStudy,
    also_at,
    caution_of_pictures,
    doubted_copies,
    new_since,
    pictures_that_differ,
    shown_first,
)
from mdt.meetings.withheld import Withheld, why_unsure
from mdt.members import Person
from mdt.referrals.models import Patient, ReferralStudy
from mdt.reports.models import UnmatchedReport
from mdt.reports.queries import doubted_about
from mdt.teams.models import Team, Trust
from mdt.teams.queries import trusts_by_code, trusts_shared_with


@dataclass(frozen=True)
class Answered:
    """What one archive said, or why it was not asked or is not asked yet."""

    answer: ArchiveAnswer
    trust: str
    why: str = ""

    @property
    def at(self) -> str:
        at = self.answer.answered_at
        return clock_time(at) if at else ""

    @property
    def failing_since(self) -> str:
        since = self.answer.archive.failing_since
        return clock_time(since) if since else ""


@dataclass(frozen=True)
class Row:
    """One card of the list. Of a case the reader may not see, only its place."""

    case: ListedCase
    light: Light | None = None
    same_name: int = 0
    warnings: list[str] = field(default_factory=list)
    studies: list[ShownStudy] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)
    requests: list[RequestLine] = field(default_factory=list)
    lamps: Lamps | None = None  # of imaging reports and pathology

    @property
    def is_hidden(self) -> bool:
        return self.light is None

    @property
    def chosen(self) -> list[ShownStudy]:
        return [shown for shown in self.studies if shown.found.is_chosen]

    @property
    def new(self) -> list[ShownStudy]:
        return [shown for shown in self.studies if shown.new_since]


@dataclass(frozen=True)
class _Around:
    """What is the same for every case of a list."""

    shared: frozenset[str]
    asked_of: frozenset[str]
    trusts: Mapping[str, Trust]
    now: datetime
    waits: dict[int, str] = field(default_factory=dict)
    differing: Counter[str] = field(default_factory=Counter)  # by UID, see pictures_that_differ
    changed: dict[int, Changed] = field(default_factory=dict)  # by study, see changed_in
    other_bytes: dict[int, str] = field(default_factory=dict)  # by study, see other_bytes_in
    not_made: dict[int, int] = field(default_factory=dict)  # by study, see series_not_made
    texts: dict[int, str] = field(default_factory=dict)  # reports by study, see texts_in
    apart: dict[int, list[UnmatchedReport]] = field(default_factory=dict)  # see doubted_about

    def why_waiting(self, archive: Archive) -> str:
        """Why an archive is not asked now, in words, worked out once; empty when it may be."""
        if archive.pk not in self.waits:
            found = budget.why_waiting(archive, self.now)
            self.waits[archive.pk] = found[1] if found else ""
        return self.waits[archive.pk]

    def name(self, ods_code: str) -> str:
        return self.trusts[ods_code].short_name if ods_code in self.trusts else ods_code

    def contact(self, ods_code: str) -> str:
        return self.trusts[ods_code].imaging_contact if ods_code in self.trusts else ""

    def sharing(self, case: ListedCase) -> Sharing:
        return Sharing(self.shared, objected_in(case.referral))


def list_for_meeting(meeting: Meeting) -> QuerySet[ListedCase]:
    """The cases in the order they will be discussed, with all that a row shows.

    A fixed number of queries, however long the list.
    """
    joined = ("meeting__team", "referral__patient", "referral__search")
    return meeting.cases.select_related(*joined).prefetch_related(
        "referral__patient__numbers",
        "referral__patient__objections",
        "referral__patient__report_decisions",
        "referral__found_studies__study__archive",
        "referral__found_studies__study__series",
        "referral__found_studies__chosen_by",
        "referral__search__answers__archive",
        "referral__image_requests__steps",
        for_lists(),
    )


def rows_for(meeting: Meeting, person: Person) -> list[Row]:
    """The list as one person may see it."""
    cases = list(list_for_meeting(meeting))
    visible = visible_cases(person, meeting, cases)
    alike = namesakes(case.referral.patient for case in visible)
    around = _around(meeting.team, visible)
    may_see = {case.pk for case in visible}
    return [
        _row(case, around, alike[case.referral.patient_id]) if case.pk in may_see else Row(case)
        for case in cases
    ]


def row_of(case: ListedCase) -> Row:
    """One case with everything found for it."""
    loaded = list_for_meeting(case.meeting).get(pk=case.pk)
    return _row(loaded, _around(case.meeting.team, [loaded]), 0)


def namesakes(patients: Iterable[Patient]) -> Counter[int]:
    """For each patient (by key) how many others of these share the family name."""
    patients = list(patients)
    names = Counter(patient.family_name.strip().casefold() for patient in patients)
    return Counter({p.pk: names[p.family_name.strip().casefold()] - 1 for p in patients})


def _around(team: Team, compared: Iterable[ListedCase]) -> _Around:
    """`compared` are cases whose studies are held against each other, and shown."""
    around = _Around(
        shared=trusts_shared_with(team, timezone.localdate()),
        asked_of=frozenset(team.asked_of.values_list("ods_code", flat=True)),
        trusts=trusts_by_code(),
        now=timezone.now(),
    )
    compared = list(compared)
    groups = [copies for case in compared for copies in _copies(case, around)]
    around.apart.update(doubted_about(case.referral.patient for case in compared))
    first = [copies[0].study for copies in groups]
    around.changed.update(changed_in(first))
    around.other_bytes.update(other_bytes_in(first))
    around.not_made.update(series_not_made(first))
    around.texts.update(texts_in(compared, around.sharing))
    around.differing.update(pictures_that_differ(groups))
    return around


def _row(case: ListedCase, around: _Around, same_name: int) -> Row:
    studies, may_ask = _shown(case, around), around.sharing(case).may_ask
    chosen = [shown.study for shown in studies if shown.found.is_chosen]
    return Row(
        case=case,
        light=case_light(_facts(case, around, chosen)),
        same_name=same_name,
        warnings=side_warnings(case.referral, chosen),
        studies=studies,
        withheld=_withheld(case, around),
        answers=[_answered(answer, around) for answer in _answers(case, may_ask)],
        not_asked=[around.name(trust) for trust in _not_asked(case, around)],
        requests=request_lines(case, around.trusts, around.now),
        lamps=reports_in(case, around.sharing(case), around.name, _apart(case, around)).lamps,
    )


def _apart(case: ListedCase, around: _Around) -> Sequence[UnmatchedReport]:
    return around.apart.get(case.referral.patient_id, ())


def _copies(case: ListedCase, around: _Around) -> list[list[ReferralStudy]]:
    """Studies that may be shown, newest first, the copies of each with the one to show first."""
    sharing = around.sharing(case)
    return shown_first([one for one in _found(case) if not sharing.why_withheld(one)], around.now)


def _facts(case: ListedCase, around: _Around, chosen: Iterable[Study]) -> Facts:
    known_at = set(case.referral.patient.local_numbers)
    sharing, none = around.sharing(case), ArchiveAnswer.State.NOT_ASKED
    asked = [_asked(one, around, known_at) for one in _answers(case, sharing.may_ask)]
    of_none = [Asked(around.name(t), none, t in known_at) for t in _not_asked(case, around)]
    return Facts(
        asked=asked + of_none,
        studies=[_fetched(study, around) for study in chosen],
        doubts=[
            _doubt(one.study, around)
            for one in _found(case)
            if sharing.why_withheld(one) == "identity"
        ],
        knows_a_number=bool(known_at),
        withheld=[one.trust for one in _withheld(case, around) if one.why != "identity"],
    )


def _asked(answer: ArchiveAnswer, around: _Around, known_at: set[str]) -> Asked:
    """An archive that fails is left alone for a while: who waits for it need not look."""
    trust = answer.archive.trust_ods_code
    rests = answer.state == ArchiveAnswer.State.WAITING and answer.archive.failing_since
    return Asked(
        trust=around.name(trust),
        state=ArchiveAnswer.State.FAILED if rests else answer.state,
        is_known_there=trust in known_at,
        message=_answered(answer, around).why or answer.message,
        failing_since=answer.archive.failing_since,
        contact=around.contact(trust),
    )


def _fetched(study: Study, around: _Around) -> Fetched:
    trust = study.trust_ods_code
    return Fetched(
        trust=around.name(trust),
        state=study.state,
        stored=study.stored_count,
        expected=study.expected_count,
        seconds_left=pace.seconds_left(study),
        code=study.code,
        message=study.message,
        contact=around.contact(trust),
        is_evicted=study.is_evicted,
        not_made=around.not_made.get(study.pk, 0),
        waits=_waits(study, around),
    )


def _doubt(study: Study, around: _Around) -> Doubt:
    trust = study.trust_ods_code
    contact = around.contact(trust)
    return Doubt(around.name(trust), why_unsure(study), contact, study.doubted_at)


def _shown(case: ListedCase, around: _Around) -> list[ShownStudy]:
    """Those that may be shown, newest first, each once; the current one and its prior named."""
    groups = _copies(case, around)
    chosen = [copies[0].study for copies in groups if copies[0].is_chosen]
    asked = question_of(case.referral)
    current, prior = relevance.current_and_prior(chosen, asked, around.texts)
    roles = {study.pk: role for study, role in ((current, "current"), (prior, "prior")) if study}
    doubts = doubted_copies(_found(case), around.sharing(case).why_withheld, around.name)
    shown = []
    for copies in groups:
        first, uid = copies[0], copies[0].study.study_instance_uid
        cautions = [
            *doubts.get(uid, ()),
            *map(caution_of_pictures, filter(None, [around.differing[uid]])),
        ]
        shown.append(
            ShownStudy(
                found=first,
                trust=around.name(first.study.trust_ods_code),
                role=roles.get(first.study_id, ""),
                also_at=also_at(copies, around.name),
                cautions=tuple(cautions),
                new_since=_new_since(copies, case, around.now),
                waits=_waits(first.study, around),
                changed=_changed(first.study, case, around),
                other_bytes=around.other_bytes.get(first.study_id, ""),
                not_made=around.not_made.get(first.study_id, 0),
            )
        )
    return shown


def _new_since(copies: Iterable[ReferralStudy], case: ListedCase, now: datetime) -> str:
    """A copy in one more archive is no new study; after the meeting nothing is."""
    if case.meeting.state == Meeting.State.CLOSED:
        return ""
    first = min((one.study for one in copies), key=lambda study: study.found_at)
    return new_since(first, case.listed_at, now)


def _changed(study: Study, case: ListedCase, around: _Around) -> str:
    found = around.changed.get(study.pk)
    return found.words(case.meeting) if found else ""


def _waits(study: Study, around: _Around) -> str:
    is_wanted = study.state == Study.State.WANTED
    return around.why_waiting(study.archive) if is_wanted else ""


def _answered(answer: ArchiveAnswer, around: _Around) -> Answered:
    is_open = answer.state in (ArchiveAnswer.State.NOT_ASKED, ArchiveAnswer.State.WAITING)
    why = answer.message or around.why_waiting(answer.archive) if is_open else ""
    return Answered(answer, around.name(answer.archive.trust_ods_code), why)


def _not_asked(case: ListedCase, around: _Around) -> list[str]:
    """Codes of trusts this team asks of which no archive was asked here, though it may be."""
    if not case.referral.search:
        return []
    sharing = around.sharing(case)
    answers = _answers(case, sharing.may_ask)
    archives = [one.archive for one in answers if not one.archive.takes_uploads]
    asked = {trust for archive in archives for trust in source_of(archive).trusts}
    return [trust for trust in sorted(around.asked_of - asked) if sharing.may_ask(trust)]


def _withheld(case: ListedCase, around: _Around) -> list[Withheld]:
    """One line a trust and reason, whether or not it holds anything: objections, trusts this
    team would ask but has no agreement with, and what was found of doubtful identity.
    """
    sharing = around.sharing(case)
    whys = [
        (trust, why, "")
        for trust in around.asked_of | sharing.objected
        if (why := sharing.why_trust_is_withheld(trust))
    ]
    for one in _found(case):
        if why := sharing.why_withheld(one):
            doubt = why_unsure(one.study) if why == "identity" else ""
            whys.append((one.study.trust_ods_code, why, doubt))
    return [
        Withheld(trust, around.name(trust), why, around.contact(trust), doubt)
        for trust, why, doubt in sorted(set(whys))
    ]


def _found(case: ListedCase) -> list[ReferralStudy]:
    """Newest first."""
    found = case.referral.found_studies.all()
    return sorted(found, key=lambda one: (str(one.study.study_date or ""), one.pk), reverse=True)


def _answers(case: ListedCase, may_ask: Callable[[str], bool]) -> list[ArchiveAnswer]:
    """Of archives with studies that may be shown: of others not even how many they found."""
    answers = case.referral.search.answers.all() if case.referral.search else ()
    return [one for one in answers if any(map(may_ask, source_of(one.archive).trusts))]
