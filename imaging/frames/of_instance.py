"""Making the frames of one instance after another, and knowing when to stop trying.

A damaged file of thousands of frames must not cost thousands of time-outs: each is bounded by the
decoder (D8), their sum is bounded here.
"""

from dataclasses import dataclass

from imaging.frames.metadata import Place
from imaging.frames.process import CanonicalFrame, OpenInstance, Reader
from imaging.frames.refused import Refused
from imaging.store.base import Store

MOST_SLOW = 2
LOST = "frame.lost"
"""Of an instance whose bytes the store has not any more."""


@dataclass(frozen=True)
class Made:
    """One frame, or why there is none."""

    place: Place
    frame: CanonicalFrame | None
    code: str = ""


class FrameMaker:
    """Makes frames for one job. Several threads may use it, each for another instance."""

    def __init__(self, store: Store, decoders: Reader) -> None:
        self._store, self._decoders = store, decoders
        self._slow: dict[int, int] = {}
        self._hopeless: dict[int, str] = {}

    def make(self, places: list[Place]) -> list[Made]:
        """Frames of one instance, in order. Asks no database. Raises StoreError.

        What none can be made of, a video or the tiles of a slide, is not even read. An instance
        that the store has lost costs the others nothing.
        """
        described = places[0].described
        key = described.instance.pk
        code = described.description.get("code", "") or self._hopeless.get(key, "")
        if not code:
            try:
                data = self._store.read_range(described.instance.store_key)
                with self._decoders.opened(data) as instance:
                    return [self._make_one(place, instance) for place in places]
            except Refused as refused:
                code = self._hopeless[key] = _as_frame_code(refused.code)
            except FileNotFoundError:
                code = LOST
        return [Made(place, None, code) for place in places]

    def _make_one(self, place: Place, instance: OpenInstance) -> Made:
        key = place.described.instance.pk
        if self._slow.get(key, 0) >= MOST_SLOW:
            return Made(place, None, "frame.timeout")
        try:
            return Made(place, instance.frame(place.number))
        except Refused as refused:
            if refused.code == "frame.timeout":
                self._slow[key] = self._slow.get(key, 0) + 1
            return Made(place, None, refused.code)


def _as_frame_code(code: str) -> str:
    """A header that cannot be opened gives no frame: 'header.damaged' is 'frame.damaged'."""
    kind = code.rpartition(".")[2]
    return f"frame.{kind}" if kind in ("damaged", "too_large", "timeout") else "frame.damaged"
