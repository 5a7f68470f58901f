"""The room's JSON: parse, look up, ask or call, answer."""

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdt.api import person_of
from mdt.live.case_data import case_json
from mdt.live.room_data import room_json
from mdt.meetings import room
from mdt.meetings.access_queries import case_or_404, meeting_or_404


class RoomApi(APIView):
    """GET /api/meetings/<id>/room: what the page needs before the first message."""

    permission_classes = [IsAuthenticated]

    def get(self, request: Request, meeting_id: str) -> Response:
        meeting = meeting_or_404(person_of(request), meeting_id)
        return Response(room_json(meeting, person_of(request)))


class CaseApi(APIView):
    """GET /api/cases/<id>: one case with its studies, marks and suggested layout."""

    permission_classes = [IsAuthenticated]

    def get(self, request: Request, case_id: str) -> Response:
        return Response(case_json(case_or_404(person_of(request), case_id)))


class OpenMeetingApi(APIView):
    """POST /api/meetings/<id>/open"""

    permission_classes = [IsAuthenticated]

    def post(self, request: Request, meeting_id: str) -> Response:
        person = person_of(request)
        room.open_meeting(meeting=meeting_or_404(person, meeting_id), by=person)
        return Response({"state": "live"})


class CloseMeetingApi(APIView):
    """POST /api/meetings/<id>/close"""

    permission_classes = [IsAuthenticated]

    def post(self, request: Request, meeting_id: str) -> Response:
        person = person_of(request)
        room.close_meeting(meeting=meeting_or_404(person, meeting_id), by=person)
        return Response({"state": "closed"})
