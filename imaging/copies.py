"""The same study in several archives: which copy is shown, and which are fetched. Pure.

The copy that is more here is shown; while nothing is, the one of an archive that answers and
says it holds more. Another copy is fetched too when the shown one came to its end without all
that the other is said to hold. A copy of which anything is here stays open to whoever is looking
at it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imaging.models import Archive, Study


def best_first(copies: Iterable["Study"], now: datetime) -> "list[Study]":
    """The copies of one study; the first is the one to show. `archive` is to be joined."""
    return sorted(copies, key=lambda copy: _rank(copy, now), reverse=True)


def by_uid(studies: Iterable["Study"]) -> "list[list[Study]]":
    """Studies gathered by Study Instance UID, in the order in which each UID first came."""
    groups: dict[str, list[Study]] = {}
    for study in studies:
        groups.setdefault(study.study_instance_uid, []).append(study)
    return list(groups.values())


def why_fetched_too(copy: "Study", shown: "Study") -> str:
    """Why a copy beside the one shown is fetched or kept open, in words; empty: it is not."""
    if copy.stored_count:
        return "the same study, here from this archive too"
    if _has_ended(shown) and (copy.expected_count or 0) > shown.stored_count:
        of = f" of {shown.expected_count}" if shown.expected_count else ""
        return f"the other archive sent {shown.stored_count}{of}: fetched here too"
    return ""


def said_to_hold(copies: Sequence["Study"]) -> int:
    """The most images that any archive says it holds of the study, or sent; 0: not known."""
    return max(max(copy.expected_count or 0, copy.stored_count) for copy in copies)


def _has_ended(study: "Study") -> bool:
    State = type(study).State
    return study.state in (State.COMPLETE, State.PARTIAL, State.FAILED)


def _rank(copy: "Study", now: datetime) -> tuple[int, bool, bool, bool, int, int]:
    State = type(copy).State
    return (
        copy.stored_count,
        copy.state == State.COMPLETE,
        copy.state != State.FAILED,
        _answers(copy.archive, now),
        copy.expected_count or 0,
        -copy.pk,
    )


def _answers(archive: "Archive", now: datetime) -> bool:
    rests = archive.rests_until is not None and archive.rests_until > now
    return not (archive.is_paused or archive.failing_since or rests)
