"""Who is named in a referral and so sees its case; who else does not. Writes only."""

import json
from collections.abc import Mapping
from hashlib import sha256

from django.db import transaction

from imaging import revocations
from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict
from mdt.meetings.checks import check_role, check_somebody_may_see
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.referrals.models import Referral
from mdt.room_log import log

Action = AuditEvent.Action
ROLES = Referral.ROLES


@transaction.atomic
def name_people(
    *,
    case: ListedCase,
    named: Mapping[str, Person],
    is_restricted: bool,
    if_version: str,
    by: Person,
) -> bool:
    """Say who a case's referrer, responsible consultant and key worker are; whether that is new.

    They see the case and find its signed outcome, members or not; where it is restricted, they
    alone. What others look at then is taken back. A role that is not in `named` is nobody's.

    Raises
    ------
    NotAllowed
        `by` does not keep the list.
    WrongState
        It is to be restricted, and nobody is named: nobody could see it.
    Conflict
        Somebody changed it since: `if_version` is not what is on record.
    """
    check_role(case.meeting, by, access.MAY_KEEP_LIST)
    referral = Referral.objects.select_for_update().get(pk=case.referral_id)
    case = ListedCase.objects.select_related("meeting").get(pk=case.pk)
    before = _people_of(referral)
    after = {role: named.get(role) for role in ROLES}
    if before == _ids(after) and case.is_restricted == is_restricted:
        return False
    if if_version != version_of(referral, case):
        raise Conflict("Somebody else has changed this since. Look again.")
    for role, person in after.items():
        setattr(referral, role, person)
    check_somebody_may_see(referral, is_restricted=is_restricted)
    referral.save(update_fields=ROLES)
    if before != _ids(after):
        told = {role: person.public_id if person else "" for role, person in after.items()}
        record(Action.PEOPLE_NAMED, by=by, target=referral, **told)
    if case.is_restricted != is_restricted:
        ListedCase.objects.filter(pk=case.pk).update(is_restricted=is_restricted)
        did = Action.CASE_RESTRICTED if is_restricted else Action.CASE_UNRESTRICTED
        record(did, by=by, target=case)
    _look_anew(referral)
    return True


def version_of(referral: Referral, case: ListedCase) -> str:
    """What names who is named, and whether they alone see the case."""
    told = json.dumps([case.public_id, _people_of(referral), case.is_restricted], sort_keys=True)
    return sha256(told.encode()).hexdigest()


def _people_of(referral: Referral) -> dict[str, int | None]:
    return {role: getattr(referral, f"{role}_id") for role in ROLES}


def _ids(people: Mapping[str, Person | None]) -> dict[str, int | None]:
    return {role: person.pk if person else None for role, person in people.items()}


def _look_anew(referral: Referral) -> None:
    """Who still may see it is granted its pictures again; every open room is told."""
    cases = list(referral.listings.select_related("meeting").order_by("meeting_id", "pk"))
    for case in cases:
        revocations.revoke(case=case.public_id)
    for case in cases:
        if case.meeting.state != Meeting.State.CLOSED:
            log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))
