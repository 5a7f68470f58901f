"""Asking archives for a person's studies, and believing only what is hers."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from imaging import plan, queue, work
from imaging.archives import registry
from imaging.archives.base import ArchiveError, FoundStudy, Question
from imaging.identity import Sought
from imaging.identity_numbers import Source
from imaging.models import Archive, ArchiveAnswer, Arrival, Job, Search, Study
from imaging.pull.asking import Asked, by_name, by_number
from tests.dicoms import OTHER_PATIENT, make_study, study_uid, uid
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
Answer = ArchiveAnswer.State
# Everybody here was born on a day of their own, so that tests sharing an archive do not meet.


def sought(**changes):
    person = {"nhs_number": "9990000018", "family_name": "Khan", "given_names": "Amina"}
    return Sought(**person | {"birth_date": "1957-03-12", "sex": "F"} | changes)


def ask(archive, person=None):
    """The answer of one archive, after its job was carried out."""
    search = plan.search_archives(
        sought=person or sought(),
        archives=[archive],
        meeting_at=timezone.now() + timedelta(days=1),
        list_position=1,
    )
    work.run_next((Job.Kind.SEARCH,))
    return search.answers.get()


def at(peer, kind="dicomweb", **fields):
    return ArchiveFactory(name=f"{peer.name}-{kind}".lower(), **peer.as_archive(kind) | fields)


def says(answer):
    return answer.state, answer.studies_found, answer.studies_rejected


@pytest.mark.parametrize(
    ("peer", "kind", "day", "nhs_number"),
    [
        ("orthanc", "dicomweb", "19570401", "9990000034"),
        ("orthanc", "dimse", "19570402", "9990000050"),
        ("dcmqrscp", "dimse", "19570403", "9990000069"),
        ("qrscp", "dimse", "19570404", "9990000077"),
    ],
)
def test_a_study_is_found_by_birth_date_and_recognised_by_its_own_header(
    peer, kind, day, nhs_number, request
):
    """No archive here answers with other patient ids: the NHS number is in the header alone."""
    name, archive = f"found {peer} {kind}", request.getfixturevalue(peer)
    archive.store(make_study(name, nhs_number=nhs_number, PatientBirthDate=day))
    archive.store(
        make_study(name + " namesake", nhs_number="9990000026", PatientBirthDate=day, PatientID="Z")
    )
    birth_date = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    answer = ask(at(archive, kind), sought(nhs_number=nhs_number, birth_date=birth_date))
    assert (answer.state, answer.studies_found) == (Answer.ANSWERED, 1)
    assert answer.studies_rejected >= 1  # qrscp does not know birth dates: more are rejected
    study = Study.objects.get()
    assert study.study_instance_uid == study_uid(name)
    assert (study.state, study.verdict) == (Study.State.FOUND, Study.Verdict.SAME)
    assert (study.modalities, study.expected_count) == ("CT", 3)
    assert str(study.study_date) == "2026-01-10"
    assert "nhs-number-agrees" in study.evidence


def test_a_local_number_under_its_issuer_is_enough(orthanc):
    orthanc.store(make_study("local", PatientID="L77", IssuerOfPatientID="SALFORD"))
    person = sought(local_numbers={"RM3": "L77"})
    answer = ask(at(orthanc, issuer_of_patient_id="SALFORD"), person)
    assert says(answer) == (Answer.ANSWERED, 1, 0)
    study = Study.objects.get()
    assert study.study_instance_uid == study_uid("local")
    assert (study.body_part, study.description) == ("HEAD", "CT head")


def test_an_nhs_number_kept_as_patient_id_is_asked_for_as_such(orthanc):
    orthanc.store(make_study("by nhs number", PatientID="9990000042"))
    person = sought(nhs_number="9990000042")
    answer = ask(at(orthanc, nhs_number_in=Archive.NhsNumberIn.PATIENT_ID), person)
    assert says(answer) == (Answer.ANSWERED, 1, 0)


def test_an_archive_that_knows_nobody_answers_so(orthanc):
    answer = ask(at(orthanc), sought(birth_date="1901-01-01"))
    assert says(answer) == (Answer.ANSWERED, 0, 0)
    assert Archive.objects.get().last_answer_at is not None


def test_an_archive_that_ignores_filters_shows_nobody_else(hostile):
    """It answers every question, and every page of it, with everyone it knows."""

    def answer(path):
        rows = [
            {
                "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
                "00100020": {"vr": "LO", "Value": [f"B{number}"]},
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "OTHER^Person"}]},
                "00100030": {"vr": "DA", "Value": ["19400101"]},
            }
            for number in range(30)
        ]
        return 200, {"Content-Type": "application/dicom+json"}, json.dumps(rows).encode()

    assert says(ask(ArchiveFactory(base_url=hostile(answer)))) == (Answer.ANSWERED, 0, 30)
    assert not Study.objects.exists()


def fake(monkeypatch, *studies, files=()):
    archive = FakeArchive(files, studies=studies)
    monkeypatch.setattr(registry, "connect", lambda _: archive)
    return archive


HERS = FoundStudy(
    "1.2.3",
    patient_id="9990000018",
    issuer_of_patient_id="NHS",
    patient_name="KHAN^Amina",
    birth_date="1957-03-12",
    modalities=("CT",),
    instance_count=3,
)


def test_who_cannot_be_told_for_certain_is_kept_for_a_person_and_not_fetched(monkeypatch):
    fake(monkeypatch, FoundStudy("1.2.3", patient_name="KHAN^Amina", birth_date="1957-03-12"))
    assert says(ask(ArchiveFactory())) == (Answer.ANSWERED, 1, 0)
    study = Study.objects.get()
    assert study.verdict == Study.Verdict.NEEDS_A_PERSON
    assert not plan.want_study(study)


def test_a_header_of_somebody_else_outweighs_an_answer_that_looks_right(monkeypatch):
    claims = FoundStudy(study_uid("lie"), patient_name="KHAN^Amina", birth_date="1957-03-12")
    fake(monkeypatch, claims, files=make_study("lie", **OTHER_PATIENT))
    assert says(ask(ArchiveFactory())) == (Answer.ANSWERED, 0, 1)


def test_a_header_of_another_study_says_nothing_of_this_one(monkeypatch):
    """What the archive sends for it is another study's, which is surely hers."""
    (own,), (other,) = (
        make_study(name, instances=1, nhs_number="9990000018") for name in ("asked", "sent")
    )
    claims = FoundStudy(study_uid("asked"), patient_name="KHAN^Amina", birth_date="1957-03-12")
    fake(monkeypatch, claims).add(other, instead_of=own)
    ask(ArchiveFactory())
    assert Study.objects.get().verdict == Study.Verdict.NEEDS_A_PERSON


