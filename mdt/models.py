"""Every table of this app, in the order the work flows. Nothing is defined here."""

from mdt.annotations.models import Mark, MarkVersion
from mdt.audit.models import AuditEvent
from mdt.meetings.models import (
    Attendance,
    ImageRequest,
    ImageRequestStep,
    ListedCase,
    Meeting,
)
from mdt.members import Person
from mdt.outcomes.models import (
    OutcomeDraft,
    OutcomeStep,
    OutcomeVersion,
    PersonPresent,
    SetAside,
    ShownView,
)
from mdt.referrals.models import Objection, Patient, PatientNumber, Referral, ReferralStudy
from mdt.reports.models import (
    Report,
    ReportDecision,
    ReportSource,
    ReportVersion,
    UnmatchedNumber,
    UnmatchedReport,
)
from mdt.room_log.models import RoomEvent
from mdt.teams.models import (
    Duty,
    Membership,
    QuorumRule,
    RelevanceRule,
    SharingAgreement,
    Site,
    Team,
    Trust,
)

__all__ = [
    "Attendance",
    "AuditEvent",
    "Duty",
    "ImageRequest",
    "ImageRequestStep",
    "ListedCase",
    "Mark",
    "MarkVersion",
    "Meeting",
    "Membership",
    "Objection",
    "OutcomeDraft",
    "OutcomeStep",
    "OutcomeVersion",
    "Patient",
    "PatientNumber",
    "Person",
    "PersonPresent",
    "QuorumRule",
    "Referral",
    "ReferralStudy",
    "RelevanceRule",
    "Report",
    "ReportDecision",
    "ReportSource",
    "ReportVersion",
    "RoomEvent",
    "SetAside",
    "SharingAgreement",
    "ShownView",
    "Site",
    "Team",
    "Trust",
    "UnmatchedNumber",
    "UnmatchedReport",
]
