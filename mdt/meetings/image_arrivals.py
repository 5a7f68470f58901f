"""Requests for images that are answered by the images themselves."""

from typing import Any

from django.db.models import QuerySet

from imaging.models import Study
from mdt.meetings.models import ImageRequest, ImageRequestStep
from mdt.referrals.models import Referral

State = ImageRequest.State


def note_arrival(study: Study, patients: QuerySet[Any, Any]) -> None:
    """A study that is surely one of these patients' is here in whole: who holds it has answered.

    By whichever way it came; and also where a copy from elsewhere is here, and what this trust
    sent is not fetched besides. What was here before the trust was asked is no answer. Called in
    the transaction that changed the study, by whoever tells the rooms of it.
    """
    copies = _copies(study, patients)
    if any(copy.state == Study.State.COMPLETE for copy in copies):
        for copy in copies:
            _answer(copy, patients)


def _copies(study: Study, patients: QuerySet[Any, Any]) -> list[Study]:
    """This study in every archive that has it of these patients for certain."""
    searches = Referral.objects.filter(patient__in=patients, search__isnull=False).values("search")
    same = Study.objects.filter(
        study_instance_uid=study.study_instance_uid,
        verdict=Study.Verdict.SAME,
        searches__in=searches,
    )
    return list(same.exclude(state=Study.State.WITHHELD).distinct())


def _answer(copy: Study, patients: QuerySet[Any, Any]) -> None:
    """Each request is held first: of two copies that arrive together, one is the answer."""
    answered = (
        ImageRequest.objects.select_for_update(of=("self",))
        .filter(
            referral__patient__in=patients,
            trust_ods_code=copy.trust_ods_code,
            asked_at__lte=copy.completed_at or copy.found_at,
        )
        .exclude(state=State.ARRIVED)
    )
    for request in answered.order_by("pk"):
        ImageRequestStep.objects.create(request=request, state=State.ARRIVED)
        ImageRequest.objects.filter(pk=request.pk).update(state=State.ARRIVED)
