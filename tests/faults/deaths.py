"""Ways in which a direct path dies, and how long after that the relay has taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..e2e.rig import Visit, Watching

WAYS: Final = ("closed by the viewer", "closed by the visitor", "channel closed", "silent")
"""Those that need no network of their own. Their pages are `peers.counted`."""
SILENCE: Final = """() => {
  for (const channel of channels) {
    channel.onmessage = null;
    channel.send = () => {};
  }
}"""
BACK: Final = """() => {
  const died = performance.now();
  globalThis.back = new Promise((resolve) => {
    let from = null;
    const look = setInterval(() => {
      const { path, seq } = viewer.stats();
      if (path !== "relay") return;
      from ??= seq;
      if (seq === from) return;
      clearInterval(look);
      resolve(performance.now() - died);
    }, 5);
  });
}"""
"""How long after now the first frame after the change to the relay was applied."""


def die(way: str, visit: Visit, watching: Sequence[Watching]) -> None:
    """The direct paths of all these viewers."""
    match way:
        case "closed by the viewer":
            for one in watching:
                one.page.evaluate("viewer.cutDirect()")
        case "closed by the visitor":
            visit.page.evaluate("() => { for (const peer of peers) peer.close(); }")
        case "channel closed":
            for one in watching:
                one.page.evaluate("() => { for (const channel of channels) channel.close(); }")
        case "silent":
            for one in watching:
                one.page.evaluate(SILENCE)
        case _:
            raise ValueError(f"no way of dying is called {way!r}; there are {', '.join(WAYS)}")
