"""What comes next with an outcome, and what of it to offer a person. The services ask again."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from mdt.meetings.access_queries import visible_cases
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.outcomes import queries
from mdt.outcomes.models import OutcomeStep, OutcomeVersion
from mdt.outcomes.standing import Standing, standings, unrecorded
from mdt.teams.queries import roles_of

ACTS = {
    OutcomeStep.Kind.READ_BACK: "Read back for",
    OutcomeStep.Kind.CONFIRMED: "Confirm for",
    OutcomeStep.Kind.SIGNED: "Sign for",
}
WHOSE = {
    OutcomeStep.Kind.READ_BACK: "the chair, a deputy or the coordinator",
    OutcomeStep.Kind.CONFIRMED: "the chair, a deputy or a core member",
    OutcomeStep.Kind.SIGNED: "the chair or a deputy",
}


@dataclass(frozen=True)
class NextStep:
    """The step a version needs next. `act` begins its button: a patient's name follows."""

    kind: OutcomeStep.Kind
    is_yours: bool

    @property
    def act(self) -> str:
        return ACTS[self.kind]

    @property
    def whose(self) -> str:
        """Who may take it, in words."""
        return WHOSE[self.kind]


@dataclass(frozen=True)
class Unfinished:
    """A case of a meeting whose outcome is not signed, and how it stands, in words."""

    case: ListedCase
    standing: str
    is_yours: bool


def next_step(outcome: OutcomeVersion, case: ListedCase, person: Person) -> NextStep | None:
    """What follows with a version; None once it is signed. Reads `steps`."""
    return _next(outcome, case, roles_of(person, case.meeting.team, timezone.localdate()))


def typed_since(case: ListedCase, outcome: OutcomeVersion | None, person: Person) -> dict[str, str]:
    """What is typed and stands in no version, by field: nobody signs past it unseen."""
    draft = queries.draft_for(case, person)
    return unrecorded(draft.fields, outcome) if draft else {}


def unfinished_in(meeting: Meeting, person: Person) -> list[Unfinished]:
    """A meeting's cases that are not finished, in the order of its list; those one may see.

    A fixed number of queries.
    """
    cases = meeting.cases.select_related("referral__patient").order_by("position")
    roles, standing = roles_of(person, meeting.team, timezone.localdate()), standings(meeting)
    return [
        _unfinished(case, standing[case.pk], roles)
        for case in visible_cases(person, meeting, cases)
        if case.pk in standing and standing[case.pk].is_unfinished
    ]


def _unfinished(case: ListedCase, standing: Standing, roles: Iterable[str]) -> Unfinished:
    newest, is_typed = standing.newest, standing.has_unrecorded_words
    if newest is None:
        nothing = "nothing recorded" if standing.was_opened else "not discussed, nothing recorded"
        return Unfinished(case, "typed and not recorded" if is_typed else nothing, is_yours=False)
    following = _next(newest, case, roles)
    words = newest.stands_in_words + (", then typed in and not recorded" if is_typed else "")
    is_yours = bool(following and following.is_yours and not is_typed)
    return Unfinished(case, words, is_yours)


def _next(outcome: OutcomeVersion, case: ListedCase, roles: Iterable[str]) -> NextStep | None:
    taken = {step.kind for step in outcome.steps.all()}
    kind = next((kind for kind in OutcomeStep.Kind if kind not in taken), None)
    if kind is None:
        return None
    is_allowed = not OutcomeStep.RULES[kind].allowed.isdisjoint(roles)
    return NextStep(kind, is_yours=is_allowed and not queries.why_not_written(case))
