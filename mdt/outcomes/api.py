from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdt.api import person_of
from mdt.laterality import Laterality
from mdt.meetings.access_queries import case_or_404
from mdt.outcomes.services import record_outcome


class OutcomeApi(APIView):
    """POST /api/cases/<id>/outcome: parse, look up, call, answer."""

    permission_classes = [IsAuthenticated]

    class Input(serializers.Serializer):
        written_for = serializers.CharField(max_length=16)
        if_version = serializers.IntegerField(min_value=0)
        recommendation = serializers.CharField(max_length=4000, trim_whitespace=False)
        laterality = serializers.ChoiceField(Laterality.choices)
        event_id = serializers.UUIDField()

    class Output(serializers.Serializer):
        number = serializers.IntegerField()
        was_quorate = serializers.BooleanField()
        recorded_at = serializers.DateTimeField()

    def post(self, request: Request, case_id: str) -> Response:
        data = self.Input(data=request.data)
        data.is_valid(raise_exception=True)
        case = case_or_404(person_of(request), case_id)
        outcome = record_outcome(case=case, by=person_of(request), **data.validated_data)
        return Response(self.Output(outcome).data, status=status.HTTP_201_CREATED)
