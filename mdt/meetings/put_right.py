"""What follows when it is learnt who a patient is: studies held against it, archives asked anew."""

from datetime import date

from django.db import transaction

from imaging import settle
from mdt import access, protocol
from mdt.errors import OtherBirthDate
from mdt.meetings.checks import check_role
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.referrals import services as referrals
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient
from mdt.referrals.queries import OTHER_BIRTH_DATE, sought_of
from mdt.room_log import log


@transaction.atomic
def learn_local_number(
    *, meeting: Meeting, patient: Patient, birth_date: date, local: LocalNumber, by: Person
) -> bool:
    """Write down a number learnt while a case was added; what is new asks the archives again.

    Before the case is listed, and in a transaction of its own: no meeting is locked meanwhile.
    Raises NotAllowed, OtherBirthDate, and NumberTaken as `mdt.referrals.services` does.
    """
    check_role(meeting, by, access.MAY_KEEP_LIST)
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    if patient.birth_date != birth_date:
        raise OtherBirthDate(OTHER_BIRTH_DATE)
    is_new = referrals.learn_local_number(patient=patient, local=local, by=by)
    if is_new:
        seek_anew(patient)
        tell(patient)
    return is_new


def seek_anew(patient: Patient) -> None:
    """Each referral gets a search for the person as known now; the old ones stay as evidence."""
    sought = sought_of(patient)
    objected = frozenset(one.trust_ods_code for one in patient.objections.all())
    searched = list(patient.referrals.filter(search__isnull=False).select_related("search"))
    for referral in searched:
        assert referral.search is not None  # noqa: S101  filtered so
        referral.search = settle.search_corrected(referral.search, sought, but_of=objected)
        referral.save(update_fields=["search"])
    for referral in searched:
        assert referral.search is not None  # noqa: S101  as above
        settle.recheck(referral.search)


def tell(patient: Patient) -> None:
    """Each open meeting that has the patient on its list looks anew."""
    cases = ListedCase.objects.filter(referral__patient=patient).select_related("meeting")
    for case in cases.exclude(meeting__state=Meeting.State.CLOSED).order_by("meeting_id", "pk"):
        log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))
