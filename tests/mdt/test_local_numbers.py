"""Numbers of trusts: kept by correction, learnt while adding a case, superseded ones as well."""

import pytest
from django.urls import reverse

from mdt.errors import NotAllowed, NumberTaken, OtherBirthDate, WrongState
from mdt.identity import services as identity
from mdt.meetings.put_right import learn_local_number
from mdt.members import Role
from mdt.referrals.local_numbers import LocalNumber
from mdt.referrals.models import Patient
from mdt.referrals.queries import facts_of, patient_with, sought_of, version_of
from mdt.room_log import log
from tests.factories import MembershipFactory, PatientFactory, TrustFactory
from tests.mdt.archive_kit import audited
from tests.mdt.identity_kit import listed_with_search

pytestmark = pytest.mark.django_db
NOW, OLDER = LocalNumber("RM3", "S1"), LocalNumber("RM3", "S0", is_superseded=True)


@pytest.fixture
def referral(meeting, coordinator):
    return listed_with_search(meeting, coordinator)


def correct(referral, by, *numbers, **changes):
    patient = Patient.objects.get(pk=referral.patient_id)
    facts = facts_of(patient) | {"birth_date": patient.birth_date, "local_numbers": numbers}
    facts |= {"is_superseded": False, "if_version": version_of(patient)}
    case = referral.listings.get()
    return identity.correct_patient(case=case, by=by, **facts | changes)


def learn(referral, meeting, by, number=NOW, **changes):
    facts = {"patient": referral.patient, "birth_date": referral.patient.birth_date}
    return learn_local_number(meeting=meeting, local=number, by=by, **facts | changes)


def numbers_of(referral):
    return Patient.objects.get(pk=referral.patient_id).all_local_numbers


def test_a_trusts_numbers_are_kept_and_the_archives_asked_with_them(referral, coordinator):
    before = referral.search
    assert correct(referral, coordinator, NOW, OLDER) == ["local_numbers"]
    assert numbers_of(referral) == [NOW, OLDER]
    sought = sought_of(Patient.objects.get())
    assert (sought.local_numbers, sought.superseded_local_numbers) == (
        {"RM3": "S1"},
        {"RM3": ["S0"]},
    )
    referral.refresh_from_db()
    assert referral.search != before
    assert referral.search.sought["superseded_local_numbers"] == {"RM3": ["S0"]}
    assert "patient.corrected" in audited()


def test_a_number_takes_the_place_of_one_that_was_wrong(referral, coordinator):
    correct(referral, coordinator, LocalNumber("RM3", "WRONG"))
    correct(referral, coordinator, NOW)
    assert numbers_of(referral) == [NOW]
    assert patient_with("", LocalNumber("RM3", "WRONG")) is None


def test_the_same_numbers_sent_twice_change_nothing(referral, coordinator):
    correct(referral, coordinator, NOW, OLDER)
    assert correct(referral, coordinator, OLDER, NOW) == []
    assert audited().count("patient.corrected") == 1


@pytest.mark.parametrize(
    "numbers", [[OLDER], [NOW, LocalNumber("RM3", "S2")], [NOW, LocalNumber("RM3", "S1", True)]]
)
def test_at_each_trust_one_number_counts(numbers, referral, coordinator):
    with pytest.raises(WrongState):
        correct(referral, coordinator, *numbers)
    assert numbers_of(referral) == []


def test_another_persons_number_is_refused_and_the_same_digits_elsewhere_are_not(
    referral, coordinator
):
    PatientFactory(family_name="DEAN").numbers.create(
        issuer="local", trust_ods_code="RM3", value="S1"
    )
    with pytest.raises(NumberTaken):
        correct(referral, coordinator, NOW)
    assert correct(referral, coordinator, LocalNumber("RBV", "S1")) == ["local_numbers"]


def test_a_superseded_number_still_finds_its_patient(referral, coordinator):
    correct(referral, coordinator, NOW, OLDER)
    assert patient_with("", LocalNumber("RM3", "S0")) == referral.patient
    assert patient_with("", LocalNumber("RBV", "S0")) is None


def test_that_somebody_died_is_put_right_and_asks_no_archive(referral, coordinator, meeting):
    before, seq = referral.search, meeting.room_seq
    assert correct(referral, coordinator, is_deceased=True) == ["is_deceased"]
    assert Patient.objects.get().is_deceased
    referral.refresh_from_db()
    assert referral.search == before
    assert [event.type for event in log.since(meeting, seq)] == ["case.refreshed"]


