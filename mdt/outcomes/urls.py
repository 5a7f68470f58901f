from django.urls import path

from mdt.outcomes import api, pages

urlpatterns = [
    path("outcomes/", pages.outcomes, name="outcomes"),
    path("cases/<str:case_id>/outcome", pages.outcome, name="outcome"),
    path("cases/<str:case_id>/outcome/<int:number>/step", pages.take_step, name="outcome-step"),
    path("meetings/<str:meeting_id>/unfinished", pages.unfinished, name="unfinished"),
    path("cases/<str:case_id>/view", pages.view, name="outcome-view"),
    path("api/cases/<str:case_id>/outcome", api.OutcomeApi.as_view(), name="case-outcome"),
    path(
        "api/cases/<str:case_id>/outcome/<int:number>/steps",
        api.StepApi.as_view(),
        name="outcome-steps",
    ),
]
