"""The list of a meeting: who is on it, in which order, with which studies. Writes only."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from imaging import plan, relevance, revocations
from imaging.models import Archive, Study
from mdt import access, protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import AlreadyListed, Conflict, StudyNotOffered, WrongState
from mdt.meetings.access_queries import Sharing, sharing_of
from mdt.meetings.checks import check_role, lock
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.referrals.models import Patient, Referral, ReferralStudy
from mdt.referrals.queries import patient_known_as, sought_of
from mdt.referrals.services import refer, register_patient
from mdt.room_log import log

Action = AuditEvent.Action
BY_HAND = "chosen by hand"
NOT_BY_HAND = "left out by hand"
WITHHELD = "withheld"


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
    family_name: str = "",
    given_names: str = "",
    sex: str = "",
) -> ListedCase:
    """Put a patient on the list with a question: known by number and birth date, or made known.

    Names and sex are needed for somebody who is not known yet; what is on record of somebody
    who is stays as it is. Sent twice with one `event_id`, the second changes nothing.

    Raises
    ------
    OtherBirthDate
        The number is somebody's who was born on another day.
    AlreadyListed
        The patient is on this list.
    NotAllowed, WrongState
        As for `list_case`.
    """
    held = lock(meeting.pk)
    check_may_change_list(meeting=held, by=by)
    patient = patient_known_as(nhs_number, birth_date)
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
    )
    _check_is_not_listed(held, patient)
    referral = refer(patient=patient, question=question, laterality=laterality, by=by)
    return list_case(meeting=held, referral=referral, by=by, event_id=event_id)


@transaction.atomic
def list_case(
    *, meeting: Meeting, referral: Referral, by: Person, event_id: UUID | None = None
) -> ListedCase:
    """Place a referral last on a meeting's list, and begin to look for its studies.

    Raises NotAllowed for whoever does not keep the list, WrongState once the meeting is closed,
    AlreadyListed when the patient is on it.
    """
    meeting = lock(meeting.pk)
    if log.find(meeting, event_id, protocol.ListChanged):
        return meeting.cases.get(referral=referral)
    check_may_change_list(meeting=meeting, by=by)
    _check_is_not_listed(meeting, referral.patient)
    case = ListedCase.objects.create(
        meeting=meeting, referral=referral, position=meeting.cases.count() + 1, listed_by=by
    )
    _search(case)
    _choose_studies(case)
    record(Action.CASE_LISTED, by=by, target=case, meeting=meeting.public_id)
    _say_list_changed(meeting, by, event_id)
    return case


@transaction.atomic
def move_case(*, case: ListedCase, to: int, if_position: int, by: Person) -> int:
    """Give a case another place on its list, from 1; returns where it is now.

    `if_position` is where the mover saw it. Raises Conflict when it is no longer there.
    """
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    case.refresh_from_db(fields=["position"])
    if case.position != if_position:
        raise Conflict("Somebody else has moved this case. Look where it is now.")
    to = max(1, min(to, meeting.cases.count()))
    if to == case.position:
        return to
    low, high = sorted((to, case.position))
    step = 1 if to < case.position else -1
    between = meeting.cases.filter(position__gte=low, position__lte=high)
    between.exclude(pk=case.pk).update(position=F("position") + step)
    meeting.cases.filter(pk=case.pk).update(position=to)
    record(Action.CASE_MOVED, by=by, target=case, of=str(if_position), to=str(to))
    _say_list_changed(meeting, by)
    return to


@transaction.atomic
def remove_case(*, case: ListedCase, by: Person) -> None:
    """Take a case off the list before the meeting. The referral stays, to be listed elsewhere."""
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    if meeting.state != Meeting.State.PLANNED:
        raise WrongState("The meeting has begun: the case stays on its list.")
    record(Action.CASE_REMOVED, by=by, target=case, referral=case.referral.public_id)
    meeting.cases.filter(position__gt=case.position).update(position=F("position") - 1)
    meeting.cases.filter(pk=case.pk).delete()
    revocations.revoke(case=case.public_id)
    _say_list_changed(meeting, by)


@transaction.atomic
def search_again(*, case: ListedCase, by: Person) -> None:
    """Ask every archive of a case once more, or for the first time."""
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    if case.referral.search:
        plan.search_again(case.referral.search)
    else:
        _search(case)
    record(Action.SEARCHED_AGAIN, by=by, target=case)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def choose_study(*, case: ListedCase, study: Study, by: Person, reason: str = "") -> None:
    """Fetch and show a found study whatever the rule says. No rule overrides a person again.

    Raises StudyNotOffered when it is not surely this patient's, or may not be shared.
    """
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    found = case.referral.found_studies.select_related("study__archive").get(study=study)
    if sharing_of(case).why_withheld(found):
        raise StudyNotOffered("This study is withheld: it cannot be chosen here.")
    _set_choice(found, True, reason or BY_HAND, by)
    plan.want_study(found.study)
    record(Action.STUDY_CHOSEN, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def unchoose_study(*, case: ListedCase, study: Study, by: Person, reason: str = "") -> None:
    """Leave a study out of the case: what is here of it stays here, and is no longer shown."""
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    found = case.referral.found_studies.get(study=study)
    _set_choice(found, False, reason or NOT_BY_HAND, by)
    _take_back_grants(study, case=case.public_id)
    record(Action.STUDY_UNCHOSEN, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


@transaction.atomic
def retry_study(*, case: ListedCase, study: Study, by: Person) -> None:
    """Fetch a study again that failed or came in part."""
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    found = case.referral.found_studies.select_related("study__archive").get(study=study)
    if not found.is_chosen or sharing_of(case).why_withheld(found):
        raise StudyNotOffered("Only a study that is chosen, and not withheld, is fetched.")
    plan.want_study(found.study)
    record(Action.STUDY_RETRIED, by=by, target=study, case=case.public_id)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


def study_changed(study: Study) -> None:
    """The door imaging calls (settings.IMAGING_ON_CHANGE), inside its transaction: keep it short.

    Links a new study to every open case of the patients whose searches found it, chooses again by
    the rule, wants what is chosen, and refreshes those cases in their rooms. What turns out to be
    somebody else's leaves every screen.
    """
    if study.state == Study.State.WITHHELD:
        _take_back_grants(study)
    patients = Referral.objects.filter(search__studies=study).values("patient")
    _offer_no_longer(study, patients)
    cases = ListedCase.objects.filter(referral__patient__in=patients)
    cases = cases.exclude(meeting__state=Meeting.State.CLOSED)
    joined = cases.select_related("meeting__team__site__trust", "referral__patient")
    for case in joined.order_by("meeting_id", "pk"):
        _choose_studies(case)
        log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))


def _offer_no_longer(study: Study, patients: QuerySet[Any, Any]) -> None:
    """Unlink a study, once it is surely somebody's, from the referrals of others who doubted it."""
    rows = ReferralStudy.objects.filter(study=study, is_chosen=False)
    strangers = rows.exclude(referral__patient__in=patients)
    referrals = list(strangers.values_list("referral", flat=True))
    if not referrals:
        return
    strangers.delete()
    cases = ListedCase.objects.filter(referral__in=referrals).select_related("meeting")
    for case in cases.exclude(meeting__state=Meeting.State.CLOSED).order_by("meeting_id", "pk"):
        log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))


