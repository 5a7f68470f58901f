"""Reports of which only a person can say whose they are, for the imaging team of their trust.

Read only. What a report says is not shown: whom it names is what there is to decide.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import Http404

from imaging.identity import verdict
from mdt.identity.queries import Awaited, open_ones, trusts_decided_for
from mdt.identity.words import Fact, facts_of, why
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.referrals.models import Patient
from mdt.referrals.queries import sought_of
from mdt.reports.arrived import Arrived
from mdt.reports.models import UnmatchedReport
from mdt.reports.queries import doubted_of, doubtful_of_trusts, identity_source, question_of
from mdt.teams.queries import trusts_by_code

CONTESTED = "the same number came for another patient"


@dataclass(frozen=True)
class WaitingReport(Awaited):
    """One report that waits, and whose it may be."""

    unmatched: UnmatchedReport
    patient: Patient

    @property
    def report(self) -> Arrived:
        return Arrived.of(self.unmatched.arrived)

    @property
    def why(self) -> str:
        return CONTESTED if self.unmatched.is_contested else why(self._evidence)

    @property
    def facts(self) -> list[Fact]:
        """Who is sought beside who the sender says it is about: here, and here alone."""
        sought, source = sought_of(self.patient), identity_source(self.unmatched.source)
        claim, trust = self.report.claim, source.trust_ods_code
        return facts_of(sought, claim, self._evidence, trust=trust)

    @property
    def seen(self) -> str:
        """What names all that is shown."""
        return question_of(self.patient, self.unmatched)

    @property
    def _evidence(self) -> list[str]:
        source = identity_source(self.unmatched.source)
        return verdict(sought_of(self.patient), self.report.claim, source).evidence


def reports_waiting(person: Person) -> list[WaitingReport]:
    """What waits for this person's teams, what is discussed soonest first."""
    return _waiting(doubtful_of_trusts(trusts_decided_for(person)))


def waiting_report_or_404(person: Person, report_id: str) -> WaitingReport:
    """A report that waits for this person's team; what was settled meanwhile waits no more."""
    if not (report_id.isascii() and report_id.isalnum()):
        raise Http404
    mine = doubtful_of_trusts(trusts_decided_for(person)).filter(public_id=report_id)
    for waiting in _waiting(mine):
        return waiting
    raise Http404


def _waiting(reports: Iterable[UnmatchedReport]) -> list[WaitingReport]:
    """Those that a case which is still open waits for, and whose trust's reports it may show."""
    pairs = [(report, patient) for report in reports for patient in doubted_of(report)]
    cases = ListedCase.objects.filter(referral__patient__in={patient for _, patient in pairs})
    of_patient = defaultdict(list)
    for case, sharing in open_ones(cases):
        of_patient[case.referral.patient_id].append((case, sharing))
    trusts, found = trusts_by_code(), []
    for report, patient in pairs:
        code = report.source.trust_ods_code
        open_cases = [case for case, sharing in of_patient[patient.pk] if sharing.may_ask(code)]
        if open_cases:
            name = trusts[code].short_name if code in trusts else code
            found.append(WaitingReport(name, open_cases, report, patient))
    return sorted(found, key=lambda one: one.first.meeting.starts_at)
