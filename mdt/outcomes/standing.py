"""How far the cases of one meeting are: what the list shows and closing asks about. Read only."""

from dataclasses import dataclass
from typing import Any

from mdt.meetings.models import Meeting
from mdt.outcomes.models import OutcomeDraft, OutcomeStep, OutcomeVersion
from mdt.protocol import CaseOpened
from mdt.room_log.models import RoomEvent

NEVER_OPENED, OPENED, DRAFTED, RECORDED = "never-opened", "opened", "drafted", "recorded"


@dataclass(frozen=True)
class Standing:
    """One case: its newest version (None: none), what is typed, whether the room turned to it."""

    newest: OutcomeVersion | None
    draft_version: int
    typed: dict[str, Any]
    was_opened: bool
    is_closed: bool

    @property
    def step(self) -> str:
        return self.newest.stands_at if self.newest else ""

    @property
    def state(self) -> str:
        """One of those above, or the last step taken: 'read-back', 'confirmed', 'signed'."""
        if self.has_unrecorded_words and not (self.is_closed and self.is_signed):
            return DRAFTED
        if self.newest:
            return self.step or RECORDED
        return OPENED if self.was_opened else NEVER_OPENED

    @property
    def is_signed(self) -> bool:
        return self.step == OutcomeStep.Kind.SIGNED

    @property
    def is_unfinished(self) -> bool:
        return self.state != OutcomeStep.Kind.SIGNED

    @property
    def has_unrecorded_words(self) -> bool:
        return bool(unrecorded(self.typed, self.newest))


def unrecorded(typed: dict[str, Any], newest: OutcomeVersion | None) -> dict[str, Any]:
    """What is typed and stands in no version, by field. Empty is the same as absent."""
    return {
        name: value
        for name, value in typed.items()
        if (value or None) != ((newest.typed(name) if newest else None) or None)
    }


def standings(meeting: Meeting) -> dict[int, Standing]:
    """By case. Five queries, however many cases."""
    newest = _newest(meeting)
    drafts = {draft.case_id: draft for draft in OutcomeDraft.objects.filter(case__meeting=meeting)}
    opened = _opened(meeting)
    is_closed = meeting.state == Meeting.State.CLOSED
    return {
        pk: Standing(
            newest=newest.get(pk),
            draft_version=drafts[pk].version if pk in drafts else 0,
            typed=drafts[pk].fields if pk in drafts else {},
            was_opened=public_id in opened,
            is_closed=is_closed,
        )
        for pk, public_id in meeting.cases.values_list("pk", "public_id")
    }


def _newest(meeting: Meeting) -> dict[int, OutcomeVersion]:
    versions = OutcomeVersion.objects.filter(case__meeting=meeting).prefetch_related("steps")
    return {version.case_id: version for version in versions.order_by("number")}


def _opened(meeting: Meeting) -> frozenset[str]:
    """Public ids of the cases the room has turned to so far."""
    tag = CaseOpened.model_fields["type"].default
    events = RoomEvent.objects.filter(meeting=meeting, body__type=tag)
    return frozenset(body["case_id"] for body in events.values_list("body", flat=True))
