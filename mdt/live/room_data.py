"""What the room page loads: the meeting with its list, and one case with all that is shown of it.

Reads only. What a person may not see is left out, as if it did not exist.
"""

from typing import Any

from django.utils import timezone

from mdt import access
from mdt.annotations.queries import author_numbers
from mdt.live.case_data import patient_json, reports_json
from mdt.meetings.models import Meeting
from mdt.meetings.queries import Row, rows_for
from mdt.meetings.room_queries import position_of
from mdt.members import Person
from mdt.outcomes.standing import Standing, standings
from mdt.teams.queries import roles_of

Json = dict[str, Any]


def room_json(meeting: Meeting, person: Person) -> Json:
    """The meeting as one person sees it: where it stands, who is who, what is on the list."""
    roles = roles_of(person, meeting.team, timezone.localdate())
    rows, standing = rows_for(meeting, person), standings(meeting)
    return {
        "meeting": {**_meeting(meeting), "case_count": len(rows)},
        "you": {
            "person": person.public_id,
            "name": person.shown_name,
            "roles": sorted(roles),
            "may": _may(roles),
        },
        "people": _people(meeting),
        "authors": author_numbers(meeting.team),
        "position": position_of(meeting).model_dump(mode="json"),
        "cases": _cases(rows, standing),
    }


def _meeting(meeting: Meeting) -> Json:
    return {
        "id": meeting.public_id,
        "team": meeting.team.name,
        "site": meeting.team.site.name,
        "starts_at": meeting.starts_at.isoformat(),
        "state": meeting.state,
    }


def _may(roles: frozenset[str]) -> dict[str, bool]:
    """What the page offers. The services ask again; a button alone allows nothing."""
    allowed = {
        "steer": access.MAY_STEER_ROOM,
        "present": access.MAY_STEER_ROOM,
        "mark": access.MAY_MARK,
        "record": access.MAY_RECORD_OUTCOME,
        "confirm": access.MAY_CONFIRM_OUTCOME,
        "sign": access.MAY_SIGN_OUTCOME,
        "open": access.MAY_RECORD_OUTCOME,
        "close": access.MAY_RECORD_OUTCOME,
        "prefetch": access.MAY_PREFETCH,
    }
    return {what: not roles.isdisjoint(allowed[what]) for what in allowed}


def _people(meeting: Meeting) -> dict[str, Json]:
    """The team of today by public id, so that every name is known beforehand."""
    today = timezone.localdate()
    members = meeting.team.memberships.select_related("person")
    return {
        member.person.public_id: {
            "name": member.person.shown_name,
            "specialty": member.get_specialty_display(),
        }
        for member in members
        if member.is_in_date(today)
    }


def _cases(rows: list[Row], standing: dict[int, Standing]) -> list[Json]:
    """Those this person may see: of the others only the place on the list is known.

    A case withdrawn between the two readings stands nowhere any more.
    """
    return [
        {
            "id": row.case.public_id,
            "position": row.case.position,
            **patient_json(row.case.referral.patient),
            "question": row.case.referral.question,
            "laterality": row.case.referral.laterality,
            "same_name": row.same_name > 0,
            "light": {"colour": row.light.colour, "text": row.light.text},
            "reports": reports_json(row, row.case.public_id),
            **_outcome(standing[row.case.pk]),
        }
        for row in rows
        if row.light and row.case.pk in standing
    ]


def _outcome(standing: Standing) -> Json:
    """The newest version with the last step taken with it, and what is typed and not recorded."""
    number = standing.newest.number if standing.newest else 0
    return {
        "outcome": {"version": number, "step": standing.step},
        "draft": standing.draft_version,
        "was_opened": standing.was_opened,
    }
