"""How much may wait in a transport that never says stop: 500 ms of what it carries, within bounds. Pure; `now` in ms.

So what is urgent never waits long behind what is large. `client/src/link/drain.ts` does it with other bounds.
"""

from __future__ import annotations

from typing import Final

AHEAD_MS: Final = 500
LEAST: Final = 32_768
FIRST: Final = 262_144
MOST: Final = 1_048_576
LOOK_EVERY_MS: Final = 50


class Drain:
    """Measures what leaves, and says how much more may be handed over."""

    def __init__(self) -> None:
        self._rate = FIRST / AHEAD_MS  # bytes a ms; the first measurement corrects it
        self._sent = 0
        self._buffered = 0
        self._at = 0.0

    def handed(self, size: int) -> None:
        """`size` bytes were handed over."""
        self._sent += size

    def room(self, buffered: int, now: float) -> float:
        """How many more bytes may be handed over, with `buffered` waiting now."""
        elapsed = now - self._at
        if elapsed >= LOOK_EVERY_MS:
            left = self._buffered + self._sent - buffered
            # Only a transport that was kept busy shows what it can carry.
            if self._buffered > 0 and buffered > 0:
                self._rate += 0.3 * (left / elapsed - self._rate)
            elif left > 0:
                self._rate = max(self._rate, left / elapsed)
            self._at = now
            self._buffered = buffered
            self._sent = 0
        return min(MOST, max(LEAST, self._rate * AHEAD_MS)) - buffered
