"""What follows in every case from something that changed elsewhere: a study that was found or is
another's, a report that came, a patient who objects.

Each is called in the transaction that changed it, and tells the rooms itself. Writes only.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from imaging import revocations
from imaging.models import Series, Study
from mdt import protocol
from mdt.meetings.choices import choose_studies, known_studies
from mdt.meetings.image_arrivals import note_arrival
from mdt.meetings.models import ListedCase, Meeting
from mdt.meetings.withdrawn import stop_asking
from mdt.referrals.models import Patient, Referral, ReferralStudy
from mdt.room_log import log


def study_changed(*studies: Study) -> None:
    """The door imaging calls (settings.IMAGING_ON_CHANGE), inside its transaction: keep it short.

    Links a new study to every open case of the patients whose searches found it, chooses again by
    the rule, wants what is chosen, and refreshes those cases in their rooms. What turns out to be
    somebody else's leaves every screen. Each case is looked at once, whatever number changed.
    """
    take_back_grants(one for one in studies if one.state == Study.State.WITHHELD)
    left = _offer_no_longer(studies)
    for study in studies:
        if study.state != Study.State.WITHHELD:
            note_arrival(study, Referral.objects.filter(search__studies=study).values("patient"))
    patients = Referral.objects.filter(search__studies__in=studies).values("patient")
    _tell([*left, *_choose_anew(patients)])


def report_changed(patient: Patient) -> None:
    """The door reports call (settings.REPORTS_ON_CHANGE), inside the transaction that kept one.

    What it says may matter to which studies are chosen; every list and room has more to show.
    """
    _tell(_choose_anew(Patient.objects.filter(pk=patient.pk).values("pk")))


def objected(patient: Patient, trust_ods_code: str) -> None:
    """A patient objects to a trust's studies and reports: in the transaction that wrote so.

    What is on its way ends, what was granted is taken back, every list and room looks anew.
    """
    stop_asking(patient)
    known = known_studies(patient)
    take_back_grants(one for one in known if one.trust_ods_code == trust_ods_code)
    report_changed(patient)


def take_back_grants(studies: Iterable[Study], case: str = "") -> None:
    """End what was granted of these studies, in one case or in all."""
    if not (withdrawn := [study.pk for study in studies]):
        return
    series = Series.objects.filter(study__in=withdrawn)
    revocations.revoke_each(series=series.values_list("public_id", flat=True), case=case)


def _choose_anew(patients: QuerySet[Any, Any]) -> list[ListedCase]:
    """In every open case of these patients, which are returned to be told."""
    cases = ListedCase.objects.filter(referral__patient__in=patients)
    cases = cases.exclude(meeting__state=Meeting.State.CLOSED)
    joined = cases.select_related("meeting__team__site__trust", "referral__patient")
    ordered = list(joined.order_by("meeting_id", "pk"))
    for case in ordered:
        choose_studies(case)
    return ordered


def _tell(cases: Iterable[ListedCase]) -> None:
    """Each open case looks anew, in the order in which its meetings are locked. Last of all:
    requests and studies are locked before the first meeting, as by people (decisions 87, 110).
    """
    each = {case.pk: case for case in cases if case.meeting.state != Meeting.State.CLOSED}
    for case in sorted(each.values(), key=lambda case: (case.meeting_id, case.pk)):
        log.append(case.meeting, protocol.CaseRefreshed(case_id=case.public_id))


def _offer_no_longer(studies: Iterable[Study]) -> list[ListedCase]:
    """Unlink studies, once they are surely somebody's, from the referrals of others who doubted
    them; returns the cases that lost one, to be told.

    Also where one was chosen: corrected at its source it may be another person's, and is shown on
    to nobody else.
    """
    is_searched = Q(referral__search__isnull=False) & ~Q(study__state=Study.State.WITHHELD)
    rows = ReferralStudy.objects.filter(Q(is_chosen=False) | is_searched, study__in=[*studies])
    same = {"search__studies": OuterRef("study"), "patient": OuterRef("referral__patient")}
    strangers = list(rows.exclude(Exists(Referral.objects.filter(**same))).select_related("study"))
    if not strangers:
        return []
    ReferralStudy.objects.filter(pk__in=[row.pk for row in strangers]).delete()
    of_referral: dict[int, list[Study]] = defaultdict(list)
    for row in strangers:
        of_referral[row.referral_id].append(row.study)
    cases = ListedCase.objects.filter(referral__in=[*of_referral]).select_related("meeting")
    for case in cases:
        take_back_grants(of_referral[case.referral_id], case=case.public_id)
    return list(cases)
