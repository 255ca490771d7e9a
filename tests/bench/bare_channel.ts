/** What both ends of the bare pipeline need of WebRTC. */

/** The local description once it holds every candidate. */
export async function whole(connection: RTCPeerConnection): Promise<string> {
  while (connection.iceGatheringState !== "complete")
    await new Promise((resolve) =>
      connection.addEventListener("icegatheringstatechange", resolve, { once: true }),
    );
  return connection.localDescription?.sdp ?? "";
}

export async function opened(channel: RTCDataChannel): Promise<void> {
  if (channel.readyState === "open") return;
  await new Promise((resolve) => channel.addEventListener("open", resolve, { once: true }));
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (only && pieces.length === 1) return only;
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
