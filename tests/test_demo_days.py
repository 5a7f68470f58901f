"""The demo started again on another day."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from imaging.models import Study
from mdt.demo import make
from mdt.demo.story import STUDIES, uid
from mdt.meetings.models import ListedCase, Meeting

KEYS = ("walsh-ct", "walsh-prior")


@pytest.fixture
def first_day(db, settings, tmp_path):
    """The demo as it stands the day after it was seeded."""
    settings.DEMO, settings.VAR_DIR = True, tmp_path
    make.make_files([study for study in STUDIES if study.key in KEYS])
    call_command("seed_demo", stdout=StringIO())
    a_day = timedelta(days=1)
    Meeting.objects.update(starts_at=F("starts_at") - a_day)
    ListedCase.objects.update(listed_at=F("listed_at") - a_day)
    Study.objects.update(found_at=F("found_at") - a_day)


@pytest.mark.django_db
def test_the_demo_starts_again_on_the_next_day(first_day):
    call_command("seed_demo", stdout=StringIO())
    today = Meeting.objects.get(starts_at__date=timezone.localdate())
    assert (today.state, today.cases.count()) == (Meeting.State.PLANNED, 6)
    case = today.cases.get(referral__patient__family_name="WALSH")
    study = case.referral.search.studies.get()
    assert study.study_instance_uid == uid("walsh-ct")
    assert study.searches.count() == 2, "the first day's case knows it too"
    assert study.found_at < timezone.now() - timedelta(hours=23)
    assert case.listed_at < timezone.now() - timedelta(hours=23)
