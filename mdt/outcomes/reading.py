"""What the consultant's page shows of one case after the meeting. Read only."""

from dataclasses import dataclass
from datetime import date, datetime

from mdt.meetings.changed_pictures import changed_in, other_bytes_in
from mdt.meetings.models import Attendance, ListedCase
from mdt.meetings.sources import name_of
from mdt.members import Person
from mdt.outcomes import queries
from mdt.outcomes.codes import Treatment
from mdt.outcomes.models import OutcomeVersion
from mdt.outcomes.pictures import Picture, pictures_of

HOW_KNOWN = {source.value: source.label for source in Attendance.Source}


@dataclass(frozen=True)
class PresentRow:
    """Somebody who was there, and how that is known, in words."""

    name: str
    specialty: str
    how_known: str


@dataclass(frozen=True)
class ActionRow:
    what: str
    who: str
    due: date | None


@dataclass(frozen=True)
class Reading:
    """One case as it is read afterwards. `outcome` is the newest version this person may read."""

    case: ListedCase
    outcome: OutcomeVersion | None
    versions: list[OutcomeVersion]
    present: list[PresentRow]
    actions: list[ActionRow]
    plan: list[tuple[str, str]]
    pictures: list[Picture]
    warnings: list[str]
    reads_unsigned: bool

    @property
    def signed_at(self) -> datetime | None:
        """When the version shown was signed; None: it is not."""
        steps = self.outcome.steps.all() if self.outcome else []
        return next((step.at for step in steps if step.kind == step.Kind.SIGNED), None)


def reading_for(case: ListedCase, person: Person) -> Reading:
    versions = queries.versions_for(case, person)
    outcome = versions[0] if versions else None
    reads_unsigned = queries.reads_unsigned(case, person)
    return Reading(
        case=case,
        outcome=outcome,
        versions=versions,
        present=present_rows(outcome) if outcome else [],
        actions=action_rows(outcome) if outcome else [],
        plan=plan_of(outcome) if outcome else [],
        pictures=pictures_of(case) if outcome else [],
        warnings=_warnings(case, outcome) if outcome else [],
        reads_unsigned=reads_unsigned,
    )


def present_rows(outcome: OutcomeVersion) -> list[PresentRow]:
    return [
        PresentRow(
            name=one.name,
            specialty=one.specialty,
            how_known=", ".join(HOW_KNOWN[source] for source in one.sources.split(",")),
        )
        for one in queries.present_at(outcome)
    ]


def action_rows(outcome: OutcomeVersion) -> list[ActionRow]:
    return [
        ActionRow(
            what=action["what"],
            who=action["who"],
            due=date.fromisoformat(action["due"]) if action["due"] else None,
        )
        for action in outcome.actions
    ]


def plan_of(outcome: OutcomeVersion) -> list[tuple[str, str]]:
    """The coded fields that say something, each a name and its words, in reading order."""
    treatments = [Treatment(code).label for code in outcome.treatments]
    fields = [
        ("Side", outcome.get_laterality_display()),
        ("Intent", outcome.get_intent_display()),
        ("Treatment", ", ".join(treatments)),
        ("Reason for no treatment", outcome.get_no_treatment_reason_display()),
        ("Treatment planned on", _day(outcome.planning_date)),
        ("Stage", _stage(outcome)),
        ("Performance status", outcome.get_performance_status_display()),
        ("Clinical nurse specialist", outcome.get_cns_indication_display()),
        ("Discussion", outcome.get_discussion_type_display()),
        ("Comment", outcome.mdt_type_comment),
    ]
    return [(name, words) for name, words in fields if words]


def _stage(outcome: OutcomeVersion) -> str:
    """'cT2 cN0 cM0, UICC 8, 2B, staged on 2 Mar 2026', as far as it is known."""
    tnm = " ".join(filter(None, [outcome.t_category, outcome.n_category, outcome.m_category]))
    edition = " ".join(filter(None, [outcome.get_tnm_edition_display(), outcome.tnm_version]))
    staged = f"staged on {_day(outcome.stage_date)}" if outcome.stage_date else ""
    return ", ".join(filter(None, [tnm, edition, outcome.stage_group, staged]))


def _day(day: date | None) -> str:
    return f"{day:%-d %b %Y}" if day else ""


def _warnings(case: ListedCase, outcome: OutcomeVersion) -> list[str]:
    """Sides that disagree; pictures other than the meeting saw, or that came in two versions."""
    studies = queries.shown_studies(case)
    changed, other = changed_in(studies), other_bytes_in(studies)
    warned = queries.warnings_about(
        case, studies, laterality=outcome.laterality, recommendation=outcome.recommendation
    )
    said = [warning.text for warning in warned]
    said += [
        f"{name_of(study)}: {changed[study.pk].words(case.meeting)}"
        for study in studies
        if study.pk in changed
    ]
    return said + [f"{name_of(one)}: {other[one.pk]}" for one in studies if one.pk in other]
