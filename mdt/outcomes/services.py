"""An outcome: typed, recorded as a version, read back, confirmed, signed. Writes only."""

from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, WrongCase, WrongState
from mdt.meetings.checks import check_role, lock
from mdt.meetings.models import Attendance, ListedCase, Meeting
from mdt.meetings.room_queries import present_between, specialties_missing_for_quorum
from mdt.members import Person
from mdt.outcomes.fields import Days, OutcomeFields, check, check_draft, columns_of
from mdt.outcomes.models import (
    OutcomeDraft,
    OutcomeStep,
    OutcomeVersion,
    PersonPresent,
    SetAside,
)
from mdt.outcomes.queries import still_aside, times_discussed, why_not_recorded, why_not_written
from mdt.room_log import log


def save_draft(
    *,
    case: ListedCase,
    written_for: str,
    if_version: int,
    fields: dict[str, Any],
    by: Person,
    event_id: UUID,
) -> int:
    """Keep what is typed, byte for byte, and tell the room that it is saved; returns the seq.

    `fields` are only those that changed; `if_version` is that of the draft the writer has read.
    Two people may type in different fields at once. Where both typed in the same one, the
    first stays, and the second is kept beside it (SetAside) before it is refused: nothing is
    lost. Typing is kept whatever the state of the meeting, because rooms close in mid-sentence.

    Raises
    ------
    WrongCase
        The form belongs to another case.
    NotAllowed
        `by` may not record outcomes of this team.
    InvalidField
        A field is unknown, too long, or of a shape that cannot be kept.
    Conflict
        Somebody has changed the same field since.
    """
    check_draft(fields)
    seq = _save_or_set_aside(case, written_for, if_version, fields, by, event_id)
    if seq is None:
        raise Conflict("Somebody else wrote here meanwhile. Both texts are kept: compare them.")
    return seq


@transaction.atomic
def _save_or_set_aside(
    case: ListedCase,
    written_for: str,
    if_version: int,
    fields: dict[str, Any],
    by: Person,
    event_id: UUID,
) -> int | None:
    """The seq of the event, or None when the text was set aside. Refusing here would undo that."""
    meeting = lock(case.meeting_id)
    if earlier := log.find(meeting, event_id, protocol.OutcomeDrafted):
        return earlier.seq
    _check_written_for(case, written_for)
    check_role(meeting, by, access.MAY_RECORD_OUTCOME)
    draft, _ = OutcomeDraft.objects.get_or_create(case=case)
    if _has_moved_on(draft, fields, if_version):
        _set_aside(draft, fields, if_version, by)
        return None
    draft.version += 1
    draft.fields = draft.fields | fields
    draft.changed = draft.changed | dict.fromkeys(fields, draft.version)
    draft.saved_at, draft.saved_by = timezone.now(), by
    draft.save()
    event = protocol.OutcomeDrafted(case_id=case.public_id, version=draft.version, by=by.public_id)
    return log.append(meeting, event, event_id)


def _has_moved_on(draft: OutcomeDraft, fields: dict[str, Any], if_version: int) -> bool:
    """Whether a field holds something the writer has neither read nor typed."""
    return if_version > draft.version or any(
        draft.changed.get(name, 0) > if_version and draft.fields.get(name) != value
        for name, value in fields.items()
    )


def _set_aside(draft: OutcomeDraft, fields: dict[str, Any], if_version: int, by: Person) -> None:
    """A browser asks again until it is answered: the same words are kept once while they are shown.

    What a newer version hid is kept again: whoever is told that both texts are kept must find both.
    """
    if not any(kept.fields == fields for kept in still_aside(draft.case).filter(by=by)):
        SetAside.objects.create(draft=draft, fields=fields, if_version=if_version, by=by)


@transaction.atomic
def record_outcome(
    *,
    case: ListedCase,
    written_for: str,
    if_version: int,
    by: Person,
    event_id: UUID,
    **fields: Unpack[OutcomeFields],
) -> OutcomeVersion:
    """Write the meeting's recommendation for one case as its next version, and tell the room.

    `written_for` is the public id of the case the writer had in front of them;
    `if_version` the version they had read, 0 for none. The quorum is measured now
    and kept with the row, because attendance changes after the fact and the
    record must not. After the meeting nobody is there to be counted: then it is what
    an earlier version measured, or not known.

    Raises
    ------
    WrongCase
        The form belongs to another case: the writer is often half a case behind.
    NotAllowed
        `by` is neither chair, deputy nor coordinator of the team today.
    WrongState
        The meeting was never open; or it is closed and the outcome signed, or the team's days of
        access are over.
    InvalidField
        A field is missing, holds no code of its list, or contradicts another.
    Conflict
        There is a newer version than the one the writer read.
    """
    meeting = lock(case.meeting_id)
    if earlier := log.find(meeting, event_id, protocol.OutcomeRecorded):
        _check_written_for(case, earlier.case_id)
        return case.outcome_versions.get(number=earlier.version)
    _check_written_for(case, written_for)
    check_role(meeting, by, access.MAY_RECORD_OUTCOME)
    case = _afresh(case)
    if why := why_not_recorded(case):
        raise WrongState(why)
    check(fields, _days_of(case))
    if case.outcome_versions.count() != if_version:
        raise Conflict("Somebody has recorded a newer outcome. Compare before you save.")

    outcome = OutcomeVersion.objects.create(
        case=case,
        number=if_version + 1,
        was_quorate=_was_quorate(case),
        recorded_by=by,
        **columns_of(fields),
    )
    _clear_draft(case, fields)
    record(AuditEvent.Action.OUTCOME_RECORDED, by=by, target=case, version=str(outcome.number))
    log.append(
        meeting,
        protocol.OutcomeRecorded(case_id=case.public_id, version=outcome.number, by=by.public_id),
        event_id,
    )
    return outcome


