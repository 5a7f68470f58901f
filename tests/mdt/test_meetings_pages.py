"""The list and its fragments through the browser's door: keyboard steps, ETags, refusals."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from imaging.models import Study
from mdt.audit.models import AuditEvent
from mdt.meetings.models import Meeting
from mdt.members import Role
from mdt.referrals.models import Objection, Patient
from tests.factories import (
    ListedCaseFactory,
    MeetingFactory,
    MembershipFactory,
    PatientNumberFactory,
    ReferralFactory,
    ReferralStudyFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NEW = {
    "family_name": "KHAN",
    "given_names": "Amina",
    "birth_date": "12 3 1957",
    "sex": "F",
    "question": "Is this <5 mm & resectable?",
    "laterality": "left",
    "nhs_number": "9990000018",
}


@pytest.fixture
def coordinator(team, client, settings):
    settings.DEMO = True
    person = MembershipFactory(team=team, role=Role.COORDINATOR).person
    client.force_login(person)
    return person


@pytest.fixture
def meeting(team):
    return MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))


@pytest.fixture
def case(meeting):
    return ListedCaseFactory(meeting=meeting, position=1)


def post(client, name, meeting, **data):
    return client.post(reverse(name, args=[meeting.public_id]), data, headers=HTMX)


def text(response):
    return response.content.decode()


# ---- adding a case by keyboard ---------------------------------------------------------


def test_a_number_that_is_new_asks_who_it_is(client, coordinator, meeting):
    answer = text(post(client, "add-number", meeting, nhs_number="999 000 0018"))
    assert 'name="family_name"' in answer
    assert 'value="9990000018"' in answer


def test_a_number_that_is_known_shows_who_it_is_to_be_confirmed(client, coordinator, meeting):
    PatientNumberFactory()
    answer = text(post(client, "add-number", meeting, nhs_number="999 000 0018"))
    for fact in ("KHAN, Amina", "12 Mar 1957", "Female", "999 000 0018", "Is this the patient?"):
        assert fact in answer
    answer = text(post(client, "add-question", meeting, nhs_number="9990000018"))
    assert 'name="question"' in answer
    assert 'name="birth_date" value="1957-03-12"' in answer


def test_a_wrong_number_keeps_its_place_with_a_sentence_and_a_code(client, coordinator, meeting):
    response = post(client, "add-number", meeting, nhs_number="999 000 0019")
    assert response.status_code == 422
    assert 'value="999 000 0019"' in text(response)
    assert "nhs_number.check_digit" in text(response)


def test_a_new_patient_is_listed_and_the_list_is_told(client, coordinator, meeting):
    response = post(client, "add-new", meeting, event_id=uuid4(), **NEW)
    assert response.status_code == 200
    assert response.headers["HX-Trigger"] == "list-changed"
    assert "KHAN, Amina is number 1" in text(response)
    assert meeting.cases.get().referral.question == "Is this <5 mm & resectable?"
    page = text(client.get(reverse("meeting-list", args=[meeting.public_id])))
    assert "Is this &lt;5 mm &amp; resectable?" in page


def test_a_confirmed_patient_is_listed(client, coordinator, meeting):
    PatientNumberFactory()
    sent = {"nhs_number": "9990000018", "birth_date": "1957-03-12", "event_id": uuid4()}
    asked = {"question": "Resectable?", "laterality": "left"}
    assert post(client, "add-known", meeting, **sent, **asked).status_code == 200
    assert meeting.cases.get().referral.patient.shown_name == "KHAN, Amina"


@pytest.mark.parametrize("wrong", [{"birth_date": "31 2 1957"}, {"question": " "}, {"sex": ""}])
def test_what_was_typed_is_not_lost_to_one_wrong_field(wrong, client, coordinator, meeting):
    response = post(client, "add-new", meeting, event_id=uuid4(), **NEW | wrong)
    assert response.status_code == 422
    assert 'value="KHAN"' in text(response)
    assert not meeting.cases.exists()


@pytest.mark.parametrize(
    ("name", "code"),
    [("add-new", "referral.other_birth_date"), ("add-known", "referral.other_birth_date")],
)
def test_another_birth_date_is_refused_where_it_was_typed(name, code, client, coordinator, meeting):
    PatientNumberFactory()
    sent = NEW | {"birth_date": "1958-03-12", "event_id": uuid4()}
    response = post(client, name, meeting, **sent)
    assert response.status_code == 409
    assert code in text(response)
    assert "resectable?" in text(response)
    assert (meeting.cases.count(), Patient.objects.count()) == (0, 1)


def test_the_number_is_in_no_url_of_the_list(client, coordinator, meeting):
    post(client, "add-new", meeting, event_id=uuid4(), **NEW)
    page = text(client.get(reverse("meeting", args=[meeting.public_id])))
    urls = [part.split('"')[0] for part in page.split('="/')]
    assert not [url for url in urls[1:] if "9990000018" in url or "khan" in url.lower()]


@pytest.mark.parametrize("name", ["add-number", "add-question", "add-known", "add-new"])
def test_adding_is_refused_in_words_to_members_who_do_not_keep_the_list(
    name, client, team, meeting, settings
):
    settings.DEMO = True
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    response = post(client, name, meeting, event_id=uuid4(), **NEW)
    assert response.status_code == 403
    assert "mdt.not_allowed" in text(response)
    assert response.headers["HX-Retarget"] == "#refusal"
    assert not meeting.cases.exists()


def test_adding_is_not_offered_to_members_who_do_not_keep_the_list(client, team, meeting):
    client.force_login(MembershipFactory(team=team, role=Role.EXTENDED).person)
    assert "data-add" not in text(client.get(reverse("meeting", args=[meeting.public_id])))


# ---- the list -------------------------------------------------------------------------


def test_opening_a_list_is_on_record_and_polling_it_is_not(client, coordinator, case):
    meeting = case.meeting
    client.get(reverse("meeting", args=[meeting.public_id]))
    client.get(reverse("meeting-list", args=[meeting.public_id]))
    event = AuditEvent.objects.get()
    assert (event.action, event.by) == ("list.viewed", coordinator.public_id)
    assert event.target == f"mdt.Meeting:{meeting.public_id}"


def test_an_unchanged_list_is_not_sent_again(client, coordinator, case):
    url = reverse("meeting-list", args=[case.meeting.public_id])
    etag = client.get(url).headers["ETag"]
    page = text(client.get(reverse("meeting", args=[case.meeting.public_id])))
    assert etag.strip('"') in page
    again = client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    ListedCaseFactory(meeting=case.meeting, position=2)
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_no_fragment_is_kept_by_a_cache(client, coordinator, case):
    response = client.get(reverse("meeting-list", args=[case.meeting.public_id]))
    assert response.headers["Cache-Control"] == "private, no-store"


def test_an_empty_list_says_what_to_do(client, coordinator, meeting):
    assert "Type an NHS number above" in text(
        client.get(reverse("meeting", args=[meeting.public_id]))
    )


def test_a_restricted_case_is_its_number_and_nothing_else(client, coordinator, meeting):
    hidden = ListedCaseFactory(meeting=meeting, is_restricted=True)
    page = text(client.get(reverse("meeting", args=[meeting.public_id])))
    assert "A case that you may not see." in page
    assert "KHAN" not in page
    assert hidden.public_id not in page


def test_moving_answers_the_list_in_its_new_order(client, coordinator, case):
    ListedCaseFactory(meeting=case.meeting, position=2, referral__patient__family_name="DEAN")
    response = post(client, "move-case", case, to=2, if_position=1)
    assert text(response).index("DEAN") < text(response).index("KHAN")


def test_a_move_that_comes_too_late_is_refused_in_words(client, coordinator, case):
    response = post(client, "move-case", case, to=2, if_position=7)
    assert response.status_code == 409
    assert "mdt.conflict" in text(response)


@pytest.mark.parametrize("data", [{}, {"to": "x", "if_position": 1}, {"to": -5, "if_position": 1}])
def test_a_move_to_nowhere_is_refused(data, client, coordinator, case):
    assert post(client, "move-case", case, **data).status_code == 400


def test_a_case_is_taken_off(client, coordinator, case):
    assert "KHAN" not in text(post(client, "remove-case", case))
    assert not case.meeting.cases.exists()


# ---- found studies ------------------------------------------------------------------------


@pytest.fixture
def row(case):
    return ReferralStudyFactory(
        referral=case.referral, study__description="CT head", study__state=Study.State.FAILED
    )


def act(client, name, row):
    case = row.referral.listings.get()
    args = [case.public_id, row.study.public_id]
    return client.post(reverse(name, args=args), headers=HTMX)


def test_found_studies_are_shown_with_what_can_be_done(client, coordinator, case, row):
    answer = text(client.get(reverse("case-studies", args=[case.public_id])))
    for shown in ("CT head", "newest of its kind", "Leave out", "Fetch again", "failed"):
        assert shown in answer


@pytest.mark.parametrize(
    ("name", "is_chosen", "state"),
    [
        ("choose-study", True, Study.State.WANTED),
        ("unchoose-study", False, Study.State.FAILED),
        ("retry-study", True, Study.State.WANTED),
    ],
)
def test_a_study_is_chosen_left_out_and_fetched_again(
    name, is_chosen, state, client, coordinator, row
):
    assert act(client, name, row).status_code == 200
    row.refresh_from_db()
    row.study.refresh_from_db()
    assert (row.is_chosen, row.study.state) == (is_chosen, state)


@pytest.mark.parametrize("name", ["choose-study", "unchoose-study", "retry-study"])
def test_a_withheld_study_is_not_there(name, client, coordinator, case, row):
    Objection.objects.create(patient=case.referral.patient, trust_ods_code="RM3")
    assert act(client, name, row).status_code == 404
    answer = text(client.get(reverse("case-studies", args=[case.public_id])))
    assert "The patient objects to sharing" in answer
    assert "CT head" not in answer


def test_a_study_of_another_case_is_not_there(client, coordinator, case, row):
    other = ListedCaseFactory(meeting=case.meeting, referral=ReferralFactory())
    url = reverse("choose-study", args=[other.public_id, row.study.public_id])
    assert client.post(url).status_code == 404


def test_the_archives_are_asked_again_by_a_button(client, coordinator, case):
    assert post(client, "search-again", case).status_code == 200
    assert AuditEvent.objects.get().action == "archives.searched-again"


# ---- the room -----------------------------------------------------------------------------


def test_the_room_is_opened_once_and_entered_twice(client, coordinator, meeting):
    for _ in range(2):
        response = post(client, "open-room", meeting)
        assert response.url == reverse("room", args=[meeting.public_id])
    meeting.refresh_from_db()
    assert (meeting.state, meeting.opened_by) == (Meeting.State.LIVE, coordinator)
    assert AuditEvent.objects.filter(action="meeting.opened").count() == 1


def test_opening_the_room_is_refused_on_a_page_of_its_own(client, team, meeting):
    client.force_login(MembershipFactory(team=team, role=Role.CORE).person)
    response = client.post(reverse("open-room", args=[meeting.public_id]))
    assert response.status_code == 403
    assert "This was not done" in text(response)
    assert "mdt.not_allowed" in text(response)


def test_home_teaches_who_has_no_meeting(client, stranger):
    client.force_login(stranger)
    assert "You are in no team" in text(client.get("/"))


@pytest.mark.parametrize("step", sorted(Path("templates/meetings").glob("_add_*.html")), ids=str)
def test_no_step_of_adding_can_put_a_number_into_an_address(step):
    """Pressed before htmx has the form, Enter is the browser's own: a GET names its fields."""
    forms = re.findall(r"<form[^>]*>", re.sub(r"{%.*?%}", "", step.read_text()))
    assert all('method="post"' in form for form in forms)


@pytest.mark.parametrize("state", ["planned", "live", "closed"])
def test_who_only_observes_has_a_way_in_only_while_the_room_is_open(state, team, client):
    meeting = MeetingFactory(team=team, live=state == "live")
    Meeting.objects.filter(pk=meeting.pk).update(state=state)
    client.force_login(MembershipFactory(team=team, role=Role.OBSERVER).person)
    address = reverse("meeting", args=[meeting.public_id])
    home = client.get("/").content.decode()
    assert (f'href="{address}"' in home) is (state == "live")
    assert client.get(address).status_code == (200 if state == "live" else 404)
    assert team.name in home