@pytest.mark.parametrize(
    ("others", "is_left"), [(None, False), (Study.State.FOUND, False), (Study.State.PULLING, True)]
)
def test_what_was_moved_here_to_be_read_and_is_anothers_is_let_go(monkeypatch, others, is_left):
    """Not what another's pull has asked for, and not what was pushed."""
    claims = FoundStudy(study_uid("lie"), patient_name="KHAN^Amina", birth_date="1957-03-12")
    fake(monkeypatch, claims, files=make_study("lie", **OTHER_PATIENT))
    archive = ArchiveFactory()
    if others:
        StudyFactory(archive=archive, study_instance_uid=study_uid("lie"), state=others)
    about = {"archive": archive, "study_instance_uid": study_uid("lie"), "size": 1}
    first, other, _ = sorted(uid("lie", 1, number) for number in (1, 2, 3))
    read, pushed, unread = (
        Arrival.objects.create(sop_instance_uid=sop, is_asked=is_asked, **about)
        for sop, is_asked in ((first, True), (first, False), (other, True))
    )
    assert says(ask(archive)) == (Answer.ANSWERED, 0, 1)
    left = {*Arrival.objects.all()}
    assert left == ({read, pushed, unread} if is_left else {pushed, unread})


def test_of_an_archive_of_everybody_only_what_was_answered_is_looked_up(monkeypatch):
    archive, loaded, load = ArchiveFactory(), [], Study.from_db.__func__
    state = Study.State.WITHHELD
    StudyFactory.create_batch(3, archive=archive, state=state)
    mine = StudyFactory(archive=archive, state=state, study_instance_uid="1.2.3")

    def noted(cls, db, names, values):
        row = load(cls, db, names, values)
        loaded.append(row.pk)
        return row

    fake(monkeypatch, HERS)
    monkeypatch.setattr(Study, "from_db", classmethod(noted))
    assert ask(archive).state == Answer.ANSWERED
    assert set(loaded) == {mine.pk}


