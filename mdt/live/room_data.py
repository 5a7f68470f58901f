"""What the room page loads: the meeting with its list, and one case with all that is shown of it.

Reads only. What a person may not see is left out, as if it did not exist.
"""

from typing import Any

from django.utils import timezone

from mdt import access
from mdt.annotations.queries import author_numbers
from mdt.live.case_data import patient_json
from mdt.meetings.models import Meeting
from mdt.meetings.queries import Row, rows_for
from mdt.meetings.room_queries import position_of
from mdt.members import Person
from mdt.outcomes.models import OutcomeDraft, OutcomeVersion
from mdt.protocol import CaseOpened
from mdt.room_log.models import RoomEvent
from mdt.teams.queries import roles_of

Json = dict[str, Any]


def room_json(meeting: Meeting, person: Person) -> Json:
    """The meeting as one person sees it: where it stands, who is who, what is on the list."""
    roles = roles_of(person, meeting.team, timezone.localdate())
    rows = rows_for(meeting, person)
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
        "cases": _cases(meeting, rows),
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


def _cases(meeting: Meeting, rows: list[Row]) -> list[Json]:
    outcomes, drafts, opened = _outcomes(meeting), _drafts(meeting), _opened(meeting)
    return [
        {
            "id": row.case.public_id,
            "position": row.case.position,
            **patient_json(row.case.referral.patient),
            "question": row.case.referral.question,
            "laterality": row.case.referral.laterality,
            "same_name": row.same_name > 0,
            "light": {"colour": row.light.colour, "text": row.light.text},
            "outcome": outcomes.get(row.case.pk, {"version": 0, "step": ""}),
            "draft": drafts.get(row.case.pk, 0),
            "was_opened": row.case.public_id in opened,
        }
        for row in rows
        if row.light  # else it is not this person's to see: only its place on the list is known
    ]


def _outcomes(meeting: Meeting) -> dict[int, Json]:
    """By case: the newest version and the last step taken with it."""
    versions = OutcomeVersion.objects.filter(case__meeting=meeting).prefetch_related("steps")
    return {version.case_id: _newest(version) for version in versions.order_by("number")}


def _newest(version: OutcomeVersion) -> Json:
    steps = [step.kind for step in version.steps.all()]
    return {"version": version.number, "step": steps[-1] if steps else ""}


def _drafts(meeting: Meeting) -> dict[int, int]:
    drafts = OutcomeDraft.objects.filter(case__meeting=meeting)
    return dict(drafts.values_list("case_id", "version"))


def _opened(meeting: Meeting) -> frozenset[str]:
    """Public ids of the cases the room has turned to so far."""
    tag = CaseOpened.model_fields["type"].default
    events = RoomEvent.objects.filter(meeting=meeting, body__type=tag)
    return frozenset(body["case_id"] for body in events.values_list("body", flat=True))
