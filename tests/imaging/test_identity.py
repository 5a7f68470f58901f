"""No wrong patient under any archive: every pair of what was sought and what was claimed."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.claims import Judge, pair_of
from imaging.identity import Sought, family_name_begins, verdict
from imaging.identity_numbers import Source, is_nhs_number

NHS, OTHER_NHS = "9990000018", "9990000026"
SOUGHT = Sought(NHS, "KHAN", "Amina", "1957-03-12", "F", {"RM3": "A100"})
IN_PATIENT_ID = Source("RM3", "", "patient-id")
IN_OTHERS = Source("RM3", "SALFORD", "other-patient-ids")


@dataclass(frozen=True)
class Said:
    """A claim as an archive or a header makes it."""

    patient_id: str = "A100"
    issuer_of_patient_id: str = "SALFORD"
    other_patient_ids: tuple = ((NHS, "NHS"),)
    patient_name: str = "KHAN^Amina"
    birth_date: str = "1957-03-12"
    sex: str = "F"


HERS = Said()
NO_NUMBERS = replace(HERS, patient_id="", other_patient_ids=())


def judged(claim, *, sought=SOUGHT, source=IN_OTHERS):
    return verdict(sought, claim, source).verdict


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"patient_name": "Khan^A"},
        {"patient_name": "AMINA KHAN"},
        {"patient_name": "KHAN-PATEL^Amina"},
        {"patient_name": "PATEL^Amina"},
        {"patient_name": ""},
        {"sex": ""},
        {"other_patient_ids": ((NHS, ""),)},
        {"other_patient_ids": (("999 000 0018", "NHS"),)},
        {"other_patient_ids": (("999-000-0018", "2.16.840.1.113883.2.1.4.1"),)},
        {"other_patient_ids": ()},
        {"other_patient_ids": (), "issuer_of_patient_id": ""},
        {"other_patient_ids": (), "patient_id": "RM3-A100"},
        {"patient_id": "X", "issuer_of_patient_id": "ELSEWHERE"},
    ],
    ids=str,
)
def test_number_and_birth_date_make_the_same_person_whatever_the_name_looks_like(changed):
    assert judged(replace(HERS, **changed)) == "same"


@pytest.mark.parametrize(
    "changed",
    [
        {"birth_date": "1957-03-13"},
        {"birth_date": ""},
        {"other_patient_ids": ((NHS, "NHS"), (OTHER_NHS, "NHS"))},
        {"other_patient_ids": ((OTHER_NHS, "NHS"),)},
        {"patient_id": "B200"},
        {"patient_id": "", "other_patient_ids": ()},
        {"patient_id": "A100", "issuer_of_patient_id": "ELSEWHERE", "other_patient_ids": ()},
    ],
    ids=str,
)
def test_something_for_and_something_against_needs_a_person(changed):
    assert judged(replace(HERS, **changed)) == "needs-a-person"


@pytest.mark.parametrize(
    "changed",
    [
        {"birth_date": "1940-01-01", "patient_name": "OTHER^Person"},
        {"patient_id": "B200", "other_patient_ids": ((OTHER_NHS, "NHS"),)},
        {"patient_id": "B200", "other_patient_ids": (), "birth_date": "1957-03-13"},
        {"patient_id": "B200", "other_patient_ids": (), "patient_name": "OTHER^Person"},
        {"patient_id": "", "other_patient_ids": (), "birth_date": "1957-03-13"},
        {"patient_id": "", "other_patient_ids": (), "patient_name": "OTHER^Person"},
    ],
    ids=str,
)
def test_another_person_is_another_person(changed):
    assert judged(replace(HERS, **changed)) == "different"


def test_a_name_and_a_birth_date_alone_are_never_enough():
    assert judged(NO_NUMBERS) == "needs-a-person"
    assert judged(NO_NUMBERS, sought=replace(SOUGHT, nhs_number="")) == "needs-a-person"


def test_where_the_nhs_number_is_the_patient_id_it_is_read_there():
    claim = replace(NO_NUMBERS, patient_id=NHS, issuer_of_patient_id="")
    assert judged(claim, source=IN_PATIENT_ID) == "same"
    assert judged(replace(claim, patient_id=OTHER_NHS), source=IN_PATIENT_ID) == "different"


def test_the_same_digits_under_another_trusts_issuer_are_not_this_trusts_number():
    claim = replace(HERS, issuer_of_patient_id="ELSEWHERE", other_patient_ids=())
    assert "local-number-agrees" not in verdict(SOUGHT, claim, IN_OTHERS).evidence


@pytest.mark.parametrize("issuer", ["CHI", "chi number", "H&C", "HSC"])
def test_a_scottish_or_northern_irish_number_is_never_taken_for_an_nhs_number(issuer):
    equal = replace(NO_NUMBERS, other_patient_ids=((NHS, issuer),))
    unequal = replace(HERS, other_patient_ids=((NHS, "NHS"), (OTHER_NHS, issuer)))
    assert judged(equal) == "needs-a-person"
    assert judged(unequal) == "same"


def test_a_number_that_fails_its_check_is_no_nhs_number():
    claim = replace(NO_NUMBERS, other_patient_ids=(("9990000019", "NHS"),))
    assert judged(claim) == "needs-a-person"
    sought = replace(SOUGHT, nhs_number="9990000019")
    assert judged(claim, sought=sought) == "needs-a-person"


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        (Source("RM3", "", "patient-id"), {"issuer_of_patient_id": "ELSEWHERE"}),
        (Source("RM3", "CHI", "patient-id"), {"issuer_of_patient_id": "CHI"}),
    ],
    ids=["another issuer", "another nation, whatever is set up"],
)
def test_where_nhs_numbers_are_kept_a_number_of_somebody_elses_is_none(source, changed):
    claim = replace(NO_NUMBERS, patient_id=NHS, **changed)
    assert "nhs-number-not-stated" in verdict(SOUGHT, claim, source).evidence
    assert judged(claim, source=source) == "needs-a-person"


def test_a_number_among_the_others_is_no_trusts_where_nobody_says_whose():
    claim = replace(NO_NUMBERS, other_patient_ids=(("A100", ""),))
    assert "local-number-not-stated" in verdict(SOUGHT, claim, IN_OTHERS).evidence
    assert judged(claim) == "needs-a-person"


def test_a_superseded_number_counts_alone_and_only_where_the_record_says_so():
    claim = replace(NO_NUMBERS, other_patient_ids=((OTHER_NHS, "NHS"),))
    known = replace(SOUGHT, superseded_nhs_numbers=[OTHER_NHS])
    assert (judged(claim, sought=known), judged(claim)) == ("same", "different")


def test_a_name_is_not_read_backwards_to_find_half_of_it():
    """Her given name as somebody's family name: perhaps a twin was given her number."""
    claim = replace(HERS, patient_id="", patient_name="AMINA^Zeynep")
    assert "given-names-differs" in verdict(SOUGHT, claim, IN_OTHERS).evidence
    assert judged(claim) == "needs-a-person"


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        (replace(HERS, birth_date="1940-01-01", patient_name="OTHER^Person"), "different"),
        (HERS, "same"),
    ],
)
def test_a_persons_word_counts_where_the_rule_asks_for_one_and_nowhere_else(claim, found):
    against = "same" if found == "different" else "different"
    said = {pair_of(SOUGHT, claim, IN_OTHERS): against}
    assert Judge(SOUGHT, IN_OTHERS, said).judge(claim).verdict == found


