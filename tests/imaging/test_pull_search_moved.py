"""What an archive answered with before and does not any more: moved to another person, or gone."""

from datetime import date, timedelta

import httpx
import pytest
from django.utils import timezone

from imaging import plan, work
from imaging.archives import registry
from imaging.archives.base import ArchiveError, FoundStudy
from imaging.identity import Sought
from imaging.models import Archive, ArchiveAnswer, Job, Study
from imaging.pull import sifting
from tests.dicoms import OTHER_PATIENT, make_study, study_uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
NHS, OTHER = "9990000018", "9990000026"
State, Verdict = Study.State, Study.Verdict
HERS = {"patient_name": "KHAN^Amina", "birth_date": "1957-03-12", "modalities": ("CT",)}
DEANS = {"PatientName": "DEAN^Margaret", "PatientBirthDate": "19380125", "nhs_number": OTHER}
DEAN = {"patient_name": "DEAN^Margaret", "birth_date": "1938-01-25"}


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """The states imaging told of, in order."""
    states = []
    monkeypatch.setattr(
        "imaging.doors.on_change", lambda *all_: states.extend(s.state for s in all_)
    )
    return states


@pytest.fixture
def archive(monkeypatch, settings, tmp_path):
    settings.STORE_URL = tmp_path.as_uri()
    fake = FakeArchive(())
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    ArchiveFactory()
    return fake


def holds(archive, name, answer=HERS, **header):
    """One more study, in files and in answers; again: as it is now."""
    archive.forget(study_uid(name))
    for file in make_study(name, instances=2, **header):
        archive.add(file)
    archive.studies.append(FoundStudy(study_uid(name), **answer))


def ask(search=None, person=None):
    if search:
        plan.search_again(search, archives=Archive.objects.all())
    else:
        search = plan.search_archives(
            sought=person or Sought(NHS, "Khan", "Amina", "1957-03-12", "F"),
            archives=Archive.objects.all(),
            meeting_at=timezone.now() + timedelta(days=1),
            list_position=1,
        )
    work.run_next((Job.Kind.SEARCH,))
    return search


def pull(study):
    plan.want_study(study)
    work.run_next((Job.Kind.PULL,))


def stands(name="a study"):
    study = Study.objects.get(study_instance_uid=study_uid(name))
    return study.state, study.verdict


@pytest.fixture
def shown(archive, told):
    """A study that is surely hers, and here."""
    holds(archive, "a study", nhs_number=NHS)
    search = ask()
    pull(Study.objects.get())
    assert stands() == (State.COMPLETE, Verdict.SAME)
    told.clear()
    return search


@pytest.fixture
def doubted(archive):
    holds(archive, "a study", PatientID="X1")
    search = ask()
    assert stands() == (State.FOUND, Verdict.NEEDS_A_PERSON)
    return search


def test_what_is_moved_to_another_patient_and_not_answered_any_more_leaves_the_screens(
    archive, shown, told
):
    holds(archive, "a study", DEAN, **DEANS)
    ask(shown)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    assert told == [State.WITHHELD]
    answer = shown.answers.get()
    assert (answer.state, answer.studies_found) == (ArchiveAnswer.State.ANSWERED, 0)


def test_what_is_only_answered_otherwise_stays_on_the_screens(archive, shown):
    """Its header says what it said before: the archive's own list of names is not believed."""
    archive.studies = []
    ask(shown)
    assert stands() == (State.COMPLETE, Verdict.SAME)
    assert Study.objects.get().code == ""


def test_what_is_not_listed_any_more_stays_and_is_said_to_be_gone(archive, shown, told):
    archive.forget(study_uid("a study"))
    ask(shown)
    study = Study.objects.get()
    assert (stands(), study.stored_count) == ((State.COMPLETE, Verdict.SAME), 2)
    assert (study.code, study.message) == ("study.gone", Study.SAID["study.gone"])
    assert told == [State.COMPLETE]
    ask(shown)
    assert told == [State.COMPLETE]  # once
    holds(archive, "a study", nhs_number=NHS)
    ask(shown)
    study.refresh_from_db()
    assert (study.code, study.message) == ("", "")


