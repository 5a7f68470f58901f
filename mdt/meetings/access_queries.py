"""Lookups that are the check: they return the object, or 404 as if it did not exist."""

from datetime import datetime

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from imaging.grants import Grant, Purpose
from imaging.models import Series
from mdt import access
from mdt.audit import grants
from mdt.meetings.models import ListedCase, Meeting
from mdt.members import Person
from mdt.teams.queries import roles_of


def meeting_or_404(person: Person, meeting_id: str) -> Meeting:
    """The meeting whose room this person may enter now."""
    meetings = Meeting.objects.select_related("team", "case", "presenter")
    meeting = get_object_or_404(meetings, public_id=meeting_id)
    if not access.may_enter_room(meeting, _roles(person, meeting, timezone.now())):
        raise Http404
    return meeting


def case_or_404(person: Person, case_id: str) -> ListedCase:
    """The case this person may see now."""
    cases = ListedCase.objects.select_related("meeting__team", "referral")
    case = get_object_or_404(cases, public_id=case_id)
    now = timezone.now()
    is_present = case.meeting.attendances.filter(person=person, left_at=None).exists()
    roles = _roles(person, case.meeting, now)
    if not access.may_view_case(person, case, roles, at=now, is_present=is_present):
        raise Http404
    return case


def authorise(*, person: Person, series: Series, case_id: str, purpose: Purpose) -> Grant:
    """The door imaging asks (settings.IMAGING_AUTHORISE): a grant that is already on record."""
    case = case_or_404(person, case_id)
    if not case.referral.found_studies.filter(study=series.study_id, is_chosen=True).exists():
        raise Http404
    return grants.issue(person=person, series=series, case_id=case.public_id, purpose=purpose)


def _roles(person: Person, meeting: Meeting, at: datetime) -> frozenset[str]:
    return roles_of(person, meeting.team, timezone.localdate(at))