def test_asking_again_finds_what_is_new_and_leaves_what_was_fetched_alone(monkeypatch):
    archive = fake(monkeypatch, HERS)
    answer = ask(ArchiveFactory())
    Study.objects.update(state=Study.State.COMPLETE, description="from its header")
    archive.studies.append(FoundStudy(**vars(HERS) | {"study_instance_uid": "1.2.4"}))
    plan.search_again(answer.search, archives=Archive.objects.all())
    work.run_next((Job.Kind.SEARCH,))
    answer.refresh_from_db()
    assert says(answer) == (Answer.ANSWERED, 2, 0)
    old, new = Study.objects.order_by("study_instance_uid")
    assert (old.state, old.description) == (Study.State.COMPLETE, "from its header")
    assert new.state == Study.State.FOUND


def test_a_study_that_was_withheld_stays_withheld(monkeypatch):
    fake(monkeypatch, HERS)
    search = ask(ArchiveFactory()).search
    Study.objects.update(state=Study.State.WITHHELD, verdict=Study.Verdict.DIFFERENT)
    plan.search_again(search, archives=Archive.objects.all())
    work.run_next((Job.Kind.SEARCH,))
    study = Study.objects.get()
    assert (study.state, study.verdict) == (Study.State.WITHHELD, Study.Verdict.DIFFERENT)


def test_a_search_for_somebody_else_does_not_take_a_study_away(monkeypatch):
    fake(monkeypatch, HERS)
    first = ask(ArchiveFactory()).search
    ask(Archive.objects.get(), sought(nhs_number=""))
    study = Study.objects.get()
    assert (study.search, study.verdict) == (first, Study.Verdict.SAME)


def test_a_study_found_again_serves_both_searches_and_is_not_fetched_again(monkeypatch):
    fake(monkeypatch, HERS)
    first = ask(ArchiveFactory()).search
    Study.objects.update(state=Study.State.COMPLETE)
    second = ask(Archive.objects.get()).search
    study = Study.objects.get()
    assert set(study.searches.all()) == {first, second}
    assert (study.search, study.state) == (second, Study.State.COMPLETE)
    assert not Job.objects.filter(kind=Job.Kind.PULL).exists()


def test_a_study_doubted_for_one_person_and_surely_anothers_serves_the_other_alone(monkeypatch):
    fake(monkeypatch, HERS)
    ask(ArchiveFactory(), sought(nhs_number=""))
    assert Study.objects.get().verdict == Study.Verdict.NEEDS_A_PERSON
    hers = ask(Archive.objects.get()).search
    study = Study.objects.get()
    assert (study.verdict, list(study.searches.all())) == (Study.Verdict.SAME, [hers])


@pytest.mark.parametrize(("days", "is_moved"), [(-30, True), (30, True), (1, False)])
def test_what_is_still_to_be_fetched_is_as_urgent_as_the_next_meeting(monkeypatch, days, is_moved):
    fake(monkeypatch, HERS)
    ask(ArchiveFactory())
    study, before = Study.objects.get(), timezone.now() + timedelta(days=days)
    plan.want_study(study)
    Job.objects.filter(study=study).update(meeting_at=before)
    second = ask(Archive.objects.get()).search
    job = Job.objects.get(study=study)
    assert job.meeting_at == (second.meeting_at if is_moved else before)


