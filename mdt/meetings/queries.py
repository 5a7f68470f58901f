"""Questions about meetings and their lists. Read only: nothing here writes, sends or schedules."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone

from imaging import relevance
from imaging.models import ArchiveAnswer, Study
from mdt import access
from mdt.meetings.access_queries import Sharing, objected_in, visible_cases
from mdt.meetings.lights import Asked, Doubt, Facts, Fetched, Light, case_light
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.sides import side_warnings
from mdt.members import Person
from mdt.referrals.models import Patient, ReferralStudy
from mdt.teams.models import Team, Trust
from mdt.teams.queries import roles_of, teams_of, trusts_by_code, trusts_shared_with

WORDS_OF_WITHHELD = {
    "objection": "The patient objects to sharing: this trust's studies are withheld.",
    "no-agreement": "No sharing agreement with this trust today: its studies are withheld.",
    "identity": "The identity in the study does not agree with the patient's: it is withheld.",
}


@dataclass(frozen=True)
class ShownStudy:
    """A found study that may be shown, and its part beside the others."""

    found: ReferralStudy
    trust: str
    role: str = ""

    @property
    def study(self) -> Study:
        return self.found.study

    @property
    def may_retry(self) -> bool:
        is_short = self.study.state in (Study.State.FAILED, Study.State.PARTIAL)
        return self.found.is_chosen and is_short


@dataclass(frozen=True)
class Withheld:
    """That a trust's studies are withheld and why; never what they are."""

    ods_code: str
    trust: str
    why: access.WhyWithheld
    contact: str = ""

    @property
    def words(self) -> str:
        return WORDS_OF_WITHHELD[self.why]


@dataclass(frozen=True)
class Row:
    """One card of the list. Of a case the reader may not see, only its place."""

    case: ListedCase
    light: Light | None = None
    same_name: int = 0
    warnings: list[str] = field(default_factory=list)
    studies: list[ShownStudy] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    answers: list[ArchiveAnswer] = field(default_factory=list)

    @property
    def is_hidden(self) -> bool:
        return self.light is None

    @property
    def chosen(self) -> list[ShownStudy]:
        return [shown for shown in self.studies if shown.found.is_chosen]


@dataclass(frozen=True)
class _Around:
    """What is the same for every case of a list."""

    shared: frozenset[str]
    asked_of: frozenset[str]
    trusts: Mapping[str, Trust]
    now: datetime

    def name(self, ods_code: str) -> str:
        return self.trusts[ods_code].short_name if ods_code in self.trusts else ods_code

    def contact(self, ods_code: str) -> str:
        return self.trusts[ods_code].imaging_contact if ods_code in self.trusts else ""

    def sharing(self, case: ListedCase) -> Sharing:
        return Sharing(self.shared, objected_in(case.referral))


@dataclass(frozen=True)
class MyMeetings:
    """Somebody's meetings by when: today's and those still open, those to come, those past."""

    today: list[Meeting]
    coming: list[Meeting]
    past: list[Meeting]


