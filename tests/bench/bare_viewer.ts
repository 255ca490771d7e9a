/** The bare pipeline, receiving: one data channel, inflate, MessagePack, rrweb's player; nothing else. */
import { decodeMulti } from "@msgpack/msgpack";
import { Inflate } from "pako";
import { Replayer } from "rrweb";
import { joined, opened, whole } from "./bare_channel";

const SYNC_FLUSH = 2 as const;

const connection = new RTCPeerConnection();
const channel = connection.createDataChannel("events", { negotiated: true, id: 0 });
channel.binaryType = "arraybuffer";

const replayer = new Replayer([], {
  root: document.body,
  liveMode: true,
  useVirtualDom: false,
  mouseTail: false,
  showWarning: false,
  triggerFocus: false,
});
replayer.startLive(Number.POSITIVE_INFINITY);

const inflate = new Inflate({ raw: true });
let pieces: Uint8Array[] = [];
inflate.onData = (chunk) => pieces.push(chunk as Uint8Array);
inflate.onEnd = () => {};
/** When the snapshot was painted, on this page's clock. */
let painted: (at: number) => void;
const firstPaint = new Promise<number>((resolve) => {
  painted = resolve;
});
const FULL_SNAPSHOT = 2;

channel.onmessage = ({ data }) => {
  inflate.push(new Uint8Array(data as ArrayBuffer), SYNC_FLUSH);
  for (const event of decodeMulti(joined(pieces))) {
    replayer.addEvent(event as Parameters<Replayer["addEvent"]>[0]);
    if ((event as { type: number }).type === FULL_SNAPSHOT) afterPaint(painted);
  }
  pieces = [];
};

function afterPaint(then: (at: number) => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => then(performance.now());
  requestAnimationFrame(() => port2.postMessage(null));
}

const receiver = {
  /** The answer to an offer, with all candidates in it. */
  async answer(sdp: string): Promise<string> {
    await connection.setRemoteDescription({ type: "offer", sdp });
    await connection.setLocalDescription();
    return whole(connection);
  },
  opened: () => opened(channel),
  firstPaint,
};

declare global {
  var receiver: typeof import("./bare_viewer").bare;
}
export const bare = receiver;
globalThis.receiver = receiver;
