"""What the consultant's page shows of one case after the meeting. Read only."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime

from imaging.models import Series, Study
from mdt.annotations.queries import author_numbers, marks_of_case
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import Attendance, ListedCase
from mdt.members import Person
from mdt.outcomes import queries
from mdt.outcomes.codes import Treatment
from mdt.outcomes.models import OutcomeVersion
from mdt.protocol import MarkBody
from mdt.teams.models import Trust
from mdt.teams.queries import trusts_by_code

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
class Said:
    """One mark in words, and the number of its author: whose colour and shape it has."""

    words: str
    author: int | None


@dataclass(frozen=True)
class Picture:
    """One frame that was discussed, with everything drawn on it.

    `authors` are the numbers of those who drew, by public id.
    """

    mark_id: str
    series: str
    version: int
    frame: str
    caption: str
    says: list[Said]
    marks: list[MarkBody] = field(default_factory=list)
    authors: dict[str, int] = field(default_factory=dict)

    @property
    def marks_text(self) -> str:
        """The marks as JSON, for the page's script."""
        return json.dumps([mark.model_dump(mode="json") for mark in self.marks])

    @property
    def authors_text(self) -> str:
        return json.dumps(self.authors)


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
    tnm = " ".join(filter(None, [outcome.t_category, outcome.n_category, outcome.m_category]))
    fields = [
        ("Side", outcome.get_laterality_display()),
        ("Intent", outcome.get_intent_display()),
        ("Treatment", ", ".join(treatments)),
        ("Reason for no treatment", outcome.get_no_treatment_reason_display()),
        ("Stage", ", ".join(filter(None, [tnm, outcome.stage_group]))),
        ("Performance status", outcome.get_performance_status_display()),
        ("Discussion", outcome.get_discussion_type_display()),
        ("Comment", outcome.mdt_type_comment),
    ]
    return [(name, words) for name, words in fields if words]


def pictures_of(case: ListedCase) -> list[Picture]:
    """The frames that carry marks and may be shown, in the order they were first marked.

    A fixed number of queries.
    """
    captions, numbers = _captions(case), author_numbers(case.meeting.team)
    by_frame: dict[tuple[str, str], list[MarkBody]] = {}
    for mark in marks_of_case(case):
        if mark.place.series in captions:
            by_frame.setdefault((mark.place.series, mark.place.frame), []).append(mark)
    return [
        Picture(
            mark_id=marks[0].mark_id,
            series=series,
            version=max(mark.place.version for mark in marks),
            frame=frame,
            caption=captions[series],
            says=[Said(words_of(mark), numbers.get(mark.by)) for mark in marks],
            marks=marks,
            authors={mark.by: numbers[mark.by] for mark in marks if mark.by in numbers},
        )
        for (series, frame), marks in by_frame.items()
    ]


def picture_of_mark(case: ListedCase, mark_id: str) -> Picture | None:
    """The discussed picture that carries a mark of this case, or None."""
    pictures = pictures_of(case)
    return next((p for p in pictures if any(m.mark_id == mark_id for m in p.marks)), None)


def words_of(mark: MarkBody) -> str:
    """A mark in words, for who prints or cannot see it: 'length 23.4 mm, Dr Osei'."""
    size = f"{mark.measured.value:.1f} {mark.measured.unit}" if mark.measured else ""
    said = " ".join(filter(None, [mark.drawing.kind, size, mark.drawing.text]))
    return f"{said}, {mark.name}"


def _captions(case: ListedCase) -> dict[str, str]:
    """By series that may be shown in the case: 'CT 20 Nov 2026, HEAD 1.5, Northern Care...'."""
    trusts, sharing = trusts_by_code(), sharing_of(case)
    found = case.referral.found_studies.filter(is_chosen=True).select_related("study__archive")
    shown = [f for f in found.prefetch_related("study__series") if not sharing.why_withheld(f)]
    return {
        series.public_id: _caption(series, f.study, trusts)
        for f in shown
        for series in f.study.series.all()
    }


def _caption(series: Series, study: Study, trusts: dict[str, Trust]) -> str:
    day = f"{study.study_date:%-d %b %Y}" if study.study_date else ""
    code = study.archive.trust_ods_code
    trust = trusts[code].name if code in trusts else code
    what = " ".join(filter(None, [series.modality, day]))
    return ", ".join(filter(None, [what, series.description, trust]))


def _warnings(case: ListedCase, outcome: OutcomeVersion) -> list[str]:
    return queries.warnings_about(case, laterality=outcome.laterality, text=outcome.recommendation)
