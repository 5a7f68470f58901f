"""The one place that moves a study from state to state, and tells those above."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from imaging import doors
from imaging.models import Study


class WrongMoveError(Exception):
    """Study.TRANSITIONS has no such move."""


def hold(study: Study) -> None:
    """Lock a study's row until the transaction ends: always before the rows of its jobs. Of two
    who lock them the other way round each waits for the other, and PostgreSQL ends one.
    """
    Study.objects.select_for_update().values_list("pk").get(pk=study.pk)


def hold_all(studies: Iterable[Study]) -> list[Study]:
    """The same of several, in the order of their keys. Each is told its state and verdict now."""
    by_key = {study.pk: study for study in studies}
    rows = Study.objects.select_for_update().filter(pk__in=by_key).order_by("pk")
    held = []
    for pk, state, verdict in rows.values_list("pk", "state", "verdict"):
        held.append(by_key[pk])
        held[-1].state, held[-1].verdict = Study.State(state), Study.Verdict(verdict)
    return held


def move_all(held: Sequence[Study], state: Study.State, **changes: object) -> None:
    """Move studies that were held. Whoever asks knows of the move; nobody else is told."""
    for study in held:
        if state != study.state and state not in Study.TRANSITIONS[Study.State(study.state)]:
            raise WrongMoveError(f"{study.state} to {state}")
    Study.objects.filter(pk__in=[one.pk for one in held]).update(state=state, **changes)
    for study in held:
        for name, value in {"state": state, **changes}.items():
            setattr(study, name, value)


@transaction.atomic
def move(study: Study, state: Study.State, *, tell: bool = True, **changes: object) -> None:
    """Move a study and tell, in one transaction. `study` is read anew; the same state may stay.

    `tell` is False where those above asked for the move themselves.
    """
    move_all(hold_all([study]), state, **changes)
    study.refresh_from_db()
    if tell:
        doors.on_change(study)
