"""Questions about meetings and their lists. Read only: nothing here writes, sends or schedules."""

from django.db.models import QuerySet

from mdt.meetings.models import ListedCase, Meeting


def list_for_meeting(meeting: Meeting) -> QuerySet[ListedCase]:
    """The cases in the order they will be discussed, with all that a row shows.

    A fixed number of queries, however long the list.
    """
    return meeting.cases.select_related("referral__patient", "referral__search").prefetch_related(
        "referral__patient__numbers",
        "referral__found_studies__study__archive",
        "referral__search__answers__archive",
    )
