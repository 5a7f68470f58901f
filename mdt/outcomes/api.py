"""The outcome panel's JSON: parse, look up, ask or call, answer."""

from datetime import UTC, datetime
from typing import Any, cast

from django.shortcuts import get_object_or_404
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from imaging.models import Study
from mdt.api import person_of
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.outcomes import queries
from mdt.outcomes.codes import Treatment
from mdt.outcomes.fields import CODED, NAMES, named_fields
from mdt.outcomes.models import OutcomeDraft, OutcomeStep, OutcomeVersion, SetAside
from mdt.outcomes.services import record_outcome, step

Json = dict[str, Any]

CODES = {name: codes.choices for name, codes in {**CODED, "treatments": Treatment}.items()}


class OutcomeApi(APIView):
    """/api/cases/<id>/outcome: what is typed and recorded (GET); record a version (POST)."""

    permission_classes = [IsAuthenticated]

    class Input(serializers.Serializer):
        written_for = serializers.CharField(max_length=16)
        if_version = serializers.IntegerField(min_value=0)
        event_id = serializers.UUIDField()

    def get(self, request: Request, case_id: str) -> Response:
        case = case_or_404(person_of(request), case_id)
        return Response(outcome_json(case, person_of(request)))

    def post(self, request: Request, case_id: str) -> Response:
        data = self.Input(data=request.data)
        data.is_valid(raise_exception=True)
        case = case_or_404(person_of(request), case_id)
        fields = named_fields(cast(Json, request.data), beside=data.fields)
        outcome = record_outcome(case=case, by=person_of(request), **data.validated_data, **fields)
        answer = version_json(outcome, queries.shown_studies(outcome.case))
        return Response(answer, status=status.HTTP_201_CREATED)


class StepApi(APIView):
    """POST /api/cases/<id>/outcome/<number>/steps: read back, confirm or sign one version."""

    permission_classes = [IsAuthenticated]

    class Input(serializers.Serializer):
        kind = serializers.ChoiceField(OutcomeStep.Kind.choices)
        event_id = serializers.UUIDField()

    def post(self, request: Request, case_id: str, number: int) -> Response:
        data = self.Input(data=request.data)
        data.is_valid(raise_exception=True)
        case = case_or_404(person_of(request), case_id)
        outcome = get_object_or_404(case.outcome_versions, number=number)
        kind = OutcomeStep.Kind(data.validated_data["kind"])
        event_id = data.validated_data["event_id"]
        taken = step(outcome=outcome, kind=kind, by=person_of(request), event_id=event_id)
        warnings = _warnings(case, queries.shown_studies(case), _sided(outcome))
        return Response({**step_json(taken), "warnings": warnings}, status=status.HTTP_201_CREATED)


def outcome_json(case: ListedCase, person: Person) -> Json:
    """All that the panel shows of one case; a person who may read less finds less."""
    draft, studies = queries.draft_for(case, person), queries.shown_studies(case)
    versions = queries.versions_for(case, person)
    typed = (_sided(versions[0]) if versions else {}) | (draft.fields if draft else {})
    return {
        "case_id": case.public_id,
        "draft": {**draft_json(draft), "warnings": _warnings(case, studies, typed)},
        "set_aside": [set_aside_json(kept) for kept in queries.set_aside_for(case, person)],
        "versions": [version_json(version, studies) for version in reversed(versions)],
        "may": queries.may(case, person),
        "codes": CODES,
    }


def draft_json(draft: OutcomeDraft | None) -> Json:
    if draft is None:
        return {"version": 0, "fields": {}, "saved_at": None, "saved_by": None}
    return {
        "version": draft.version,
        "fields": draft.fields,
        "saved_at": _utc(draft.saved_at) if draft.saved_at else None,
        "saved_by": draft.saved_by.public_id if draft.saved_by else None,
    }


def set_aside_json(kept: SetAside) -> Json:
    return {
        "fields": kept.fields,
        "at": _utc(kept.at),
        "by": kept.by.public_id,
        "by_name": kept.by.shown_name,
    }


def version_json(version: OutcomeVersion, studies: list[Study]) -> Json:
    return {
        "number": version.number,
        **{name: version.typed(name) for name in sorted(NAMES)},
        "was_quorate": version.was_quorate,
        "recorded_after_close": version.is_after_close,
        "recorded_at": _utc(version.recorded_at),
        "recorded_by": version.recorded_by.public_id,
        "recorded_by_name": version.recorded_by.shown_name,
        "steps": [step_json(taken) for taken in version.steps.all()],
        "warnings": _warnings(version.case, studies, _sided(version)),
    }


def step_json(taken: OutcomeStep) -> Json:
    return {
        "kind": taken.kind,
        "at": _utc(taken.at),
        "by": taken.by.public_id,
        "by_name": taken.by.shown_name,
    }


def _sided(version: OutcomeVersion) -> Json:
    return {"laterality": version.laterality, "recommendation": version.recommendation}


def _warnings(case: ListedCase, studies: list[Study], fields: Json) -> list[Json]:
    """Where the side written meets another: shown while it is written, read back and signed."""
    side, text = fields.get("laterality", ""), fields.get("recommendation", "")
    found = queries.warnings_about(case, studies, laterality=side, recommendation=text)
    return [warned._asdict() for warned in found]


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
