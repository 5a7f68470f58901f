from django.urls import path

from mdt.live import api, pages

urlpatterns = [
    path("meetings/<str:meeting_id>/room", pages.room, name="room"),
    path("api/meetings/<str:meeting_id>/room", api.RoomApi.as_view(), name="room-api"),
    path("api/meetings/<str:meeting_id>/open", api.OpenMeetingApi.as_view(), name="open-meeting"),
    path(
        "api/meetings/<str:meeting_id>/close", api.CloseMeetingApi.as_view(), name="close-meeting"
    ),
    path("api/cases/<str:case_id>", api.CaseApi.as_view(), name="case-api"),
]
