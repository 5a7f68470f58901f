"""Whose a study is, settled by its trust's imaging team; and patients put right. Writes only."""

from datetime import date
from typing import Any

from django.db import transaction

from imaging import settle
from imaging.models import IdentityDecision, Study
from mdt import access
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import Conflict, MdtError, NotAllowed, WrongState
from mdt.identity.queries import may_decide, trusts_decided_for
from mdt.meetings import changes
from mdt.meetings.checks import check_role
from mdt.meetings.models import ListedCase
from mdt.meetings.put_right import seek_anew, tell
from mdt.members import Person
from mdt.referrals import services as referrals
from mdt.referrals.models import Patient
from mdt.reports import services as reports
from mdt.reports.models import ReportDecision, UnmatchedReport
from mdt.reports.queries import doubted_of, question_of

Action = AuditEvent.Action


@transaction.atomic
def decide(
    *, study: Study, verdict: str, reason: str, note: str, seen: str, by: Person
) -> IdentityDecision:
    """Say whether a doubtful study is of the person sought. `seen` names what was shown.

    A study that is surely another person's is never asked about: that no decision overrides.

    Raises
    ------
    NotAllowed
        `by` is not of the imaging team of the trust whose study it is, today.
    MdtError
        The reason is none for this verdict.
    WrongState
        There is nothing to decide any more.
    Conflict
        The patient's data or the study's headers have changed since they were shown.
    """
    if not may_decide(by, study):
        raise NotAllowed("Only the imaging team of the trust whose study it is decides this.")
    said = IdentityDecision.Verdict(verdict)
    if reason not in IdentityDecision.REASONS_OF[said]:
        raise MdtError("Choose a reason that belongs to the decision.")
    decision = _decide(study, said, reason, note, seen, by)
    record(Action.IDENTITY_DECIDED, by=by, target=study, verdict=verdict, reason=reason)
    return decision


@transaction.atomic
def correct_patient(*, case: ListedCase, by: Person, birth_date: date, **facts: Any) -> list[str]:
    """Put right who a case's patient is, as `mdt.referrals.services.correct_patient` does.

    Every study stored of the patient is held against the correction at once; what agrees no more
    leaves the screens. The archives are asked anew, and each meeting concerned is told. Returns
    the names of what changed. Raises NotAllowed, and what that function raises.
    """
    check_role(case.meeting, by, access.MAY_KEEP_LIST)
    patient = Patient.objects.select_for_update().get(pk=case.referral.patient_id)
    changed = referrals.correct_patient(patient=patient, birth_date=birth_date, by=by, **facts)
    if set(changed) - {"is_deceased"}:
        seek_anew(patient)
    if changed:
        tell(patient)
    return changed


def decide_report(*, patient: Patient, **said: Any) -> ReportDecision:
    """Say whether a doubtful report is this patient's, as `_say_of_report` takes it; then what was
    decided holds for all that say the same.

    Raises NotAllowed, MdtError, WrongState and Conflict as `decide` does.
    """
    decision = _say_of_report(patient=patient, **said)
    reports.match_decided(patient)
    return decision


@transaction.atomic
def _say_of_report(
    *,
    unmatched: UnmatchedReport,
    patient: Patient,
    verdict: str,
    reason: str,
    note: str,
    seen: str,
    by: Person,
) -> ReportDecision:
    """On record. `seen` names what was shown."""
    if unmatched.source.trust_ods_code not in trusts_decided_for(by):
        raise NotAllowed("Only the imaging team of the trust whose report it is decides this.")
    said = IdentityDecision.Verdict(verdict)
    if reason not in IdentityDecision.REASONS_OF[said]:
        raise MdtError("Choose a reason that belongs to the decision.")
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    held = UnmatchedReport.objects.select_for_update(of=("self",)).select_related("source")
    still = held.filter(pk=unmatched.pk).first()
    if still is None or patient not in doubted_of(still):
        raise WrongState("There is nothing to decide here any more.")
    if question_of(patient, still) != seen:
        raise Conflict("The patient's data has changed since you looked. Look again.")
    record(Action.IDENTITY_DECIDED, by=by, target=still, verdict=verdict, reason=reason)
    return reports.settle(
        unmatched=still, patient=patient, verdict=said, reason=reason, note=note, by=by
    )


@transaction.atomic
def record_objection(*, case: ListedCase, trust_ods_code: str, by: Person) -> bool:
    """Write down that a case's patient objects to one trust's studies and reports being shared.

    They are withheld from then on: nothing more is asked of that trust, what was granted is taken
    back, each meeting concerned is told. Whether it is new. Raises NotAllowed.
    """
    check_role(case.meeting, by, access.MAY_KEEP_LIST)
    patient = Patient.objects.select_for_update().get(pk=case.referral.patient_id)
    is_new = referrals.record_objection(patient=patient, trust_ods_code=trust_ods_code, by=by)
    if is_new:
        changes.objected(patient, trust_ods_code)
    return is_new


def _decide(
    study: Study, verdict: IdentityDecision.Verdict, reason: str, note: str, seen: str, by: Person
) -> IdentityDecision:
    try:
        return settle.decide(
            study=study, verdict=verdict, reason=reason, note=note, by=by.public_id, seen=seen
        )
    except settle.NotInDoubtError as settled:
        raise WrongState("There is nothing to decide here any more.") from settled
    except settle.ChangedError as changed:
        text = "The patient's data or the study has changed since you looked. Look again."
        raise Conflict(text) from changed