def test_the_evidence_is_codes_and_never_values():
    evidence = " ".join(verdict(SOUGHT, HERS, IN_OTHERS).evidence)
    assert "nhs-number-agrees" in evidence
    assert "birth-date-agrees" in evidence
    for value in (NHS, "KHAN", "1957", "A100"):
        assert value not in evidence


@pytest.mark.parametrize(
    ("number", "is_valid"),
    [
        ("9990000018", True),
        ("9434765919", True),
        ("9434765918", False),
        ("943476591", False),
        ("94347659199", False),
        ("943476591x", False),
        ("٩٩٩٠٠٠٠٠١٨", False),
        ("", False),
    ],
)
def test_the_check_digit_of_an_nhs_number(number, is_valid):
    assert is_nhs_number(number) is is_valid


@pytest.mark.parametrize(
    ("name", "begins"),
    [("Khan", "KHAN"), ("O'Neill", "O"), ("Smith-Jones", "SMITH"), ("Müller", "M"), ("Ö", "")],
)
def test_only_plain_letters_narrow_a_search(name, begins):
    assert family_name_begins(replace(SOUGHT, family_name=name)) == begins


numbers = st.sampled_from(["", NHS, OTHER_NHS, "A100", "B200", "9990000019"])
issuers = st.sampled_from(["", "NHS", "SALFORD", "CHI", "ELSEWHERE"])
claims = st.builds(
    Said,
    patient_id=numbers,
    issuer_of_patient_id=issuers,
    other_patient_ids=st.lists(st.tuples(numbers, issuers), max_size=3).map(tuple),
    patient_name=st.sampled_from(["", "KHAN^Amina", "OTHER^Person"]),
    birth_date=st.sampled_from(["", "1957-03-12", "1940-01-01"]),
    sex=st.sampled_from(["", "F", "M"]),
)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"sex": "M", "patient_name": "KHAN^A"}, "needs-a-person"),
        ({"sex": "M", "patient_name": "KHAN"}, "needs-a-person"),
        ({"sex": "M", "patient_name": ""}, "needs-a-person"),
        ({"sex": "M", "patient_name": "KHAN^A B"}, "needs-a-person"),
        ({"sex": "M", "patient_name": "KHAN^Zara"}, "needs-a-person"),
        ({"sex": "M", "patient_name": "KHAN^Amina"}, "same"),
        ({"sex": "M", "patient_name": "KHAN^Ami"}, "same"),
        ({"sex": "F", "patient_name": "KHAN^A"}, "same"),
        ({"sex": "O", "patient_name": "KHAN^A"}, "same"),
        ({"sex": "", "patient_name": "KHAN^A"}, "same"),
    ],
    ids=str,
)
def test_a_number_under_the_other_sex_needs_a_given_name_that_is_written_out(changed, found):
    """A twin brother under a mistyped number has her family name, birth date and initial."""
    assert judged(replace(HERS, **changed)) == found


