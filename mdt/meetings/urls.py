from django.urls import path

from mdt.meetings import (
    adding_pages,
    attendance_pages,
    image_request_pages,
    pages,
    people_pages,
    planning_pages,
    report_pages,
    upload_api,
    upload_pages,
)

MEETING = "meetings/<str:meeting_id>"
CASE = "cases/<str:case_id>"
STUDY = f"{CASE}/studies/<str:study_id>"
UPLOADS = f"api/{CASE}/uploads"
UPLOAD = f"{UPLOADS}/<str:upload_id>"

urlpatterns = [
    path("", pages.home, name="home"),
    path("meetings/new", planning_pages.plan_page, name="meeting-new"),
    path("meetings/plan", planning_pages.plan, name="plan-meeting"),
    path(MEETING, pages.meeting_page, name="meeting"),
    path(f"{MEETING}/list", pages.meeting_list, name="meeting-list"),
    path(f"{MEETING}/open", pages.open_room, name="open-room"),
    path(f"{MEETING}/attendance", attendance_pages.attendance_page, name="attendance"),
    path(f"{MEETING}/attendance/rows", attendance_pages.attendance_rows, name="attendance-rows"),
    path(f"{MEETING}/attendance/tick", attendance_pages.tick, name="attendance-tick"),
    path(f"{MEETING}/check-in-code", attendance_pages.code_page, name="check-in-code"),
    path(f"{MEETING}/check-in-code/now", attendance_pages.code_now, name="check-in-code-now"),
    path(f"{MEETING}/check-out", attendance_pages.check_out, name="check-out"),
    path("check-in", attendance_pages.check_in_page, name="check-in"),
    path(f"{MEETING}/add/number", adding_pages.add_number, name="add-number"),
    path(
        f"{MEETING}/add/without-number", adding_pages.add_without_number, name="add-without-number"
    ),
    path(f"{MEETING}/add/local-number", adding_pages.add_local_number, name="add-local-number"),
    path(f"{MEETING}/add/question", adding_pages.add_question, name="add-question"),
    path(f"{MEETING}/add/known", adding_pages.add_known, name="add-known"),
    path(f"{MEETING}/add/new", adding_pages.add_new, name="add-new"),
    path(f"{MEETING}/add/cancelled", adding_pages.add_cancelled, name="add-cancelled"),
    path(f"{MEETING}/people", people_pages.find_people, name="find-people"),
    path(f"{CASE}/people", people_pages.case_people, name="case-people"),
    path(f"{CASE}/people/save", people_pages.save_people, name="save-people"),
    path(f"{CASE}/studies", pages.case_studies, name="case-studies"),
    path(f"{CASE}/move", pages.move_case, name="move-case"),
    path(f"{CASE}/remove", pages.remove_case, name="remove-case"),
    path(f"{CASE}/search-again", pages.search_again, name="search-again"),
    path(f"{CASE}/ask-for-images", image_request_pages.ask_page, name="ask-for-images"),
    path(f"{CASE}/ask-for-images/step", image_request_pages.ask_step, name="ask-step"),
    path(f"{CASE}/upload", upload_pages.upload_page, name="upload"),
    path(f"{CASE}/upload/rows", upload_pages.upload_rows, name="upload-rows"),
    path(f"{CASE}/reports", report_pages.reports_page, name="reports"),
    path(f"{CASE}/reports/new", report_pages.new_report_page, name="report-new"),
    path(f"{CASE}/reports/add", report_pages.add_report, name="report-add"),
    path(
        f"{CASE}/reports/<str:version_id>/document",
        report_pages.report_document,
        name="report-document",
    ),
    path(UPLOADS, upload_api.UploadsApi.as_view(), name="uploads-api"),
    path(
        f"{UPLOAD}/files/<int:number>/<int:at>",
        upload_api.UploadPartApi.as_view(),
        name="upload-part",
    ),
    path(f"{UPLOAD}/done", upload_api.UploadDoneApi.as_view(), name="upload-done"),
    path(f"{STUDY}/choose", pages.choose_study, name="choose-study"),
    path(f"{STUDY}/unchoose", pages.unchoose_study, name="unchoose-study"),
    path(f"{STUDY}/retry", pages.retry_study, name="retry-study"),
    path(f"{STUDY}/cancel", pages.cancel_study, name="cancel-study"),
]