def meetings_of(person: Person) -> MyMeetings:
    """The meetings of the teams a person is in today; the newest 20 of the past."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    meetings = Meeting.objects.filter(team__in=teams_of(person, midnight.date()))
    counted = meetings.select_related("team__site").annotate(case_count=Count("cases"))
    live = counted.filter(state=Meeting.State.LIVE)
    rest = counted.exclude(state=Meeting.State.LIVE)
    tomorrow = midnight + timedelta(days=1)
    today = rest.filter(starts_at__gte=midnight, starts_at__lt=tomorrow)
    past = rest.filter(starts_at__lt=midnight).order_by("-starts_at")
    return MyMeetings(
        today=[*live, *today],
        coming=list(rest.filter(starts_at__gte=tomorrow)),
        past=list(past[:20]),
    )


def list_for_meeting(meeting: Meeting) -> QuerySet[ListedCase]:
    """The cases in the order they will be discussed, with all that a row shows.

    A fixed number of queries, however long the list.
    """
    return meeting.cases.select_related("referral__patient", "referral__search").prefetch_related(
        "referral__patient__numbers",
        "referral__patient__objections",
        "referral__found_studies__study__archive",
        "referral__found_studies__study__series",
        "referral__found_studies__chosen_by",
        "referral__search__answers__archive",
    )


def rows_for(meeting: Meeting, person: Person) -> list[Row]:
    """The list as one person may see it."""
    cases = list(list_for_meeting(meeting))
    visible = visible_cases(person, meeting, cases)
    alike = namesakes(case.referral.patient for case in visible)
    around = _around(meeting.team)
    may_see = {case.pk for case in visible}
    return [
        _row(case, around, alike[case.referral.patient_id]) if case.pk in may_see else Row(case)
        for case in cases
    ]


def row_of(case: ListedCase) -> Row:
    """One case with everything found for it."""
    loaded = list_for_meeting(case.meeting).get(pk=case.pk)
    return _row(loaded, _around(case.meeting.team), 0)


def lights_of(meeting: Meeting, cases: Iterable[ListedCase]) -> dict[int, Light]:
    """The images-ready light of each case, by primary key. `cases` are from list_for_meeting."""
    around = _around(meeting.team)
    return {case.pk: case_light(_facts(case, around), around.now) for case in cases}


def namesakes(patients: Iterable[Patient]) -> Counter[int]:
    """For each patient (by key) how many others of these share the family name."""
    patients = list(patients)
    names = Counter(patient.family_name.strip().casefold() for patient in patients)
    return Counter({p.pk: names[p.family_name.strip().casefold()] - 1 for p in patients})


def may_keep_list(person: Person, meeting: Meeting) -> bool:
    """Whether to offer what changes the list. The services ask again."""
    roles = roles_of(person, meeting.team, timezone.localdate())
    is_open = meeting.state != Meeting.State.CLOSED
    return is_open and not roles.isdisjoint(access.MAY_KEEP_LIST)


def may_open_room(person: Person, meeting: Meeting) -> bool:
    roles = roles_of(person, meeting.team, timezone.localdate())
    return meeting.state == Meeting.State.PLANNED and not roles.isdisjoint(
        access.MAY_RECORD_OUTCOME
    )


def _around(team: Team) -> _Around:
    return _Around(
        shared=trusts_shared_with(team, timezone.localdate()),
        asked_of=frozenset(team.asked_of.values_list("ods_code", flat=True)),
        trusts=trusts_by_code(),
        now=timezone.now(),
    )


def _row(case: ListedCase, around: _Around, same_name: int) -> Row:
    studies = _shown(case, around)
    chosen = [shown.study for shown in studies if shown.found.is_chosen]
    return Row(
        case=case,
        light=case_light(_facts(case, around), around.now),
        same_name=same_name,
        warnings=side_warnings(case.referral, chosen),
        studies=studies,
        withheld=_withheld(case, around),
        answers=_answers(case),
    )


def _facts(case: ListedCase, around: _Around) -> Facts:
    known_at = set(case.referral.patient.local_numbers)
    sharing = around.sharing(case)
    found = _found(case)
    return Facts(
        asked=[_asked(answer, around, known_at) for answer in _answers(case)],
        studies=[
            _fetched(one.study, around)
            for one in found
            if one.is_chosen and not sharing.why_withheld(one)
        ],
        doubts=[
            _doubt(one.study, around) for one in found if sharing.why_withheld(one) == "identity"
        ],
        knows_a_number=bool(known_at),
        withheld=[one.trust for one in _withheld(case, around) if one.why != "identity"],
    )


def _asked(answer: ArchiveAnswer, around: _Around, known_at: set[str]) -> Asked:
    trust = answer.archive.trust_ods_code
    return Asked(
        trust=around.name(trust),
        state=answer.state,
        is_known_there=trust in known_at,
        message=answer.message,
        failing_since=answer.archive.failing_since,
        contact=around.contact(trust),
    )


def _fetched(study: Study, around: _Around) -> Fetched:
    trust = study.archive.trust_ods_code
    return Fetched(
        trust=around.name(trust),
        state=study.state,
        stored=study.stored_count,
        expected=study.expected_count,
        started_at=study.pull_started_at,
        message=study.message,
        contact=around.contact(trust),
    )


def _doubt(study: Study, around: _Around) -> Doubt:
    trust = study.archive.trust_ods_code
    is_unsure = study.verdict == Study.Verdict.NEEDS_A_PERSON
    return Doubt(around.name(trust), not is_unsure, around.contact(trust))


def _shown(case: ListedCase, around: _Around) -> list[ShownStudy]:
    """Those that may be shown, newest first; the current one and its prior named as such."""
    sharing = around.sharing(case)
    found = [one for one in _found(case) if not sharing.why_withheld(one)]
    current, prior = relevance.current_and_prior([one.study for one in found if one.is_chosen])
    roles = {study.pk: role for study, role in ((current, "current"), (prior, "prior")) if study}
    return [
        ShownStudy(one, around.name(one.study.archive.trust_ods_code), roles.get(one.study_id, ""))
        for one in found
    ]


def _withheld(case: ListedCase, around: _Around) -> list[Withheld]:
    """One line a trust and reason, whether or not it holds anything: objections, trusts this
    team would ask but has no agreement with, and what was found of doubtful identity.
    """
    sharing = around.sharing(case)
    whys = [
        (trust, why)
        for trust in around.asked_of | sharing.objected
        if (why := sharing.why_trust_is_withheld(trust))
    ]
    for one in _found(case):
        if why := sharing.why_withheld(one):
            whys.append((one.study.archive.trust_ods_code, why))
    return [
        Withheld(trust, around.name(trust), why, around.contact(trust))
        for trust, why in sorted(set(whys))
    ]


def _found(case: ListedCase) -> list[ReferralStudy]:
    """Newest first."""
    found = case.referral.found_studies.all()
    return sorted(found, key=lambda one: (str(one.study.study_date or ""), one.pk), reverse=True)


def _answers(case: ListedCase) -> list[ArchiveAnswer]:
    search = case.referral.search
    return list(search.answers.all()) if search else []
