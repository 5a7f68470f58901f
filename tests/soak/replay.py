"""One tab's own copy of a meeting's room log, kept in the way static/js/room keeps it."""

from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]
MARKED = ("mark.created", "mark.changed")


class Replay:
    """Events by seq, each once and in order. `faults` are sentences about what should not be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: dict[int, Event] = {}
        self.applied = 0
        self.repeats = 0
        self.faults: list[str] = []
        self.case, self.case_id, self.term = 0, "", 0
        self.tab = ""
        self.tab_of_term: dict[int, str] = {}
        self.marks: dict[str, Event] = {}  # as they stand, by id
        self.drafts: dict[str, int] = {}  # version by case

    def hear(self, event: Event) -> bool:
        """Take one event. False when an earlier one did not arrive: say hello again."""
        seq = event["seq"]
        if seq > self.applied + 1:
            return False
        if seq <= self.applied:
            self._compare(event)
            return True
        self.events[seq], self.applied = event, seq
        self._follow(event)
        return True

    def hear_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if not self.hear(event):
                self.faults.append(
                    f"{self.name}: a welcome went from seq {self.applied} to {event['seq']}: "
                    "the server left out events between the `since` asked for and its position"
                )
                return

    def fits(self, fence: Event) -> bool:
        """Whether a picture belongs to the case and the term as this tab knows them."""
        return bool((fence["case"], fence["term"]) == (self.case, self.term))

    def _compare(self, event: Event) -> None:
        self.repeats += 1
        if self.events[event["seq"]] != event:
            self.faults.append(
                f"{self.name}: seq {event['seq']} was a {self.events[event['seq']]['type']} when "
                f"first heard and a {event['type']} of other content later"
            )

    def _follow(self, event: Event) -> None:
        match event["type"]:
            case "case.opened":
                self.case, self.case_id = event["seq"], event["case_id"]
            case "presenter.changed":
                self._change_presenter(event)
            case "mark.created" | "mark.changed":
                self.marks[event["mark"]["mark_id"]] = event
            case "mark.removed":
                self.marks.pop(event["mark_id"], None)
            case "outcome.drafted":
                self.drafts[event["case_id"]] = event["version"]

    def _change_presenter(self, event: Event) -> None:
        if event["term"] != self.term + 1:
            self.faults.append(
                f"{self.name}: at seq {event['seq']} the presenter's term went from {self.term} "
                f"to {event['term']}; each hand-over raises it by one"
            )
        self.term, self.tab = event["term"], event["tab"]
        self.tab_of_term[event["term"]] = event["tab"]

    def standing(self, case_id: str) -> dict[str, int]:
        """Version by id of the marks of one case, as the events leave them."""
        return {
            mark_id: event["mark"]["version"]
            for mark_id, event in self.marks.items()
            if event["case_id"] == case_id
        }
