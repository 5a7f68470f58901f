"""The upload's JSON: begin, send the files in parts, say that all is sent."""

from rest_framework import serializers, status
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from imaging.uploads.receive import MAX_PART_BYTES
from imaging.uploads.zips import MAX_FILES
from mdt.api import person_of
from mdt.errors import MdtError
from mdt.meetings import uploads
from mdt.meetings.access_queries import case_or_404
from mdt.meetings.upload_queries import own_upload_or_404, trust_or_404

PART_BYTES = 2 << 20  # the page shows what came in whole parts: on a slow line the first ones soon


class Unread(BaseParser):
    """Leaves the bytes where they are. Without it the check of the token asks for a form."""

    media_type = "application/octet-stream"

    def parse(self, stream: object, *about: object, **more: object) -> dict[str, object]:
        return {}


class UploadsApi(APIView):
    """POST /api/cases/<id>/uploads: whose CD it is; the id under which its files are sent."""

    permission_classes = [IsAuthenticated]

    class Input(serializers.Serializer):
        trust = serializers.CharField(max_length=5)

    def post(self, request: Request, case_id: str) -> Response:
        case = case_or_404(person_of(request), case_id)
        data = self.Input(data=request.data)
        data.is_valid(raise_exception=True)
        trust = trust_or_404(data.validated_data["trust"])
        upload = uploads.begin_upload(case=case, trust=trust, by=person_of(request))
        answer = {"id": upload.public_id, "part_bytes": PART_BYTES}
        return Response(answer, status=status.HTTP_201_CREATED)


class UploadPartApi(APIView):
    """POST .../uploads/<id>/files/<number>/<at>: the bytes of file `number` from byte `at` on.

    They are read as they come and never into memory as a whole; nothing parses them here.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [Unread]

    def post(
        self, request: Request, case_id: str, upload_id: str, number: int, at: int
    ) -> Response:
        _, upload = own_upload_or_404(person_of(request), case_id, upload_id)
        size = _length(request)
        have = uploads.take_part(
            upload=upload, number=number, at=at, stream=request._request, size=size
        )
        return Response({"have": have})


class UploadDoneApi(APIView):
    """POST .../uploads/<id>/done: so many files of so many bytes in all were sent."""

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONParser]

    class Input(serializers.Serializer):
        files = serializers.IntegerField(min_value=0, max_value=MAX_FILES)
        size = serializers.IntegerField(min_value=0)

    def post(self, request: Request, case_id: str, upload_id: str) -> Response:
        case, upload = own_upload_or_404(person_of(request), case_id, upload_id)
        data = self.Input(data=request.data)
        data.is_valid(raise_exception=True)
        uploads.finish_upload(
            case=case, upload=upload, by=person_of(request), **data.validated_data
        )
        return Response({}, status=status.HTTP_202_ACCEPTED)


def _length(request: Request) -> int:
    """Bytes that are to come. A form would have been read to its end by now."""
    kind = request.content_type or ""
    size = str(request.META.get("CONTENT_LENGTH", ""))
    if not kind.startswith("application/octet-stream") or not size.isdecimal():
        raise MdtError("A part of a file is plain bytes of a length that is known.")
    if int(size) > MAX_PART_BYTES:
        raise MdtError("A part of a file is at most 16 MiB.")
    return int(size)
