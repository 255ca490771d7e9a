/**
 * Frames and checkpoints into events, in order, none twice, never past a gap. Pure. Its counterpart is
 * `broadcaster/writer.ts`. Nothing here trusts the bytes: every size is bounded.
 */
import { Inflate } from "pako";
import { decodeMulti } from "../msgpack";
import type { Position } from "../protocol.gen";
import { type Bytes, END, type Frame, MUST_UNDERSTAND, type Part } from "../records";

const SYNC_FLUSH = 2;
const FINISH = 4;
/** What the writer takes off the end of every flush (RFC 7692, section 7.2.2). */
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
/** Bytes that one batch, or one checkpoint, may inflate to. */
const MAX_INFLATED = 64 * 1_048_576;
/** Events in one batch. */
const MAX_EVENTS = 100_000;
const LIMITS = { text: 16 * 1_048_576, bytes: 16 * 1_048_576, array: 200_000, map: 20_000 };

/** What a frame brought: the events of a batch that it ended, or why it brought nothing. */
export type Taken = { readonly events: unknown[] } | "held" | "duplicate" | "gap" | "stale";

/** The page and the session's state at a position. */
export interface Restored {
  readonly state: unknown;
  readonly events: unknown[];
}

/** The log cannot be read on; the viewer must start over from a checkpoint. */
export class UnreadableLog extends Error {
  override readonly name = "UnreadableLog";
}

export class Reader {
  epoch = 0;
  /** The last frame whose batch was handed out; -1 before any. */
  seq = -1;
  /** Waiting for a checkpoint: frames are of no use until it is whole. */
  starting = true;
  private next = 0;
  private inflate = new Inflate({ raw: true });
  private inflated: Bytes[] = [];
  private inflatedSize = 0;
  private parts: Part[] = [];

  /** Where to go on from: every frame up to here was taken; null when only a checkpoint will do. */
  get position(): Position | null {
    return this.starting ? null : { epoch: this.epoch, seq: this.next - 1 };
  }

  /** How much of the checkpoint that is awaited is here, from 0 to 1; null when none is on its way. */
  get progress(): number | null {
    const first = this.parts[0];
    return first ? this.parts.length / first.parts : null;
  }

  /** Start over: the next checkpoint's parts are awaited. */
  reset(): void {
    this.starting = true;
    this.parts = [];
    this.inflated = [];
    this.inflatedSize = 0;
  }

  /** Take a frame. Throws UnreadableLog. */
  take(frame: Frame): Taken {
    if (this.starting || frame.epoch !== this.epoch) return "stale";
    if (frame.seq < this.next) return "duplicate";
    if (frame.seq > this.next) return "gap";
    if ((frame.flags & MUST_UNDERSTAND) !== 0)
      throw new UnreadableLog(`frame ${frame.seq} has flags ${frame.flags}, which this viewer does not know`);
    this.next += 1;
    this.inflate.push(frame.data, SYNC_FLUSH);
    if ((frame.flags & END) !== 0 && !this.inflate.err) this.inflate.push(TAIL, SYNC_FLUSH);
    if (this.inflate.err) throw new UnreadableLog(`frame ${frame.seq} does not inflate: ${this.inflate.msg}`);
    if ((frame.flags & END) === 0) return "held";
    const events = decodeValues(this.inflated);
    this.inflated = [];
    this.inflatedSize = 0;
    this.seq = frame.seq;
    return { events };
  }

  /** Take a part of a checkpoint; when it is whole, the place to go on from is right after it. Throws UnreadableLog. */
  takePart(part: Part): Restored | null {
    if (!this.starting) return null;
    const first = this.parts[0];
    if (first && (part.id !== first.id || part.epoch !== first.epoch)) this.parts = [];
    if (part.part !== this.parts.length) return null;
    this.parts.push(part);
    if (this.parts.length < part.parts) return null;
    const [state, ...events] = this.restore();
    this.epoch = part.epoch;
    this.seq = part.seq;
    this.next = part.seq + 1;
    this.parts = [];
    this.starting = false;
    this.inflate = this.inflater();
    return { state, events };
  }

  private restore(): unknown[] {
    const inflate = this.inflater();
    this.parts.forEach((part, index) => {
      inflate.push(part.data, index === this.parts.length - 1 ? FINISH : SYNC_FLUSH);
    });
    if (inflate.err) throw new UnreadableLog(`the checkpoint does not inflate: ${inflate.msg}`);
    return decodeValues(this.inflated);
  }

  private inflater(): Inflate {
    this.inflated = [];
    this.inflatedSize = 0;
    const inflate = new Inflate({ raw: true });
    inflate.onData = (chunk) => {
      this.inflatedSize += chunk.length;
      if (this.inflatedSize > MAX_INFLATED) throw new UnreadableLog(`a batch inflates to over ${MAX_INFLATED} bytes`);
      this.inflated.push(chunk as Bytes);
    };
    inflate.onEnd = () => {};
    return inflate;
  }
}

function decodeValues(pieces: Bytes[]): unknown[] {
  const values: unknown[] = [];
  try {
    for (const value of decodeMulti(joined(pieces), LIMITS)) {
      if (values.length >= MAX_EVENTS) throw new UnreadableLog(`over ${MAX_EVENTS} events in one batch`);
      values.push(value);
    }
  } catch (error) {
    if (error instanceof UnreadableLog) throw error;
    throw new UnreadableLog(`not MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
  return values;
}

function joined(pieces: Bytes[]): Bytes {
  const [only] = pieces;
  if (only && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
