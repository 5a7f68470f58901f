"""Whose a study is, over time: found, doubted, decided, corrected here and corrected at source."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from imaging import plan, settle, work
from imaging.archives import registry
from imaging.archives.base import ArchiveError, FoundStudy
from imaging.claims import MOST_CLAIMS, KeptClaim, kept, pair_of, source_of, with_more
from imaging.identity import Sought
from imaging.models import Archive, IdentityDecision, Instance, Job, Study
from tests.dicoms import make_instance, make_study, study_uid, uid
from tests.factories import ArchiveFactory, PullJobFactory, StudyFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
NHS, OTHER = "9990000018", "9990000026"
State, Verdict = Study.State, Study.Verdict
SOUGHT = Sought(NHS, "Khan", "Amina", "1957-03-12", "F")
CORRECTED = replace(SOUGHT, birth_date="1957-12-03")
NO_NUMBER = {"nhs_number": ""}
NAME = "a study"


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


SAME, DIFFERENT = IdentityDecision.Verdict.SAME, IdentityDecision.Verdict.DIFFERENT


@pytest.fixture
def doubted(archive, told):
    """A study with a name and a birth date and no number at all."""
    holds(archive, make_study(NAME, PatientID="X1"))
    return ask()


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


@pytest.fixture
def complete(archive, told):
    """A study that is surely hers, and here."""
    holds(archive, make_study(NAME, nhs_number=NHS))
    search = ask()
    pull(Study.objects.get())
    assert stands() == (State.COMPLETE, Verdict.SAME)
    told.clear()
    return search


def corrected(search, sought):
    new = settle.search_corrected(search, sought)
    settle.recheck(new)
    return new


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


def test_each_different_claim_is_kept_once_and_an_answer_gives_way_to_a_header():
    answer = header(patient_id="", series_instance_uid="", sop_instance_uid="")
    rows = with_more([], [answer])
    rows = with_more(rows, [header(), header(sop_instance_uid="1.2.4"), header(patient_id="A2")])
    assert [row["patient_id"] for row in rows] == ["A1", "A2"]
    assert rows[0]["sop_instance_uid"] == "1.2.3"
    many = with_more(rows, [header(patient_id=f"C{number}") for number in range(50)])
    assert len(many) == MOST_CLAIMS


VNA = {"trusts_by_issuer": {"BOL": "RMC", "STO": "RWJ"}}


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
