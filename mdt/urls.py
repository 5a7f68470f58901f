from django.urls import include, path

from mdt import health

urlpatterns = [
    path("", include("mdt.meetings.urls")),
    path("", include("mdt.outcomes.urls")),
    path("", include("mdt.identity.urls")),
    path("", include("mdt.live.urls")),
    path("", include("mdt.reports.urls")),
    path("", include("mdt.archives.urls")),
    path("", include("mdt.sign_in.urls")),
    path("imaging/", include("imaging.urls")),
    path("livez", health.live, name="livez"),
    path("readyz", health.ready, name="readyz"),
]
