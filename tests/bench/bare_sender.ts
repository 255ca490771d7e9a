/** The bare pipeline, sending: rrweb's recorder, MessagePack, one deflate stream, one data channel; nothing else. */
import { Encoder } from "@msgpack/msgpack";
import { record } from "@rrweb/record";
import { Deflate } from "pako";
import { joined, opened, whole } from "./bare_channel";

const NO_FLUSH = 0 as const;
const SYNC_FLUSH = 2 as const;

/** A function that encodes events as the bare pipeline sends them. */
function encoding(): (event: unknown) => Uint8Array {
  const encoder = new Encoder({ ignoreUndefined: true, initialBufferSize: 65_536 });
  const deflate = new Deflate({ raw: true, level: 6, chunkSize: 16_384 });
  let chunks: Uint8Array[] = [];
  deflate.onData = (chunk) => {
    if (chunk.length > 0) chunks.push((chunk as Uint8Array).slice());
  };
  return (event) => {
    deflate.push(encoder.encodeSharedRef(event), NO_FLUSH);
    deflate.push(new Uint8Array(0), SYNC_FLUSH);
    const message = joined(chunks);
    chunks = [];
    return message;
  };
}

const connection = new RTCPeerConnection();
const channel = connection.createDataChannel("events", { negotiated: true, id: 0 });
let stop: (() => void) | undefined;

const sender = {
  /** The offer, with all candidates in it. */
  async offer(): Promise<string> {
    await connection.setLocalDescription();
    return whole(connection);
  },
  async answered(sdp: string): Promise<void> {
    await connection.setRemoteDescription({ type: "answer", sdp });
    await opened(channel);
  },
  /** Record the page into the channel. */
  share(): void {
    const encode = encoding();
    stop = record({
      emit: (event) => channel.send(encode(event) as Uint8Array<ArrayBuffer>),
      sampling: { mousemove: false },
    });
  },
  /** Record the page, and throw away what is recorded. */
  recordOnly(): void {
    stop = record({ emit: () => {}, sampling: { mousemove: false } });
  },
  /** Record the page, encode it, and throw the bytes away. */
  encodeOnly(): void {
    const encode = encoding();
    stop = record({ emit: (event) => void encode(event), sampling: { mousemove: false } });
  },
  stop(): void {
    stop?.();
    stop = undefined;
  },
};

declare global {
  var sender: typeof import("./bare_sender").bare;
}
export const bare = sender;
globalThis.sender = sender;
