from uuid import UUID

from django.db import transaction

from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, WrongCase, WrongState
from mdt.laterality import Laterality
from mdt.meetings.checks import check_role, lock
from mdt.meetings.models import ListedCase
from mdt.meetings.room_queries import specialties_missing_for_quorum
from mdt.members import Person
from mdt.outcomes.models import OutcomeVersion
from mdt.room_log import log


@transaction.atomic
def record_outcome(
    *,
    case: ListedCase,
    written_for: str,
    if_version: int,
    recommendation: str,
    laterality: Laterality,
    by: Person,
    event_id: UUID,
) -> OutcomeVersion:
    """Write the meeting's recommendation for one case as its next version, and tell the room.

    `written_for` is the public id of the case the writer had in front of them;
    `if_version` the version they had read, 0 for none. The quorum is measured now
    and kept with the row, because attendance changes after the fact and the
    record must not.

    Raises
    ------
    WrongCase
        The form belongs to another case: the writer is often half a case behind.
    NotAllowed
        `by` is neither chair, deputy nor coordinator of the team today.
    WrongState
        The meeting is not live.
    Conflict
        There is a newer version than the one the writer read.
    """
    meeting = lock(case.meeting_id)
    if earlier := log.find(meeting, event_id, protocol.OutcomeRecorded):
        return case.outcome_versions.get(number=earlier.version)
    if written_for != case.public_id:
        raise WrongCase("This was written for another case. Nothing has been saved.")
    check_role(meeting, by, access.MAY_RECORD_OUTCOME)
    if not meeting.is_live:
        raise WrongState("Outcomes are recorded while the meeting is open.")
    if case.outcome_versions.count() != if_version:
        raise Conflict("Somebody has recorded a newer outcome. Compare before you save.")

    outcome = OutcomeVersion.objects.create(
        case=case,
        number=if_version + 1,
        recommendation=recommendation,
        laterality=laterality,
        was_quorate=not specialties_missing_for_quorum(meeting),
        recorded_by=by,
    )
    record(AuditEvent.Action.OUTCOME_RECORDED, by=by, target=case)
    log.append(
        meeting,
        protocol.OutcomeRecorded(case_id=case.public_id, version=outcome.number, by=by.public_id),
        event_id,
    )
    return outcome
