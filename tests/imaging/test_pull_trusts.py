"""Whose study it is, in an archive of several trusts: sharing and objections go by that."""

import pytest
from django.utils import timezone

from imaging import plan, work
from imaging.archives import registry
from imaging.archives.base import FoundStudy
from imaging.identity import Sought
from imaging.models import Job, Study
from imaging.pull import receive
from imaging.pull.doubt import MIXED
from tests.dicoms import make_instance, study_uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
State = Study.State
NHS = "9990000018"


def of_trust(name, number, issuer):
    return make_instance(name, number=number, nhs_number=NHS, IssuerOfPatientID=issuer)


def of_two(monkeypatch, name, issuers):
    """A study of images under these issuers, at an archive of the trusts RM3 and RW3."""
    monkeypatch.setattr(receive, "BATCH", 1)
    files = [of_trust(name, number, issuer) for number, issuer in enumerate(issuers, 1)]
    fake = FakeArchive(files)
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    archive = ArchiveFactory(trusts_by_issuer={"STATION": "RW3", "SALFORD": "RM3"})
    study = StudyFactory(archive=archive, study_instance_uid=study_uid(name), state=State.FOUND)
    assert plan.want_study(study)
    return fake, study, study.job


def run_next():
    return work.run_next((Job.Kind.PULL,))


def stands(study):
    study.refresh_from_db()
    return study.state, study.code, study.stored_count


@pytest.mark.parametrize("issuers", [("", "STATION", "ELSEWHERE"), ("STATION", "", "STATION")])
def test_it_is_the_trusts_that_the_first_header_names_and_no_later_one_changes_that(
    monkeypatch, issuers
):
    _, study, _ = of_two(monkeypatch, "named once", issuers)
    run_next()
    assert stands(study) == (State.COMPLETE, "", 3)
    assert study.trust_ods_code == "RW3"


def test_a_study_whose_headers_name_two_trusts_is_withheld_until_its_archive_mends_it(monkeypatch):
    fake, study, _ = of_two(monkeypatch, "of two", ("STATION", "SALFORD", ""))
    run_next()
    assert stands(study)[0] == State.WITHHELD
    assert (study.verdict, study.trust_ods_code) == (Study.Verdict.DIFFERENT, "RW3")
    assert study.message == MIXED
    fake.studies = [FoundStudy(study.study_instance_uid, "9990000018", "NHS", (), "KHAN^Amina")]
    assert searched(study).state == State.WITHHELD
    fake.files.clear()
    for number in (1, 2, 3):
        fake.add(of_trust("of two", number, "STATION"))
    assert searched(study).state == State.FOUND


def test_a_study_whose_issuer_nobody_set_up_says_so_and_not_that_it_is_anothers(monkeypatch):
    _, study, _ = of_two(monkeypatch, "of nobody's issuer", ("ELSEWHERE",))
    run_next()
    assert stands(study)[0] == State.WITHHELD
    assert study.verdict == Study.Verdict.NEEDS_A_PERSON
    assert study.message == Study.SAID[Study.ISSUER_NOT_KNOWN]


def test_what_an_earlier_pull_was_told_holds_in_the_next(monkeypatch):
    fake, study, job = of_two(monkeypatch, "of two pulls", ("STATION",))
    run_next()
    fake.add(of_trust("of two pulls", 2, "SALFORD"))
    plan.want_study(study)
    Study.objects.update(state=State.WANTED)
    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING, due_at=timezone.now())
    run_next()
    assert stands(study)[0] == State.WITHHELD
    assert study.trust_ods_code == "RW3"


def searched(study):
    """The study after its archive was asked again."""
    plan.search_archives(
        sought=Sought(**study.search.sought),
        archives=[study.archive],
        meeting_at=timezone.now(),
        list_position=1,
    )
    work.run_next((Job.Kind.SEARCH,))
    study.refresh_from_db()
    return study
