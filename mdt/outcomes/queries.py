"""Questions about outcomes: what stands, who may read it, whose are mine. Read only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from imaging.models import Study
from mdt import access
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.sides import sides_of_study
from mdt.meetings.sources import name_of
from mdt.members import Person, Role
from mdt.outcomes.models import OutcomeDraft, OutcomeVersion, PersonPresent, SetAside
from mdt.outcomes.sides import Warned, disagreements
from mdt.protocol import CaseOpened
from mdt.room_log.models import RoomEvent
from mdt.teams.queries import roles_of

AT_MOST = 100


def versions_for(case: ListedCase, person: Person) -> list[OutcomeVersion]:
    """The versions a person may read, newest first, each with its steps.

    The team reads what it is still writing. Who is only named in the referral reads what is
    signed, so that nobody acts on half a sentence. Three queries.
    """
    versions = case.outcome_versions.select_related("recorded_by").prefetch_related("steps__by")
    newest_first = list(versions.order_by("-number"))
    if reads_unsigned(case, person):
        return newest_first
    return [version for version in newest_first if version.is_signed]


def reads_unsigned(case: ListedCase, person: Person) -> bool:
    return bool(_roles(case.meeting, person))


def draft_for(case: ListedCase, person: Person) -> OutcomeDraft | None:
    """What is being typed, for those of the team."""
    if not reads_unsigned(case, person):
        return None
    return OutcomeDraft.objects.select_related("saved_by").filter(case=case).first()


def set_aside_for(case: ListedCase, person: Person) -> list[SetAside]:
    """Those of the case that are to be compared, for its team."""
    if not reads_unsigned(case, person):
        return []
    return list(still_aside(case).select_related("by"))


def still_aside(case: ListedCase) -> QuerySet[SetAside]:
    """Texts that met another's, in the order they came, until a version is recorded after them."""
    newest = case.outcome_versions.order_by("-number").first()
    kept = SetAside.objects.filter(draft__case=case)
    return kept.filter(at__gt=newest.recorded_at) if newest else kept


def may(case: ListedCase, person: Person) -> dict[str, bool]:
    """What the outcome panel offers this person now. The services ask again."""
    roles, is_writable = _roles(case.meeting, person), not why_not_recorded(case)
    was_opened = case.meeting.state != Meeting.State.PLANNED
    return {
        "record": is_writable and not roles.isdisjoint(access.MAY_RECORD_OUTCOME),
        "confirm": was_opened and not roles.isdisjoint(access.MAY_CONFIRM_OUTCOME),
        "sign": was_opened and not roles.isdisjoint(access.MAY_SIGN_OUTCOME),
    }


def why_not_written(case: ListedCase) -> str:
    """Why no step can be taken with an outcome of a case now, in words; empty when it can."""
    if case.meeting.state == Meeting.State.PLANNED:
        return "The meeting has not been opened."
    if not access.window_is_open(case, timezone.now()):
        return "The days in which the team may see this case are over."
    return ""


def why_not_recorded(case: ListedCase) -> str:
    """Why no version can be recorded for a case now, in words; empty when one can.

    A meeting closes in mid-sentence: until the outcome is signed the same people finish it after.
    """
    if (why := why_not_written(case)) or case.meeting.is_live:
        return why
    newest = case.outcome_versions.prefetch_related("steps").last()
    is_signed = newest is not None and newest.is_signed
    return "The outcome is signed, and the meeting closed: it stays as it is." if is_signed else ""


def times_discussed(case: ListedCase) -> list[tuple[datetime, datetime]]:
    """From when to when the room was turned to a case, each time it was."""
    tag = CaseOpened.model_fields["type"].default
    opened = RoomEvent.objects.filter(meeting=case.meeting_id, body__type=tag)
    turns = [(event.at, event.body["case_id"]) for event in opened]
    ends = [at for at, _ in turns[1:]] + [case.meeting.closed_at or timezone.now()]
    return [
        (start, end)
        for (start, case_id), end in zip(turns, ends, strict=False)
        if case_id == case.public_id
    ]


