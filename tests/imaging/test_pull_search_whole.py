"""All of a person's studies: by every number, however their name is filed, beside odd ones."""

from datetime import timedelta

import pytest
from django.utils import timezone

from imaging import plan, work
from imaging.archives import registry
from imaging.archives.base import ArchiveError, FoundSeries, FoundStudy
from imaging.identity import Sought
from imaging.models import Archive, ArchiveAnswer, Job, Study
from tests.factories import ArchiveFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
Answer, Verdict = ArchiveAnswer.State, Study.Verdict
NHS, OLD, OTHER = "9990000018", "9990000034", "9990000026"
KHAN = Sought(NHS, "Khan", "Amina", "1957-03-12", "F")


def found(number, patient_id="", **said):
    said = {"patient_name": "KHAN^Amina", "birth_date": "1957-03-12", "modalities": ("CT",)} | said
    return FoundStudy(f"1.2.{number}", patient_id, instance_count=1, **said)


def archive_with(monkeypatch, *studies):
    fake = FakeArchive((), studies=studies)
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    return fake


def ask(sought=KHAN, trusts=None, **archive):
    search = plan.search_archives(
        sought=sought,
        archives=[ArchiveFactory(**archive)],
        meeting_at=timezone.now() + timedelta(days=1),
        list_position=1,
        trusts=trusts,
    )
    work.run_next((Job.Kind.SEARCH,))
    return search.answers.get()


def uids(**of):
    return {*Study.objects.filter(**of).values_list("study_instance_uid", flat=True)}


def test_studies_under_a_superseded_number_are_found_beside_those_under_the_new_one(monkeypatch):
    archive_with(monkeypatch, found(1, NHS), found(2, OLD), found(3, OTHER))
    sought = Sought(**vars(KHAN) | {"superseded_nhs_numbers": [OLD]})
    answer = ask(sought, nhs_number_in=Archive.NhsNumberIn.PATIENT_ID)
    assert uids(verdict=Verdict.SAME) == uids() == {"1.2.1", "1.2.2"}
    assert (answer.state, answer.studies_found) == (Answer.ANSWERED, 2)


def test_studies_under_a_local_number_are_found_beside_those_under_the_nhs_number(monkeypatch):
    archive_with(monkeypatch, found(1, NHS), found(2, "A1"))
    sought = Sought(**vars(KHAN) | {"local_numbers": {"RM3": "A1"}})
    ask(sought, nhs_number_in=Archive.NhsNumberIn.PATIENT_ID)
    assert uids(verdict=Verdict.SAME) == {"1.2.1", "1.2.2"}


VNA = {"trusts_by_issuer": {"BOL": "RMC", "STO": "RWJ"}}
AT_TWO = Sought(**vars(KHAN) | {"local_numbers": {"RMC": "B1", "RWJ": "C1"}})
BOLTONS = found(1, "B1", issuer_of_patient_id="BOL")
STOCKPORTS = found(2, "C1", issuer_of_patient_id="STO")


def test_an_archive_of_several_trusts_is_asked_by_each_ones_number(monkeypatch):
    archive_with(monkeypatch, BOLTONS, STOCKPORTS)
    ask(AT_TWO, **VNA)
    trusts = Study.objects.order_by("pk").values_list("trust_ods_code", "verdict")
    assert sorted(trusts) == [("RMC", Verdict.SAME), ("RWJ", Verdict.SAME)]


def test_by_the_number_of_a_trust_that_may_not_be_asked_it_is_not_asked(monkeypatch):
    archive = archive_with(monkeypatch, BOLTONS, STOCKPORTS)
    ask(AT_TWO, trusts={"RMC"}, **VNA)
    assert [question.patient_id for question in archive.asked] == ["B1"]
    assert uids() == {"1.2.1"}


def test_the_name_is_not_asked_for_once_a_number_has_recognised_somebody(monkeypatch):
    archive = archive_with(monkeypatch, found(1, NHS))
    ask(nhs_number_in=Archive.NhsNumberIn.PATIENT_ID)
    assert [question.family_name_begins for question in archive.asked] == [""]


def test_an_issuer_that_nobody_set_up_makes_a_study_nobodys_to_show(monkeypatch):
    """It is not taken for the archive's own trust's; the case says what is to be done."""
    numbers = {"other_patient_ids": ((NHS, "NHS"),)}
    archive_with(
        monkeypatch,
        found(1, "X1", issuer_of_patient_id="WIG", **numbers),
        found(2, "X2", issuer_of_patient_id="BOL", **numbers),
        found(3, NHS, issuer_of_patient_id="NHS"),
    )
    ask(**VNA)
    assert uids(verdict=Verdict.SAME) == {"1.2.2", "1.2.3"}
    study = Study.objects.get(verdict=Verdict.NEEDS_A_PERSON)
    assert (study.code, study.message) == ("identity.issuer", Study.SAID["identity.issuer"])
    assert not plan.want_study(study)
    Archive.objects.update(trusts_by_issuer=VNA["trusts_by_issuer"] | {"WIG": "RRF"})
    plan.search_again(study.search, archives=Archive.objects.all())
    work.run_next((Job.Kind.SEARCH,))
    study.refresh_from_db()
    assert (study.verdict, study.trust_ods_code, study.code) == (Verdict.SAME, "RRF", "")


