from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from mdt.members import Person


@dataclass(frozen=True)
class PersonWithRoles:
    """Somebody, and the parts they play today in words: 'Chair, Neuro-oncology'."""

    person: Person
    parts: list[str]


def people_with_roles() -> list[PersonWithRoles]:
    """Everybody who can sign in, by name. Two queries."""
    today = timezone.localdate()
    people = Person.objects.filter(is_active=True).prefetch_related("memberships__team")
    return [
        PersonWithRoles(person, _parts(person, today))
        for person in sorted(people, key=lambda person: person.last_name)
    ]


def _parts(person: Person, today: date) -> list[str]:
    return [
        ", ".join(filter(None, [m.get_role_display(), m.get_specialty_display(), m.team.name]))
        for m in person.memberships.all()
        if m.is_in_date(today)
    ]