def _check_written_for(case: ListedCase, written_for: str) -> None:
    if written_for != case.public_id:
        raise WrongCase("This was written for another case. Nothing has been saved.")


def _afresh(case: ListedCase) -> ListedCase:
    """The same row with its meeting, as they are inside this transaction."""
    return ListedCase.objects.select_related("meeting__team", "referral__patient").get(pk=case.pk)


def _days_of(case: ListedCase) -> Days:
    referral = case.referral
    referred = timezone.localdate(referral.received_at)
    return Days(referral.patient.birth_date, referred, timezone.localdate())


def _was_quorate(case: ListedCase) -> bool | None:
    if case.meeting.is_live:
        return not specialties_missing_for_quorum(case.meeting)
    measured = case.outcome_versions.exclude(was_quorate=None).last()
    return measured.was_quorate if measured else None


def _clear_draft(case: ListedCase, recorded: OutcomeFields) -> None:
    """What is on record is typing no longer. What differs from it stays: somebody typed on."""
    draft = OutcomeDraft.objects.filter(case=case).first()
    if draft is None:
        return
    typed = draft.fields.items()
    draft.fields = {name: value for name, value in typed if recorded.get(name) != value}
    draft.save(update_fields=["fields"])


@transaction.atomic
def step(
    *, outcome: OutcomeVersion, kind: OutcomeStep.Kind, by: Person, event_id: UUID
) -> OutcomeStep:
    """Take one version further: read back, confirmed, signed, in this order and each once.

    The table is OutcomeStep.RULES. Signing releases the outcome: from then on the people
    named in the referral can read it, and the team's days of access are counted. It also
    keeps who was present. A meeting may have closed meanwhile; it must have been open.

    Raises
    ------
    NotAllowed
        The step belongs to another role.
    WrongState
        The meeting was never open, the team's days of access are over, or the step before is
        missing.
    Conflict
        There is a newer version, or somebody took this step first.
    """
    meeting = lock(outcome.case.meeting_id)
    if earlier := log.find(meeting, event_id, protocol.OutcomeStepped):
        _check_written_for(outcome.case, earlier.case_id)
        return OutcomeStep.objects.get(
            outcome__case=outcome.case, outcome__number=earlier.version, kind=earlier.step
        )
    rule = OutcomeStep.RULES[kind]
    check_role(meeting, by, rule.allowed)
    outcome.case = _afresh(outcome.case)
    _check_is_next(outcome, kind)
    taken = OutcomeStep.objects.create(outcome=outcome, kind=kind, by=by)
    if kind == OutcomeStep.Kind.SIGNED:
        _release(taken)
    record(rule.action, by=by, target=outcome.case, version=str(outcome.number))
    event = protocol.OutcomeStepped(
        case_id=outcome.case.public_id, version=outcome.number, step=kind.value, by=by.public_id
    )
    log.append(meeting, event, event_id)
    return taken


def _check_is_next(outcome: OutcomeVersion, kind: OutcomeStep.Kind) -> None:
    if why := why_not_written(outcome.case):
        raise WrongState(why)
    if outcome.case.outcome_versions.filter(number__gt=outcome.number).exists():
        raise Conflict("There is a newer version of this outcome. Read that one.")
    taken = {done.kind: done for done in outcome.steps.select_related("by")}
    if kind in taken:
        who = taken[kind].by.shown_name
        raise Conflict(f"{who} was first: this version is {kind.label} already. Nothing is lost.")
    before = OutcomeStep.RULES[kind].after
    if before and before not in taken:
        needed = OutcomeStep.Kind(before).label
        raise WrongState(f"This version has to be {needed} before it is {kind.label}.")


def _release(signed: OutcomeStep) -> None:
    """Keep who was present, and let the people named in the referral read the outcome."""
    case, times = signed.outcome.case, _times_present(signed.outcome)
    case.released_at = signed.at
    case.save(update_fields=["released_at"])
    memberships = case.meeting.team.memberships.all()
    day = timezone.localdate(times[0][0] if times else signed.outcome.recorded_at)
    specialties = {m.person_id: m.get_specialty_display() for m in memberships if m.is_in_date(day)}
    sources: dict[Person, set[str]] = {}
    for attendance in _attendances_during(case.meeting, times):
        sources.setdefault(attendance.person, set()).add(attendance.source)
    for person, known_by in sources.items():
        PersonPresent.objects.create(
            step=signed,
            person=person,
            name=person.shown_name,
            specialty=specialties.get(person.pk, ""),
            sources=",".join(sorted(known_by)),
        )


def _times_present(outcome: OutcomeVersion) -> list[tuple[datetime, datetime]]:
    """When who was in the room counts as present: from the recording to the confirmation.

    Recorded after the meeting: while the room was turned to the case.
    """
    if outcome.is_after_close:
        return times_discussed(outcome.case)
    confirmed = outcome.steps.get(kind=OutcomeStep.Kind.CONFIRMED)
    return [(outcome.recorded_at, confirmed.at)]


def _attendances_during(
    meeting: Meeting, times: list[tuple[datetime, datetime]]
) -> list[Attendance]:
    """Who was in the room at some moment of these times."""
    there = Attendance.objects.none()
    for start, end in times:
        there |= present_between(meeting, start, end)
    return list(there.select_related("person").order_by("person__last_name", "person_id"))