def shown_studies(case: ListedCase) -> list[Study]:
    """Those chosen that may be shown in the case, each with its series."""
    sharing = sharing_of(case)
    found = case.referral.found_studies.filter(is_chosen=True).select_related("study__archive")
    shown = [f for f in found.prefetch_related("study__series") if not sharing.why_withheld(f)]
    return [found.study for found in shown]


def warnings_about(
    case: ListedCase, studies: Iterable[Study], *, laterality: str, recommendation: str
) -> list[Warned]:
    """Where the side of an outcome meets another; `studies` are those of `shown_studies`."""
    return disagreements(
        referral=case.referral.laterality,
        studies=[(name_of(study), sides_of_study(study)) for study in studies],
        outcome=laterality,
        text=recommendation,
    )


def present_at(outcome: OutcomeVersion) -> list[PersonPresent]:
    """Who was there, as kept at signing; empty before."""
    return list(PersonPresent.objects.filter(step__outcome=outcome).order_by("pk"))


@dataclass(frozen=True)
class OutcomeRow:
    """One line of the list: a case and the version of its outcome this person reads."""

    case: ListedCase
    outcome: OutcomeVersion
    is_named: bool

    @property
    def nhs_number(self) -> str:
        return self.case.referral.patient.shown_number


def outcomes_for(person: Person, *, name: str = "") -> list[OutcomeRow]:
    """Outcomes of patients one is named for, and of one's teams; newest meeting first.

    `name` is the beginning of a family or given name. The rule of access is asked for every
    case, so that this list shows exactly what the cases' own pages do. At most AT_MOST rows; a
    fixed number of queries.
    """
    if "\0" in name:  # PostgreSQL takes no such question, and nobody's name holds one
        return []
    now = timezone.now()
    roles = _roles_by_team(person, now)
    rows = []
    for case in _candidates(person, roles, name):
        held = roles.get(case.meeting.team_id, frozenset())
        if not access.may_view_case(person, case, held, at=now, is_present=False):
            continue
        outcome = _newest(case.outcome_versions.all(), signed_only=not held)
        if outcome is not None:
            named = access.is_named(person, case.referral)
            rows.append(OutcomeRow(case=case, outcome=outcome, is_named=named))
        if len(rows) == AT_MOST:
            break
    return rows


def _candidates(
    person: Person, roles: dict[int, frozenset[str]], name: str
) -> QuerySet[ListedCase]:
    """Cases with an outcome that may be theirs to read; the rule of access has the last word."""
    teams = [team for team, held in roles.items() if held - {Role.OBSERVER}]
    named = Q(referral__referrer=person) | Q(referral__responsible_consultant=person)
    mine = named | Q(referral__key_worker=person) | Q(meeting__team__in=teams)
    patient = Q(referral__patient__family_name__istartswith=name)
    patient |= Q(referral__patient__given_names__istartswith=name)
    cases = ListedCase.objects.filter(mine, patient)
    cases = cases.filter(Exists(OutcomeVersion.objects.filter(case=OuterRef("pk"))))
    versions = OutcomeVersion.objects.prefetch_related("steps").order_by("-number")
    return (
        cases.select_related("meeting__team__site", "referral__patient")
        .prefetch_related(
            "referral__patient__numbers", Prefetch("outcome_versions", queryset=versions)
        )
        .order_by("-meeting__starts_at", "position", "pk")
    )


def _newest(newest_first: Iterable[OutcomeVersion], *, signed_only: bool) -> OutcomeVersion | None:
    return next((v for v in newest_first if v.is_signed or not signed_only), None)


def _roles_by_team(person: Person, at: datetime) -> dict[int, frozenset[str]]:
    day = timezone.localdate(at)
    memberships = list(person.memberships.all())
    teams = {membership.team_id for membership in memberships}
    return {
        team: access.roles_on(day, [m for m in memberships if m.team_id == team]) for team in teams
    }


def _roles(meeting: Meeting, person: Person) -> frozenset[str]:
    return roles_of(person, meeting.team, timezone.localdate())
