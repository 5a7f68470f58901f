"""A patient or a header that is put right: what leaves the screens, and what comes back."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from imaging import plan, settle, work
from imaging.archives.base import ArchiveError, FoundStudy
from imaging.identity import Sought
from imaging.models import Archive, Instance, Job, Study
from tests.dicoms import make_instance, make_study, study_uid, uid
from tests.factories import PullJobFactory, StudyFactory
from tests.imaging import settled_kit
from tests.imaging.settled_kit import (
    CORRECTED,
    NAME,
    NHS,
    OTHER,
    SAME,
    SOUGHT,
    VNA,
    State,
    Verdict,
    ask,
    corrected,
    decide,
    header,
    holds,
    pull,
    stands,
)

pytestmark = pytest.mark.django_db
archive, told, doubted = settled_kit.archive, settled_kit.told, settled_kit.doubted  # fixtures


@pytest.fixture
def complete(archive, told):
    """A study that is surely hers, and here."""
    holds(archive, make_study(NAME, nhs_number=NHS))
    search = ask()
    pull(Study.objects.get())
    assert stands() == (State.COMPLETE, Verdict.SAME)
    told.clear()
    return search


def test_a_correction_takes_what_agrees_no_more_from_the_screens(complete, told):
    corrected(complete, CORRECTED)
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    assert told == [State.WITHHELD]
    assert "birth-date-swapped" in Study.objects.get().evidence


def in_flight(archive, search, sought, then=lambda: None):
    """A search that is corrected while its archive is being asked."""
    ask_archive = archive.search_for_studies

    def corrected_meanwhile(question):
        archive.search_for_studies = ask_archive
        found = ask_archive(question)
        corrected(search, sought)
        then()
        return found

    archive.search_for_studies = corrected_meanwhile
    ask(search=search)


def test_a_search_in_flight_gives_nothing_back_to_the_person_as_they_were(complete, archive, told):
    """What it hears late is held against who was sought then, and is not written down."""
    in_flight(archive, complete, CORRECTED, then=told.clear)
    study = Study.objects.get()
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    new = Job.objects.get(kind=Job.Kind.SEARCH, state=Job.State.WAITING).answer.search
    assert (study.search, told) == (new, [])
    assert {*study.searches.all()} == {complete, new}
    old = complete.answers.get()
    assert (old.job.state, old.job.claim, old.state) == (Job.State.DONE, None, "not-asked")


def test_a_search_that_waits_is_not_begun_for_the_person_as_they_were(archive, told):
    holds(archive, make_study(NAME, nhs_number=NHS))
    search = plan.search_archives(
        sought=SOUGHT, archives=Archive.objects.all(), meeting_at=timezone.now(), list_position=1
    )
    new = settle.search_corrected(search, replace(SOUGHT, family_name="Patel"))
    while work.run_next((Job.Kind.SEARCH,)):
        pass
    assert (search.answers.get().state, new.answers.get().state) == ("not-asked", "answered")
    search.refresh_from_db()
    assert (search.replaced_by, new.replaced_by) == (new, None)
    assert not search.studies.exists()


def test_a_corrected_search_is_asked_by_no_more_numbers_than_the_old_one(archive, told):
    Archive.objects.update(**VNA)
    search = plan.search_archives(
        sought=SOUGHT,
        archives=Archive.objects.all(),
        meeting_at=timezone.now(),
        list_position=1,
        trusts={"RM3", "RMC"},
    )
    new = settle.search_corrected(search, CORRECTED, but_of=frozenset({"RMC"}))
    assert new.answers.get().trusts == ["RM3"]


def test_a_correction_to_somebody_else_ends_without_a_way_round(complete):
    corrected(complete, Sought(OTHER, "Dean", "Margaret", "1938-01-25", "F"))
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    with pytest.raises(settle.NotInDoubtError):
        decide(SAME)


def test_a_correction_that_changes_nothing_for_a_study_leaves_it_on_the_screens(complete, told):
    new = corrected(complete, replace(SOUGHT, family_name="Patel"))
    assert stands() == (State.COMPLETE, Verdict.SAME)
    assert told == []
    assert Study.objects.get().search == new


def test_a_study_from_before_headers_were_kept_is_withheld_until_it_is_read_anew(complete, archive):
    Study.objects.update(claims=[])
    new = corrected(complete, replace(SOUGHT, family_name="Patel"))
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    assert Study.objects.get().evidence == ["header-not-kept"]
    ask(search=new)
    assert stands() == (State.FOUND, Verdict.SAME)


def test_a_correction_gives_nothing_back_before_the_archive_has_answered(complete):
    wrong = corrected(complete, CORRECTED)
    work.run_next((Job.Kind.SEARCH,))
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    right = corrected(wrong, SOUGHT)
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    ask(search=right)
    assert stands() == (State.FOUND, Verdict.SAME)


def test_whoever_fetches_a_study_that_is_withheld_writes_no_more(archive, told):
    """The correction comes while the second listing is asked for."""
    holds(archive, make_study(NAME, nhs_number=NHS))
    search = ask()
    archive.before_listing = [lambda: None, lambda: corrected(search, CORRECTED)]
    pull(Study.objects.get())
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    assert Job.objects.get(kind=Job.Kind.PULL).state == Job.State.DONE


def test_a_worker_that_knows_the_person_as_they_were_is_followed_by_one_that_begins_anew():
    hers = header(other_patient_ids=((NHS, "NHS"),))
    study = StudyFactory(state=State.PULLING, claims=[hers.as_json()])
    lease = {"claim": uuid4(), "lease_until": timezone.now() + timedelta(minutes=1)}
    job = PullJobFactory(study=study, state=Job.State.RUNNING, **lease)
    corrected(study.search, replace(SOUGHT, family_name="Patel"))
    job.refresh_from_db()
    assert (job.state, job.claim, stands()) == (
        Job.State.WAITING,
        None,
        (State.PULLING, Verdict.SAME),
    )


def test_one_header_that_was_mended_gives_nothing_back_while_the_other_is_not_sent(
    doubted, archive
):
    first, other = make_study(NAME, instances=2, nhs_number=NHS)
    holds(archive, [first])
    archive.add(None, instead_of=other)
    claims = [header(sop_instance_uid=one.sop_instance_uid).as_json() for one in archive.files]
    doubt = {"patient_name": "KHAN^Amina^Bibi"}  # each of its own
    Study.objects.update(state=State.WITHHELD, claims=[claims[0], claims[1] | doubt])
    ask(search=doubted)
    assert stands()[0] == State.WITHHELD
    holds(archive, [first, other])
    ask(search=doubted)
    assert stands() == (State.FOUND, Verdict.SAME)


def test_what_is_corrected_at_source_to_be_another_persons_leaves_the_screens(complete, archive):
    other = {"PatientName": "DEAN^Margaret", "PatientBirthDate": "19380125", "nhs_number": OTHER}
    files = make_study(NAME, **other)
    holds(archive, files, patient_name="DEAN^Margaret", birth_date="1938-01-25")
    ask(search=complete)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)


def test_a_search_for_somebody_else_takes_nothing_from_the_screens(complete, archive):
    ask(Sought(OTHER, "Khan", "Amina", "1957-03-12", "F"))
    assert stands() == (State.COMPLETE, Verdict.SAME)


@pytest.mark.parametrize("lists", ["nothing", "what cannot be read"])
def test_an_answer_alone_takes_nothing_from_the_screens(lists, complete, archive):
    """Archives answer otherwise than their headers say; only a header counts against a study."""
    archive.studies = [FoundStudy(study_uid(NAME), patient_id=OTHER, issuer_of_patient_id="NHS")]
    archive.files = {} if lists == "nothing" else dict.fromkeys(archive.files, b"no DICOM")
    ask(search=complete)
    assert stands() == (State.COMPLETE, Verdict.SAME)


def test_what_was_withheld_comes_back_once_its_bad_header_is_corrected_at_source(archive, told):
    good, bad = make_study(NAME, nhs_number=NHS), {"nhs_number": OTHER, "PatientID": "B2"}
    holds(archive, [*good[:2], make_instance(NAME, 1, 3, **bad)])
    search = ask()
    pull(Study.objects.get())
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    ask(search=search)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)  # the first header was right all along
    holds(archive, good)
    ask(search=search)
    assert stands() == (State.FOUND, Verdict.SAME)
    pull(Study.objects.get())
    assert (stands(), Instance.objects.count()) == ((State.COMPLETE, Verdict.SAME), 3)


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize("lists", ["nothing", "no answer"])
def test_a_withheld_study_stays_withheld_while_its_archive_does_not_say_what_it_holds(
    lists, is_answered, archive, told, monkeypatch
):
    good, bad = make_study(NAME, nhs_number=NHS), {"nhs_number": OTHER, "PatientID": "B2"}
    holds(archive, [*good[:2], make_instance(NAME, 1, 3, **bad)])
    search = ask()
    pull(Study.objects.get())
    before = Study.objects.get().claims
    assert [bool(claim["sop_instance_uid"]) for claim in before] == [True, True]
    if not is_answered:
        archive.studies = []
    monkeypatch.setattr(archive, "list_instances", lists_nothing if lists == "nothing" else silent)
    ask(search=search)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    assert Study.objects.get().claims == before


@pytest.mark.parametrize("is_answered", [True, False])
def test_one_listing_that_lacks_the_doubtful_image_gives_no_study_back(
    is_answered, archive, told, monkeypatch
):
    """That it is there no more counts once the archive has said so twice."""
    good, bad = make_study(NAME, nhs_number=NHS), {"nhs_number": OTHER, "PatientID": "B2"}
    holds(archive, [*good[:2], make_instance(NAME, 1, 3, **bad)])
    search = ask()
    pull(Study.objects.get())
    whole = archive.list_instances(study_uid(NAME))
    short = [one for one in whole if one.sop_instance_uid != uid(NAME, 1, 3)]
    assert len(short) == len(whole) - 1
    if not is_answered:
        archive.studies = []
    answers = iter([short, whole, short, whole])
    monkeypatch.setattr(archive, "list_instances", lambda _: next(answers))
    ask(search=search)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)


def lists_nothing(_):
    return []


def silent(_):
    raise ArchiveError("archive.silent", "The archive stopped answering.")
