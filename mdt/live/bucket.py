from time import monotonic


class Bucket:
    """How fast one socket may speak: `rate` a second, `burst` at once after a rest."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, monotonic()

    def take(self) -> bool:
        """Whether one more may pass now."""
        now = monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
