"""What becomes of the peer connections of a page, which only show that they were tried when they succeed."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import BrowserContext

KEPT: Final = """
  const Peer = globalThis.RTCPeerConnection;
  globalThis.peers = [];
  globalThis.RTCPeerConnection = function (...options) {
    const peer = new Peer(...options);
    globalThis.peers.push(peer);
    return peer;
  };
  globalThis.RTCPeerConnection.prototype = Peer.prototype;
"""
GIVEN_UP: Final = "globalThis.peers.some((peer) => peer.connectionState === 'closed')"


def counted(context: BrowserContext) -> BrowserContext:
    """Pages of that context keep their peer connections in `peers`."""
    context.add_init_script(KEPT)
    return context
