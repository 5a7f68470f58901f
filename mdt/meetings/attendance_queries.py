"""Who of the team is here, how that is known, and whether it is a quorum. Read only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, Q
from django.utils import timezone

from mdt import access
from mdt.meetings.models import Attendance, Meeting
from mdt.meetings.room_queries import AWAY, Needed, quorum_of
from mdt.members import Person, Role
from mdt.teams.models import Membership, Specialty
from mdt.teams.queries import roles_of

Source = Attendance.Source
#: (one, several) of those who know a specialty.
WHO: dict[str, tuple[str, str]] = {
    Specialty.RADIOLOGY: ("radiologist", "radiologists"),
    Specialty.PATHOLOGY: ("pathologist", "pathologists"),
    Specialty.SURGERY: ("surgeon", "surgeons"),
    Specialty.ONCOLOGY: ("oncologist", "oncologists"),
    Specialty.NURSING: ("specialist nurse", "specialist nurses"),
    Specialty.COORDINATION: ("MDT coordinator", "MDT coordinators"),
}


@dataclass(frozen=True)
class Stay:
    """From when to when one source knows of somebody; `until` is None while they are here."""

    source: str
    since: datetime
    until: datetime | None
    gaps: int
    ticked_by: Person | None


@dataclass(frozen=True)
class AttendanceRow:
    """One person of the team, and what is known of their being there."""

    person: Person
    specialty: str
    role: str
    stays: list[Stay]

    @property
    def is_here(self) -> bool:
        return any(stay.until is None for stay in self.stays)

    @property
    def is_in_person(self) -> bool:
        """Ticked, or checked in by code: what the tick box shows and takes back."""
        return any(stay.until is None and stay.source != Source.SOCKET for stay in self.stays)


@dataclass(frozen=True)
class Quorum:
    """The rules of a team and how they stand, in words."""

    needs: list[Needed]

    @property
    def is_met(self) -> bool:
        return all(need.is_met for need in self.needs)

    @property
    def words(self) -> str:
        """'Quorate: radiologist, surgeon' or 'Not quorate: no pathologist, 1 of 2 surgeons'."""
        if not self.needs:
            return "Quorate: this team has no rule about who must be here"
        if self.is_met:
            return "Quorate: " + ", ".join(WHO[need.specialty][0] for need in self.needs)
        missing = [_missing(need) for need in self.needs if not need.is_met]
        return "Not quorate: " + ", ".join(missing)


def attendance_of(meeting: Meeting) -> list[AttendanceRow]:
    """Everybody of the team that day, and whoever was there; by specialty, then by name.

    Two queries. The day of a meeting that is over is the one on which it closed.
    """
    day = timezone.localdate(meeting.closed_at or timezone.now())
    stays = _stays(_attendances(meeting))
    parts = _parts(meeting, day)
    people = {person.pk: person for person in [*parts, *stays]}
    rows = [_row(one, parts.get(one, []), stays.get(one, [])) for one in people.values()]
    order = {label: place for place, label in enumerate(Specialty.labels)}
    return sorted(
        rows,
        key=lambda row: (
            order.get(row.specialty.split(", ")[0], len(order)),
            row.person.last_name.casefold(),
            row.person.pk,
        ),
    )


def quorum_in(meeting: Meeting) -> Quorum:
    """How the quorum stands now: counted as for an outcome, by the same query."""
    return Quorum(quorum_of(meeting))


def here_of(person: Person) -> list[Attendance]:
    """The open meetings in whose physical room a person is, each by its first tick or code."""
    rows = Attendance.objects.filter(person=person, left_at=None).exclude(source=Source.SOCKET)
    live = rows.filter(meeting__state=Meeting.State.LIVE).select_related("meeting__team__site")
    first: dict[int, Attendance] = {}
    for row in live.order_by("joined_at"):
        first.setdefault(row.meeting_id, row)
    return list(first.values())


def may_take_attendance(person: Person, meeting: Meeting) -> bool:
    """Whether to offer ticks and the code. The services ask again."""
    roles = roles_of(person, meeting.team, timezone.localdate())
    return not roles.isdisjoint(access.MAY_TAKE_ATTENDANCE)


def _missing(need: Needed) -> str:
    one, several = WHO[need.specialty]
    return f"{need.here} of {need.at_least} {several}" if need.here else f"no {one}"


def _attendances(meeting: Meeting) -> Iterable[Attendance]:
    """But for ticks that were taken back at once: nobody was there by those."""
    slip = Q(source=Source.TICK, left_at=F("joined_at"))
    return meeting.attendances.exclude(slip).select_related("person", "ticked_by")


def _stays(attendances: Iterable[Attendance]) -> dict[Person, list[Stay]]:
    """By person, one stay a source: from its first row to its last."""
    by_source: dict[Person, dict[str, list[Attendance]]] = {}
    for row in attendances:
        by_source.setdefault(row.person, {}).setdefault(row.source, []).append(row)
    return {
        person: [
            Stay(source, rows[0].joined_at, _left_at(rows[-1]), len(rows) - 1, rows[-1].ticked_by)
            for source, rows in sources.items()
        ]
        for person, sources in by_source.items()
    }


def _left_at(row: Attendance) -> datetime | None:
    """A connection not heard of for AWAY has ended, even where its row is still open."""
    is_silent = row.source == Source.SOCKET and row.seen_at <= timezone.now() - AWAY
    return row.seen_at if row.left_at is None and is_silent else row.left_at


def _parts(meeting: Meeting, day: date) -> dict[Person, list[Membership]]:
    parts: dict[Person, list[Membership]] = {}
    for membership in meeting.team.memberships.select_related("person").order_by("pk"):
        if membership.is_in_date(day):
            parts.setdefault(membership.person, []).append(membership)
    return parts


def _row(person: Person, parts: list[Membership], stays: list[Stay]) -> AttendanceRow:
    specialties = dict.fromkeys(part.get_specialty_display() for part in parts)
    roles = dict.fromkeys(Role(part.role).label for part in parts)
    return AttendanceRow(
        person=person,
        specialty=", ".join(filter(None, specialties)),
        role=", ".join(roles),
        stays=stays,
    )