@pytest.mark.parametrize(
    ("name", "filed"),
    [
        ("Öztürk", "OZTURK^Amina"),
        ("Öztürk", "ÖZTÜRK^Amina"),
        ("Ødegaard", "ODEGAARD^Amina"),
        ("Ødegaard", "ØDEGAARD^Amina"),
        ("Łukasz", "LUKASZ^Amina"),
        ("Łukasz", "ŁUKASZ^Amina"),
        ("Müller", "MUELLER^Amina"),
        ("Müller", "MÜLLER^Amina"),
    ],
)
def test_a_name_is_found_with_its_accents_and_without(name, filed, monkeypatch):
    archive_with(
        monkeypatch,
        found(1, "Z1", patient_name=filed, other_patient_ids=((NHS, "NHS"),)),
        found(2, "Z2", patient_name=filed),
        found(3, "Z3", patient_name="OTHER^Person"),
        found(4, "Z4", patient_name=filed, birth_date="1990-01-01"),
    )
    answer = ask(Sought(**vars(KHAN) | {"family_name": name}))
    assert (answer.state, answer.studies_found) == (Answer.ANSWERED, 2)
    assert (uids(verdict=Verdict.SAME), uids(verdict=Verdict.NEEDS_A_PERSON)) == (
        {"1.2.1"},
        {"1.2.2"},
    )


def test_an_archive_that_cannot_be_asked_anything_is_not_said_to_have_answered(monkeypatch):
    archive = archive_with(monkeypatch, found(1, NHS))
    answer = ask(Sought(**vars(KHAN) | {"birth_date": ""}))
    assert (answer.state, answer.code) == (Answer.FAILED, "archive.cannot_ask")
    assert (answer.job.state, archive.asked) == (Job.State.FAILED, [])
    shown = Archive.objects.get()
    assert (shown.failing_since, shown.last_answer_at, shown.failures_in_a_row) == (None, None, 0)


# ---- odd studies -------------------------------------------------------------------------


def odd(monkeypatch, *uids, code="archive.not_understood"):
    """An archive with three of her studies, which cannot say what is in some."""
    archive = archive_with(monkeypatch, *(found(n, NHS, modalities=()) for n in (1, 2, 3)))
    asked = []

    def search_for_series(uid):
        asked.append(uid)
        if uid in uids:
            raise ArchiveError(code, "Odd.")
        return [FoundSeries("1.2.9", "MR", "KNEE")]

    monkeypatch.setattr(archive, "search_for_series", search_for_series)
    return asked


IN_PATIENT_ID = {"nhs_number_in": Archive.NhsNumberIn.PATIENT_ID}


@pytest.mark.parametrize("code", ["archive.not_understood", "archive.failed", "archive.forbidden"])
def test_one_odd_study_hides_none_of_the_others_and_says_so(code, monkeypatch):
    odd(monkeypatch, "1.2.2", code=code)
    answer = ask(**IN_PATIENT_ID)
    assert (answer.state, answer.code, answer.studies_found) == (Answer.ANSWERED, "", 3)
    study = Study.objects.get(study_instance_uid="1.2.2")
    assert (study.verdict, study.code) == (Verdict.SAME, "study.not_described")
    assert study.message == Study.SAID["study.not_described"]
    assert {*Study.objects.exclude(pk=study.pk).values_list("code", "body_part")} == {("", "KNEE")}
    archive = Archive.objects.get()
    assert (archive.failing_since, archive.failures_in_a_row) == (None, 0)
    odd(monkeypatch)
    plan.search_again(answer.search, archives=[archive])
    work.run_next((Job.Kind.SEARCH,))
    study.refresh_from_db()
    assert (study.code, study.body_part) == ("", "KNEE")


def test_an_archive_that_answers_no_more_is_asked_no_more(monkeypatch):
    odd(monkeypatch, "1.2.1", "1.2.2", "1.2.3", code="archive.unreachable")
    answer = ask(**IN_PATIENT_ID)
    assert (answer.state, answer.code) == (Answer.FAILED, "archive.unreachable")


def test_what_is_being_fetched_is_not_described_again(monkeypatch):
    """Also not for the next meeting's search."""
    asked = odd(monkeypatch)
    ask(**IN_PATIENT_ID)
    Study.objects.filter(study_instance_uid="1.2.2").update(state=Study.State.WANTED)
    asked.clear()
    search = plan.search_archives(
        sought=KHAN, archives=Archive.objects.all(), meeting_at=timezone.now(), list_position=1
    )
    work.run_next((Job.Kind.SEARCH,))
    assert asked == ["1.2.1", "1.2.3"]
    assert search.studies.count() == 3
