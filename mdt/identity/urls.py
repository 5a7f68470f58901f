from django.urls import path

from mdt.identity import pages, report_pages

urlpatterns = [
    path("identity/", pages.queue, name="identity"),
    path("identity/<str:study_id>", pages.study, name="identity-study"),
    path("identity/<str:study_id>/decide", pages.decide, name="identity-decide"),
    path("identity/reports/<str:report_id>", report_pages.report, name="identity-report"),
    path(
        "identity/reports/<str:report_id>/decide",
        report_pages.decide_report,
        name="identity-decide-report",
    ),
    path("cases/<str:case_id>/patient", pages.patient, name="case-patient"),
    path("cases/<str:case_id>/patient/correct", pages.correct_patient, name="correct-patient"),
    path("cases/<str:case_id>/patient/object", pages.object_to_sharing, name="object-to-sharing"),
]
