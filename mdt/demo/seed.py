"""Rows of the demo: made when absent, left alone when there. Twice is the same as once.

One transaction a row: whoever else writes meanwhile waits for no more than that.
"""

from datetime import date

from django.contrib.auth.hashers import make_password
from django.db import connection

from imaging.models import Archive
from mdt.demo import make, ports
from mdt.demo.people import PASSWORD, PEOPLE, DemoPerson
from mdt.demo.places import ARCHIVES, DATA_ONLY, SITES, TRUSTS, DemoArchive
from mdt.demo.ports import Ports
from mdt.demo.servers import ORTHANC_PASSWORD, ORTHANC_USER
from mdt.members import Person
from mdt.teams.models import (
    Duty,
    Membership,
    QuorumRule,
    SharingAgreement,
    Site,
    Specialty,
    Team,
    Trust,
)
from mdt.teams.relevance_defaults import give_default_rules

SINCE = date(2024, 4, 1)
TEAM = "Greater Manchester neuro-oncology MDT"
TEAM_SITE = "RM301"
MDT_TYPE = "0201"  # brain and CNS (COSD CR3190)
QUORUM = {
    Specialty.RADIOLOGY: 1,
    Specialty.SURGERY: 1,
    Specialty.ONCOLOGY: 1,
    Specialty.NURSING: 1,
}


def seed_team() -> Team:
    """Trusts, sites, archives, the team, its people, its rules and what it may see."""
    trusts = {code: _trust(code, name) for code, name in TRUSTS.items()}
    sites = {code: _site(code, trusts[code[:3]]) for code in SITES}
    team = _team(sites[TEAM_SITE], list(trusts.values()))
    hashed = make_password(PASSWORD)  # slow on purpose: once for all
    for demo_person in PEOPLE:
        person = _person(demo_person, hashed)
        _membership(team, demo_person, person)
        _duties(demo_person, person, trusts)
    for specialty, at_least in QUORUM.items():
        values = {"at_least": at_least}
        QuorumRule.objects.get_or_create(team=team, specialty=specialty, defaults=values)
    for holder in trusts.values():
        _agreement(holder, trusts[TEAM_SITE[:3]])
    return team


def holds_the_demo() -> bool:
    """Whether the database is one that the demo has been in; an empty one is not."""
    if Person._meta.db_table not in connection.introspection.table_names():
        return False
    names = [person.username for person in PEOPLE]
    return Person.objects.filter(username__in=names).count() == len(names)


def seed_archives() -> None:
    """Addresses follow the ports of this run; nothing else of an archive is touched."""
    known = ports.load()
    for archive in ARCHIVES:
        values = _address(archive, known[archive.name])
        Archive.objects.update_or_create(name=archive.name, defaults=values)


def _address(archive: DemoArchive, at: Ports) -> dict[str, object]:
    values: dict[str, object] = {
        "trust_ods_code": archive.trust,
        "nhs_number_in": archive.nhs_number_in,
        "issuer_of_patient_id": archive.issuer_of_patient_id,
    }
    if archive.server == "folder":
        folder = str(make.folder() / archive.name)
        return values | {"kind": Archive.Kind.FOLDER, "folder": folder}
    if archive.server.startswith("orthanc"):
        signs_in = archive.server == "orthanc-auth"
        return values | {
            "kind": Archive.Kind.DICOMWEB,
            "base_url": f"http://127.0.0.1:{at.http}/dicom-web",
            "auth": Archive.Auth.BASIC if signs_in else Archive.Auth.NONE,
            "takes_wildcards_raw": True,
            "username": ORTHANC_USER if signs_in else "",
            "password": ORTHANC_PASSWORD if signs_in else "",
        }
    return values | {
        "kind": Archive.Kind.DIMSE,
        "host": "127.0.0.1",
        "port": at.dimse,
        "called_ae_title": archive.ae_title,
    }


def _trust(code: str, name: str) -> Trust:
    values = {
        "name": name,
        "is_data_only": code in DATA_ONLY,
        "imaging_contact": f"PACS office {code} (made up), ext. 0000",
    }
    return Trust.objects.get_or_create(ods_code=code, defaults=values)[0]


def _site(code: str, trust: Trust) -> Site:
    values = {"trust": trust, "name": SITES[code]}
    return Site.objects.get_or_create(ods_code=code, defaults=values)[0]


def _team(site: Site, asked: list[Trust]) -> Team:
    values = {"mdt_type": MDT_TYPE, "site": site}
    team, is_new = Team.objects.get_or_create(name=TEAM, defaults=values)
    if is_new:
        team.asked_of.set(asked)
        give_default_rules(team)
    return team


def _person(demo: DemoPerson, hashed: str) -> Person:
    values = {
        "title": demo.title,
        "first_name": demo.first_name,
        "last_name": demo.last_name,
        "home_trust_ods_code": demo.trust,
        "password": hashed,
    }
    return Person.objects.get_or_create(username=demo.username, defaults=values)[0]


def _membership(team: Team, demo: DemoPerson, person: Person) -> None:
    if demo.role is None:
        return
    values = {"specialty": demo.specialty or "", "from_date": SINCE}
    Membership.objects.get_or_create(team=team, person=person, role=demo.role, defaults=values)


def _duties(demo: DemoPerson, person: Person, trusts: dict[str, Trust]) -> None:
    if demo.duty is None:
        return
    for code in demo.looks_after:
        values = {"from_date": SINCE}
        Duty.objects.get_or_create(
            trust=trusts[code], person=person, kind=demo.duty, defaults=values
        )


def _agreement(holder: Trust, receiver: Trust) -> None:
    if holder == receiver:
        return
    values = {"reference": f"GM imaging sharing, {holder.ods_code} (made up)", "from_date": SINCE}
    SharingAgreement.objects.get_or_create(holder=holder, receiver=receiver, defaults=values)
