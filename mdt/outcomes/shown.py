"""What the room shows of the open case, kept for who reads its outcome afterwards. Writes only.

It is kept as the room goes on: the picture that is left is the last one shown of each pane.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from mdt.annotations.places import key_at, series_at
from mdt.annotations.queries import outcome_is_signed
from mdt.errors import BadMark
from mdt.meetings.checks import lock
from mdt.meetings.models import ListedCase, Meeting
from mdt.outcomes.models import ShownView
from mdt.protocol import Pane, StackView
from mdt.room_log.models import RoomEvent

SLIP = timedelta(seconds=5)  # "next case" can be undone for so long (D17)

#: One pane as it is kept: the columns of its row, but for when and by whom.
Row = dict[str, Any]


@dataclass(frozen=True)
class Showing:
    """What the presenter shows, and where it belongs: the open case and the presenter's term."""

    case_seq: int
    term: int
    panes: tuple[tuple[Pane, StackView], ...]


def keep_shown(*, meeting_id: str, showing: Showing, left_at: datetime | None = None) -> bool:
    """Keep what the presenter shows of the open case; True when nothing of it is left to be kept.

    Nothing is kept of another case or of another presenter's term than the record's own, whatever
    the room believed when it looked (never one patient's picture in another's outcome); nor of a
    series that is not shown for the case; nor, of a room that was left, over what was kept since.
    What was discussed stays once the outcome is signed, and where a case that was discussed before
    is opened for less than SLIP: by mistake.
    """
    meetings = Meeting.objects.select_related("case__meeting__team__site__trust", "case__referral")
    meeting = meetings.get(public_id=meeting_id)
    case = meeting.case
    if case is None or not _fits(meeting, showing):
        return False
    rows = _rows(case, showing)  # from the store, so before the transaction
    if not rows or _stands(case, rows):
        return bool(rows)
    return not _is_slip(meeting, case) and _write(meeting, showing, rows, left_at)


@transaction.atomic
def _write(meeting: Meeting, showing: Showing, rows: list[Row], left_at: datetime | None) -> bool:
    meeting = lock(meeting.pk)
    case, by = meeting.case, meeting.presenter
    if case is None or by is None or not _fits(meeting, showing):
        return False
    if case.shown_views.exists() and outcome_is_signed(case):
        return True
    if left_at and case.shown_views.filter(at__gt=left_at).exists():
        return True
    case.shown_views.exclude(pane__in=[row["pane"] for row in rows]).delete()
    for row in rows:
        values = row | {"at": timezone.now(), "by": by}
        ShownView.objects.update_or_create(case=case, pane=row["pane"], defaults=values)
    return True


def _fits(meeting: Meeting, showing: Showing) -> bool:
    return (meeting.case_seq, meeting.term) == (showing.case_seq, showing.term)


def _rows(case: ListedCase, showing: Showing) -> list[Row]:
    found = (_row(case, pane, view) for pane, view in showing.panes)
    return [row for row in found if row]


def _row(case: ListedCase, pane: Pane, view: StackView) -> Row | None:
    try:
        series = series_at(case, pane.series)
        key = key_at(series, pane.version, view.frame)
    except BadMark:
        return None
    return {
        "pane": pane.id,
        "series": series,
        "metadata_version": pane.version,
        "frame_key": key,
        "view": view.model_dump(mode="json"),
    }


def _stands(case: ListedCase, rows: Iterable[Row]) -> bool:
    names = ("pane", "series", "metadata_version", "frame_key", "view")
    kept = case.shown_views.select_related("series").order_by("pane")
    wanted = sorted(rows, key=lambda row: str(row["pane"]))
    return [{name: getattr(one, name) for name in names} for one in kept] == wanted


def _is_slip(meeting: Meeting, case: ListedCase) -> bool:
    opened = RoomEvent.objects.get(meeting=meeting, seq=meeting.case_seq).at
    was_shown = case.shown_views.filter(at__lt=opened).exists()
    return was_shown and timezone.now() - opened < SLIP
