from django.urls import path

from mdt.meetings import attendance_pages, pages

MEETING = "meetings/<str:meeting_id>"
CASE = "cases/<str:case_id>"
STUDY = f"{CASE}/studies/<str:study_id>"

urlpatterns = [
    path("", pages.home, name="home"),
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
    path(f"{MEETING}/add/number", pages.add_number, name="add-number"),
    path(f"{MEETING}/add/question", pages.add_question, name="add-question"),
    path(f"{MEETING}/add/known", pages.add_known, name="add-known"),
    path(f"{MEETING}/add/new", pages.add_new, name="add-new"),
    path(f"{MEETING}/add/cancelled", pages.add_cancelled, name="add-cancelled"),
    path(f"{CASE}/studies", pages.case_studies, name="case-studies"),
    path(f"{CASE}/move", pages.move_case, name="move-case"),
    path(f"{CASE}/remove", pages.remove_case, name="remove-case"),
    path(f"{CASE}/search-again", pages.search_again, name="search-again"),
    path(f"{STUDY}/choose", pages.choose_study, name="choose-study"),
    path(f"{STUDY}/unchoose", pages.unchoose_study, name="unchoose-study"),
    path(f"{STUDY}/retry", pages.retry_study, name="retry-study"),
]
