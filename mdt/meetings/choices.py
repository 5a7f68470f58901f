"""Which of the studies known of a patient a case shows, by the rule. Writes only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.utils import timezone

from imaging import plan, relevance
from imaging.models import Study
from mdt.meetings.access_queries import Sharing, sharing_of
from mdt.meetings.looked_for import question_of, rules_for
from mdt.meetings.models import ListedCase
from mdt.meetings.report_queries import texts_for
from mdt.referrals.models import Patient, Referral, ReferralStudy

WITHHELD = "withheld"


def choose_studies(case: ListedCase) -> None:
    """Link the patient's studies to the referral and choose among them, save where a person did."""
    sharing = sharing_of(case)
    studies = known_studies(case.referral.patient)
    rows = {row.study_id: row for row in case.referral.found_studies.all()}
    choices = _choices(case, studies, sharing, rows)
    for study in studies:
        rows.setdefault(study.pk, ReferralStudy(referral=case.referral, study=study))
    _keep(choices, rows)
    new = [one for one in studies if rows[one.pk].is_chosen and _has_more(one)]
    may_want = [one for one in new if choices[one.pk].reason != WITHHELD]
    plan.want_studies(may_want, look_again=True)


def hold_studies(patient: Patient, *besides: Study) -> None:
    """Hold what choosing may want, and `besides`: before the meeting is locked, since whoever
    settles a study holds it and then locks the meetings that show it.
    """
    plan.hold_studies([*filter(_has_more, known_studies(patient)), *besides])


def _has_more(study: Study) -> bool:
    """Only what was never asked for, or has grown at its archive since all of it came: a study
    that failed is retried by a person, not in a loop.
    """
    has_grown = (study.expected_count or 0) > study.stored_count
    is_whole = study.state == Study.State.COMPLETE
    return study.state == Study.State.FOUND or (is_whole and has_grown)


def _keep(choices: Mapping[int, relevance.Choice], rows: Mapping[int, ReferralStudy]) -> None:
    """What is chosen anew, save where a person chose: one statement for each choice.

    Also where they chose after the rows were read: who waited for their row looks at it again.
    """
    known: dict[relevance.Choice, list[int]] = defaultdict(list)
    new: list[ReferralStudy] = []
    for study, choice in choices.items():
        row = rows[study]
        if row.chosen_by_id is None and _differs(row, choice):
            row.is_chosen, row.reason = choice.is_chosen, choice.reason
            if row.pk is None:
                new.append(row)
            else:
                known[choice].append(row.pk)
    for choice, pks in known.items():
        about = {"is_chosen": choice.is_chosen, "reason": choice.reason}
        ReferralStudy.objects.filter(pk__in=pks, chosen_by=None).update(**about)
    ReferralStudy.objects.bulk_create(new)


def _choices(
    case: ListedCase, studies: Iterable[Study], sharing: Sharing, rows: Mapping[int, ReferralStudy]
) -> dict[int, relevance.Choice]:
    """The rules' choice for each study; one that may not be shared takes no part in it."""
    studies = list(studies)
    may_share = [s for s in studies if sharing.may_ask(s.trust_ods_code)]
    withheld = {study.pk: relevance.Choice(False, WITHHELD) for study in studies}
    return withheld | relevance.choose(
        may_share,
        question=question_of(case.referral),
        rules=rules_for(case),
        now=timezone.now(),
        by_hand={pk: row.is_chosen for pk, row in rows.items() if row.chosen_by_id},
        texts=texts_for(case.referral.patient, may_share, sharing),
    )


def known_studies(patient: Patient) -> list[Study]:
    """Every study found for a patient, by whichever referral's search."""
    searches = Referral.objects.filter(patient=patient, search__isnull=False).values("search")
    found = Study.objects.filter(searches__in=searches).distinct()
    return list(found.select_related("archive", "search"))


def _differs(row: ReferralStudy, choice: relevance.Choice) -> bool:
    return row.pk is None or (row.is_chosen, row.reason) != (choice.is_chosen, choice.reason)
