from django.urls import path

from mdt.archives import pages

ARCHIVE = "archives/<str:archive_id>"

urlpatterns = [
    path("archives", pages.archives, name="archives"),
    path("archives/cards", pages.cards, name="archive-cards"),
    path("archives/new/<str:kind>", pages.new_archive, name="archive-new"),
    path("archives/new/<str:kind>/add", pages.add_archive, name="archive-add"),
    path(ARCHIVE, pages.archive, name="archive"),
    path(f"{ARCHIVE}/card", pages.card, name="archive-card"),
    path(f"{ARCHIVE}/change", pages.change_page, name="archive-change"),
    path(f"{ARCHIVE}/save", pages.save_archive, name="archive-save"),
    path(f"{ARCHIVE}/pause", pages.pause, name="archive-pause"),
    path(f"{ARCHIVE}/resume", pages.resume, name="archive-resume"),
    path(f"{ARCHIVE}/ask-again", pages.ask_again, name="archive-ask-again"),
    path(f"{ARCHIVE}/test", pages.test, name="archive-test"),
    path(f"{ARCHIVE}/test/<str:step>", pages.test_step, name="archive-test-step"),
]
