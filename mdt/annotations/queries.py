"""Questions about marks. Read only."""

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from mdt.annotations.models import Mark, MarkVersion
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.protocol import Drawing, MarkBody, Measured, OutcomeRecorded, OutcomeStepped, Place
from mdt.room_log.models import RoomEvent
from mdt.teams.models import Membership, Team

OUTCOME_SIGNED = "signed"  # the step of OutcomeStepped after which a version stands


def author_numbers(team: Team) -> dict[str, int]:
    """Each person's author number by public id, from 0: whose colour and shape is whose.

    In the order they first became members of the team. Who has left keeps theirs, so that nobody's
    number changes when somebody comes or goes, whatever the day a page is read. One query.
    """
    members = Membership.objects.filter(team=team).order_by("pk")
    people = dict.fromkeys(members.values_list("person__public_id", flat=True))
    return {person: number for number, person in enumerate(people)}


def outcome_is_signed(case: ListedCase) -> bool:
    """Whether the newest recorded outcome of a case is signed, as its meeting's log has it."""
    kinds = (OutcomeRecorded, OutcomeStepped)
    tags = [kind.model_fields["type"].default for kind in kinds]
    about = RoomEvent.objects.filter(meeting=case.meeting_id, body__case_id=case.public_id)
    newest = about.filter(body__type__in=tags).last()
    return newest is not None and newest.body.get("step") == OUTCOME_SIGNED


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
