"""What may be lost: the newest of each key, and the fence that keeps out whatever is past."""

from collections.abc import Callable

from mdt.outcomes.shown import Showing
from mdt.protocol import (
    EphemeralEvent,
    LayoutShown,
    MarkPreviewed,
    PointerMoved,
    Position,
    Pulse,
    Roster,
    StackView,
    TextTyped,
    ViewShown,
    parse_event,
)

MAX_KEYS = 512  # of one room: what would need more is dropped


class Latest:
    """The newest ephemeral event of each key, kept for who comes late."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._n: dict[str, int] = {}

    def admit(self, event: EphemeralEvent, text: str, position: Position) -> str | None:
        """The key under which everyone is to get `event`, None when it is not to be shown.

        A picture must belong to this case and this term, or it is somebody's past (never one
        patient's view over another's); typed text is bound to its own case. Either must be newer
        than what the same sender showed under the key.
        """
        key = key_of(event)
        if isinstance(event, Roster | Pulse):
            return key
        n = event.n if isinstance(event, TextTyped) else event.fence.n
        sender = f"{key}|{event.by}" if isinstance(event, TextTyped) else key
        if not _belongs(event, position) or not self._is_newer(sender, n):
            return None
        self._n[sender] = n
        self._keep(key, event, text)
        return key

    def drop_pictures(self) -> None:
        """The case or the presenter changed: pictures of the last one go, typed text stays."""
        self._forget(lambda key: not key.startswith("typed:"))

    def drop_typed(self, case_id: str) -> None:
        """What was typed for a case is saved: who comes late reads it from the record."""
        self._forget(lambda key: key.startswith(f"typed:{case_id}:"))

    def drop_begun(self, case_id: str, *, is_open: bool) -> None:
        """The case changed, and who may see it perhaps: nobody who comes late is shown what was
        half typed or half drawn for it. The order stays: nothing older is shown after it.
        """
        past = (f"typed:{case_id}:", "mark:") if is_open else f"typed:{case_id}:"
        self._texts = {key: text for key, text in self._texts.items() if not key.startswith(past)}

    def items(self) -> list[tuple[str, str]]:
        return list(self._texts.items())

    def showing(self) -> Showing | None:
        """What the presenter shows, pane by pane; None before a series and a view of it are known.

        Both passed the same fence: a new case or presenter takes all pictures away.
        """
        layout = self._layout()
        if layout is None:
            return None
        hung = [(pane, self._event(f"view:{pane.id}")) for pane in layout.layout.panes]
        panes = tuple(
            (pane, shown.view)
            for pane, shown in hung
            if isinstance(shown, ViewShown) and isinstance(shown.view, StackView)
        )
        return Showing(layout.fence.case, layout.fence.term, panes) if panes else None

    def _layout(self) -> LayoutShown | None:
        event = self._event("layout")
        return event if isinstance(event, LayoutShown) else None

    def _event(self, key: str) -> object:
        text = self._texts.get(key)
        return parse_event(text) if text else None

    def _is_newer(self, sender: str, n: int) -> bool:
        has_space = sender in self._n or len(self._n) < MAX_KEYS
        return has_space and n > self._n.get(sender, -1)

    def _keep(self, key: str, event: EphemeralEvent, text: str) -> None:
        if isinstance(event, LayoutShown):
            self._drop_views_of_before(event)
        if is_over(event):
            self._texts.pop(key, None)
        else:
            self._texts[key] = text

    def _drop_views_of_before(self, now: LayoutShown) -> None:
        """A view is of the series that hung in its pane: it goes when another is hung there."""
        before = self._layout()
        stay = set(now.layout.panes) & set(before.layout.panes if before else ())
        kept = {f"view:{pane.id}" for pane in stay}
        for key in [key for key in self._texts if key.startswith("view:")]:
            if key not in kept:
                del self._texts[key]

    def _forget(self, is_past: Callable[[str], bool]) -> None:
        self._texts = {key: text for key, text in self._texts.items() if not is_past(key)}
        self._n = {sender: n for sender, n in self._n.items() if not is_past(sender)}


def key_of(event: EphemeralEvent) -> str:
    """What a newer event of the same key replaces."""
    match event:
        case ViewShown():
            return f"view:{event.pane}"
        case LayoutShown():
            return "layout"
        case PointerMoved():
            return f"pointer:{event.by}"
        case MarkPreviewed():
            return f"mark:{event.by}"
        case TextTyped():
            return f"typed:{event.case_id}:{event.field}"
        case Roster():
            return "roster"
        case Pulse():
            return "pulse"


def is_over(event: EphemeralEvent) -> bool:
    """A pointer that left, a hand that let go: nothing for who comes late."""
    match event:
        case PointerMoved():
            return event.point is None
        case MarkPreviewed():
            return event.drawing is None
    return False


def _belongs(event: EphemeralEvent, position: Position) -> bool:
    if isinstance(event, ViewShown | LayoutShown | PointerMoved | MarkPreviewed):
        return (event.fence.case, event.fence.term) == (position.case, position.term)
    return True
