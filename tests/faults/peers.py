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
  globalThis.channels = [];
  const create = Peer.prototype.createDataChannel;
  Peer.prototype.createDataChannel = function (...options) {
    const channel = create.apply(this, options);
    globalThis.channels.push(channel);
    return channel;
  };
"""
GIVEN_UP: Final = "globalThis.peers.some((peer) => peer.connectionState === 'closed')"


def counted(context: BrowserContext) -> BrowserContext:
    """Pages of that context keep their peer connections in `peers`, and their data channels in `channels`."""
    context.add_init_script(KEPT)
    return context


ROUTE: Final = """async () => {
  const stats = [...(await globalThis.peers.at(-1).getStats()).values()];
  const by = (id) => stats.find((one) => one.id === id);
  const pair = stats.find((one) => one.type === "candidate-pair" && one.state === "succeeded" && one.nominated);
  const [local, remote] = [by(pair.localCandidateId), by(pair.remoteCandidateId)];
  return [local.candidateType, local.relayProtocol, remote.candidateType];
}"""
"""What the last of them goes by: the kinds of both candidates, and how the TURN server is reached."""
