"""Reports that somebody of the team brings for a case. Writes only."""

from django.http import Http404

from imaging.store.base import StoreError
from mdt.errors import NotAllowed, ReportNotTaken
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import ListedCase
from mdt.meetings.report_queries import reports_of
from mdt.meetings.services import check_may_change_list
from mdt.members import Person
from mdt.reports import services
from mdt.reports.arrived import Arrived, NotTaken
from mdt.reports.models import Report


def bring_report(
    *, case: ListedCase, trust_ods_code: str, arrived: Arrived, by: Person, of: str = ""
) -> services.Kept:
    """Keep a pasted text or a PDF as a report of the case's patient; with `of`, the public id of
    a report of the case, as its newer version.

    Raises
    ------
    NotAllowed
        `by` does not keep the list, or the trust's reports may not be shown in this case.
    WrongState
        The meeting is closed.
    ReportNotTaken
        It is empty, no PDF, or too large; the store cannot take it now; or what it is to be a
        version `of` is of another kind or trust.
    """
    check_may_change_list(meeting=case.meeting, by=by)
    if not sharing_of(case).may_ask(trust_ods_code):
        raise NotAllowed("Reports of this trust may not be shown in this case.")
    report = _report(case, of) if of else None
    if report and (report.kind, report.trust_ods_code) != (arrived.kind, trust_ods_code):
        text = "The report it is to be a newer version of is of another kind or trust."
        raise ReportNotTaken("report.another", text)
    try:
        return services.bring(
            patient=case.referral.patient,
            trust_ods_code=trust_ods_code,
            arrived=arrived,
            by=by,
            of=report,
        )
    except (NotTaken, StoreError) as no:
        raise ReportNotTaken(no.code, no.message) from no


def _report(case: ListedCase, public_id: str) -> Report:
    """One of those that may be read here."""
    for one in reports_of(case).shown:
        if one.report.public_id == public_id:
            return one.report
    raise Http404
