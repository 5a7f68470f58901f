"""Run as a program in the product's environment: what is on record, as JSON.

With the argument "pulls" only how the fetched studies stand. Nothing that names a patient is in it.
"""

import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import django

django.setup()

from django.db.models import Count, F  # noqa: E402

from imaging import store  # noqa: E402
from imaging.models import Instance, Job, Study  # noqa: E402
from mdt.annotations.models import MarkVersion  # noqa: E402
from mdt.annotations.queries import marks_of_case  # noqa: E402
from mdt.meetings.models import ListedCase, Meeting  # noqa: E402
from mdt.outcomes.models import OutcomeStep, OutcomeVersion  # noqa: E402
from mdt.room_log.models import RoomEvent  # noqa: E402


def main() -> None:
    found = {"studies": studies(), "jobs": jobs()}
    if sys.argv[1:] != ["pulls"]:
        found |= {"rooms": rooms(), "cases": cases(), "marks": marks()}
        found |= {"outcomes": outcomes(), "steps": steps()}
    sys.stdout.write(json.dumps(found))


def studies() -> list[dict[str, object]]:
    """Those of the soak: their state in a word and a code, and three ways to count them."""
    return [
        {
            "study": study.description,
            "state": study.state,
            "code": study.code,
            "expected": study.expected_count,
            "counted": study.stored_count,
            "job": study.job.state if hasattr(study, "job") else "none",
            "attempts": study.job.attempts if hasattr(study, "job") else 0,
            **of_instances(study),
        }
        for study in Study.objects.filter(description__startswith="soak").order_by("pk")
    ]


def of_instances(study: Study) -> dict[str, int]:
    rows = list(Instance.objects.filter(series__study=study))
    sizes = (len(store.get().read_range(row.store_key)) == row.size for row in rows)
    return {
        "rows": len(rows),
        "different": len({row.sop_instance_uid for row in rows}),
        "kept": sum(sizes),
    }


def jobs() -> dict[str, int]:
    """By kind and state, and how many were begun more than once."""
    counted = Counter(f"{job.kind} {job.state}" for job in Job.objects.all())
    return dict(counted) | {"begun again": Job.objects.filter(attempts__gt=1).count()}


def rooms() -> dict[str, object]:
    """Of each meeting: its head, and its log as (seq, the client's id, body)."""
    return {
        meeting.public_id: {
            "head": meeting.room_seq,
            "term": meeting.term,
            "events": [
                [event.seq, str(event.client_event_id or ""), event.body]
                for event in RoomEvent.objects.filter(meeting=meeting)
            ],
        }
        for meeting in Meeting.objects.exclude(state=Meeting.State.PLANNED)
    }


def cases() -> dict[str, object]:
    """Of each case: which marks stand at which version; and who of the soak is listed how often."""
    live = ListedCase.objects.filter(meeting__state=Meeting.State.LIVE)
    listed = live.filter(referral__question__startswith="soak")
    return {
        "marks": {
            case.public_id: {mark.mark_id: mark.version for mark in marks_of_case(case)}
            for case in live
        },
        "listed": Counter(listed.values_list("referral__question", flat=True)),
    }


def marks() -> dict[str, int]:
    """By the text of a version, which is the id of the command that made it: how often.

    Of the open meetings: the demo draws in its past one, once the picture of it has come.
    """
    of_open = {"mark__case__meeting__state": Meeting.State.LIVE}
    drawn = MarkVersion.objects.filter(is_removed=False, text__gt="", **of_open)
    return dict(drawn.values_list("text").annotate(Count("pk")))


def outcomes() -> list[list[object]]:
    rows = OutcomeVersion.objects.filter(recommendation__startswith="soak ")
    return [list(row) for row in rows.values_list("case__public_id", "number", "recommendation")]


def steps() -> list[list[object]]:
    rows = OutcomeStep.objects.filter(outcome__recommendation__startswith="soak ")
    named = rows.annotate(case=F("outcome__case__public_id"), number=F("outcome__number"))
    return [list(row) for row in named.values_list("case", "number", "kind")]


if __name__ == "__main__":
    main()
