from django.urls import path

from mdt.sign_in import pages

urlpatterns = [
    path("sign-in", pages.sign_in, name="sign-in"),
    path("sign-out", pages.sign_out, name="sign-out"),
    path("sign-in/people", pages.people, name="sign-in-people"),
    path("sign-in/as", pages.sign_in_as, name="sign-in-as"),
]
