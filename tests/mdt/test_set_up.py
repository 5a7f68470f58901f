"""A team outside the demo: made from one file, again and again; all of it or nothing."""

import re
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from imaging.models import Revocation
from mdt.audit.models import AuditEvent
from mdt.members import Person
from mdt.teams.models import Duty, Membership, SharingAgreement, Team, Trust
from mdt.teams.plan import BadPlan, parse
from mdt.teams.queries import relevance_rules_of
from mdt.teams.relevance_defaults import default_rules

pytestmark = pytest.mark.django_db
EXAMPLE = re.search(
    r"```toml\n(.*?)```", (Path(settings.BASE_DIR) / "docs/set-up.md").read_text(), re.DOTALL
)[1]
TEAM = "Greater Manchester neuro-oncology MDT"


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def given(tmp_path):
    """What the command said of a file with this text."""

    def given(text):
        (tmp_path / "teams.toml").write_text(text)
        said = StringIO()
        call_command("set_up_teams", str(tmp_path / "teams.toml"), stdout=said)
        return said.getvalue()

    return given


def test_the_documents_example_makes_a_team_whose_people_can_sign_in(given, client):
    said = given(EXAMPLE)
    team = Team.objects.get(name=TEAM)
    assert (team.mdt_type, team.site.name) == ("0201", "Salford Royal")
    assert sorted(trust.ods_code for trust in team.asked_of.all()) == ["R0A", "RM3"]
    assert team.quorum_rules.get().specialty == "radiology"
    parts = {m.person.username: (m.role, m.from_date, m.to_date) for m in team.memberships.all()}
    assert parts == {
        "a.coleman": ("coordinator", date(2026, 4, 1), None),
        "r.osei": ("core", date(2026, 4, 1), date(2027, 3, 31)),
    }
    assert SharingAgreement.objects.get().reference == "GM imaging sharing, 2026/1"
    assert Duty.objects.get().kind == Duty.Kind.IMAGING_TEAM
    first, second = relevance_rules_of(team)
    assert (first.modalities, first.at_most) == (frozenset({"MR", "CT"}), 7)
    assert second.parts == frozenset({"asked"})
    password = re.search(r"a\.coleman, not shown again: (\S+)", said)[1]
    answer = client.post("/sign-in", {"username": "a.coleman", "password": password})
    assert answer.status_code == 302
    actions = AuditEvent.objects.filter(target=f"mdt.Team:{team.public_id}")
    assert sorted(actions.values_list("action", flat=True)) == [
        *("membership.set", "membership.set", "team.set-up"),
    ]


def test_given_twice_it_is_the_same_and_no_password_is_made_anew(given):
    given(EXAMPLE)
    before = dict(Person.objects.values_list("username", "password"))
    assert "password" not in given(EXAMPLE)
    assert dict(Person.objects.values_list("username", "password")) == before
    assert (Membership.objects.count(), Trust.objects.count(), Duty.objects.count()) == (2, 2, 1)


def test_what_a_later_file_leaves_out_stays(given):
    given(EXAMPLE)
    given('[[trust]]\nods_code = "RBV"\nname = "The Christie NHS Foundation Trust"\n')
    assert Membership.objects.count() == 2
    assert Trust.objects.count() == 3


def test_a_part_that_is_over_ends_what_was_granted(given):
    given(EXAMPLE)
    yesterday = timezone.localdate() - timedelta(days=1)
    given(EXAMPLE.replace("to = 2027-03-31", f"to = {yesterday}"))
    osei = Person.objects.get(username="r.osei")
    assert osei.memberships.get().to_date == yesterday
    assert Revocation.objects.filter(person=osei.public_id).exists()
    coleman = Person.objects.get(username="a.coleman")
    assert not Revocation.objects.filter(person=coleman.public_id).exists()


def test_who_may_not_sign_in_any_more_is_let_go(given):
    given(EXAMPLE)
    gone = EXAMPLE.replace('last_name = "Osei"', 'last_name = "Osei"\nmay_sign_in = false')
    given(gone)
    osei = Person.objects.get(username="r.osei")
    assert not osei.is_active
    assert Revocation.objects.filter(person=osei.public_id).exists()


def test_a_team_without_rules_of_its_own_starts_with_its_types(given):
    start, end = EXAMPLE.index("[[team.rule]]"), EXAMPLE.index("[[duty]]")
    given(EXAMPLE[:start] + EXAMPLE[end:])
    team = Team.objects.get(name=TEAM)
    assert team.relevance_rules.count() == len(default_rules("0201")) > 0


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (('role = "core"', 'role = "boss"'), "team 1 member 2 role"),
        (("from = 2026-04-01\nto = 2027-03-31", "from = 2027-04-01\nto = 2027-03-31"), "`to` is"),
        (('body_parts = ["head.brain"]', 'body_parts = ["brian"]'), "no such body part: brian"),
        (('["MR", "CT"]', '["MR", "XR", "SR"]'), "no such modality of pictures: SR, XR"),
        (('specialty = "radiology"', 'speciality = "radiology"'), "member 2 speciality"),
        (("years = 10", "years = ten"), "no TOML"),
        (('ods_code = "RM3"', 'ods_code = "../"'), "trust 1 ods_code"),
    ],
)
def test_a_slip_is_named_by_its_place_and_nothing_is_changed(slip, said, given):
    with pytest.raises(CommandError, match="Nothing has been changed") as refusal:
        given(EXAMPLE.replace(*slip))
    assert said in str(refusal.value)
    assert not Trust.objects.exists()


@pytest.mark.parametrize("code", ["CR", "ct", "OPT", "IVUS"])
def test_a_rule_for_any_modality_with_pictures_is_taken(code, given):
    given(EXAMPLE.replace('["MR", "CT"]', f'["{code}"]'))
    assert Team.objects.get(name=TEAM).relevance_rules.first().modalities == code


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (('site = "RM301"', 'site = "RM309"'), "no site RM309"),
        (('asks = ["RM3", "R0A"]', 'asks = ["RM3", "RMC"]'), "no trust RMC"),
        (('username = "r.osei"\nrole', 'username = "r.ossei"\nrole'), "no person r.ossei"),
    ],
)
def test_a_name_nobody_has_changes_nothing(slip, said, given):
    with pytest.raises(CommandError, match=said):
        given(EXAMPLE.replace(*slip))
    assert not Trust.objects.exists()
    assert not Person.objects.exists()


def test_a_plan_is_parsed_without_the_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert parse(EXAMPLE).teams[0].members[1].role == "core"
        with pytest.raises(BadPlan):
            parse("team = 1")
