"""How often something may be asked for. Pure; `now` in ms."""

from __future__ import annotations


class Allowance:
    """`rate` a second in the long run, and `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._left = burst
        self._at: float | None = None

    def take(self, cost: float, now: float) -> bool:
        """Take `cost` if that much is left; False leaves it as it is."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._left = min(self.burst, self._left + elapsed * self.rate / 1_000)
        self._at = now
        if cost > self._left:
            return False
        self._left -= cost
        return True
