from django.urls import path

from mdt.reports import api

urlpatterns = [
    path("fhir/DiagnosticReport", api.diagnostic_report, name="fhir-diagnostic-report"),
]