def _search(case: ListedCase) -> None:
    """Ask the archives of the team's trusts, but none whose studies could not be shown."""
    referral, team, sharing = case.referral, case.meeting.team, sharing_of(case)
    asked_of = team.asked_of.values_list("ods_code", flat=True)
    trusts = [ods_code for ods_code in asked_of if sharing.may_ask(ods_code)]
    if referral.search is not None or not trusts:
        return
    referral.search = plan.search_archives(
        sought=sought_of(referral.patient),
        archives=Archive.objects.filter(trust_ods_code__in=trusts),
        meeting_at=case.meeting.starts_at,
        list_position=case.position,
    )
    referral.save(update_fields=["search"])


def _choose_studies(case: ListedCase) -> None:
    """Link the patient's studies to the referral and choose among them, save where a person did."""
    sharing = sharing_of(case)
    studies = _known_studies(case.referral.patient)
    choices = _choices(studies, sharing, case.meeting.team.prior_years)
    rows = {row.study_id: row for row in case.referral.found_studies.all()}
    for study in studies:
        choice = choices[study.pk]
        row = rows.get(study.pk) or ReferralStudy(referral=case.referral, study=study)
        if row.chosen_by_id is None and _differs(row, choice):
            row.is_chosen, row.reason = choice.is_chosen, choice.reason
            row.save()
        # Only what was never asked for: a study that failed is retried by a person, not in a loop.
        if row.is_chosen and study.state == Study.State.FOUND and choice.reason != WITHHELD:
            plan.want_study(study)


def _choices(
    studies: Iterable[Study], sharing: Sharing, prior_years: int
) -> dict[int, relevance.Choice]:
    """The rule's choice for each study; one that may not be shared takes no part in it."""
    studies = list(studies)
    may_share = [s for s in studies if sharing.may_ask(s.archive.trust_ods_code)]
    withheld = {study.pk: relevance.Choice(False, WITHHELD) for study in studies}
    today = timezone.localdate()
    return withheld | relevance.choose(may_share, today=today, prior_years=prior_years)


def _known_studies(patient: Patient) -> list[Study]:
    """Every study found for a patient, by whichever referral's search."""
    searches = Referral.objects.filter(patient=patient, search__isnull=False).values("search")
    found = Study.objects.filter(searches__in=searches).distinct()
    return list(found.select_related("archive", "search"))


def _take_back_grants(study: Study, case: str = "") -> None:
    """End what was granted of a study, in one case or in all."""
    for series in study.series.all():
        revocations.revoke(series=series.public_id, case=case)


def _differs(row: ReferralStudy, choice: relevance.Choice) -> bool:
    return row.pk is None or (row.is_chosen, row.reason) != (choice.is_chosen, choice.reason)


def _set_choice(found: ReferralStudy, is_chosen: bool, reason: str, by: Person) -> None:
    found.is_chosen, found.reason, found.chosen_by = is_chosen, reason, by
    found.save(update_fields=["is_chosen", "reason", "chosen_by"])


def check_may_change_list(*, meeting: Meeting, by: Person) -> None:
    """Raise NotAllowed for whoever does not keep the list, WrongState once the meeting is over."""
    check_role(meeting, by, access.MAY_KEEP_LIST)
    if meeting.state == Meeting.State.CLOSED:
        raise WrongState("The meeting is closed: its list no longer changes.")


def _check_is_not_listed(meeting: Meeting, patient: Patient) -> None:
    listed = meeting.cases.filter(referral__patient=patient).first()
    if listed is not None:
        raise AlreadyListed(f"This patient is on the list already, as number {listed.position}.")


def _say_list_changed(meeting: Meeting, by: Person, event_id: UUID | None = None) -> None:
    log.append(meeting, protocol.ListChanged(by=by.public_id), event_id)
