"""One archive with one study, asked and fetched: what identity tests of every kind begin with."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from imaging import plan, settle, work
from imaging.archives import registry
from imaging.archives.base import FoundStudy
from imaging.claims import KeptClaim
from imaging.identity import Sought
from imaging.models import Archive, IdentityDecision, Job, Study
from tests.dicoms import make_study, study_uid
from tests.factories import ArchiveFactory
from tests.imaging.fakes import FakeArchive

NHS, OTHER = "9990000018", "9990000026"
State, Verdict = Study.State, Study.Verdict
SOUGHT = Sought(NHS, "Khan", "Amina", "1957-03-12", "F")
CORRECTED = replace(SOUGHT, birth_date="1957-12-03")
NO_NUMBER = {"nhs_number": ""}
NAME = "a study"
SAME, DIFFERENT = IdentityDecision.Verdict.SAME, IdentityDecision.Verdict.DIFFERENT
VNA = {"trusts_by_issuer": {"BOL": "RMC", "STO": "RWJ"}}


@pytest.fixture
def told(monkeypatch):
    """The states imaging told of, in order."""
    states = []
    monkeypatch.setattr("imaging.doors.on_change", lambda study: states.append(study.state))
    return states


@pytest.fixture
def archive(monkeypatch, settings, tmp_path):
    """One archive with one study in its answers; its files are what each test gives it."""
    settings.STORE_URL = tmp_path.as_uri()
    fake = FakeArchive((), studies=[FoundStudy(study_uid(NAME), birth_date="1957-03-12")])
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    ArchiveFactory()
    return fake


def holds(archive, files, **answer):
    """What the archive holds of the study now, in files and in its answers."""
    archive.files = {}
    for file in files:
        archive.add(file)
    said = {"patient_name": "KHAN^Amina", "birth_date": "1957-03-12", "modalities": ("CT",)}
    archive.studies = [FoundStudy(study_uid(NAME), **said | answer)]


def ask(sought=SOUGHT, search=None):
    """Ask, or ask again; returns the search."""
    if search:
        plan.search_again(search, archives=Archive.objects.all())
    else:
        at = timezone.now() + timedelta(days=1)
        archives = Archive.objects.all()
        search = plan.search_archives(
            sought=sought, archives=archives, meeting_at=at, list_position=1
        )
    work.run_next((Job.Kind.SEARCH,))
    return search


@pytest.fixture
def doubted(archive, told):
    """A study with a name and a birth date and no number at all."""
    holds(archive, make_study(NAME, PatientID="X1"))
    return ask()


def pull(study):
    plan.want_study(study)
    work.run_next((Job.Kind.PULL,))


def stands():
    study = Study.objects.get()
    return study.state, study.verdict


def decide(verdict, seen=None):
    study = Study.objects.select_related("archive", "search").get()
    reason = IdentityDecision.REASONS_OF[verdict][0]
    seen = settle.fingerprint(study) if seen is None else seen
    return settle.decide(
        study=study, verdict=verdict, reason=reason, note="", by="person", seen=seen
    )


def header(**changes):
    """A claim by a header of its own."""
    facts = {
        "patient_id": "A1",
        "issuer_of_patient_id": "",
        "other_patient_ids": (),
        "patient_name": "KHAN^Amina",
        "birth_date": "1957-03-12",
        "sex": "F",
        "series_instance_uid": "1.2",
        "sop_instance_uid": "1.2.3",
    }
    return KeptClaim(**facts | changes)


def corrected(search, sought):
    new = settle.search_corrected(search, sought)
    settle.recheck(new)
    return new