def test_a_number_learnt_asks_the_archives_again_and_tells_the_room(referral, meeting, coordinator):
    before, seq = referral.search, meeting.room_seq
    assert learn(referral, meeting, coordinator)
    referral.refresh_from_db()
    assert referral.search != before
    assert referral.search.sought["local_numbers"] == {"RM3": "S1"}
    assert [event.type for event in log.since(meeting, seq)] == ["case.refreshed"]
    assert not learn(referral, meeting, coordinator)
    assert audited().count("patient.corrected") == 1


def test_what_is_on_record_is_not_replaced_by_the_way(referral, meeting, coordinator):
    learn(referral, meeting, coordinator)
    with pytest.raises(NumberTaken):
        learn(referral, meeting, coordinator, LocalNumber("RM3", "S2"))
    PatientFactory().numbers.create(issuer="local", trust_ods_code="RBV", value="S1")
    with pytest.raises(NumberTaken):
        learn(referral, meeting, coordinator, LocalNumber("RBV", "S1"))
    born = referral.patient.birth_date.replace(year=1990)
    with pytest.raises(OtherBirthDate):
        learn(referral, meeting, coordinator, LocalNumber("RWJ", "S3"), birth_date=born)
    assert numbers_of(referral) == [NOW]


def test_who_does_not_keep_the_list_adds_no_number(referral, meeting, team):
    person = MembershipFactory(team=team, role=Role.EXTENDED).person
    with pytest.raises(NotAllowed):
        learn(referral, meeting, person)
    with pytest.raises(NotAllowed):
        correct(referral, person, NOW)
    assert numbers_of(referral) == []


# ---- on the patient's page ------------------------------------------------------------------


@pytest.fixture
def page(client, referral, coordinator, settings):
    settings.DEMO = True
    TrustFactory(ods_code="RBV", name="The Christie NHS Foundation Trust")
    TrustFactory()
    client.force_login(coordinator)
    return reverse("case-patient", args=[referral.listings.get().public_id])


def filled(client, page, *rows, **changes):
    """The page's form as it stands, with these rows of numbers."""
    data = client.get(page).context["form"].initial | {"is_superseded": "no"} | changes
    for at, (trust, value, is_superseded) in enumerate(rows):
        data |= {f"local-{at}-trust": trust, f"local-{at}-value": value}
        data |= {f"local-{at}-is_superseded": is_superseded}
    return data


def test_the_page_keeps_numbers_of_trusts_and_shows_them_again(client, page, referral):
    data = filled(client, page, ("RM3", " s1 ", "no"), ("RM3", "S0", "yes"))
    assert client.post(page + "/correct", data).status_code == 302
    assert numbers_of(referral) == [NOW, OLDER]
    shown = client.get(page).content.decode()
    for part in ('name="local-0-value" value="S1"', 'name="local-1-value" value="S0"', "local-3-"):
        assert part in shown
    data = filled(client, page, ("RM3", "S1", "no"), ("RM3", "", "yes"))
    client.post(page + "/correct", data)
    assert numbers_of(referral) == [NOW]


@pytest.mark.parametrize(
    ("row", "status", "code"),
    [
        (("", "S1", "no"), 422, "local_number.no_trust"),
        (("XXX", "S1", "no"), 422, "invalid_choice"),
        (("RM3", "*", "no"), 422, "local_number.letters"),
        (("RM3", "999 000 0026", "no"), 422, "local_number.nhs_number"),
        (("RM3", "S1", "yes"), 409, "mdt.wrong_state"),
    ],
)
def test_a_wrong_row_comes_back_with_what_was_typed(row, status, code, client, page, referral):
    response = client.post(page + "/correct", filled(client, page, row))
    assert response.status_code == status
    assert code in response.content.decode()
    assert f'value="{row[1]}"' in response.content.decode()
    assert numbers_of(referral) == []


def test_the_page_says_that_a_patient_died(client, page, referral):
    data = filled(client, page, is_deceased="on")
    response = client.post(page + "/correct", data, follow=True)
    assert "archives are asked" not in response.content.decode()
    assert Patient.objects.get().is_deceased