@pytest.mark.parametrize("failing", ["list_instances", "retrieve"])
def test_nothing_is_concluded_where_the_archive_does_not_say(failing, archive, shown, monkeypatch):
    holds(archive, "a study", DEAN, **DEANS)

    def fail(_):
        raise ArchiveError("archive.silent", "The archive does not answer.")

    monkeypatch.setattr(archive, failing, fail)
    ask(shown)
    assert stands() == (State.COMPLETE, Verdict.SAME)
    assert Study.objects.get().code == ""


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize(
    ("code", "asked"), [("archive.silent", 3), ("archive.not_understood", 6), ("archive.busy", 3)]
)
def test_an_archive_that_lists_nothing_any_more_is_asked_for_a_few_listings_and_the_search_ends(
    code, asked, is_answered, archive, shown, monkeypatch
):
    """Each may take as long as an archive is waited for; one odd study is another thing."""
    row, calls = Study.objects.get(), []
    for number in range(5):
        uid = study_uid(f"more {number}")
        study = StudyFactory(archive=row.archive, search=shown, study_instance_uid=uid)
        study.searches.add(shown)
    known = Study.objects.values_list("study_instance_uid", flat=True)
    archive.studies = [FoundStudy(uid, **DEAN, instance_count=2) for uid in known if is_answered]
    archive.search_for_studies = lambda _: archive.studies  # it ignores filters

    def fail(uid):
        calls.append(uid)
        raise ArchiveError(code, "The archive does not answer.")

    monkeypatch.setattr(archive, "list_instances", fail)
    ask(shown)
    assert (len(calls), shown.answers.get().state) == (asked, ArchiveAnswer.State.ANSWERED)
    assert {*Study.objects.values_list("state", "verdict")} == {
        (State.COMPLETE, Verdict.SAME),
        (State.FOUND, Verdict.SAME),
    }


def test_another_persons_search_looks_for_nothing_of_hers(archive, shown):
    holds(archive, "a study", DEAN, **DEANS)
    ask(person=Sought("9990000034", "Khan", "Zeynep", "1990-03-12", "F"))
    assert stands() == (State.COMPLETE, Verdict.SAME)


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_doubtful_one_that_is_anothers_now_waits_for_its_imaging_team_no_longer(
    is_answered, archive, doubted
):
    holds(archive, "a study", HERS if is_answered else DEAN, **DEANS)
    if is_answered:
        archive.studies = [FoundStudy(study_uid("a study"), "Z9", **HERS | DEAN)]
        archive.search_for_studies = lambda _: archive.studies  # it ignores filters
    ask(doubted)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    assert not Study.objects.get().searches.exists()


def test_an_answer_alone_takes_nothing_from_the_imaging_team(archive, doubted):
    archive.search_for_studies = lambda _: [FoundStudy(study_uid("a study"), **DEAN)]
    ask(doubted)
    assert stands() == (State.FOUND, Verdict.NEEDS_A_PERSON)
    assert Study.objects.get().searches.get() == doubted


def test_a_doubtful_one_that_is_not_answered_but_says_the_same_of_itself_goes_on_waiting(
    archive, doubted
):
    archive.studies = []
    ask(doubted)
    assert stands() == (State.FOUND, Verdict.NEEDS_A_PERSON)
    assert Study.objects.get().code == ""


def test_a_withheld_one_that_is_surely_anothers_by_now_waits_no_longer(archive, shown):
    holds(archive, "a study", PatientID="X1")
    ask(shown)
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    holds(archive, "a study", DEAN, **DEANS)
    ask(shown)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)


def test_all_that_were_moved_are_found_out_and_of_the_others_a_few_are_looked_at(
    archive, shown, monkeypatch
):
    """Newest first, and what people see before what they do not."""
    monkeypatch.setattr(sifting, "MAX_UNCHANGED", 2)
    row = Study.objects.get()
    for number in range(6):
        name = f"more {number}"
        holds(archive, name, DEAN, **({} if number == 3 else DEANS))
        day = date(2025 - number, 1, 1)
        study = StudyFactory(
            archive=row.archive, search=shown, study_instance_uid=study_uid(name), study_date=day
        )
        study.searches.add(shown)
    holds(archive, "more 3", DEAN, nhs_number=NHS)
    ask(shown)
    assert [stands(f"more {number}")[0] for number in range(6)] == [
        State.WITHHELD if number != 3 else State.FOUND for number in range(6)
    ]


def test_a_real_archive_that_moves_a_study_to_its_right_patient_takes_it_from_the_screens(
    orthanc, settings, tmp_path
):
    settings.STORE_URL = tmp_path.as_uri()
    day = {"PatientBirthDate": "19570901"}
    orthanc.store(make_study("misfiled", nhs_number=NHS, **day))
    ArchiveFactory(**orthanc.as_archive("dicomweb"))
    search = ask(person=Sought(NHS, "Khan", "Amina", "1957-09-01", "F"))
    pull(Study.objects.get())
    assert stands("misfiled") == (State.COMPLETE, Verdict.SAME)
    with httpx.Client(base_url=orthanc.native_url, trust_env=False) as rest:
        found = {"Level": "Study", "Query": {"StudyInstanceUID": study_uid("misfiled")}}
        (key,) = rest.post("/tools/find", json=found).json()
        rest.delete(f"/studies/{key}").raise_for_status()
    orthanc.store(make_study("misfiled", nhs_number=OTHER, **OTHER_PATIENT))
    ask(search)
    assert stands("misfiled") == (State.WITHHELD, Verdict.DIFFERENT)