def test_an_archive_that_is_down_is_said_at_once_and_asked_again(monkeypatch):
    archive = fake(monkeypatch, HERS)
    archive.failure = ArchiveError("archive.unreachable", "The archive cannot be reached.")
    answer = ask(ArchiveFactory())
    assert (answer.state, answer.code) == (Answer.FAILED, "archive.unreachable")
    assert answer.message == "The archive cannot be reached."
    assert answer.job.state == Job.State.WAITING
    assert answer.job.due_at > timezone.now()
    archive.failure = None
    Job.objects.update(due_at=timezone.now())
    work.run_next((Job.Kind.SEARCH,))
    answer.refresh_from_db()
    assert (answer.state, answer.code, answer.message) == (Answer.ANSWERED, "", "")


def test_what_no_retry_can_mend_is_asked_once(orthanc_with_password):
    answer = ask(at(orthanc_with_password, password="wrong"))
    assert (answer.state, answer.code) == (Answer.FAILED, "archive.refused")
    assert answer.job.state == Job.State.FAILED


def test_a_paused_archive_is_not_asked_and_said_not_to_be():
    answer = ask(ArchiveFactory(is_paused=True))
    assert (answer.state, answer.job.state) == (Answer.NOT_ASKED, Job.State.WAITING)
    assert answer.job.attempts == 0


def test_a_search_on_which_workers_die_is_given_up(monkeypatch):
    fake(monkeypatch, HERS)
    search = ask(ArchiveFactory()).search
    Job.objects.update(state=Job.State.WAITING, attempts=queue.ATTEMPTS)
    work.run_next((Job.Kind.SEARCH,))
    assert search.answers.get().code == "search.gave_up"
    assert Search.objects.get() == search


SOURCE = Source("RM3", "", "other-patient-ids")
IN_PATIENT_ID = Source("RM3", "", "patient-id")
VNA = Source("RM3", "", "other-patient-ids", trusts_by_issuer={"BOL": "RMC", "STO": "RWJ"})
BY_NAME = Question(family_name_begins="KHAN", birth_date="1957-03-12")
BORN = Question(birth_date="1957-03-12")


def of(*numbers):
    return [Question(patient_id=number) for number in numbers]


def questions(person, source, **how):
    asked = by_number(person, source, Asked(how.pop("trusts", source.trusts), **how))
    return [*asked, *filter(None, [by_name(person)])]


@pytest.mark.parametrize(
    ("person", "source", "asked"),
    [
        (sought(), SOURCE, [BY_NAME]),
        (sought(local_numbers={"RM3": "A1"}), SOURCE, [*of("A1"), BY_NAME]),
        (sought(local_numbers={"R0A": "A1"}), SOURCE, [BY_NAME]),
        (sought(), IN_PATIENT_ID, [*of("9990000018"), BY_NAME]),
        (
            sought(superseded_nhs_numbers=["9990000026"], local_numbers={"RM3": "A1"}),
            IN_PATIENT_ID,
            [*of("9990000018", "9990000026", "A1"), BY_NAME],
        ),
        (
            sought(local_numbers={"RMC": "B1", "RWJ": "C1", "R0A": "D1"}),
            VNA,
            [*of("B1", "C1"), BY_NAME],
        ),
        (sought(local_numbers={"RMC": "A1", "RWJ": "A1"}), VNA, [*of("A1"), BY_NAME]),
        (sought(family_name="Öztürk"), SOURCE, [BORN]),
        (sought(family_name="Öztürk", birth_date="1900-01-01"), SOURCE, []),
        (sought(birth_date=""), SOURCE, []),
    ],
)
def test_the_surest_question_comes_first_and_a_name_never_alone(person, source, asked):
    assert questions(person, source) == asked


def test_an_archive_of_several_trusts_is_asked_by_the_numbers_of_those_alone_that_may_be_asked():
    person = sought(local_numbers={"RMC": "B1", "RWJ": "C1"})
    assert questions(person, VNA, trusts=frozenset({"RMC"})) == [*of("B1"), BY_NAME]


def test_a_folder_is_asked_by_the_nhs_number_too_wherever_it_stands():
    assert questions(sought(), SOURCE, is_folder=True) == [*of("9990000018"), BY_NAME]


def test_what_was_brought_for_somebody_is_asked_for_as_that():
    assert questions(sought(), SOURCE, brought=("upload",))[:-1] == [Question(brought=("upload",))]
