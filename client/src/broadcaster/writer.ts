/**
 * Events into frames: MessagePack, back to back, through one raw-deflate stream, flushed at the end of each batch and
 * cut into numbered frames. What every flush ends with is not sent (RFC 7692, section 7.2.1). Pure. Its counterpart is
 * `viewer/reader.ts`.
 */
import { Deflate, deflateRaw } from "pako";
import { Encoder } from "../msgpack";
import { type Bytes, END, FRAME, type Frame, FULL, MAX_FRAME, PART, type Part } from "../records";

const NO_FLUSH = 0 as const;
const SYNC_FLUSH = 2 as const;
const FULL_FLUSH = 3 as const;
const LEVEL = 6;
/** Bytes of the empty stored block's lengths, 00 00 FF FF, with which every flush ends. */
const TAIL_SIZE = 4;
const NOTHING = new Uint8Array(0);

const encoder = new Encoder();

export class Writer {
  /** The seq of the last frame made; -1 before the first. */
  seq = -1;
  private readonly deflate = new Deflate({ raw: true, level: LEVEL, chunkSize: MAX_FRAME });
  private chunks: Bytes[] = [];

  constructor(readonly epoch: number) {
    // A copy: pako's chunk is a view of a whole MAX_FRAME buffer, and the log would keep that.
    this.deflate.onData = (chunk) => {
      if (chunk.length > 0) this.chunks.push((chunk as Bytes).slice());
    };
  }

  /** The frames of one batch of events. */
  write(events: readonly unknown[]): Frame[] {
    for (const event of events) this.deflate.push(encoder.encodeShared(event), NO_FLUSH);
    return this.flush(SYNC_FLUSH, END);
  }

  /** Flush the stream fully: a fresh inflater can begin after the frames returned (none, when it was full already). */
  cut(): Frame[] {
    return this.flush(FULL_FLUSH, END | FULL);
  }

  private flush(mode: typeof SYNC_FLUSH | typeof FULL_FLUSH, flags: number): Frame[] {
    this.deflate.push(NOTHING, mode);
    const chunks = this.chunks;
    this.chunks = [];
    cutTail(chunks);
    return chunks.map((data, index) => {
      this.seq += 1;
      return { kind: FRAME, epoch: this.epoch, seq: this.seq, flags: index === chunks.length - 1 ? flags : 0, data };
    });
  }
}

/** Take the flush's tail off the end of the chunks; it may lie across the last two. */
function cutTail(chunks: Bytes[]): void {
  for (let left = TAIL_SIZE; left > 0; ) {
    const last = chunks.pop();
    if (!last) return; // nothing was flushed: the stream was at a flush already
    if (last.length > left) chunks.push(last.slice(0, -left));
    left -= Math.min(left, last.length);
  }
}

/** A checkpoint's parts: the state, then the page's events, compressed on their own. */
export function checkpointParts(epoch: number, seq: number, id: number, values: readonly unknown[]): Part[] {
  const encoded = values.map((value) => encoder.encode(value));
  const whole = new Uint8Array(encoded.reduce((size, bytes) => size + bytes.length, 0));
  let offset = 0;
  for (const bytes of encoded) {
    whole.set(bytes, offset);
    offset += bytes.length;
  }
  const compressed = deflateRaw(whole, { level: LEVEL }) as Bytes;
  const parts = Math.ceil(compressed.length / MAX_FRAME);
  return Array.from({ length: parts }, (_, part) => ({
    kind: PART,
    epoch,
    seq,
    id,
    part,
    parts,
    data: compressed.subarray(part * MAX_FRAME, (part + 1) * MAX_FRAME),
  }));
}
