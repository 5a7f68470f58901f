"""The list of a meeting: who is on it, in which order, with which studies. Writes only."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from imaging import plan, revocations
from imaging.frames.failing import series_not_made
from imaging.models import Study
from imaging.queue import MEETING_LASTS
from imaging.relevance import BY_HAND, NOT_BY_HAND
from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import AlreadyListed, Conflict, StudyNotOffered, WrongState
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.changes import take_back_grants
from mdt.meetings.checks import check_role, check_somebody_may_see, lock
from mdt.meetings.choices import choose_studies, hold_studies
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient, Referral, ReferralStudy
from mdt.referrals.queries import patient_known_as, sought_of
from mdt.referrals.services import refer, register_patient
from mdt.room_log import log

Action = AuditEvent.Action
P = ParamSpec("P")
R = TypeVar("R")


def _again_where_another_was_first(write: Callable[P, R]) -> Callable[P, R]:
    """Two that write the same in one instant: the second begins anew and finds what is there."""

    @wraps(write)
    def written(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return write(*args, **kwargs)
        except IntegrityError:
            return write(*args, **kwargs)

    return written


@_again_where_another_was_first
@transaction.atomic
def add_case(
    *,
    meeting: Meeting,
    nhs_number: str,
    birth_date: date,
    question: str,
    laterality: str,
    by: Person,
    event_id: UUID,
    local: LocalNumber | None = None,
    family_name: str = "",
    given_names: str = "",
    sex: str = "",
    nhs_number_status: str = "",
    named: Mapping[str, Person] | None = None,
    is_restricted: bool = False,
) -> ListedCase:
    """Put a patient on the list with a question: known by number and birth date, or made known.

    Names and sex are needed for somebody who is not known yet, and where they have no NHS number a
    trust's own and the status that says why; what is on record of somebody who is known stays as
    it is. `named` are people by their part in the referral, as `refer` takes them. Sent twice
    with one `event_id`, the second changes nothing.

    Raises
    ------
    OtherBirthDate
        The number is somebody's who was born on another day.
    AlreadyListed
        The patient is on this list.
    NumberTaken
        The trust's number of somebody new is another's.
    NotAllowed, WrongState
        As for `list_case`.
    """
    check_may_change_list(meeting=meeting, by=by)  # before anything is said of a number
    if known := patient_known_as(nhs_number, birth_date, local):
        hold_studies(known)
    held = lock(meeting.pk)
    check_may_change_list(meeting=held, by=by)
    patient = patient_known_as(nhs_number, birth_date, local)
    if patient and log.find(held, event_id, protocol.ListChanged):
        return held.cases.get(referral__patient=patient)
    if patient is None and not (family_name and sex):
        raise WrongState("This patient is not known yet: type the name, birth date and sex.")
    patient = patient or register_patient(
        nhs_number=nhs_number,
        family_name=family_name,
        given_names=given_names,
        birth_date=birth_date,
        sex=sex,
        by=by,
        nhs_number_status=nhs_number_status,
        local=local,
    )
    _check_is_not_listed(held, patient)
    referral = refer(
        patient=patient, question=question, laterality=laterality, by=by, named=named or {}
    )
    return list_case(
        meeting=held, referral=referral, by=by, event_id=event_id, is_restricted=is_restricted
    )


@transaction.atomic
def list_case(
    *,
    meeting: Meeting,
    referral: Referral,
    by: Person,
    event_id: UUID | None = None,
    is_restricted: bool = False,
) -> ListedCase:
    """Place a referral last on a meeting's list, and begin to look for its studies.

    Raises NotAllowed for whoever does not keep the list, WrongState once the meeting is closed or
    for a restricted case that nobody could see, AlreadyListed when the patient is on it.
    """
    hold_studies(referral.patient)
    meeting = lock(meeting.pk)
    if log.find(meeting, event_id, protocol.ListChanged):
        return meeting.cases.get(referral=referral)
    check_may_change_list(meeting=meeting, by=by)
    check_somebody_may_see(referral, is_restricted=is_restricted)
    _check_is_not_listed(meeting, referral.patient)
    case = ListedCase.objects.create(
        meeting=meeting,
        referral=referral,
        position=meeting.cases.count() + 1,
        listed_by=by,
        is_restricted=is_restricted,
    )
    begin_search(case)
    choose_studies(case)
    record(Action.CASE_LISTED, by=by, target=case, meeting=meeting.public_id)
    if is_restricted:
        record(Action.CASE_RESTRICTED, by=by, target=case)
    _place_after_commit(meeting)
    _say_list_changed(meeting, by, event_id)
    return case


@transaction.atomic
def move_case(*, case: ListedCase, to: int, if_position: int, by: Person) -> int:
    """Give a case another place on its list, from 1; returns where it is now.

    `if_position` is where the mover saw it. Raises Conflict when it is no longer there, or no
    longer on the list.
    """
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    position = _position_now(meeting, case)
    if position != if_position:
        raise Conflict("Somebody else has moved this case. Look where it is now.")
    to = max(1, min(to, meeting.cases.count()))
    if to == position:
        return to
    low, high = sorted((to, position))
    step = 1 if to < position else -1
    between = meeting.cases.filter(position__gte=low, position__lte=high)
    between.exclude(pk=case.pk).update(position=F("position") + step)
    meeting.cases.filter(pk=case.pk).update(position=to)
    record(Action.CASE_MOVED, by=by, target=case, of=str(if_position), to=str(to))
    _place_after_commit(meeting)
    _say_list_changed(meeting, by)
    return to


@transaction.atomic
def remove_case(*, case: ListedCase, by: Person) -> None:
    """Take a case off the list before the meeting. The referral stays, to be listed elsewhere.

    Raises Conflict when somebody else has done so.
    """
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    if meeting.state != Meeting.State.PLANNED:
        raise WrongState("The meeting has begun: the case stays on its list.")
    position = _position_now(meeting, case)
    record(Action.CASE_REMOVED, by=by, target=case, referral=case.referral.public_id)
    meeting.cases.filter(position__gt=position).update(position=F("position") - 1)
    meeting.cases.filter(pk=case.pk).delete()
    revocations.revoke(case=case.public_id)
    _place_after_commit(meeting)
    _say_list_changed(meeting, by)


@transaction.atomic
def search_again(*, case: ListedCase, by: Person) -> None:
    """Ask every archive of a case once more, or for the first time."""
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    case.referral.refresh_from_db(fields=["search"])
    if case.referral.search:
        trusts = trusts_to_ask(case)
        plan.search_again(case.referral.search, archives=plan.archives_of(trusts), trusts=trusts)
    else:
        begin_search(case)
    record(Action.SEARCHED_AGAIN, by=by, target=case)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def choose_study(*, case: ListedCase, study: Study, by: Person, reason: str = "") -> None:
    """Fetch and show a found study whatever the rule says. No rule overrides a person again.

    Raises StudyNotOffered when it is not surely this patient's, or may not be shared.
    """
    hold_studies(case.referral.patient, study)
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    found = case.referral.found_studies.select_related("study__archive").get(study=study)
    if sharing_of(case).why_withheld(found):
        raise StudyNotOffered("This study is withheld: it cannot be chosen here.")
    _set_choice(found, True, reason or BY_HAND, by)
    plan.want_study(found.study)
    choose_studies(case)
    record(Action.STUDY_CHOSEN, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def unchoose_study(*, case: ListedCase, study: Study, by: Person, reason: str = "") -> None:
    """Leave a study out of the case: what is here of it stays here, and is no longer shown."""
    hold_studies(case.referral.patient, study)
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    found = case.referral.found_studies.get(study=study)
    _set_choice(found, False, reason or NOT_BY_HAND, by)
    take_back_grants([copy.study for copy in _copies(found)], case=case.public_id)
    choose_studies(case)
    record(Action.STUDY_UNCHOSEN, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def retry_study(*, case: ListedCase, study: Study, by: Person) -> None:
    """Fetch a study again that failed, came in part, or was removed after the meeting; of one that
    is here in whole, what its archive has more by now.

    Also once the meeting is closed: it changes nothing on its list.
    """
    plan.hold_studies([study])
    meeting = lock(case.meeting_id)
    check_role(meeting, by, access.MAY_KEEP_LIST)
    found = case.referral.found_studies.select_related("study__archive").get(study=study)
    if not found.is_chosen or sharing_of(case).why_withheld(found):
        raise StudyNotOffered("Only a study that is chosen, and not withheld, is fetched.")
    is_made = not series_not_made([study])  # else its archive need not be asked
    plan.want_study(found.study, look_again=is_made)
    record(Action.STUDY_RETRIED, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def cancel_study(*, case: ListedCase, study: Study, by: Person) -> None:
    """Stop fetching a study. What came of it stays here; a person may have it fetched again.

    Raises WrongState when nothing of it is being fetched.
    """
    plan.hold_studies([study])
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    found = case.referral.found_studies.select_related("study").get(study=study)
    if not plan.cancel_study(found.study, by=by.shown_name):
        raise WrongState("This study is not being fetched: there is nothing to cancel.")
    record(Action.STUDY_CANCELLED, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


def _place_after_commit(meeting: Meeting) -> None:
    """What is asked and fetched follows the list. After the commit, since who works at a job holds
    it and then locks the meeting.
    """

    def place() -> None:  # no partial: Django logs the failure of a robust hook by its __qualname__
        place_searches(meeting)

    transaction.on_commit(place, robust=True)


def place_searches(meeting: Meeting) -> None:
    """Give the searches of a meeting's cases their place in the queue: that of the soonest meeting
    which has the case on its list and is not over. A search may be an earlier meeting's.
    """
    cases = ListedCase.objects.filter(
        referral__listings__meeting=meeting,
        referral__search__isnull=False,
        meeting__starts_at__gte=timezone.now() - MEETING_LASTS,
    ).exclude(meeting__state=Meeting.State.CLOSED)
    joined = cases.select_related("meeting", "referral__search").order_by("-meeting__starts_at")
    for case in {case.referral_id: case for case in joined}.values():
        search = case.referral.search
        assert search is not None  # noqa: S101  filtered so
        at, position = case.meeting.starts_at, case.position
        if (search.meeting_at, search.list_position) != (at, position):
            plan.place_search(search, meeting_at=at, list_position=position)


def begin_search(case: ListedCase) -> None:
    """Ask the archives for a case that has no search yet."""
    referral, trusts = case.referral, trusts_to_ask(case)
    archives = plan.archives_of(trusts)
    if referral.search is not None or not archives:
        return
    referral.search = plan.search_archives(
        sought=sought_of(referral.patient),
        archives=archives,
        meeting_at=case.meeting.starts_at,
        list_position=case.position,
        trusts=trusts,
    )
    referral.save(update_fields=["search"])


def trusts_to_ask(case: ListedCase) -> frozenset[str]:
    """The team's trusts (ODS codes), but none whose studies could not be shown."""
    asked_of = case.meeting.team.asked_of.values_list("ods_code", flat=True)
    sharing = sharing_of(case)
    return frozenset(ods_code for ods_code in asked_of if sharing.may_ask(ods_code))


