"""One case as the room shows it: who, the question, the studies, the marks, what to beware of."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Sum
from django.urls import reverse

from imaging.models import Series, Study
from mdt.annotations.queries import marks_of_case
from mdt.live.layout import suggested
from mdt.meetings.changed_pictures import CODE, OTHER_BYTES
from mdt.meetings.models import ListedCase
from mdt.meetings.queries import Row, row_of
from mdt.meetings.sources import ShownStudy
from mdt.referrals.models import Patient

Json = dict[str, Any]

DECEASED = "The patient has died. No letter goes to the patient."
NOT_MADE = "series.not_made"
NOT_WHOLE = {Study.State.PARTIAL, Study.State.FAILED, Study.State.CANCELLED}


def case_json(case: ListedCase) -> Json:
    """Only chosen studies, and only those that may be shown. A fixed number of queries."""
    row = row_of(case)
    patient = case.referral.patient
    series = _series_of([shown.study for shown in row.chosen])
    ready = {pk: [one for one in found if one.version] for pk, found in series.items()}
    return {
        "id": case.public_id,
        "seq": case.meeting.room_seq,  # read before the marks, which may be newer and never older
        "patient": {**patient_json(patient), "is_deceased": patient.is_deceased},
        "question": case.referral.question,
        "laterality": case.referral.laterality,
        "studies": [_study(shown, series.get(shown.study.pk, [])) for shown in row.chosen],
        "reports": reports_json(row, case.public_id),
        "withheld": [
            {"trust": one.ods_code, "trust_name": one.trust, "why": one.why, "message": one.words}
            for one in row.withheld
        ],
        "warnings": _warnings(row, patient),
        "marks": [mark.model_dump(mode="json") for mark in marks_of_case(case)],
        "layout": suggested(row.chosen, ready).model_dump(mode="json"),
    }


def patient_json(patient: Patient) -> dict[str, str]:
    """Who it is. Reads `numbers`: prefetch them for lists."""
    given = f", {patient.given_names}" if patient.given_names else ""
    return {
        "name": f"{patient.family_name.upper()}{given}",
        "sex": patient.sex,
        "birth_date": patient.birth_date.isoformat(),
        "nhs_number": patient.shown_number,
    }


def reports_json(row: Row, case_id: str) -> Json:
    """The second and third lamp, and where the reports are read."""
    lamps = {} if row.lamps is None else {lamp.kind.value: lamp for lamp in row.lamps.each}
    return {
        "page": reverse("reports", args=[case_id]),
        "lamps": [
            {
                "kind": kind,
                "status": lamp.status,
                "colour": lamp.light.colour,
                "text": lamp.light.text,
                "notes": list(lamp.light.notes),
            }
            for kind, lamp in lamps.items()
        ],
    }


def _series_of(studies: Sequence[Study]) -> dict[int, list[Series]]:
    """By study: its series that hold images, each with its `frame_count`."""
    counted = Series.objects.annotate(frame_count=Sum("instances__frame_count", default=0))
    found: dict[int, list[Series]] = {}
    for series in counted.filter(study__in=studies, frame_count__gt=0):
        found.setdefault(series.study_id, []).append(series)
    return found


def _study(shown: ShownStudy, series: Sequence[Series]) -> Json:
    study = shown.study
    return {
        "id": study.public_id,
        "trust": study.trust_ods_code,
        "trust_name": shown.trust,
        "date": study.study_date.isoformat() if study.study_date else "",
        "description": study.description,
        "modalities": study.modalities,
        "state": study.state,
        "stored_count": study.stored_count,
        "expected_count": study.expected_count,
        "role": shown.role,
        "reason": shown.found.reason,
        "laterality": study.laterality,
        "series": [_series(one) for one in series],
    }


def _series(series: Any) -> Json:
    """`series` carries the annotation `frame_count`."""
    return {
        "id": series.public_id,
        "modality": series.modality,
        "description": series.description,
        "number": series.number,
        "version": series.version,
        "frame_count": series.frame_count,
        "laterality": series.laterality,
    }


def _warnings(row: Row, patient: Patient) -> list[dict[str, str]]:
    """What a team must hear before it looks: a code each, and a sentence."""
    found = [("case.side", sentence) for sentence in row.warnings]
    if patient.is_deceased:
        found.append(("patient.deceased", DECEASED))
    found += [("study.sources", text) for shown in row.chosen for text in shown.cautions]
    found += [(CODE, f"{shown.name}: {shown.changed}") for shown in row.chosen if shown.changed]
    found += [
        (OTHER_BYTES, f"{shown.name}: {shown.other_bytes}")
        for shown in row.chosen
        if shown.other_bytes
    ]
    found += [
        (NOT_MADE, f"{shown.name}: {shown.not_made_words}")
        for shown in row.chosen
        if shown.not_made
    ]
    found += [_missing(shown) for shown in row.chosen if _is_not_whole(shown.study)]
    return [{"code": code, "message": message} for code, message in found]


def _is_not_whole(study: Study) -> bool:
    return study.state in NOT_WHOLE or study.is_evicted


def _missing(shown: ShownStudy) -> tuple[str, str]:
    study = shown.study
    of = f"{study.expected_count:,}" if study.expected_count else "an unknown number of"
    text = f"{shown.trust}: not all images are here, {study.stored_count:,} of {of}."
    return study.code or f"study.{study.state}", f"{text} {study.message}".strip()