def test_an_initial_alone_is_told_from_a_name_that_is_written_out():
    said = {
        name: verdict(SOUGHT, replace(HERS, patient_name=name), IN_OTHERS).evidence
        for name in ("KHAN^A", "KHAN^Amina", "A^KHAN")
    }
    assert "given-names-initial-agrees" in said["KHAN^A"]
    assert "given-names-initial-agrees" in said["A^KHAN"]
    assert "given-names-agrees" in said["KHAN^Amina"]
    initial = replace(NO_NUMBERS, patient_name="KHAN^A", birth_date="")
    assert judged(initial) == "needs-a-person"


VNA = Source("RM3", "", "other-patient-ids", trusts_by_issuer={"BOL": "RMC"})


@pytest.mark.parametrize(
    ("issuer", "source", "found"),
    [
        ("WIG", VNA, "needs-a-person"),
        ("BOL", VNA, "same"),
        ("rm3", VNA, "same"),
        ("", VNA, "same"),
        ("NHS", VNA, "same"),
        ("CHI", VNA, "same"),
        ("WIG", IN_OTHERS, "same"),
    ],
)
def test_in_an_archive_of_several_trusts_an_issuer_nobody_set_up_is_no_trusts(
    issuer, source, found
):
    claim = replace(HERS, issuer_of_patient_id=issuer, patient_id="X1")
    sought = replace(SOUGHT, local_numbers={})
    assert Judge(sought, source, {}).judge(claim).verdict == found


def test_nobodys_word_says_whose_to_share_a_study_is_that_another_header_says_does():
    claim = replace(HERS, issuer_of_patient_id="WIG", birth_date="")
    judge = Judge(SOUGHT, VNA, {pair_of(SOUGHT, claim, VNA): "same"})
    assert judge.judge(claim).verdict == "needs-a-person"
    assert judge.undecided([claim]) == []
    assert judge.judge(claim, replace(HERS, issuer_of_patient_id="BOL")).verdict == "same"


@given(claim=claims, source=st.sampled_from([IN_PATIENT_ID, IN_OTHERS]))
def test_nobody_is_the_same_without_a_number_and_the_birth_date(claim, source):
    said = {claim.patient_id, *(number for number, _ in claim.other_patient_ids)}
    if judged(claim, source=source) == "same":
        assert claim.birth_date == SOUGHT.birth_date
        assert said & {NHS, "A100"}
    if said.isdisjoint({NHS, "A100"}):
        assert judged(claim, source=source) != "same"


def test_a_superseded_local_number_counts_at_its_trust_and_beside_it_another_does_not():
    only_local = replace(HERS, patient_id="A099", other_patient_ids=())
    known = replace(SOUGHT, superseded_local_numbers={"RM3": ["A099"]})
    assert judged(only_local) == "different" or judged(only_local) == "needs-a-person"
    assert judged(only_local, sought=known) == "same"
    elsewhere = replace(SOUGHT, superseded_local_numbers={"RBV": ["A099"]})
    assert judged(only_local, sought=elsewhere) != "same"
    third = replace(only_local, patient_id="A098")
    assert judged(third, sought=known) != "same"


def test_without_an_nhs_number_a_trusts_own_number_and_the_birth_date_are_enough():
    nobody = replace(SOUGHT, nhs_number="")
    claim = replace(HERS, other_patient_ids=())
    assert judged(claim, sought=nobody) == "same"
    assert judged(HERS, sought=nobody) == "same"  # an NHS number nobody here knows says nothing
    assert judged(replace(claim, patient_id="B200"), sought=nobody) != "same"
    assert judged(replace(claim, birth_date="1957-03-13"), sought=nobody) != "same"