def _copies(found: ReferralStudy) -> QuerySet[ReferralStudy]:
    """This study as found in every archive."""
    uid = found.study.study_instance_uid
    copies = found.referral.found_studies.select_related("study")
    return copies.filter(study__study_instance_uid=uid)


def _set_choice(found: ReferralStudy, is_chosen: bool, reason: str, by: Person) -> None:
    """A person's last word on one copy is their word on the study in every archive."""
    _copies(found).update(chosen_by=None)
    found.is_chosen, found.reason, found.chosen_by = is_chosen, reason, by
    found.save(update_fields=["is_chosen", "reason", "chosen_by"])


def check_may_change_list(*, meeting: Meeting, by: Person) -> None:
    """Raise NotAllowed for whoever does not keep the list, WrongState once the meeting is over."""
    check_role(meeting, by, access.MAY_KEEP_LIST)
    if meeting.state == Meeting.State.CLOSED:
        raise WrongState("The meeting is closed: its list no longer changes.")


def _position_now(meeting: Meeting, case: ListedCase) -> int:
    """Where a case is on the list of its meeting, which is held: `case` was read before that."""
    held = meeting.cases.filter(pk=case.pk).first()
    if held is None:
        raise Conflict("Somebody else has taken this case off the list.")
    return held.position


def _check_is_not_listed(meeting: Meeting, patient: Patient) -> None:
    listed = meeting.cases.filter(referral__patient=patient).first()
    if listed is not None:
        raise AlreadyListed(f"This patient is on the list already, as number {listed.position}.")


def _say_list_changed(meeting: Meeting, by: Person, event_id: UUID | None = None) -> None:
    log.append(meeting, protocol.ListChanged(by=by.public_id), event_id)
