/**
 * The wire's data records: frames, parts of checkpoints and volatile records; limits, encode, decode.
 * Its twin is `cobrowse/records.py`; `tests/vectors.json` holds the golden bytes. Text: `docs/protocol.md`.
 */
import { decodeMulti, Encoder } from "./msgpack";

export const FRAME = 1;
export const PART = 2;
export const VOLATILE = 3;

/** Bytes of one transport message. */
export const MAX_MESSAGE = 65_536;
/** Bytes of the log in one frame, and of a checkpoint in one part. */
export const MAX_FRAME = 16_384;
/** Bytes of one checkpoint, compressed. */
export const MAX_CHECKPOINT = 8 * 1_048_576;
export const MAX_PARTS = MAX_CHECKPOINT / MAX_FRAME;
/** Values in one transport message. */
export const MAX_VALUES = 4_096;

/** Flag: a batch ends with this frame; the events so far may be applied. */
export const END = 0x01;
/** Flag: the stream was fully flushed here; a fresh inflater can begin with the next frame. */
export const FULL = 0x02;
/** Flags that a reader must know; it may ignore the others. */
export const MUST_UNDERSTAND = 0xf0;

export type Bytes = Uint8Array<ArrayBufferLike>;

/** A numbered piece of the log's byte stream, at most `MAX_FRAME` bytes. */
export interface Frame {
  readonly kind: typeof FRAME;
  readonly epoch: number;
  readonly seq: number;
  readonly flags: number;
  readonly data: Bytes;
}

/** Part `part` of the `parts` parts of checkpoint `id`, which stands after frame `seq`. */
export interface Part {
  readonly kind: typeof PART;
  readonly epoch: number;
  readonly seq: number;
  readonly id: number;
  readonly part: number;
  readonly parts: number;
  readonly data: Bytes;
}

/** May be lost, latest wins. Going up `party` is whom it is for ("" for all), coming down whom it is from. */
export interface Volatile {
  readonly kind: typeof VOLATILE;
  readonly party: string;
  readonly name: string;
  readonly values: readonly (number | string | boolean | null)[];
}

/** A control message as decoded: a map with a type; `messages.ts` says what each holds. */
export type Control = { readonly type: string } & Record<string, unknown>;

export type Item = Frame | Part | Volatile | Control;

/** Bytes from the other side that are not what the protocol says; the text says what was wrong. */
export class InvalidMessage extends Error {
  override readonly name = "InvalidMessage";
}

const encoder = new Encoder();

/** One value as MessagePack. */
export function packed(value: unknown): Bytes {
  return encoder.encode(value);
}

/** The record as MessagePack. */
export function encodeRecord(record: Frame | Part | Volatile): Bytes {
  switch (record.kind) {
    case FRAME:
      return packed([FRAME, record.epoch, record.seq, record.flags, record.data]);
    case PART:
      return packed([PART, record.epoch, record.seq, record.id, record.part, record.parts, record.data]);
    case VOLATILE:
      return packed([VOLATILE, record.party, record.name, ...record.values]);
  }
}

export function isControl(item: Item): item is Control {
  return "type" in item;
}

/**
 * The records and control maps of one transport message, in order. Records of an unknown kind are left out.
 * Throws InvalidMessage at the first value that is no MessagePack, too large, too many, or malformed.
 */
export function decode(message: Bytes): Item[] {
  if (message.byteLength > MAX_MESSAGE)
    throw new InvalidMessage(`message of ${message.byteLength} bytes; at most ${MAX_MESSAGE} are allowed`);
  const items: Item[] = [];
  let count = 0;
  try {
    const limits = { text: MAX_MESSAGE, bytes: MAX_FRAME, array: 1_024, map: 256 };
    for (const value of decodeMulti(message, limits)) {
      count += 1;
      if (count > MAX_VALUES) throw new InvalidMessage(`more than ${MAX_VALUES} values in one message`);
      const item = itemOf(value);
      if (item) items.push(item);
    }
  } catch (error) {
    if (error instanceof InvalidMessage) throw error;
    throw new InvalidMessage(`not MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
  return items;
}

/** How deep a value may be nested. */
const MAX_DEPTH = 16;

function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return true;
  return depth < MAX_DEPTH && Object.values(value).every((inner) => isShallow(inner, depth + 1));
}

function itemOf(value: unknown): Item | null {
  if (!isShallow(value)) throw new InvalidMessage(`a value is nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return recordOf(value);
  if (typeof value === "object" && value !== null && typeof (value as Control).type === "string")
    return value as Control;
  throw new InvalidMessage(`expected a record or a map with a type, got ${typeof value}`);
}

function recordOf(value: unknown[]): Frame | Part | Volatile | null {
  switch (value[0]) {
    case FRAME: {
      const [epoch, seq, flags] = integers(value, 1, 4, "frame", 0) as [number, number, number];
      return { kind: FRAME, epoch, seq, flags, data: bytesAt(value, 4, "frame") };
    }
    case PART: {
      const [epoch, seq, id, part, parts] = integers(value, 1, 6, "part", -1) as [
        number,
        number,
        number,
        number,
        number,
      ];
      if (epoch < 0 || id < 0)
        throw new InvalidMessage(`a part of checkpoint ${id} of epoch ${epoch}; both count from 0`);
      if (!(part >= 0 && part < parts && parts <= MAX_PARTS))
        throw new InvalidMessage(`part ${part} of ${parts}; at most ${MAX_PARTS} parts are allowed`);
      return { kind: PART, epoch, seq, id, part, parts, data: bytesAt(value, 6, "part") };
    }
    case VOLATILE: {
      const [, party, name, ...values] = value;
      if (typeof party !== "string" || typeof name !== "string")
        throw new InvalidMessage("a volatile record is [3, party, kind, ...] with two strings");
      if (!values.every((item) => item === null || ["number", "string", "boolean"].includes(typeof item)))
        throw new InvalidMessage("a volatile record holds plain numbers and strings only");
      return { kind: VOLATILE, party, name, values: values as (number | string | boolean | null)[] };
    }
    default:
      return null;
  }
}

function integers(value: unknown[], start: number, stop: number, what: string, lowest: number): number[] {
  const numbers = value.slice(start, stop);
  if (numbers.length !== stop - start || !numbers.every((n) => Number.isSafeInteger(n) && (n as number) >= lowest))
    throw new InvalidMessage(`a ${what} needs whole numbers at ${start} to ${stop - 1}`);
  return numbers as number[];
}

function bytesAt(value: unknown[], index: number, what: string): Bytes {
  const data = value[index];
  if (!(data instanceof Uint8Array)) throw new InvalidMessage(`a ${what} needs bytes at ${index}`);
  return data;
}
