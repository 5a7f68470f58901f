"""The list of a meeting: who is on it, in which order, with which studies. Writes only."""

from imaging.models import Study
from mdt import protocol
from mdt.meetings.models import ListedCase, Meeting
from mdt.room_log import log


def study_changed(study: Study) -> None:
    """The door imaging calls (settings.IMAGING_ON_CHANGE): refresh every case with the study."""
    cases = ListedCase.objects.filter(referral__found_studies__study=study)
    cases = cases.select_related("meeting").exclude(meeting__state=Meeting.State.CLOSED)
    for case in cases.order_by("meeting_id", "pk"):
        log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))
