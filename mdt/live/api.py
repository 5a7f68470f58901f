"""The room's JSON: parse, look up, ask or call, answer."""

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdt.api import person_of
from mdt.audit.models import AuditEvent
from mdt.audit.services import record_once_a_day
from mdt.live.case_data import case_json
from mdt.live.room_data import room_json
from mdt.meetings import room
from mdt.meetings.access_queries import case_or_404, meeting_or_404

Action = AuditEvent.Action


class RoomApi(APIView):
    """GET /api/meetings/<id>/room: what the page needs before the first message.

    It names the patients of the list: that is on record, once a day.
    """

    permission_classes = [IsAuthenticated]

    def get(self, request: Request, meeting_id: str) -> Response:
        person = person_of(request)
        meeting = meeting_or_404(person, meeting_id)
        record_once_a_day(Action.LIST_VIEWED, by=person, target=meeting, page="room")
        return Response(room_json(meeting, person))


class CaseApi(APIView):
    """GET /api/cases/<id>: one case with its studies, marks and suggested layout.

    It says who the patient is and what is asked: that is on record, once a day, as given out,
    for a page may load the next case ahead. Pictures have rows of their own, with their grants.
    """

    permission_classes = [IsAuthenticated]

    def get(self, request: Request, case_id: str) -> Response:
        person = person_of(request)
        case = case_or_404(person, case_id)
        record_once_a_day(Action.CASE_VIEWED, by=person, target=case, page="room")
        return Response(case_json(case))


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
