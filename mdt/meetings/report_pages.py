"""Pages for the reports of a case: read them, bring one, open its PDF."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from mdt import stored
from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record, record_each_once_a_day, record_once_a_day
from mdt.errors import MdtError
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.case_reports import bring_report
from mdt.meetings.models import ListedCase
from mdt.meetings.offers import may_keep_list
from mdt.meetings.report_queries import CaseReports, ShownReport, document_or_404, reports_of
from mdt.meetings.services import check_may_change_list
from mdt.meetings.upload_queries import trusts_to_bring_from
from mdt.members import Person
from mdt.reports.forms import BringForm

Action = AuditEvent.Action
NEW = "reports/new.html"
SANDBOX = "default-src 'none'; sandbox"


@require_GET
def reports_page(request: HttpRequest, case_id: str) -> HttpResponse:
    """Every report of a case with its versions. That each was read is on record, once a day."""
    person = person_of(request)
    case = case_or_404(person, case_id)
    record_once_a_day(Action.REPORTS_VIEWED, by=person, target=case)
    reports = reports_of(case)
    _record_read(person, case, reports)
    context = _context(case) | {
        "reports": reports,
        "may_keep_list": may_keep_list(person, case.meeting),
    }
    return render(request, "reports/reports.html", context)


@require_GET
def new_report_page(request: HttpRequest, case_id: str) -> HttpResponse:
    case = _case_to_keep_or_404(request, case_id)
    record_once_a_day(Action.CASE_VIEWED, by=person_of(request), target=case)
    return render(request, NEW, _context(case) | {"form": _form(case)})


@require_POST
def add_report(request: HttpRequest, case_id: str) -> HttpResponse:
    """Keep it, or show the same form again with what is wrong: nothing typed is lost."""
    case = _case_to_keep_or_404(request, case_id)
    form = _form(case, data=request.POST, files=request.FILES)
    context = _context(case) | {"form": form}
    if not form.is_valid():
        return render(request, NEW, context, status=422)
    values = form.cleaned_data
    try:
        bring_report(
            case=case,
            trust_ods_code=values["trust"],
            arrived=form.arrived(),
            by=person_of(request),
            of=values["of"],
        )
    except MdtError as refusal:
        return render(request, NEW, context | {"refusal": refusal}, status=refusal.status)
    return redirect("reports", case.public_id)


@require_GET
def report_document(request: HttpRequest, case_id: str, version_id: str) -> HttpResponse:
    """The PDF as it came, to be saved or opened by the reader's own program: never by this page."""
    person = person_of(request)
    version = document_or_404(person, case_id, version_id)
    content = stored.read(version.store_key)  # first: what cannot be had was not opened
    record(Action.REPORT_OPENED, by=person, target=version, case=case_id)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": 'attachment; filename="report.pdf"',
            "Content-Security-Policy": SANDBOX,
        },
    )


def _record_read(person: Person, case: ListedCase, reports: CaseReports) -> None:
    """Of each version whose text the page shows: one that came later that day is a row too."""
    standing = [one for one in reports.shown if not one.is_withdrawn]
    read = [version for one in standing for version in one.versions]
    record_each_once_a_day(Action.REPORTS_VIEWED, by=person, targets=read, case=case.public_id)


def _form(case: ListedCase, **filled: Any) -> BringForm:
    trusts = [(trust.ods_code, str(trust)) for trust in trusts_to_bring_from(case)]
    reports = [(one.report.public_id, _named(one)) for one in reports_of(case).shown]
    return BringForm(trusts=trusts, reports=reports, **filled)


def _named(shown: ShownReport) -> str:
    what = " ".join(filter(None, [shown.current.title, shown.report.number]))
    issued = f"{shown.current.issued_at:%-d %b %Y}"
    kind = shown.report.get_kind_display().lower()
    return f"a newer version of: {kind} {what}, {shown.trust}, {issued}"


def _context(case: ListedCase) -> dict[str, Any]:
    return {"case": case, "patient": case.referral.patient, "section": "meetings"}


def _case_to_keep_or_404(request: HttpRequest, case_id: str) -> ListedCase:
    """The case, for whoever keeps its list. Members who do not are refused in words."""
    case = case_or_404(person_of(request), case_id)
    check_may_change_list(meeting=case.meeting, by=person_of(request))
    return case
