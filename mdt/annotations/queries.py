"""Questions about marks. Read only."""

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from mdt.annotations.models import Mark, MarkVersion
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.protocol import Drawing, MarkBody, Measured, Place


def marks_of_case(case: ListedCase) -> list[MarkBody]:
    """The marks of a case as they stand, oldest first, without those taken off.

    Two queries, however many. A mark whose series is not here now is kept on record and not shown.
    """
    marks = _marks().filter(case=case, series__isnull=False)
    return [body_of(mark) for mark in marks if not newest_of(mark).is_removed]


def mark_or_404(person: Person, mark_id: str) -> Mark:
    """The mark, when this person may see its case now."""
    mark = get_object_or_404(_marks(), public_id=mark_id)
    case_or_404(person, mark.case.public_id)
    if mark.series is None:
        raise Http404
    return mark


def newest_of(mark: Mark) -> MarkVersion:
    """The version that counts. Reads `versions`: prefetch them."""
    return max(mark.versions.all(), key=lambda version: version.number)


def body_of(mark: Mark) -> MarkBody:
    """The mark as browsers know it."""
    newest = newest_of(mark)
    return MarkBody(
        mark_id=mark.public_id,
        version=newest.number,
        by=mark.author.public_id,
        name=mark.author.shown_name,
        place=place_of(mark),
        drawing=Drawing.model_validate(
            {"kind": newest.kind, "points": newest.points, "text": newest.text}
        ),
        measured=Measured(**newest.measured) if newest.measured else None,
    )


def place_of(mark: Mark) -> Place:
    series = mark.series.public_id if mark.series else ""
    return Place(series=series, version=mark.metadata_version, frame=mark.frame_key)


def _marks() -> QuerySet[Mark]:
    marks = Mark.objects.select_related("author", "series", "case__meeting")
    return marks.prefetch_related("versions")
