"""Making the rows say what a plan says: who is in which team, and what it may see. Writes only.

What stands in the plan is made or changed. What does not stand in it stays as it is: a file that
lost a line takes nobody's access away and forgets nothing; a part ends by its last day.
"""

import secrets
from collections.abc import Iterable
from typing import TypeVar

from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.members import Person
from mdt.room_log import log
from mdt.teams.models import (
    Duty,
    Membership,
    QuorumRule,
    RelevanceRule,
    SharingAgreement,
    Site,
    Team,
    Trust,
)
from mdt.teams.plan import (
    BadPlan,
    Plan,
    PlannedAgreement,
    PlannedDuty,
    PlannedMember,
    PlannedPerson,
    PlannedTeam,
    PlannedTrust,
)
from mdt.teams.relevance_defaults import give_default_rules

FIRST_PASSWORD_BYTES = 12
Row = TypeVar("Row", bound=models.Model)


def set_up(plan: Plan) -> list[tuple[str, str]]:
    """All of it or nothing. User names and first passwords of those who are new here.

    Raises BadPlan where it names a trust, site or person that neither it nor a row has.
    """
    names = [one.username for one in plan.people]
    known = set(Person.objects.filter(username__in=names).values_list("username", flat=True))
    first = {one: secrets.token_urlsafe(FIRST_PASSWORD_BYTES) for one in names if one not in known}
    hashed = {one: make_password(password) for one, password in first.items()}  # slow on purpose
    with transaction.atomic():
        _write(plan, hashed)
    return list(first.items())


def _write(plan: Plan, hashed: dict[str, str]) -> None:
    for trust in plan.trusts:
        _trust(trust)
    for agreement in plan.agreements:
        _agreement(agreement)
    for person in plan.people:
        _person(person, hashed.get(person.username))
    for team in plan.teams:
        _team(team)
    for duty in plan.duties:
        _duty(duty)


def _trust(planned: PlannedTrust) -> None:
    values = planned.model_dump(exclude={"ods_code", "sites"})
    trust, _ = Trust.objects.update_or_create(ods_code=planned.ods_code, defaults=values)
    for code, name in planned.sites.items():
        values = {"trust": trust, "name": name}
        Site.objects.update_or_create(ods_code=code, defaults=values)


def _agreement(planned: PlannedAgreement) -> None:
    SharingAgreement.objects.update_or_create(
        holder=_trust_named(planned.holder),
        receiver=_trust_named(planned.receiver),
        from_date=planned.starts,
        defaults={"reference": planned.reference, "to_date": planned.ends},
    )


def _person(planned: PlannedPerson, hashed: str | None) -> None:
    values = {
        "title": planned.title,
        "first_name": planned.first_name,
        "last_name": planned.last_name,
        "home_trust_ods_code": _trust_named(planned.trust).ods_code,
        "is_active": planned.may_sign_in,
        **({"password": hashed} if hashed else {}),
    }
    person, _ = Person.objects.update_or_create(username=planned.username, defaults=values)
    if not person.is_active:
        log.revoke(person)


def _team(planned: PlannedTeam) -> None:
    site = _found(Site.objects.filter(ods_code=planned.site), "site", planned.site)
    values = {"mdt_type": planned.mdt_type, "site": site}
    team, _ = Team.objects.update_or_create(name=planned.name, defaults=values)
    team.asked_of.set([_trust_named(code) for code in planned.asks])
    for specialty, at_least in planned.quorum.items():
        values = {"at_least": at_least}
        QuorumRule.objects.update_or_create(team=team, specialty=specialty, defaults=values)
    _rules(team, planned)
    for member in planned.members:
        _member(team, member)
    record(AuditEvent.Action.TEAM_SET_UP, by=None, target=team)


def _rules(team: Team, planned: PlannedTeam) -> None:
    """The plan's rules instead of the team's; without any, the type's where the team has none."""
    if not planned.rules:
        return give_default_rules(team)
    team.relevance_rules.all().delete()
    for order, rule in enumerate(planned.rules, start=1):
        listed = {
            name: ",".join(value) if isinstance(value, list) else value
            for name, value in rule.model_dump().items()
        }
        RelevanceRule.objects.create(team=team, order=order, **listed)
    return None


def _member(team: Team, planned: PlannedMember) -> None:
    """One part of one person from one day is one row: a changed last day changes that row."""
    person = _person_named(planned.username)
    values = {"specialty": planned.specialty or "", "to_date": planned.ends}
    Membership.objects.update_or_create(
        team=team, person=person, role=planned.role, from_date=planned.starts, defaults=values
    )
    record(
        AuditEvent.Action.MEMBERSHIP_SET,
        by=None,
        target=team,
        person=person.public_id,
        role=planned.role,
    )
    if planned.ends and planned.ends < timezone.localdate():
        log.revoke(person)


def _duty(planned: PlannedDuty) -> None:
    Duty.objects.update_or_create(
        trust=_trust_named(planned.trust),
        person=_person_named(planned.username),
        kind=planned.kind,
        from_date=planned.starts,
        defaults={"to_date": planned.ends},
    )


def _trust_named(code: str) -> Trust:
    return _found(Trust.objects.filter(ods_code=code), "trust", code)


def _person_named(username: str) -> Person:
    return _found(Person.objects.filter(username=username), "person", username)


def _found(rows: Iterable[Row], kind: str, name: str) -> Row:
    for row in rows:
        return row
    raise BadPlan(f"There is no {kind} {name}, neither in the file nor here.")
