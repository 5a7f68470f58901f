"""Every table of this app, in the order the work flows. Nothing is defined here."""

from mdt.annotations.models import Mark, MarkVersion
from mdt.audit.models import AuditEvent
from mdt.meetings.models import Attendance, ListedCase, Meeting
from mdt.members import Person
from mdt.outcomes.models import (
    OutcomeDraft,
    OutcomeStep,
    OutcomeVersion,
    PersonPresent,
    SetAside,
)
from mdt.referrals.models import Objection, Patient, PatientNumber, Referral, ReferralStudy
from mdt.room_log.models import RoomEvent
from mdt.teams.models import Membership, QuorumRule, SharingAgreement, Site, Team, Trust

__all__ = [
    "Attendance",
    "AuditEvent",
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
    "RoomEvent",
    "SetAside",
    "SharingAgreement",
    "Site",
    "Team",
    "Trust",
]
