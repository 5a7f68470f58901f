"""What hostile files come to after they were taken: as pictures, and on a page."""

import sys
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging import work
from imaging.frames import make, process
from imaging.frames.process import Reader
from imaging.models import Frame, Job, Study
from imaging.pull import receive
from tests.dicoms import make_instance
from tests.factories import ListedCaseFactory, MeetingFactory, ReferralFactory, ReferralStudyFactory
from tests.imaging.files import made
from tests.imaging.hostile import files
from tests.imaging.hostile import web_tricks as tricks
from tests.imaging.hostile.files import MARKUP, NHS, three
from tests.imaging.hostile.runs import found_by, in_bounded_time, over_web, pulled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "unnamed")]
NAME = "pictures"


@pytest.fixture
def decoders_that_hang(monkeypatch):
    """decoders_that_hang(at) -> all decoders of this process hang at such requests."""
    readers = []

    def start(at):
        command = (sys.executable, "-m", "tests.imaging.hostile.hanging", at)
        monkeypatch.setattr(process, "COMMAND", command)
        reader = Reader(1)
        reader.describe(made())  # it has started
        monkeypatch.setattr(process, "WALL_TO_CPU", 0.5)
        for module in (receive, make):
            monkeypatch.setattr(module, "reader", lambda: reader)
        readers.append(reader)

    yield start
    for reader in readers:
        reader.close()


def that_hangs():
    return make_instance(NAME, nhs_number=NHS, StudyDescription="HANGS")


def codes_after_making():
    with in_bounded_time():
        work.run_next((Job.Kind.FRAMES,))
    assert Job.objects.get(kind=Job.Kind.FRAMES).state == Job.State.DONE
    return sorted(Frame.objects.values_list("code", flat=True))


def test_a_decoder_that_hangs_at_headers_is_ended_and_the_files_are_set_aside(
    web, decoders_that_hang
):
    decoders_that_hang("header")
    ends = pulled(NAME, over_web(web.archive([that_hangs()])))
    assert ends == (Study.State.FAILED, "pull.damaged", 0, 1, ["header.timeout"])


def test_a_decoder_that_hangs_at_a_frame_is_ended_and_the_frame_is_named(web, decoders_that_hang):
    decoders_that_hang("frame")
    assert pulled(NAME, over_web(web.archive([that_hangs()])))[2] == 1
    assert codes_after_making() == ["frame.timeout"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("in_a_syntax_to_come", "frame.unsupported"),
        ("in_no_known_syntax", "frame.unsupported"),
        ("with_a_length_of_4_gb", ""),
    ],
)
def test_what_cannot_be_shown_has_a_name_and_the_others_a_picture(web, change, code):
    trick = tricks.sends(getattr(files, change))
    assert pulled(NAME, over_web(web.archive(three(NAME), pictures=trick)))[2] == 3
    assert codes_after_making() == ["", "", code]


def test_what_an_archive_calls_a_study_is_text_on_every_page_and_in_every_answer(
    web, client, team, chair
):
    named = {"StudyDescription": MARKUP, "SeriesDescription": MARKUP}
    archive = over_web(web.archive(three(NAME, **named)))
    assert found_by(archive).studies_found == 1
    meeting = MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))
    study = Study.objects.get()
    assert study.description == MARKUP
    referral = ReferralFactory(search=study.search)
    case = ListedCaseFactory(meeting=meeting, referral=referral)
    ReferralStudyFactory(referral=referral, study=study)
    client.force_login(chair)
    page = client.get(reverse("case-studies", args=[case.public_id]))
    assert b"&lt;script&gt;" in page.content
    answer = client.get(reverse("case-api", args=[case.public_id]))
    assert b"<script>alert" not in page.content
    assert b"<img src=x" not in page.content
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["studies"][0]["description"] == MARKUP
    assert answer["X-Content-Type-Options"] == "nosniff"
