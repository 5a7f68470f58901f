"""Marks on pictures: drawn, changed, taken off. Every state they had stays on record. Writes only.

What a mark measures is computed from its frame's metadata, which the caller has read before
(places.frame_at): no file is opened inside a transaction.
"""

from typing import Any
from uuid import UUID

from django.db import transaction

from mdt import access, protocol
from mdt.annotations.measure import check_on_frame, measure
from mdt.annotations.models import Mark, MarkVersion
from mdt.annotations.places import PlacedFrame
from mdt.annotations.queries import body_of, newest_of, outcome_is_signed
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, NotAllowed, WrongState
from mdt.meetings.checks import check_role, lock, roles_today
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.protocol import Drawing
from mdt.room_log import log

Action = AuditEvent.Action
MarkEvent = protocol.MarkCreated | protocol.MarkChanged | protocol.MarkRemoved
#: What the room hears of a restricted case's marks: those who may see the case fetch it again.
UNSAID = protocol.CaseRefreshed


def create_mark(
    *, case: ListedCase, placed: PlacedFrame, drawing: Drawing, by: Person, event_id: UUID
) -> int:
    """Put a mark on record in the case it was drawn in; returns the seq of its event.

    Raises
    ------
    BadMark
        It does not lie on the frame it names.
    NotAllowed
        `by` only observes, or is no member today.
    WrongState
        The meeting is over.
    """
    state = state_of(drawing, placed)
    with transaction.atomic():
        meeting = lock(case.meeting_id)
        if earlier := log.find(meeting, event_id, protocol.MarkCreated, UNSAID):
            return earlier.seq
        _check_may_mark(meeting, by)
        mark = Mark.objects.create(case=case, author=by, **names_of(placed))
        MarkVersion.objects.create(mark=mark, number=1, by=by, **state)
        record(Action.MARK_CREATED, by=by, target=mark, case=case.public_id)
        event = protocol.MarkCreated(case_id=case.public_id, mark=body_of(mark))
        return _say(meeting, case, event, event_id)


def change_mark(
    *,
    mark: Mark,
    placed: PlacedFrame,
    if_version: int,
    drawing: Drawing,
    by: Person,
    event_id: UUID,
) -> int:
    """Move or reword a mark on its own frame; `if_version` is the version its editor had read.

    Raises
    ------
    BadMark
        It no longer lies on its frame, or became another kind of mark.
    NotAllowed
        `by` is neither the author nor the chair; or not the author, and the words differ.
    WrongState
        The meeting is over, or the case's outcome is signed.
    Conflict
        Somebody changed it meanwhile, or took it off.
    """
    state = state_of(drawing, placed)
    with transaction.atomic():
        meeting = lock(mark.case.meeting_id)
        if earlier := log.find(meeting, event_id, protocol.MarkChanged, UNSAID):
            return earlier.seq
        _add_version(meeting, mark, if_version, by, **state)
        record(Action.MARK_CHANGED, by=by, target=mark, version=str(if_version + 1))
        event = protocol.MarkChanged(case_id=mark.case.public_id, mark=body_of(_afresh(mark)))
        return _say(meeting, mark.case, event, event_id)


@transaction.atomic
def remove_mark(*, mark: Mark, if_version: int, by: Person, event_id: UUID) -> int:
    """Take a mark off the picture. It stays on record as a version that says so."""
    meeting = lock(mark.case.meeting_id)
    if earlier := log.find(meeting, event_id, protocol.MarkRemoved, UNSAID):
        return earlier.seq
    last = newest_of(_afresh(mark))
    kept = {"kind": last.kind, "points": last.points, "text": last.text, "measured": last.measured}
    _add_version(meeting, mark, if_version, by, is_removed=True, **kept)
    record(Action.MARK_REMOVED, by=by, target=mark, version=str(if_version + 1))
    event = protocol.MarkRemoved(
        case_id=mark.case.public_id,
        mark_id=mark.public_id,
        version=if_version + 1,
        by=by.public_id,
    )
    return _say(meeting, mark.case, event, event_id)


def _say(meeting: Meeting, case: ListedCase, event: MarkEvent, event_id: UUID) -> int:
    """Tell the room; of a restricted case, which not everybody there may see, not what.

    It may have been restricted since the caller read it, while the frame's metadata came.
    """
    restricted = ListedCase.objects.values_list("is_restricted", flat=True)
    said = UNSAID(case_id=case.public_id) if restricted.get(pk=case.pk) else event
    return log.append(meeting, said, event_id)


def _check_may_mark(meeting: Meeting, by: Person) -> None:
    check_role(meeting, by, access.MAY_MARK)
    if meeting.state == Meeting.State.CLOSED:
        raise WrongState("The meeting is closed: its marks stay as they are.")


def _add_version(meeting: Meeting, mark: Mark, if_version: int, by: Person, **state: Any) -> None:
    _check_may_mark(meeting, by)
    if mark.author_id != by.pk and roles_today(meeting, by).isdisjoint(access.MAY_TAKE_OVER):
        raise NotAllowed("Only its author or the chair may change a mark.")
    if outcome_is_signed(mark.case):
        raise WrongState("The outcome is signed: the marks it rests on stay as they are.")
    newest = newest_of(_afresh(mark))
    if newest.is_removed:
        raise Conflict("Somebody has taken this mark off.")
    if newest.number != if_version:
        raise Conflict("Somebody has changed this mark meanwhile. Look at it before you change it.")
    if newest.kind != state["kind"]:
        raise Conflict("A mark keeps its kind: draw a new one.")
    if newest.text != state["text"] and mark.author_id != by.pk:
        raise NotAllowed("Only its author may change the words of a mark: they are read as theirs.")
    MarkVersion.objects.create(mark=mark, number=if_version + 1, by=by, **state)


def _afresh(mark: Mark) -> Mark:
    """The same row with its versions as they are inside this transaction."""
    return Mark.objects.select_related("author", "series", "case").get(pk=mark.pk)


def state_of(drawing: Drawing, placed: PlacedFrame) -> dict[str, Any]:
    """What a version of a mark holds, measured. Raises BadMark."""
    check_on_frame(drawing, placed.image, placed.frame, placed.spacing)
    measured = measure(drawing, placed.image)
    return {
        "kind": drawing.kind,
        "points": [point.model_dump(mode="json") for point in drawing.points],
        "text": drawing.text,
        "measured": measured.model_dump(mode="json") if measured else None,
    }


def names_of(placed: PlacedFrame) -> dict[str, Any]:
    """What the frame is called in DICOM, so that the mark outlives a re-pull (D25)."""
    study = placed.series.study
    return {
        "series": placed.series,
        "trust_ods_code": study.trust_ods_code,
        "study_instance_uid": study.study_instance_uid,
        "series_instance_uid": placed.series.series_instance_uid,
        "sop_instance_uid": placed.instance.sop_instance_uid,
        "frame_number": placed.frame_number,
        "frame_key": placed.place.frame,
        "frame_of_reference_uid": placed.series.frame_of_reference_uid,
        "metadata_version": placed.place.version,
    }
