"""The one place that moves a study from state to state, and tells those above."""

from django.db import transaction

from imaging import doors
from imaging.models import Study


class WrongMoveError(Exception):
    """Study.TRANSITIONS has no such move."""


@transaction.atomic
def move(study: Study, state: Study.State, *, tell: bool = True, **changes: object) -> None:
    """Move a study and tell, in one transaction. `study` is read anew; the same state may stay.

    `tell` is False where those above asked for the move themselves.
    """
    now = Study.State(Study.objects.select_for_update().values_list("state").get(pk=study.pk)[0])
    if state != now and state not in Study.TRANSITIONS[now]:
        raise WrongMoveError(f"{now} to {state}")
    Study.objects.filter(pk=study.pk).update(state=state, **changes)
    study.refresh_from_db()
    if tell:
        doors.on_change(study)
