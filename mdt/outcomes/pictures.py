"""The pictures one case was discussed with, as its outcome shows them. Read only."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from imaging.models import Series, SeriesVersion, Study
from mdt.annotations.queries import author_numbers, marks_of_case
from mdt.meetings.models import ListedCase
from mdt.outcomes import queries
from mdt.outcomes.models import ShownView
from mdt.protocol import MarkBody, Measured
from mdt.teams.models import Trust
from mdt.teams.queries import trusts_by_code

UNDER_WAY = (Study.State.WANTED, Study.State.PULLING)
FrameAt = tuple[str, str]  # the public id of its series, and its key


@dataclass(frozen=True)
class Said:
    """One mark in words, and the number of its author: whose colour and shape it has."""

    words: str
    author: int | None


@dataclass(frozen=True)
class Picture:
    """One frame that was discussed, with everything drawn on it.

    `shown_id` and `view` are those of what a presenter showed last, empty where the frame was
    only marked. `authors` are the numbers of those who drew, by public id; `gone` says why it is
    not there to be shown and what to do; `version` is 0, for the newest, once the one that was
    shown or drawn on was removed.
    """

    series: str
    version: int
    frame: str
    caption: str
    shown_id: str = ""
    view: dict[str, Any] | None = None
    says: list[Said] = field(default_factory=list)
    marks: list[MarkBody] = field(default_factory=list)
    authors: dict[str, int] = field(default_factory=dict)
    gone: str = ""

    @property
    def asked_by(self) -> str:
        """What names it in the address of its own page."""
        return f"shown={self.shown_id}" if self.shown_id else f"mark={self.marks[0].mark_id}"

    @property
    def marks_text(self) -> str:
        """The marks as JSON, for the page's script."""
        return json.dumps([mark.model_dump(mode="json") for mark in self.marks])

    @property
    def authors_text(self) -> str:
        return json.dumps(self.authors)

    @property
    def view_text(self) -> str:
        return json.dumps(self.view)


def pictures_of(case: ListedCase) -> list[Picture]:
    """What was shown last in each pane, then the other frames that carry marks, oldest mark first.

    Only of series that may be shown. A fixed number of queries.
    """
    series = _series_of(case)
    marked = _marked(case, series)
    shown = [one for one in _shown(case) if _public_id(one) in series]
    others = marked.keys() - {(_public_id(one), one.frame_key) for one in shown}
    make = _Maker(case, series, marked)
    return [make.shown(one) for one in shown] + [make.marked(at) for at in marked if at in others]


def picture_of_shown(case: ListedCase, shown_id: str) -> Picture | None:
    """What was shown last in one pane of this case, or None."""
    return next((p for p in pictures_of(case) if shown_id and p.shown_id == shown_id), None)


def picture_of_mark(case: ListedCase, mark_id: str) -> Picture | None:
    """The discussed picture that carries a mark of this case, or None."""
    pictures = pictures_of(case)
    return next((p for p in pictures if any(m.mark_id == mark_id for m in p.marks)), None)


def words_of(mark: MarkBody) -> str:
    """A mark in words, for who prints or cannot see it: 'length 23.4 mm, Dr Osei'."""
    size = _size(mark.measured) if mark.measured else ""
    said = " ".join(filter(None, [mark.drawing.kind, size, mark.drawing.text]))
    return f"{said}, {mark.name}"


def _size(measured: Measured) -> str:
    """With how far to believe it, as the picture itself says it."""
    note = f" ({measured.note})" if measured.note else ""
    return f"{measured.value:.1f} {measured.unit}{note}"


@dataclass(frozen=True)
class _Of:
    """A series that may be shown: 'CT 20 Nov 2026, HEAD 1.5, Northern Care...'."""

    study: Study
    caption: str


class _Maker:
    """Makes the pictures of one case, of what was read before."""

    def __init__(
        self, case: ListedCase, series: dict[str, _Of], marked: dict[FrameAt, list[MarkBody]]
    ) -> None:
        self._case, self._series, self._marked = case, series, marked
        self._numbers = author_numbers(case.meeting.team)
        self._kept = _kept_versions(series)

    def shown(self, one: ShownView) -> Picture:
        at = (_public_id(one), one.frame_key)
        return self._make(at, one.metadata_version, shown_id=one.public_id, view=one.view)

    def marked(self, at: FrameAt) -> Picture:
        return self._make(at, max(mark.place.version for mark in self._marked[at]))

    def _make(
        self, at: FrameAt, version: int, shown_id: str = "", view: dict[str, Any] | None = None
    ) -> Picture:
        series, frame = at
        of, marks = self._series[series], self._marked.get(at, [])
        return Picture(
            series=series,
            version=version if (series, version) in self._kept else 0,
            frame=frame,
            caption=of.caption,
            shown_id=shown_id,
            view=view,
            gone=_gone(of.study, self._case),
            says=[Said(words_of(mark), self._numbers.get(mark.by)) for mark in marks],
            marks=marks,
            authors={m.by: self._numbers[m.by] for m in marks if m.by in self._numbers},
        )


def _shown(case: ListedCase) -> Iterable[ShownView]:
    return case.shown_views.select_related("series").exclude(series=None)


def _public_id(one: ShownView) -> str:
    return one.series.public_id if one.series else ""


def _marked(case: ListedCase, series: dict[str, _Of]) -> dict[FrameAt, list[MarkBody]]:
    by_frame: dict[FrameAt, list[MarkBody]] = {}
    for mark in marks_of_case(case):
        if mark.place.series in series:
            by_frame.setdefault((mark.place.series, mark.place.frame), []).append(mark)
    return by_frame


def _series_of(case: ListedCase) -> dict[str, _Of]:
    trusts = trusts_by_code()
    return {
        series.public_id: _Of(study, _caption(series, study, trusts))
        for study in queries.shown_studies(case)
        for series in study.series.all()
    }


def _kept_versions(series: Iterable[str]) -> set[tuple[str, int]]:
    """A frame keeps its key in all versions, so where one is kept no more the newest serves."""
    kept = SeriesVersion.objects.filter(series__public_id__in=list(series))
    return set(kept.values_list("series__public_id", "number"))


def _gone(study: Study, case: ListedCase) -> str:
    if study.is_evicted:
        team = case.meeting.team.name
        return (
            "This picture was removed from here after the meeting. Ask the coordinator of"
            f" {team} to fetch it again: it takes one click on the meeting's list."
        )
    if study.state in UNDER_WAY:
        return "This picture is being fetched again. Load the page again in a few minutes."
    return ""


def _caption(series: Series, study: Study, trusts: dict[str, Trust]) -> str:
    day = f"{study.study_date:%-d %b %Y}" if study.study_date else ""
    code = study.trust_ods_code
    trust = trusts[code].name if code in trusts else code
    what = " ".join(filter(None, [series.modality, day]))
    return ", ".join(filter(None, [what, series.description, trust]))
