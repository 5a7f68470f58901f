"""Whose a study is, over time: found, doubted, decided, corrected here and corrected at source."""

from dataclasses import replace

import pytest

from imaging import plan, settle
from imaging.claims import MOST_CLAIMS, kept, pair_of, source_of, with_more
from imaging.models import Archive, IdentityDecision, Instance, Study
from tests.dicoms import make_instance, make_study
from tests.factories import ArchiveFactory, StudyFactory
from tests.imaging import settled_kit
from tests.imaging.settled_kit import (
    CORRECTED,
    DIFFERENT,
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


def test_a_study_keeps_who_its_header_says_it_is(doubted):
    study = Study.objects.get()
    assert (study.state, study.verdict) == (State.FOUND, Verdict.NEEDS_A_PERSON)
    assert [claim["patient_id"] for claim in study.claims] == ["X1"]
    assert study.doubted_at is not None


def test_what_the_imaging_team_calls_the_same_goes_on_as_any_study(doubted, told):
    decide(SAME)
    assert stands() == (State.FOUND, Verdict.SAME)
    assert "decided-by-imaging-team" in Study.objects.get().evidence
    assert told[-1] == State.FOUND
    pull(Study.objects.get())
    assert stands() == (State.COMPLETE, Verdict.SAME)


def test_what_the_imaging_team_calls_anothers_is_offered_to_nobody(doubted, told):
    decide(DIFFERENT)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    assert not Study.objects.get().searches.exists()
    ask(search=doubted)
    assert stands() == (State.WITHHELD, Verdict.DIFFERENT)
    assert (doubted.answers.get().studies_found, doubted.answers.get().studies_rejected) == (0, 1)


def test_a_decision_serves_the_next_meetings_search_too(doubted):
    decide(SAME)
    second = ask()
    study = Study.objects.get()
    assert study.verdict == Verdict.SAME
    assert second in study.searches.all()


def test_a_decision_is_made_on_what_was_shown(doubted):
    Study.objects.update(claims=[kept(header(birth_date="1957-03-12", patient_id="Y2")).as_json()])
    with pytest.raises(settle.ChangedError):
        decide(SAME, seen="what was there before")
    assert not IdentityDecision.objects.exists()


@pytest.mark.parametrize("verdict", [Verdict.SAME, Verdict.DIFFERENT])
def test_what_is_settled_is_not_decided_on(verdict, doubted):
    """Above all: no decision overrides that a study is surely another person's."""
    Study.objects.update(verdict=verdict)
    with pytest.raises(settle.NotInDoubtError):
        decide(SAME)


def test_a_decision_is_never_changed(doubted):
    decision = decide(SAME)
    decision.verdict = DIFFERENT
    with pytest.raises(TypeError):
        decision.save()
    with pytest.raises(TypeError):
        decision.delete()


@pytest.mark.parametrize("change", ["birth_date", "family_name", "given_names", "nhs_number"])
def test_a_decision_holds_no_more_when_the_patient_is_corrected(change, doubted):
    decide(SAME)
    new = {"birth_date": "1957-03-13", "nhs_number": OTHER}.get(change, "Khana")
    corrected(doubted, replace(SOUGHT, **{change: new}))
    assert Study.objects.get().verdict != Verdict.SAME


def test_another_trusts_number_leaves_a_decision_as_it_is(doubted):
    claim = header(patient_id="X1")
    source = source_of(Archive.objects.get())
    elsewhere = replace(SOUGHT, local_numbers={"RWJ": "SH1"})
    here = replace(SOUGHT, local_numbers={"RM3": "A1"})
    assert pair_of(SOUGHT, claim, source) == pair_of(elsewhere, claim, source)
    assert pair_of(SOUGHT, claim, source) != pair_of(here, claim, source)


def test_a_decision_holds_no_more_when_the_header_changes_at_source(archive, doubted):
    decide(SAME)
    pull(Study.objects.get())
    holds(archive, make_study(NAME, PatientID="X2"))
    ask(search=doubted)
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    assert "X2" in {claim["patient_id"] for claim in Study.objects.get().claims}


def test_a_header_that_was_not_decided_on_is_not_let_in_by_the_decision(archive, doubted):
    decide(SAME)
    archive.add(make_instance(NAME, 1, 9, PatientID="X9"))
    pull(Study.objects.get())
    assert stands() == (State.WITHHELD, Verdict.NEEDS_A_PERSON)
    decide(SAME)
    assert stands() == (State.FOUND, Verdict.SAME)
    pull(Study.objects.get())
    assert stands() == (State.COMPLETE, Verdict.SAME)
    assert Instance.objects.count() == 4


def test_each_different_claim_is_kept_once_and_an_answer_gives_way_to_a_header():
    answer = header(patient_id="", series_instance_uid="", sop_instance_uid="")
    rows = with_more([], [answer])
    rows = with_more(rows, [header(), header(sop_instance_uid="1.2.4"), header(patient_id="A2")])
    assert [row["patient_id"] for row in rows] == ["A1", "A2"]
    assert rows[0]["sop_instance_uid"] == "1.2.3"
    many = with_more(rows, [header(patient_id=f"C{number}") for number in range(50)])
    assert len(many) == MOST_CLAIMS


@pytest.mark.parametrize(("issuer", "trust"), [("BOL", "RMC"), ("STO", "RWJ"), ("", "RM3")])
def test_in_an_archive_of_several_trusts_the_issuer_says_whose_study_it_is(
    issuer, trust, archive, told
):
    Archive.objects.update(**VNA)
    holds(archive, make_study(NAME, nhs_number=NHS, IssuerOfPatientID=issuer))
    ask()
    assert Study.objects.get().trust_ods_code == trust


def test_an_archive_of_several_trusts_is_asked_for_any_of_them(db):
    vna = ArchiveFactory(name="vna", **VNA)
    plain = ArchiveFactory(name="plain", trust_ods_code="RBV")
    assert plan.archives_of({"RWJ"}) == [vna]
    assert set(plan.archives_of({"RBV", "RMC"})) == {vna, plain}
    assert plan.archives_of({"R0A"}) == []


def test_the_same_accession_number_in_two_trusts_makes_two_studies(told):
    """Accession numbers and study UIDs mean nothing beyond the archive that gave them."""
    first = StudyFactory(study_instance_uid="1.2.3", accession_number="A1")
    bolton = ArchiveFactory(name="rmc", trust_ods_code="RMC")
    StudyFactory(archive=bolton, study_instance_uid="1.2.3", accession_number="A1")
    assert Study.objects.count() == 2
    assert {one.trust_ods_code for one in Study.objects.all()} == {"RM3", "RMC"}
    corrected(first.search, CORRECTED)
    assert sorted(Study.objects.values_list("trust_ods_code", "state")) == [
        ("RM3", State.WITHHELD),
        ("RMC", State.FOUND),
    ]


def test_a_local_number_of_one_trust_finds_nobody_at_another(archive, told):
    Archive.objects.update(trust_ods_code="RMC")
    holds(archive, make_study(NAME, PatientID="A100", PatientName="DEAN^Margaret"))
    ask(replace(SOUGHT, local_numbers={"RM3": "A100"}))
    assert not Study.objects.exists()
