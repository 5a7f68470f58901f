"""The demo's meetings: one that has been, with its signed outcome; today's; and the next."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mdt.demo.past import found_before, hold
from mdt.demo.story import PATIENTS
from mdt.laterality import Laterality
from mdt.meetings.models import Meeting
from mdt.meetings.services import list_case
from mdt.members import Person
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient, PatientNumber
from mdt.referrals.services import learn_local_number, refer, register_patient
from mdt.teams.models import Team

HOUR = 14
COORDINATOR = "coordinator"
LISTED_YESTERDAY = "walsh"  # of today's: a prior comes to light today


@dataclass(frozen=True)
class DemoReferral:
    patient: str
    question: str
    laterality: Laterality
    referrer: str = "consultant"


TODAY = [
    DemoReferral("khan", "Left frontal lesion, has grown since the last CT: resectable?",
                 Laterality.LEFT),
    DemoReferral("khan-a", "Single lesion on outside CT; chest and neck staging complete?",
                 Laterality.NOT_KNOWN),
    DemoReferral("okonkwo", "Angiogram before biopsy: is there a safe way in?", Laterality.RIGHT),
    DemoReferral("dean", "Incidental finding on MR, aged 88: any need to treat?",
                 Laterality.NOT_APPLICABLE),
    DemoReferral("price", "Small left frontal lesion: watch or operate?", Laterality.LEFT),
    DemoReferral("walsh", "New lesion at an outside hospital: stage and route?", Laterality.LEFT),
]  # fmt: skip
NEXT = [DemoReferral("khalil", "New seizures, imaging awaited: plan?", Laterality.NOT_KNOWN)]
BEFORE = [DemoReferral("hussain", "New left frontal lesion: diagnosis and plan?", Laterality.LEFT)]


def seed_meetings(team: Team) -> None:
    """Each meeting is made when there is none of its kind; days are those of today."""
    today = timezone.localdate()
    if not team.meetings.filter(state=Meeting.State.CLOSED).exists():
        hold(_meeting(team, today - timedelta(days=7), BEFORE))
    if not team.meetings.filter(starts_at__date=today).exists():
        meeting = _meeting(team, today, TODAY)
        walsh = PATIENTS[LISTED_YESTERDAY].family_name
        found_before(meeting.cases.get(referral__patient__family_name=walsh))
    if not team.meetings.filter(starts_at__date__gt=today).exists():
        _meeting(team, today + timedelta(days=7), NEXT)


def seed_patients() -> None:
    """Who is on a list, with the number each trust has for them; the others are to be typed in."""
    by = Person.objects.get(username=COORDINATOR)
    for key in {demo.patient: None for demo in [*BEFORE, *TODAY, *NEXT]}:
        demo = PATIENTS[key]
        if PatientNumber.objects.filter(issuer="nhs", value=demo.nhs_number).exists():
            continue  # and may have been put right since
        with transaction.atomic():
            patient = register_patient(
                nhs_number=demo.nhs_number,
                family_name=demo.family_name,
                given_names=demo.given_names,
                birth_date=date.fromisoformat(demo.birth_date),
                sex=demo.sex,
                by=by,
            )
            for code, number in demo.local_numbers.items():
                learn_local_number(patient=patient, local=LocalNumber(code, number), by=by)


def _meeting(team: Team, day: date, referrals: list[DemoReferral]) -> Meeting:
    """A planned meeting in the afternoon, its cases listed as the coordinator would list them."""
    starts_at = datetime(day.year, day.month, day.day, HOUR, tzinfo=ZoneInfo(settings.TIME_ZONE))
    meeting = Meeting.objects.create(team=team, starts_at=starts_at)
    by = Person.objects.get(username=COORDINATOR)
    for demo in referrals:
        nhs_number = PATIENTS[demo.patient].nhs_number
        referrer = Person.objects.get(username=demo.referrer)
        referral = refer(
            patient=Patient.objects.get(numbers__issuer="nhs", numbers__value=nhs_number),
            question=demo.question,
            laterality=demo.laterality,
            by=by,
            named={"referrer": referrer},
        )
        list_case(meeting=meeting, referral=referral, by=by, event_id=uuid4())
    return meeting
